"""In which order requests are refused, and what the audit keeps of it."""

import json
from dataclasses import replace
from typing import Any

import pytest

from accessctl.models import Account
from keys.models import CustomerMasterKey
from kmsconsole.audit.models import AuditEvent, Outcome
from tests.api.wire import REGION, VERSION, Message, Sender, call
from tests.personas import ACCOUNT, OTHER_REGION

pytestmark = pytest.mark.django_db

SIGNED_ACTION = ("content-type", "host", "x-tc-action")


def last_event() -> AuditEvent:
    event = AuditEvent.objects.order_by("sequence").last()
    assert event is not None
    return event


# Each request has every fault from its own line down; the topmost one is told.
ORDER: list[tuple[str, dict[str, Any]]] = [
    ("AuthFailure.SecretIdNotFound", {"secret_id": "AKIDnobody"}),
    ("AuthFailure.SignatureFailure", {"secret_key": "wrong"}),
    ("NoSuchVersion", {"version": "2017-01-01"}),
    ("InvalidAction", {"action": "NoSuchThing"}),
    ("UnsupportedRegion", {"region": "eu-nowhere"}),
    ("AuthFailure.InvalidAuthorization", {"signed_action": True}),
    ("InvalidParameter", {"body": b"{"}),
]


@pytest.mark.parametrize("first", range(len(ORDER)))
def test_the_order_of_refusals_is_fixed(sender: Sender, first: int) -> None:
    faults: dict[str, Any] = {}
    for _, fault in ORDER[first:]:
        faults |= fault
    Account.objects.update(require_signed_action="signed_action" in faults)
    message = Message(
        faults.get("action", "ListKeys"),
        faults.get("body", b"{}"),
        headers={
            "X-TC-Version": faults.get("version", VERSION),
            "X-TC-Region": faults.get("region", REGION),
        },
    )
    client = replace(
        sender,
        secret_id=faults.get("secret_id", sender.secret_id),
        secret_key=faults.get("secret_key", sender.secret_key),
    )
    assert client.send(message).code == ORDER[first][0]


@pytest.mark.parametrize("version", ["", "2017-03-12", "2019-01-18 ", "2019-01-19"])
def test_there_is_one_version(sender: Sender, version: str) -> None:
    message = Message(headers={"X-TC-Version": version})
    assert sender.send(message).code == "NoSuchVersion"


@pytest.mark.parametrize(
    "action",
    [
        "",
        "listkeys",
        "ListKeys ",
        "Operation",
        "CreateAccessKey",
        "ResetPassword",
        "SignIn",
        "CreateGreyBoxKey",
        "__class__",
        "x" * 5000,
        "é",
    ],
)
def test_only_actions_of_the_api_can_be_called(sender: Sender, action: str) -> None:
    assert sender.send(Message(action)).code == "InvalidAction"
    assert len(last_event().details) < 100


def test_without_a_region_the_default_one_is_meant(sender: Sender) -> None:
    made = sender.ask("CreateKey", region="", Alias="here").response["KeyId"]
    assert sender.ask("DescribeKey", region=REGION, KeyId=made).code == ""
    assert CustomerMasterKey.objects.get(id=made).region == REGION


@pytest.mark.parametrize("region", ["ap-nowhere", "AP-GUANGZHOU", "x" * 500, "ap-"])
def test_other_regions_are_refused(sender: Sender, region: str) -> None:
    assert sender.ask("ListKeys", region=region).code == "UnsupportedRegion"
    assert last_event().region == ""


def test_keys_belong_to_their_region(sender: Sender, key_id: str) -> None:
    if OTHER_REGION not in sender.ask("GetRegions").response["Regions"]:
        pytest.skip("one region only")
    blob = sender.ask("Encrypt", KeyId=key_id, Plaintext="YQ==").response
    there = sender.ask("DescribeKey", region=OTHER_REGION, KeyId=key_id)
    assert there.code == "ResourceUnavailable.CmkNotFound"
    moved = sender.ask(
        "Decrypt", region=OTHER_REGION, CiphertextBlob=blob["CiphertextBlob"]
    )
    assert moved.code == "InvalidParameterValue.InvalidCiphertext"


def test_an_account_may_demand_signed_actions(sender: Sender) -> None:
    Account.objects.filter(uin=ACCOUNT).update(require_signed_action=True)
    assert sender.ask("ListKeys").code == "AuthFailure.InvalidAuthorization"
    assert sender.send(Message(signed=SIGNED_ACTION)).code == ""


def test_a_signed_action_can_not_be_exchanged(sender: Sender, key_id: str) -> None:
    body = json.dumps({"KeyId": key_id}).encode()
    message = Message("DescribeKey", body, signed=SIGNED_ACTION)
    environ = {**sender.environ(message), "HTTP_X_TC_ACTION": "DisableKey"}
    assert call(sender.application, environ).code == "AuthFailure.SignatureFailure"
    assert CustomerMasterKey.objects.get(id=key_id).state == "Enabled"


def test_get_carries_lists_and_numbers_as_text(sender: Sender, key_id: str) -> None:
    asked = sender.get("DescribeKeys", {"KeyIds.0": key_id})
    (metadata,) = asked.response["KeyMetadatas"]
    assert metadata["KeyId"] == key_id
    listed = sender.get("ListKeys", {"Offset": "0", "Limit": "5"}).response
    assert listed["Keys"] == [{"KeyId": key_id}]
    made = sender.get("Encrypt", {"KeyId": key_id, "Plaintext": "+/8="}).response
    plain = sender.get("Decrypt", {"CiphertextBlob": made["CiphertextBlob"]}).response
    assert plain["Plaintext"] == "+/8="


def test_the_body_of_a_get_means_nothing(sender: Sender, key_id: str) -> None:
    message = Message("DescribeKey", b"", query=f"KeyId={key_id}", method="GET")
    environ = sender.environ(message)
    environ |= {"CONTENT_LENGTH": "2", "wsgi.input": None}
    assert call(sender.application, environ).response["KeyMetadata"]["KeyId"] == key_id


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"Limit": "x"}, "InvalidParameter"),
        ({"Limit": "201"}, "InvalidParameterValue"),
        ({"Limit.0": "1"}, "InvalidParameter"),
        ({"Action": "ListKeys"}, "UnknownParameter"),
        ({"Limit": "x" * 40_000}, "InvalidParameter"),
    ],
)
def test_get_is_as_strict(
    sender: Sender, parameters: dict[str, str], code: str
) -> None:
    assert sender.get("ListKeys", parameters).code == code


def test_the_query_of_a_post_means_nothing(sender: Sender, key_id: str) -> None:
    message = Message("DescribeKey", json.dumps({"KeyId": key_id}).encode())
    environ = {**sender.environ(message), "QUERY_STRING": "Action=DisableKey"}
    assert call(sender.application, environ).response["KeyMetadata"]["KeyId"] == key_id


def test_a_refusal_before_anybody_is_known_is_the_addresss(sender: Sender) -> None:
    replace(sender, secret_key="wrong").ask("Encrypt")
    event = last_event()
    assert (event.operation, event.outcome) == ("Encrypt", Outcome.REFUSED)
    assert event.error_code == "AuthFailure.SignatureFailure"
    assert (event.principal_kind, event.account_uin) == ("anonymous", 0)
    assert (event.source_address, event.signature_hash) == ("127.0.0.1", None)


def test_an_unknown_action_of_nobody_is_not_quoted(sender: Sender) -> None:
    replace(sender, secret_key="wrong").ask("CANARY")
    assert last_event().operation == "Unknown"


@pytest.mark.parametrize(
    ("message", "action", "code"),
    [
        (Message("NoSuchThing"), "Unknown", "InvalidAction"),
        (Message("Encrypt", b"{"), "Encrypt", "InvalidParameter"),
        (Message(headers={"X-TC-Version": "1"}), "ListKeys", "NoSuchVersion"),
    ],
)
def test_a_refusal_before_an_operation_is_the_callers(
    sender: Sender, message: Message, action: str, code: str
) -> None:
    # Made when tests were collected, which may be long ago.
    message = replace(message, timestamp=Message().timestamp)
    assert sender.send(message).code == code
    event = last_event()
    assert (event.operation, event.outcome) == (action, Outcome.REFUSED)
    assert (event.error_code, event.account_uin) == (code, ACCOUNT)
    assert event.credential == sender.secret_id
    assert event.signature_hash is not None


@pytest.mark.parametrize(
    ("action", "more", "statements"),
    [
        # Credential, signature seen before, key with version, event.
        ("Encrypt", {"Plaintext": "YQ=="}, 4),
        ("GenerateDataKey", {"KeySpec": "AES_256"}, 4),
        ("DescribeKey", {}, 4),
    ],
)
def test_the_hot_path_asks_the_database_little(
    sender: Sender,
    key_id: str,
    action: str,
    more: dict[str, str],
    statements: int,
    django_assert_num_queries: Any,
) -> None:
    sender.ask(action, KeyId=key_id, **more)
    with django_assert_num_queries(statements):
        assert sender.ask(action, KeyId=key_id, **more).code == ""
