"""How many statements an operation costs: more of them needs a reason."""

import base64
import runpy
from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_der_public_key
from django.db import connection
from django.test.utils import CaptureQueriesContext

from keys import operations as o
from keys.models import CustomerMasterKey
from keys.operations.absent import ABSENT
from keys.states import KeyState
from kmsconsole import clock
from kmsconsole.alarms.models import DeletionHold
from kmsconsole.operations import Operation
from tests.personas import call, create_key, execute
from tests.surroundings import ROOT

pytestmark = pytest.mark.django_db

_OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)

# With a signature: one statement looks it up and one writes the event; the rest is the
# operation's own. Savepoints count as two.
PINNED: dict[type[Operation], int] = {
    o.Encrypt: 3,
    o.Decrypt: 3,
    o.ReEncrypt: 4,
    o.GenerateDataKey: 3,
    o.GenerateRandom: 2,
    o.GetPublicKey: 3,
    o.SignByAsymmetricKey: 3,
    o.VerifyByAsymmetricKey: 3,
    o.AsymmetricRsaDecrypt: 4,
    o.GetRegions: 2,
    o.ListAlgorithms: 2,
    o.GetServiceStatus: 4,
    o.DescribeKey: 3,
    o.DescribeKeys: 3,
    o.ListKeys: 4,
    o.ListKeyDetail: 4,
    o.BrowseKeys: 5,
    o.ChooseKeys: 3,
    o.ListKeyVersions: 6,
    o.ListKeyEvents: 4,
    o.DescribeKeyEvent: 4,
    o.DescribeKeyUsage: 9,
    o.DescribeDestroyedKey: 3,
    o.GetKeyRotationStatus: 3,
    o.DisableKey: 7,
    o.EnableKey: 6,
    o.DisableKeys: 8,
    o.EnableKeys: 7,
    o.UpdateAlias: 8,
    o.UpdateKeyDescription: 6,
    o.TagKey: 8,
    o.TagKeys: 11,
    o.EnableKeyRotation: 6,
    o.RotateKey: 11,
    o.DisableKeyRotation: 6,
    o.ArchiveKey: 7,
    o.CancelKeyArchive: 6,
    o.ScheduleKeyDeletion: 7,
    o.CancelKeyDeletion: 8,
    o.ConfirmKeyDeletion: 8,
    o.ScheduleKeysDeletion: 8,
    o.GetParametersForImport: 12,
    o.ImportKeyMaterial: 12,
    o.DeleteImportedKeyMaterial: 11,
    o.CreateKey: 10,
    o.BindCloudResource: 9,
    o.UnbindCloudResource: 6,
    o.ListBindings: 4,
    o.AllowLegacyPadding: 9,
    o.GenerateHostedDataKey: 12,
    o.ImportDataKey: 12,
    o.ListDataKeys: 4,
    o.ListDataKeyDetail: 4,
    o.DescribeDataKey: 3,
    o.GetDataKeyPlaintext: 4,
    o.GetDataKeyCiphertextBlob: 3,
    o.DisableDataKey: 6,
    o.EnableDataKey: 6,
    o.DescribeDataKeys: 3,
    o.EnableDataKeys: 7,
    o.DisableDataKeys: 7,
    o.UpdateDataKeyName: 9,
    o.UpdateDataKeyDescription: 6,
    o.ScheduleDataKeyDeletion: 6,
    o.CancelDataKeyDeletion: 6,
}
_PAIR = {"SIGNING": "ASYMMETRIC_SIGN_VERIFY_ECC", "RSA": "ASYMMETRIC_DECRYPT_RSA_2048"}


# The reference says what each action answers.
REFERENCE = runpy.run_path(str(ROOT / "docs" / "reference.py"))
_TYPES = {
    str: "string",
    KeyState: "string",
    int: "integer",
    bool: "boolean",
    list: "array",
    dict: "object",
}


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def imported(key_id: str) -> dict[str, str]:
    """Wrap material for a key as its owner would."""
    wanted = {"WrappingAlgorithm": "RSAES_PKCS1_V1_5", "WrappingKeySpec": "RSA_2048"}
    given = execute(o.GetParametersForImport, KeyId=key_id, **wanted).output
    public: Any = load_der_public_key(base64.b64decode(given["PublicKey"]))
    wrapped = public.encrypt(bytes(range(32)), padding.PKCS1v15())
    return {
        "KeyId": key_id,
        "ImportToken": given["ImportToken"],
        "EncryptedKeyMaterial": encoded(wrapped),
    }


def destroyed() -> str:
    """Return the ID of a key that is only a tombstone."""
    key_id = create_key("gone")
    CustomerMasterKey.objects.filter(id=key_id).update(state=KeyState.DESTROYED)
    return key_id


def hold(key_id: str) -> None:
    """Hold the deletion of a key, as the service does after an attempt to use it."""
    DeletionHold.objects.create(
        key_id=key_id,
        at=clock.now(),
        attempt_number=1,
        attempted_at=clock.now(),
        operation="Decrypt",
        caller_uin=1,
        caller_name="ann",
    )


def symmetric() -> Iterator[tuple[type[Operation], dict[str, Any]]]:
    one, *_ = keys = [create_key(name) for name in ("a", "b")]
    blob = execute(o.Encrypt, KeyId=one, Plaintext="YQ==").output["CiphertextBlob"]
    key, batch, days = {"KeyId": one}, {"KeyIds": keys}, {"PendingWindowInDays": 7}
    tags = {"Tags": [{"TagKey": "team", "TagValue": "shop"}]}
    yield o.Encrypt, {**key, "Plaintext": "YQ=="}
    yield o.Decrypt, {"CiphertextBlob": blob}
    yield o.ReEncrypt, {"CiphertextBlob": blob}
    yield o.GenerateDataKey, {**key, "KeySpec": "AES_256"}
    yield o.GenerateRandom, {"NumberOfBytes": 1}
    for reading in (o.GetRegions, o.ListAlgorithms, o.GetServiceStatus):
        yield reading, {}
    for listing in (o.ListKeys, o.ListKeyDetail, o.BrowseKeys):
        yield listing, {}
    for about in (o.DescribeKey, o.ListKeyVersions, o.ListKeyEvents):
        yield about, key
    last = execute(o.ListKeyEvents, **key).output["Events"][0]
    yield o.DescribeKeyEvent, {**key, "Sequence": last.sequence}
    yield o.DescribeKeyUsage, key
    yield o.GetKeyRotationStatus, key
    yield o.DescribeKeys, batch
    yield o.ChooseKeys, batch
    yield o.DescribeDestroyedKey, {"KeyId": destroyed()}
    yield o.EnableKeyRotation, key
    yield o.RotateKey, key
    yield o.DisableKeyRotation, key
    yield o.ArchiveKey, key
    yield o.CancelKeyArchive, key
    yield o.UpdateAlias, {**key, "Alias": "c"}
    yield o.UpdateKeyDescription, {**key, "Description": "d"}
    yield o.TagKey, {**key, **tags}
    yield o.TagKeys, {**batch, **tags}
    yield o.DisableKey, key
    yield o.EnableKey, key
    yield o.DisableKeys, batch
    yield o.EnableKeys, batch
    execute(o.DisableKeys, **batch)
    yield o.ScheduleKeyDeletion, {**key, **days}
    hold(one)
    yield o.ConfirmKeyDeletion, key
    yield o.CancelKeyDeletion, key
    yield o.ScheduleKeysDeletion, {**batch, **days}
    yield o.CreateKey, {"Alias": "d"}


def others() -> Iterator[tuple[type[Operation], dict[str, Any]]]:
    signing, rsa = (
        execute(o.CreateKey, Alias=name, KeyUsage=usage).output["KeyId"]
        for name, usage in _PAIR.items()
    )
    given = execute(o.GetPublicKey, KeyId=rsa).output["PublicKey"]
    public: Any = load_der_public_key(base64.b64decode(given))
    message = {"KeyId": signing, "Algorithm": "ECC_P256_R1", "Message": "YQ=="}
    signature = execute(o.SignByAsymmetricKey, **message).output["Signature"]
    sealed = encoded(public.encrypt(b"a", _OAEP))
    yield o.GetPublicKey, {"KeyId": signing}
    yield o.SignByAsymmetricKey, message
    yield o.VerifyByAsymmetricKey, {**message, "SignatureValue": signature}
    asked = {"KeyId": rsa, "Algorithm": "RSAES_OAEP_SHA_256", "Ciphertext": sealed}
    yield o.AsymmetricRsaDecrypt, asked
    external = execute(o.CreateKey, Alias="external", Type=2).output["KeyId"]
    parameters = {
        "WrappingAlgorithm": "RSAES_PKCS1_V1_5",
        "WrappingKeySpec": "RSA_2048",
    }
    yield o.GetParametersForImport, {"KeyId": external, **parameters}
    yield o.ImportKeyMaterial, imported(external)
    yield o.DeleteImportedKeyMaterial, {"KeyId": external}


def hosted() -> Iterator[tuple[type[Operation], dict[str, Any]]]:
    key = {"KeyId": create_key("hosting")}
    yield o.BindCloudResource, {**key, "ProductId": "cbs", "ResourceId": "disk"}
    yield o.ListBindings, key
    yield o.UnbindCloudResource, {**key, "ProductId": "cbs", "ResourceId": "disk"}
    pair = execute(o.CreateKey, Alias="pair", KeyUsage=_PAIR["RSA"]).output["KeyId"]
    yield o.AllowLegacyPadding, {"KeyId": pair, "Allowed": True}
    asked = {**key, "KeySpec": "AES_256", "IsHostedByKms": 1}
    yield o.GenerateHostedDataKey, {**asked, "DataKeyName": "a"}
    given = {**key, "ImportType": 2, "ImportKeyMaterial": "YQ=="}
    yield o.ImportDataKey, {**given, "DataKeyName": "b"}
    ids = [row["DataKeyId"] for row in execute(o.ListDataKeys).output["DataKeys"]]
    one, many = {"DataKeyId": ids[0]}, {"DataKeyIds": ids}
    for listing in (o.ListDataKeys, o.ListDataKeyDetail):
        yield listing, {}
    for reading in (
        o.DescribeDataKey,
        o.GetDataKeyPlaintext,
        o.GetDataKeyCiphertextBlob,
        o.DisableDataKey,
        o.EnableDataKey,
    ):
        yield reading, one
    for batch in (o.DescribeDataKeys, o.EnableDataKeys, o.DisableDataKeys):
        yield batch, many
    yield o.UpdateDataKeyName, {**one, "DataKeyName": "c"}
    yield o.UpdateDataKeyDescription, {**one, "Description": "d"}
    yield o.ScheduleDataKeyDeletion, {**one, "PendingWindowInDays": 7}
    yield o.CancelDataKeyDeletion, one


def test_the_cost_of_every_operation_is_pinned() -> None:
    counted = {}
    for number, (operation, data) in enumerate(chain(symmetric(), others(), hosted())):
        fresh = call(signature_hash=bytes([number]) * 32)
        with CaptureQueriesContext(connection) as statements:
            output = operation.execute(fresh, data).output
        counted[operation] = len(statements)
        if operation.api:
            told = {field: _TYPES[type(value)] for field, value in output.items()}
            assert told == REFERENCE["answer"](operation.__name__), operation
    assert counted == PINNED
    refusing = {o.AsymmetricSm2Decrypt, *ABSENT}
    assert set(PINNED) == set(o.OPERATIONS) - refusing
