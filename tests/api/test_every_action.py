"""All actions of the source's version are answered, with its parameters."""

import inspect
from typing import Any

import pytest
from tencentcloud.kms.v20190118 import errorcodes, kms_client, models

from kmsconsole.operations import operation_named
from tests.api.wire import Sender

pytestmark = pytest.mark.django_db

ACTIONS = sorted(
    name
    for name, _ in inspect.getmembers(kms_client.KmsClient, inspect.isfunction)
    if name[0].isupper()
)
DOCUMENTED = {code for name, code in vars(errorcodes).items() if name.isupper()} | {
    "InvalidParameter",
    "InvalidParameterValue",
    "MissingParameter",
}
WHITE_BOX = [name for name in ACTIONS if "WhiteBox" in name]


def parameters(action: str) -> set[str]:
    request = getattr(models, f"{action}Request")()
    return {name.removeprefix("_") for name in vars(request)}


def test_the_sdk_knows_as_many_actions_as_the_specification() -> None:
    assert len(ACTIONS) == 69


@pytest.mark.parametrize("action", ACTIONS)
def test_every_documented_parameter_is_known(action: str) -> None:
    operation = operation_named(action)
    assert operation is not None
    known = {field.alias for field in operation.Input.model_fields.values()}
    assert parameters(action) <= known


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_answers_with_a_documented_code(
    sender: Sender, action: str
) -> None:
    code = sender.ask(action).code
    assert not code or code in DOCUMENTED, code


@pytest.mark.parametrize("action", WHITE_BOX)
def test_white_box_keys_are_not_available(sender: Sender, action: str) -> None:
    filled: dict[str, Any] = {
        "Alias": "a",
        "Algorithm": "AES_256",
        "KeyId": "23e80852-1e38-11e9-b129-5cb9019b4b01",
        "KeyIds": ["23e80852-1e38-11e9-b129-5cb9019b4b01"],
        "PlainText": "YQ==",
    }
    asked = {name: filled[name] for name in parameters(action) if name in filled}
    if action == "DescribeWhiteBoxServiceStatus":
        assert sender.ask(action).response["ServiceEnabled"] is False
    else:
        code = sender.ask(action, **asked).code
        assert code == "ResourceUnavailable.NotPurchased"


@pytest.mark.parametrize(
    ("action", "asked"),
    [
        ("PostQuantumCryptoEncrypt", {"KeyId": "x", "PlainText": "YQ=="}),
        ("PostQuantumCryptoDecrypt", {"CiphertextBlob": "YQ=="}),
        ("PostQuantumCryptoSign", {"KeyId": "x", "Message": "YQ=="}),
        (
            "PostQuantumCryptoVerify",
            {"KeyId": "x", "Message": "YQ==", "SignatureValue": "YQ=="},
        ),
    ],
)
def test_post_quantum_keys_are_not_available(
    sender: Sender, action: str, asked: dict[str, Any]
) -> None:
    code = sender.ask(action, **asked).code
    assert code == "UnsupportedOperation.UnsupportedKeyUsageInCurrentRegion"


def test_what_belongs_to_organisations_means_nothing(
    sender: Sender, key_id: str
) -> None:
    member = {"MemberUin": 100_000_000_002, "MemberAppId": 1}
    told = sender.ask("DescribeKey", KeyId=key_id, MemberAccount=member).response
    assert told["KeyMetadata"]["KeyId"] == key_id
    listed = sender.ask("ListKeyDetail", MemberAccounts=[member]).response
    assert listed["TotalCount"] == 1
