"""Creating, describing, renaming, enabling, disabling and listing keys."""

from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from keys.errors import (
    AliasAlreadyExists,
    CmkLimitExceeded,
    CmkNotFound,
    DuplicatedKeyId,
    InvalidAlias,
    InvalidKeyId,
    InvalidKeyUsage,
    InvalidType,
    UnsupportedKeyUsage,
)
from keys.models import CustomerMasterKey, KeyVersion
from keys.operations import (
    ArchiveKey,
    CreateKey,
    DescribeKey,
    DescribeKeys,
    DisableKey,
    DisableKeys,
    EnableKey,
    EnableKeys,
    GetServiceStatus,
    ListAlgorithms,
    ListKeyDetail,
    ListKeys,
    UpdateAlias,
    UpdateKeyDescription,
)
from keys.states import KeyState
from kmsconsole.errors import (
    InvalidParameterValue,
    MissingParameter,
    UnauthorizedOperation,
    UnknownParameter,
    WrongType,
)
from kmsconsole.operations import Operation
from tests.personas import (
    FOREIGN_ROOT,
    OPERATOR,
    OTHER_REGION,
    ROOT,
    SUB,
    create_key,
    execute,
)

pytestmark = pytest.mark.django_db


def state_of(key_id: str) -> str:
    return CustomerMasterKey.objects.get(id=key_id).state


def test_a_new_key_is_enabled_and_its_material_is_only_stored_wrapped() -> None:
    answer = execute(CreateKey, Alias="orders", Description="订单").output
    assert answer["KeyState"] == "Enabled"
    assert answer["KeyUsage"] == "ENCRYPT_DECRYPT"
    version = KeyVersion.objects.get(key_id=answer["KeyId"])
    assert version.number == 1
    assert len(version.wrapped_material) == 40  # 32 bytes in AES-KWP
    described = execute(DescribeKey, KeyId=answer["KeyId"]).output["KeyMetadata"]
    assert described["Description"] == "订单"
    assert described["ResourceId"] == f"creatorUin/{ROOT.uin}/{answer['KeyId']}"
    assert described["NextRotateTime"] == described["CreateTime"] + 365 * 86400
    assert described["KeyRotationEnabled"] is False


@pytest.mark.parametrize(
    "alias", ["", "-a", "_a", "a b", "kms-x", "KMS-x", "a" * 61, "ä", "a\n", "a/b"]
)
def test_names_outside_the_rule_are_refused(alias: str) -> None:
    with pytest.raises(InvalidAlias):
        execute(CreateKey, Alias=alias)
    assert not CustomerMasterKey.objects.exists()


def test_a_name_is_taken_without_regard_to_case_but_only_in_its_region() -> None:
    create_key("Orders")
    with pytest.raises(AliasAlreadyExists):
        create_key("oRDERS")
    create_key("orders", region=OTHER_REGION)
    create_key("orders", FOREIGN_ROOT)
    CustomerMasterKey.objects.filter(alias="Orders").update(state=KeyState.DESTROYED)
    create_key("orders")


def test_the_database_itself_refuses_a_second_key_of_a_name() -> None:
    key = CustomerMasterKey.objects.get(id=create_key("orders"))
    key.id, key.alias = uuid4(), "ORDERS"
    with pytest.raises(IntegrityError):
        key.save(force_insert=True)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({}, MissingParameter),
        ({"Alias": 7}, WrongType),
        ({"Alias": "a", "Color": "red"}, UnknownParameter),
        ({"Alias": "a", "KeyUsage": "MAGIC"}, InvalidKeyUsage),
        ({"Alias": "a", "KeyUsage": "ASYMMETRIC_DECRYPT_SM2"}, UnsupportedKeyUsage),
        ({"Alias": "a", "Type": 3}, InvalidType),
        ({"Alias": "a", "Type": True}, WrongType),
        ({"Alias": "a", "Type": 1.0}, WrongType),
        ({"Alias": "a", "Description": "é" * 513}, InvalidParameterValue),
        ({"Alias": "a", "Description": "\ud800"}, InvalidParameterValue),
    ],
)
def test_bad_input_gets_one_clear_error_and_makes_nothing(
    data: dict, error: type[Exception]
) -> None:
    with pytest.raises(error):
        execute(CreateKey, **data)
    assert not CustomerMasterKey.objects.exists()


def test_a_number_may_come_as_a_string() -> None:
    assert execute(CreateKey, Alias="a", Type="1").output["KeyState"] == "Enabled"


def test_the_limit_of_keys_counts_what_is_not_pending_deletion(settings) -> None:
    settings.KMS_CMK_LIMIT = 1
    create_key("one")
    with pytest.raises(CmkLimitExceeded):
        create_key("two")
    assert execute(GetServiceStatus).output["CmkUserCount"] == 1


def test_disabling_and_enabling_twice_is_harmless() -> None:
    key_id = create_key()
    for operation, state in (
        (DisableKey, "Disabled"),
        (DisableKey, "Disabled"),
        (EnableKey, "Enabled"),
        (EnableKey, "Enabled"),
    ):
        execute(operation, KeyId=key_id)
        assert state_of(key_id) == state


def test_a_batch_is_all_or_nothing() -> None:
    keys = [create_key(name) for name in ("a", "b", "c")]
    with pytest.raises(CmkNotFound):
        execute(DisableKeys, KeyIds=[*keys, str(uuid4())])
    with pytest.raises(DuplicatedKeyId):
        execute(DisableKeys, KeyIds=[keys[0], keys[0]])
    with pytest.raises(InvalidParameterValue):
        execute(DisableKeys, KeyIds=[str(uuid4()) for _ in range(101)])
    assert [state_of(key) for key in keys] == ["Enabled"] * 3
    execute(DisableKeys, KeyIds=keys)
    assert [state_of(key) for key in keys] == ["Disabled"] * 3
    execute(EnableKeys, KeyIds=keys)
    assert [state_of(key) for key in keys] == ["Enabled"] * 3


def test_describe_keys_keeps_the_order_asked_for() -> None:
    keys = [create_key(name) for name in ("a", "b", "c")][::-1]
    found = execute(DescribeKeys, KeyIds=keys).output["KeyMetadatas"]
    assert [row["KeyId"] for row in found] == keys


def test_rename_and_describe_anew() -> None:
    key_id, other = create_key("a"), create_key("b")
    execute(UpdateAlias, KeyId=key_id, Alias="A")
    execute(UpdateKeyDescription, KeyId=key_id, Description="")
    with pytest.raises(AliasAlreadyExists):
        execute(UpdateAlias, KeyId=other, Alias="a")
    assert CustomerMasterKey.objects.get(id=key_id).alias == "A"
    assert CustomerMasterKey.objects.get(id=key_id).revision == 3


@pytest.mark.parametrize(
    "key_id", ["x", "", "9b568424b8c444c28331bbb2176dc23e", "0" * 36]
)
def test_a_malformed_id_is_told_apart_from_an_absent_one(key_id: str) -> None:
    with pytest.raises(InvalidKeyId):
        execute(DescribeKey, KeyId=key_id)


def test_another_accounts_or_regions_key_is_absent() -> None:
    foreign = create_key("theirs", FOREIGN_ROOT)
    elsewhere = create_key("far", region=OTHER_REGION)
    for operation in (DescribeKey, DisableKey, EnableKey):
        for key_id in (foreign, elsewhere, str(uuid4())):
            with pytest.raises(CmkNotFound):
                execute(operation, KeyId=key_id)
    assert state_of(foreign) == "Enabled"


@pytest.mark.parametrize("principal", [SUB, OPERATOR])
def test_nobody_else_may_do_anything(principal) -> None:
    key_id = create_key()
    for known in (key_id, str(uuid4())):
        with pytest.raises(UnauthorizedOperation):
            execute(DescribeKey, principal, KeyId=known)
        with pytest.raises(UnauthorizedOperation):
            execute(DisableKey, principal, KeyId=known)
    with pytest.raises(UnauthorizedOperation):
        execute(CreateKey, principal, Alias="mine")
    assert state_of(key_id) == "Enabled"


def test_lists_show_what_they_should_newest_first() -> None:
    names = ["alpha", "beta", "gamma"]
    ids = [create_key(name) for name in names]
    create_key("theirs", FOREIGN_ROOT)
    create_key("far", region=OTHER_REGION)
    execute(DisableKey, KeyId=ids[1])
    CustomerMasterKey.objects.filter(id=ids[2]).update(state=KeyState.ARCHIVED)

    listed = execute(ListKeys).output
    assert [row["KeyId"] for row in listed["Keys"]] == [ids[1], ids[0]]
    assert listed["TotalCount"] == 2

    def aliases(**filters: object) -> list[str]:
        rows = execute(ListKeyDetail, **filters).output["KeyMetadatas"]
        return [row["Alias"] for row in rows]

    assert aliases() == ["gamma", "beta", "alpha"]
    assert aliases(OrderType=1) == names
    assert aliases(KeyState=2) == ["beta"]
    assert aliases(SearchKeyAlias="ET") == ["beta"]
    assert aliases(SearchKeyAlias=ids[0][:13].upper()) == ["alpha"]
    assert aliases(SearchKeyAlias="%") == []
    assert aliases(KeyUsage="ASYMMETRIC_DECRYPT_RSA_2048") == []
    assert aliases(Offset=1, Limit=1) == ["beta"]
    assert aliases(Role=1) == []
    assert execute(ListKeyDetail, Limit=1).output["TotalCount"] == 3


def test_totals_of_all_keys_come_from_the_counters_and_others_are_counted() -> None:
    for name in ("one", "two", "three"):
        create_key(name)
    pair = execute(CreateKey, Alias="pair", KeyUsage="ASYMMETRIC_SIGN_VERIFY_ECC")
    execute(DisableKey, KeyId=pair.output["KeyId"])
    execute(ArchiveKey, KeyId=create_key("old"))

    def total(operation: type[Operation], **data: object) -> tuple[int, bool]:
        with CaptureQueriesContext(connection) as statements:
            found = execute(operation, **data).output["TotalCount"]
        counting = [q["sql"] for q in statements if "COUNT(*)" in q["sql"]]
        return found, not counting

    assert total(ListKeys) == (4, True)
    assert total(ListKeys, Role=1) == (0, True)
    assert total(ListKeyDetail, KeyUsage="ALL") == (5, True)
    assert total(ListKeyDetail, KeyUsage="ALL", KeyState=2) == (1, True)
    assert total(ListKeyDetail) == (4, False)
    assert total(ListKeyDetail, KeyUsage="ALL", SearchKeyAlias="t") == (2, False)


def test_a_destroyed_key_is_gone_for_every_operation() -> None:
    key_id = create_key()
    CustomerMasterKey.objects.filter(id=UUID(key_id)).update(state=KeyState.DESTROYED)
    for operation in (DescribeKey, EnableKey, DisableKey):
        with pytest.raises(CmkNotFound):
            execute(operation, KeyId=key_id)
    assert execute(ListKeyDetail).output["TotalCount"] == 0


def test_algorithms_are_what_can_be_created() -> None:
    answer = execute(ListAlgorithms).output
    assert answer["SymmetricAlgorithms"] == [
        {"KeyUsage": "ENCRYPT_DECRYPT", "Algorithm": "AES_256"}
    ]
    assert answer["AsymmetricAlgorithms"] == [
        {"KeyUsage": "ASYMMETRIC_DECRYPT_RSA_2048", "Algorithm": "RSA_2048"}
    ]
    signing = [row["Algorithm"] for row in answer["AsymmetricSignVerifyAlgorithms"]]
    assert signing == ["RSA_2048", "RSA_3072", "ECC", "ECDSA384_SHA384"]
