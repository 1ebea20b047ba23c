"""Every documented error code in its situation, by the wire.

SITUATIONS is written by hand: code, action, parameters. Keys stand under the names
that the world below gives them.
"""

import base64
import runpy
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings
from tencentcloud.kms.v20190118 import errorcodes

from keys import custody
from keys.hsm.errors import HsmDown
from keys.models import CustomerMasterKey, DataKey, KeyVersion
from kmsconsole import clock
from tests.api.wire import Message, Sender
from tests.surroundings import ROOT

pytestmark = pytest.mark.django_db

SCRIPT = runpy.run_path(str(ROOT / "docs" / "errors.py"))
SDK = {code for name, code in vars(errorcodes).items() if name.isupper()}
NOBODY = "23e80852-1e38-11e9-b129-5cb9019b4b01"
MARK = "@"
KEY = {"KeyId": "@enabled"}
WRAP = {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}
PLAIN = {"Plaintext": "YQ=="}
SPEC = {"KeySpec": "AES_256"}
RSA = {"Algorithm": "RSAES_OAEP_SHA_256", "Ciphertext": "YQ=="}
ECC = {"Algorithm": "ECC_P256_R1", "Message": "YQ=="}
BOUND = {"ProductId": "cos", "ResourceId": "b"}
TAG = {"TagKey": "a", "TagValue": "b"}
IMPORT = {"ImportToken": "YQ==", "EncryptedKeyMaterial": "YQ=="}
HOSTED = {**SPEC, "IsHostedByKms": 1}

SITUATIONS: list[tuple[str, str, dict[str, Any]]] = [
    ("InvalidParameter", "Encrypt", {"KeyId": 5, **PLAIN}),
    ("InvalidParameter", "GenerateDataKey", KEY),
    ("InvalidParameter", "Encrypt", {**KEY, **PLAIN, "EncryptionContext": "[]"}),
    (
        "InvalidParameter",
        "AsymmetricRsaDecrypt",
        {"KeyId": "@rsa", "Algorithm": "RSAES_PKCS1_V1_5", "Ciphertext": "YQ=="},
    ),
    ("MissingParameter", "Encrypt", KEY),
    ("UnknownParameter", "Encrypt", {**KEY, **PLAIN, "Plain": "a"}),
    ("InvalidParameterValue", "GenerateRandom", {"NumberOfBytes": 0}),
    ("InvalidParameterValue", "EnableKeyRotation", {**KEY, "RotateDays": 6}),
    (
        "InvalidParameterValue",
        "SignByAsymmetricKey",
        {"KeyId": "@ecc", **ECC, "Algorithm": "x"},
    ),
    ("InvalidParameterValue.InvalidKeyId", "DescribeKey", {"KeyId": "x"}),
    ("InvalidParameterValue.DuplicatedKeyId", "EnableKeys", {"KeyIds": [NOBODY] * 2}),
    ("InvalidParameterValue.InvalidAlias", "CreateKey", {"Alias": "kms-x"}),
    ("InvalidParameterValue.AliasAlreadyExists", "CreateKey", {"Alias": "ENABLED"}),
    (
        "InvalidParameterValue.InvalidKeyUsage",
        "CreateKey",
        {"Alias": "x", "KeyUsage": "x"},
    ),
    ("InvalidParameterValue.InvalidKeyUsage", "Encrypt", {"KeyId": "@rsa", **PLAIN}),
    ("InvalidParameterValue.InvalidType", "CreateKey", {"Alias": "x", "Type": 3}),
    (
        "InvalidParameterValue.InvalidType",
        "ImportDataKey",
        {"DataKeyName": "x", "ImportType": 3, "ImportKeyMaterial": "YQ=="},
    ),
    ("InvalidParameterValue.InvalidHsmClusterId", "ListKeys", {"HsmClusterId": "x"}),
    (
        "InvalidParameterValue.TagKeysDuplicated",
        "CreateKey",
        {"Alias": "x", "Tags": [TAG, TAG]},
    ),
    ("InvalidParameterValue.InvalidPlaintext", "Encrypt", {**KEY, "Plaintext": "!"}),
    ("InvalidParameterValue.InvalidCiphertext", "Decrypt", {"CiphertextBlob": "x"}),
    (
        "InvalidParameterValue.MaterialNotMatch",
        "ImportKeyMaterial",
        {"other": "material"},
    ),
    ("InvalidParameterValue.InvalidDataKeyId", "DescribeDataKey", {"DataKeyId": "x"}),
    (
        "InvalidParameterValue.DuplicatedDataKeyId",
        "DescribeDataKeys",
        {"DataKeyIds": [NOBODY] * 2},
    ),
    (
        "InvalidParameterValue.InvalidDataKeyName",
        "UpdateDataKeyName",
        {"DataKeyId": "@kept", "DataKeyName": "-"},
    ),
    (
        "InvalidParameterValue.DataKeyNameAlreadyExists",
        "GenerateDataKey",
        {**KEY, **HOSTED, "DataKeyName": "KEPT"},
    ),
    (
        "InvalidParameterValue.InvalidImportKeyMaterial",
        "ImportDataKey",
        {"DataKeyName": "x", "ImportType": 1, "ImportKeyMaterial": "x"},
    ),
    (
        "InvalidParameter.InvalidPendingWindowInDays",
        "ScheduleKeyDeletion",
        {"KeyId": "@disabled", "PendingWindowInDays": 6},
    ),
    ("InvalidParameter.DecryptMaterialError", "ImportKeyMaterial", {"bad": "material"}),
    (
        "ResourceUnavailable.TokenExpired",
        "ImportKeyMaterial",
        {"KeyId": "@external", **IMPORT},
    ),
    ("ResourceUnavailable.CmkNotFound", "DescribeKey", {"KeyId": NOBODY}),
    ("ResourceUnavailable.CmkDisabled", "Encrypt", {"KeyId": "@disabled", **PLAIN}),
    ("ResourceUnavailable.CmkDisabled", "Encrypt", {"KeyId": "@pending", **PLAIN}),
    ("ResourceUnavailable.CmkDisabled", "Encrypt", {"KeyId": "@external", **PLAIN}),
    ("ResourceUnavailable.CmkArchived", "Encrypt", {"KeyId": "@archived", **PLAIN}),
    (
        "ResourceUnavailable.KeyPendingDelete",
        "GenerateDataKey",
        {"KeyId": "@pending", **SPEC},
    ),
    ("ResourceUnavailable.CmkStateNotSupport", "EnableKey", {"KeyId": "@pending"}),
    (
        "ResourceUnavailable.CmkStateNotSupport",
        "UpdateAlias",
        {"KeyId": "@pending", "Alias": "x"},
    ),
    (
        "ResourceUnavailable.CmkShouldBeDisabled",
        "ScheduleKeyDeletion",
        {**KEY, "PendingWindowInDays": 7},
    ),
    ("ResourceUnavailable.CmkNotPendingDelete", "CancelKeyDeletion", KEY),
    (
        "ResourceUnavailable.CloudResourceBindingNotFound",
        "UnbindCloudResource",
        {**KEY, **BOUND},
    ),
    ("ResourceUnavailable.DataKeyNotFound", "DescribeDataKey", {"DataKeyId": NOBODY}),
    (
        "ResourceUnavailable.DataKeyDisabled",
        "GetDataKeyPlaintext",
        {"DataKeyId": "@off"},
    ),
    (
        "ResourceUnavailable.DataKeyPendingDelete",
        "GetDataKeyPlaintext",
        {"DataKeyId": "@leaving"},
    ),
    (
        "ResourceUnavailable.DataKeyNotPendingDelete",
        "CancelDataKeyDeletion",
        {"DataKeyId": "@kept"},
    ),
    (
        "ResourceUnavailable.DataKeyStateNotSupport",
        "ScheduleDataKeyDeletion",
        {"DataKeyId": "@kept", "PendingWindowInDays": 7},
    ),
    ("ResourceUnavailable.NotPurchased", "DescribeWhiteBoxKey", KEY),
    ("FailedOperation.CmkUsedByCloudProduct", "DisableKey", {"KeyId": "@cloud"}),
    ("FailedOperation.CmkUsedByCloudProduct", "DisableKey", {"KeyId": "@bound"}),
    ("FailedOperation.DecryptError", "AsymmetricRsaDecrypt", {"KeyId": "@rsa", **RSA}),
    (
        "FailedOperation.EncryptionError",
        "GenerateDataKey",
        {**KEY, **SPEC, "EncryptionPublicKey": "x"},
    ),
    (
        "FailedOperation.KeyChanged",
        "UpdateAlias",
        {**KEY, "Alias": "x", "ExpectedRevision": 9},
    ),
    ("UnsupportedOperation.NotUserCreatedCmk", "ArchiveKey", {"KeyId": "@cloud"}),
    ("UnsupportedOperation.NotExternalCmk", "GetParametersForImport", {**KEY, **WRAP}),
    (
        "UnsupportedOperation.ExternalCmkCanNotRotate",
        "EnableKeyRotation",
        {"KeyId": "@external"},
    ),
    ("UnsupportedOperation.RotateNotSupported", "RotateKey", KEY),
    ("UnsupportedOperation.RotateNotSupported", "EnableKeyRotation", {"KeyId": "@ecc"}),
    ("RequestLimitExceeded.RotateRateLimited", "RotateKey", {"KeyId": "@rotated"}),
    (
        "UnsupportedOperation.UnsupportedKeyUsageInCurrentRegion",
        "CreateKey",
        {"Alias": "x", "KeyUsage": "ASYMMETRIC_DECRYPT_SM2"},
    ),
    (
        "UnsupportedOperation.UnsupportedKeyUsageInCurrentRegion",
        "AsymmetricSm2Decrypt",
        {"KeyId": "@rsa", "Ciphertext": "YQ=="},
    ),
    ("InvalidAction", "MakeCoffee", {}),
]
# Shown where their situation can be made.
ELSEWHERE = {
    "AuthFailure": "tests/api/test_replay.py",
    "AuthFailure.InvalidAuthorization": "tests/api/test_authentication.py",
    "AuthFailure.SecretIdNotFound": "tests/api/test_dispatch.py",
    "AuthFailure.SignatureExpire": "tests/api/test_authentication.py",
    "AuthFailure.SignatureFailure": "tests/api/test_dispatch.py",
    "AuthFailure.TokenFailure": "tests/api/test_authentication.py",
    "AuthFailure.UnauthorizedOperation": "tests/api/test_addresses.py",
    "NoSuchVersion": "tests/api/test_dispatch.py",
    "UnsupportedRegion": "tests/api/test_dispatch.py",
    "UnsupportedProtocol": "tests/api/test_front.py",
    "UnauthorizedOperation": "tests/api/test_foreign_ids.py",
    "RequestLimitExceeded": "tests/api/test_limits.py",
    "FailedOperation.RotateTaskRunning": "tests/keys/test_rotation.py",
    "ResourceNotFound": "tests/keys/test_history.py",
}


@pytest.fixture
def world(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Keys and data keys in every state, by name."""
    ids = {}

    def made(name: str, **more: Any) -> str:
        ids[name] = sender.ask("CreateKey", Alias=name, **more).response["KeyId"]
        return ids[name]

    for name in ("enabled", "disabled", "pending", "archived", "bound", "cloud"):
        made(name)
    made("external", Type=2)
    made("ecc", KeyUsage="ASYMMETRIC_SIGN_VERIFY_ECC")
    made("rsa", KeyUsage="ASYMMETRIC_DECRYPT_RSA_2048")
    made("rotated")
    sender.ask("EnableKeyRotation", KeyId=ids["rotated"])
    assert sender.ask("RotateKey", KeyId=ids["rotated"]).code == ""
    sender.ask("DisableKey", KeyId=ids["disabled"])
    sender.ask("ArchiveKey", KeyId=ids["archived"])
    sender.ask("DisableKey", KeyId=ids["pending"])
    sender.ask("ScheduleKeyDeletion", KeyId=ids["pending"], PendingWindowInDays=7)
    sender.ask("BindCloudResource", KeyId=ids["bound"], **BOUND)
    CustomerMasterKey.objects.filter(id=ids["cloud"]).update(owner="cos")
    for name in ("kept", "off", "leaving"):
        asked = {**HOSTED, "KeyId": ids["enabled"], "DataKeyName": name}
        ids[name] = sender.ask("GenerateDataKey", **asked).response["DataKeyId"]
    DataKey.objects.filter(id=ids["off"]).update(state="Disabled")
    DataKey.objects.filter(id=ids["leaving"]).update(
        state="PendingDelete", deletion_date=clock.now() + timedelta(days=7)
    )
    return ids


def filled(data: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    return {
        name: ids[value[1:]] if isinstance(value, str) and value[:1] == MARK else value
        for name, value in data.items()
    }


def importing(sender: Sender, ids: dict[str, str], *materials: bytes) -> str:
    """Import these one after another; returns the last code."""
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 - used here
    from cryptography.hazmat.primitives.asymmetric import padding  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        load_der_public_key,
    )

    key = {"KeyId": ids["external"]}
    code = ""
    for material in materials:
        given = sender.ask("GetParametersForImport", **key, **WRAP).response
        public: Any = load_der_public_key(base64.b64decode(given["PublicKey"]))
        oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
        wrapped = base64.b64encode(public.encrypt(material, oaep)).decode()
        token = {"ImportToken": given["ImportToken"]}
        asked = {**key, **token, "EncryptedKeyMaterial": wrapped}
        code = sender.ask("ImportKeyMaterial", **asked).code
    return code


def test_every_code_in_its_situation(sender: Sender, world: dict[str, str]) -> None:
    wrong = []
    for code, action, data in SITUATIONS:
        if "material" in data.values():
            continue
        got = sender.ask(action, **filled(data, world)).code
        if got != code:
            wrong.append((action, data, code, got))
    assert not wrong


def test_codes_of_an_import(sender: Sender, world: dict[str, str]) -> None:
    bad = importing(sender, world, bytes(31))
    assert bad == "InvalidParameter.DecryptMaterialError"
    other = importing(sender, world, bytes(32), bytes(31) + b"x")
    assert other == "InvalidParameterValue.MaterialNotMatch"


@pytest.mark.parametrize(
    ("code", "name", "action", "data"),
    [
        (
            "LimitExceeded.CmkLimitExceeded",
            "KMS_CMK_LIMIT",
            "CreateKey",
            {"Alias": "x"},
        ),
        (
            "LimitExceeded.DataKeyLimitExceeded",
            "KMS_DATA_KEY_LIMIT",
            "GenerateDataKey",
            {**KEY, **HOSTED, "DataKeyName": "x"},
        ),
    ],
)
def test_codes_of_limits(
    sender: Sender, world: dict[str, str], code: str, name: str, action: str, data: Any
) -> None:
    with override_settings(**{name: 1}):
        assert sender.ask(action, **filled(data, world)).code == code


def test_a_worn_version_encrypts_no_more(sender: Sender, key_id: str) -> None:
    KeyVersion.objects.filter(key=key_id).update(encryptions=2**32)
    code = sender.ask("Encrypt", KeyId=key_id, **PLAIN).code
    assert code == "LimitExceeded.EncryptionLimitReached"


def test_a_token_that_is_away_is_told(
    sender: Sender, key_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> bytes:
        raise HsmDown

    monkeypatch.setattr(type(custody.keyring()), "random", away)
    asked = {"KeyId": key_id, **SPEC}
    code = sender.ask("GenerateDataKey", **asked).code
    assert code == "UnsupportedOperation.ServiceTemporaryUnavailable"


def test_a_fault_of_the_service_says_nothing_else(
    sender: Sender, key_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(*_: Any) -> bytes:
        message = "secret words"
        raise RuntimeError(message)

    monkeypatch.setattr(type(custody.keyring()), "random", faulty)
    reply = sender.ask("GenerateDataKey", KeyId=key_id, **SPEC)
    assert reply.code == "InternalError"
    assert b"secret words" not in reply.body


def test_every_code_is_shown_or_can_not_occur() -> None:
    by_hand = {
        "LimitExceeded.CmkLimitExceeded",
        "LimitExceeded.DataKeyLimitExceeded",
        "LimitExceeded.EncryptionLimitReached",
        "UnsupportedOperation.ServiceTemporaryUnavailable",
        "InternalError",
        # Of keys whose deletion is held: tests/alarms.
        "FailedOperation.DeletionHeld",
        "FailedOperation.DeletionNotHeld",
        # Pages of the console alone: tests/accessctl.
        "FailedOperation.SentAlready",
        # A database and a token that don't belong together: tests/keys.
        "InternalError.UnreadableVersion",
    }
    shown = {code for code, _, _ in SITUATIONS} | set(ELSEWHERE) | by_hand
    known = set(SCRIPT["known"]())
    assert known - shown == set()
    assert not shown & set(SCRIPT["NEVER"])
    assert SDK - shown <= set(SCRIPT["NEVER"])
    for file in ELSEWHERE.values():
        assert (ROOT / file).exists()


def test_the_page_of_codes_is_up_to_date() -> None:
    hint = "run: .venv/bin/python docs/errors.py"
    assert (ROOT / "docs" / "errors.md").read_text() == SCRIPT["page"](), hint


@pytest.mark.parametrize(
    ("language", "begins"),
    [("zh-CN", "不存在此密钥"), ("en-US", "There is"), ("", "There is")],
)
def test_texts_follow_the_language_that_is_asked_for(
    sender: Sender, language: str, begins: str
) -> None:
    message = Message("DescribeKey", b'{"KeyId":"%s"}' % NOBODY.encode())
    headers = {**message.headers, "X-TC-Language": language}
    reply = sender.send(replace(message, headers=headers))
    error = reply.response["Error"]
    assert error["Code"] == "ResourceUnavailable.CmkNotFound"
    assert begins in error["Message"]


def test_numbers_and_lists_may_come_flattened(sender: Sender, key_id: str) -> None:
    found = sender.get("DescribeKeys", {"KeyIds.0": key_id}).response
    assert found["KeyMetadatas"][0]["KeyId"] == key_id
    made = sender.get(
        "CreateKey",
        {"Alias": "by-get", "Type": "1", "Tags.0.TagKey": "a", "Tags.0.TagValue": "b"},
    ).response
    assert (made["TagCode"], made["KeyState"]) == (0, "Enabled")
    size = base64.b64decode(
        sender.get("GenerateRandom", {"NumberOfBytes": "7"}).response["Plaintext"]
    )
    assert len(size) == 7
    gap = sender.get("DescribeKeys", {"KeyIds.1": key_id}).code
    assert gap == "InvalidParameter"


# What the source documents as nothing said: empty texts.
EMPTY: list[tuple[str, dict[str, Any]]] = [
    ("ReEncrypt", {"CiphertextBlob": "@blob", "DestinationKeyId": ""}),
    ("ListKeys", {"HsmClusterId": ""}),
    ("ListKeys", {"HsmClusterId": "default"}),
    ("ListKeyDetail", {"HsmClusterId": "default"}),
    ("ListKeyDetail", {"Origin": "", "KeyUsage": "", "SearchKeyAlias": ""}),
    ("ListDataKeys", {"HsmClusterId": "default"}),
    ("ListDataKeyDetail", {"KeyId": "", "Origin": "", "SearchKeyAlias": ""}),
    (
        "ImportDataKey",
        {
            "DataKeyName": "given",
            "ImportType": 1,
            "ImportKeyMaterial": "@blob",
            "KeyId": "",
        },
    ),
    ("GenerateDataKey", {**KEY, **SPEC, "EncryptionContext": "", "HsmClusterId": ""}),
    ("EnableKeyRotation", {**KEY, "RotateDays": "30"}),
    (
        "ScheduleKeyDeletion",
        {"KeyId": "@disabled", "PendingWindowInDays": "7"},
    ),
]


def test_what_is_empty_or_a_number_as_text_is_taken(
    sender: Sender, world: dict[str, str]
) -> None:
    asked = {"KeyId": world["enabled"], **PLAIN}
    world["blob"] = sender.ask("Encrypt", **asked).response["CiphertextBlob"]
    codes = {
        (action, str(data)): sender.ask(action, **filled(data, world)).code
        for action, data in EMPTY
    }
    assert {what: code for what, code in codes.items() if code} == {}
    same = sender.ask("ReEncrypt", CiphertextBlob=world["blob"], DestinationKeyId="")
    assert same.response["ReEncrypted"] is False


@pytest.mark.parametrize(
    ("action", "asked"),
    [
        ("ReEncrypt", {"CiphertextBlob": "x", "DestinationKeyId": "x"}),
        ("ListDataKeyDetail", {"KeyId": "x"}),
    ],
)
def test_what_is_not_empty_is_looked_at(
    sender: Sender, action: str, asked: dict[str, Any]
) -> None:
    code = sender.ask(action, **asked).code
    assert code == "InvalidParameterValue.InvalidKeyId"
