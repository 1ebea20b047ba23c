"""Cloud products: one credential, many accounts, and nothing but their own keys."""

from typing import Any

import pytest

from accessctl.models import Product, ProductCredential
from accessctl.operations.products import (
    CreateProduct,
    CreateProductCredential,
    DeleteProductCredential,
    ProductCredentialLimitExceeded,
    ProductExists,
    UpdateProduct,
)
from keys.models import CustomerMasterKey
from kmsconsole.audit.models import AuditEvent
from kmsconsole.errors import InvalidParameterValue, UnauthorizedOperation
from kmsconsole.operations import registry
from tests.api.wire import Sender
from tests.personas import ACCOUNT, FOREIGN_ACCOUNT, OPERATOR, ROOT, execute

pytestmark = pytest.mark.django_db

DENIED = "UnauthorizedOperation"
MEMBER = {"MemberAccount": {"MemberUin": ACCOUNT}}
# Allowed on its own key: where the answer may be an error, it is not this one.
ALLOWED = {
    "Encrypt",
    "Decrypt",
    "ReEncrypt",
    "GenerateDataKey",
    "DescribeKey",
    "BindCloudResource",
    "UnbindCloudResource",
}


def registered(sender: Sender, code: str = "cos") -> Sender:
    made = execute(CreateProduct, OPERATOR, Code=code).output
    return Sender(sender.application, made["SecretId"], made["SecretKey"])


@pytest.fixture
def product(sender: Sender) -> Sender:
    return registered(sender)


def own_key(product: Sender, **member: Any) -> str:
    made = product.ask("DescribeKey", **(member or MEMBER)).response
    key_id: str = made["KeyMetadata"]["KeyId"]
    return key_id


def test_the_first_call_makes_the_key_and_the_next_ones_use_it(
    sender: Sender, product: Sender
) -> None:
    made = product.ask("GenerateDataKey", KeySpec="AES_256", **MEMBER).response
    again = product.ask("Encrypt", Plaintext="YQ==", **MEMBER).response
    assert made["KeyId"] == again["KeyId"]
    (key,) = CustomerMasterKey.objects.all()
    assert (str(key.id), key.owner, key.alias) == (made["KeyId"], "cos", "kms-cos")
    assert key.account_uin == ACCOUNT
    plain = product.ask("Decrypt", CiphertextBlob=made["CiphertextBlob"], **MEMBER)
    assert plain.response["Plaintext"] == made["Plaintext"]
    seen = sender.ask("ListKeyDetail", Role=1).response["KeyMetadatas"]
    assert [(row["KeyId"], row["Owner"]) for row in seen] == [(made["KeyId"], "cos")]


def test_accounts_regions_and_products_have_a_key_each(
    sender: Sender, foreign: Sender, product: Sender
) -> None:
    other = registered(sender, "cbs")
    theirs = {"MemberAccount": {"MemberUin": str(FOREIGN_ACCOUNT)}}
    elsewhere = product.ask("DescribeKey", region="ap-shanghai", **MEMBER).response
    ids = {
        own_key(product),
        own_key(product, **theirs),
        own_key(other),
        elsewhere["KeyMetadata"]["KeyId"],
    }
    assert len(ids) == 4
    blob = product.ask("Encrypt", Plaintext="YQ==", **theirs).response["CiphertextBlob"]
    # What one account's key made opens for that account alone.
    assert product.ask("Decrypt", CiphertextBlob=blob, **MEMBER).code == DENIED
    assert other.ask("Decrypt", CiphertextBlob=blob, **theirs).code == DENIED


def test_events_stand_in_the_account_it_acted_for(product: Sender) -> None:
    own_key(product)
    events = list(AuditEvent.objects.order_by("sequence").values())[-2:]
    assert [event["operation"] for event in events] == ["CreateCloudKey", "DescribeKey"]
    for event in events:
        assert event["account_uin"] == ACCOUNT
        assert (event["principal_kind"], event["principal_name"]) == ("product", "cos")


@pytest.mark.parametrize(
    ("member", "code"),
    [
        ({}, "MissingParameter"),
        ({"MemberAccount": {}}, "InvalidParameter"),
        ({"MemberAccount": "1"}, "InvalidParameter"),
        ({"MemberAccount": {"MemberUin": True}}, "InvalidParameter"),
        ({"MemberAccount": {"MemberUin": "x"}}, "InvalidParameter"),
        ({"MemberAccount": {"MemberUin": "9" * 19}}, "InvalidParameter"),
        ({"MemberAccount": {"MemberUin": -1}}, DENIED),
        ({"MemberAccount": {"MemberUin": 10**18}}, DENIED),
        ({"MemberAccount": {"MemberUin": 999_999_999_999}}, DENIED),
    ],
)
def test_whom_a_request_is_for_has_to_be_said(
    product: Sender, member: dict[str, Any], code: str
) -> None:
    assert product.ask("GenerateDataKey", KeySpec="AES_256", **member).code == code
    assert not CustomerMasterKey.objects.exists()


def test_keys_of_people_are_not_its_to_use_until_they_bind_them(
    sender: Sender, product: Sender, key_id: str
) -> None:
    asked = {"KeyId": key_id, "Plaintext": "YQ==", **MEMBER}
    assert product.ask("Encrypt", **asked).code == DENIED
    bound = {"KeyId": key_id, "ProductId": "cos", "ResourceId": "bucket"}
    assert product.ask("BindCloudResource", **bound, **MEMBER).code == DENIED
    assert sender.ask("BindCloudResource", **bound).code == ""
    assert product.ask("Encrypt", **asked).code == ""
    second = {**bound, "ResourceId": "another"}
    assert product.ask("BindCloudResource", **second, **MEMBER).code == ""
    as_other = {**bound, "ProductId": "cbs"}
    assert product.ask("BindCloudResource", **as_other, **MEMBER).code == DENIED
    code = sender.ask("DisableKey", KeyId=key_id).code
    assert code == "FailedOperation.CmkUsedByCloudProduct"
    for each in (bound, second):
        assert product.ask("UnbindCloudResource", **each, **MEMBER).code == ""
    assert product.ask("Encrypt", **asked).code == DENIED
    assert sender.ask("DisableKey", KeyId=key_id).code == ""


def test_nothing_else_is_allowed(product: Sender) -> None:
    key_id = own_key(product)
    for action in sorted(name for name, o in registry().items() if o.api):
        asked = {"KeyId": key_id} if action not in ("Decrypt", "ReEncrypt") else {}
        code = product.ask(action, **asked, **MEMBER).code
        if action in ALLOWED:
            assert code != DENIED, action
        else:
            assert code, action


def test_a_refused_action_needs_no_wrong_parameter(product: Sender) -> None:
    key_id = own_key(product)
    for action, asked in {
        "DisableKey": {"KeyId": key_id},
        "GetKeyRotationStatus": {"KeyId": key_id},
        "ListKeys": {},
        "GenerateRandom": {"NumberOfBytes": 1},
        "CreateKey": {"Alias": "mine"},
        "GenerateDataKey": {
            "KeySpec": "AES_256",
            "IsHostedByKms": 1,
            "DataKeyName": "a",
        },
    }.items():
        assert product.ask(action, **asked, **MEMBER).code == DENIED, action


def test_people_change_nothing_about_its_key(sender: Sender, product: Sender) -> None:
    key_id = own_key(product)
    for action, more, tail in (
        ("DisableKey", {}, "CmkUsedByCloudProduct"),
        ("ScheduleKeyDeletion", {"PendingWindowInDays": 7}, "CmkUsedByCloudProduct"),
        ("ArchiveKey", {}, "NotUserCreatedCmk"),
        ("UpdateAlias", {"Alias": "mine"}, "NotUserCreatedCmk"),
    ):
        code = sender.ask(action, KeyId=key_id, **more).code
        assert code.endswith(tail), action


def test_switching_off_and_replacing_holds_at_once(product: Sender) -> None:
    own_key(product)
    execute(UpdateProduct, OPERATOR, Code="cos", Enabled=False)
    refused = product.ask("DescribeKey", **MEMBER).code
    assert refused == "AuthFailure.SecretIdNotFound"
    execute(UpdateProduct, OPERATOR, Code="cos", Enabled=True)
    made = execute(CreateProductCredential, OPERATOR, Code="cos").output
    fresh = Sender(product.application, made["SecretId"], made["SecretKey"])
    assert fresh.ask("DescribeKey", **MEMBER).code == ""
    with pytest.raises(ProductCredentialLimitExceeded):
        execute(CreateProductCredential, OPERATOR, Code="cos")
    gone = {"Code": "cos", "SecretId": product.secret_id}
    execute(DeleteProductCredential, OPERATOR, **gone)
    refused = product.ask("DescribeKey", **MEMBER).code
    assert refused == "AuthFailure.SecretIdNotFound"
    assert fresh.ask("DescribeKey", **MEMBER).code == ""


def test_a_secret_opens_for_its_own_product_alone(
    sender: Sender, product: Sender
) -> None:
    registered(sender, "cbs")
    row = ProductCredential.objects.get(secret_id=product.secret_id)
    ProductCredential.objects.filter(pk=row.pk).update(
        product=Product.objects.get(code="cbs")
    )
    refused = product.ask("DescribeKey", **MEMBER).code
    assert refused == "AuthFailure.SecretIdNotFound"


def test_only_the_operator_registers_products(sender: Sender) -> None:
    with pytest.raises(UnauthorizedOperation):
        execute(CreateProduct, ROOT, Code="cos")
    for code in ("", "COS", "user", "1cos", "c" * 32, "c-s"):
        with pytest.raises(InvalidParameterValue):
            execute(CreateProduct, OPERATOR, Code=code)
    registered(sender)
    with pytest.raises(ProductExists):
        execute(CreateProduct, OPERATOR, Code="cos")
    assert sender.ask("CreateProduct", Code="cbs").code == "InvalidAction"
