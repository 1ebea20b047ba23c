"""Rotation, deletion, archive, import, tags and key pairs with the unmodified SDK."""

import base64
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from tencentcloud.kms.v20190118 import kms_client

from kmsconsole import randomness
from tests.clients.sdk import ask, refused, unused_name

OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def state(client: kms_client.KmsClient, key_id: str) -> str:
    seen: str = ask(client, "DescribeKey", KeyId=key_id).KeyMetadata.KeyState
    return seen


def code(client: kms_client.KmsClient, name: str, **fields: Any) -> str:
    found: str = refused(lambda: ask(client, name, **fields)).get_code()
    return found


def test_rotation(client: kms_client.KmsClient, key_id: str) -> None:
    old = ask(client, "Encrypt", KeyId=key_id, Plaintext=encoded(b"old"))
    assert code(client, "RotateKey", KeyId=key_id) == (
        "UnsupportedOperation.RotateNotSupported"
    )
    ask(client, "EnableKeyRotation", KeyId=key_id, RotateDays=90)
    assert ask(client, "GetKeyRotationStatus", KeyId=key_id).KeyRotationEnabled
    assert ask(client, "RotateKey", KeyId=key_id).TaskId
    seen = ask(client, "DescribeKey", KeyId=key_id).KeyMetadata
    assert seen.RotateDays == 90
    assert seen.NextRotateTime - seen.LastRotateTime == 90 * 86400
    new = ask(client, "ReEncrypt", CiphertextBlob=old.CiphertextBlob)
    assert new.ReEncrypted
    assert not ask(client, "ReEncrypt", CiphertextBlob=new.CiphertextBlob).ReEncrypted
    for blob in (old.CiphertextBlob, new.CiphertextBlob):
        plain = ask(client, "Decrypt", CiphertextBlob=blob).Plaintext
        assert base64.b64decode(plain) == b"old"
    assert code(client, "RotateKey", KeyId=key_id) == (
        "RequestLimitExceeded.RotateRateLimited"
    )
    ask(client, "DisableKeyRotation", KeyId=key_id)
    assert not ask(client, "GetKeyRotationStatus", KeyId=key_id).KeyRotationEnabled


def test_deletion_and_the_way_back(client: kms_client.KmsClient, key_id: str) -> None:
    days = {"KeyId": key_id, "PendingWindowInDays": 7}
    assert code(client, "ScheduleKeyDeletion", **days) == (
        "ResourceUnavailable.CmkShouldBeDisabled"
    )
    ask(client, "DisableKey", KeyId=key_id)
    for wrong in (6, 31):
        bad = {"KeyId": key_id, "PendingWindowInDays": wrong}
        assert code(client, "ScheduleKeyDeletion", **bad) == (
            "InvalidParameter.InvalidPendingWindowInDays"
        )
    scheduled = ask(client, "ScheduleKeyDeletion", **days)
    assert abs(scheduled.DeletionDate - time.time() - 7 * 86400) < 60
    assert state(client, key_id) == "PendingDelete"
    blob = {"KeyId": key_id, "KeySpec": "AES_256"}
    assert code(client, "GenerateDataKey", **blob) == (
        "ResourceUnavailable.KeyPendingDelete"
    )
    assert ask(client, "CancelKeyDeletion", KeyId=key_id).KeyId == key_id
    assert state(client, key_id) == "Disabled"
    assert code(client, "CancelKeyDeletion", KeyId=key_id) == (
        "ResourceUnavailable.CmkNotPendingDelete"
    )


def test_archive(client: kms_client.KmsClient, key_id: str) -> None:
    blob = ask(client, "Encrypt", KeyId=key_id, Plaintext="YQ==").CiphertextBlob
    ask(client, "ArchiveKey", KeyId=key_id)
    ask(client, "ArchiveKey", KeyId=key_id)
    assert ask(client, "Decrypt", CiphertextBlob=blob).Plaintext == "YQ=="
    assert code(client, "Encrypt", KeyId=key_id, Plaintext="YQ==") == (
        "ResourceUnavailable.CmkArchived"
    )
    ask(client, "CancelKeyArchive", KeyId=key_id)
    assert state(client, key_id) == "Enabled"


def test_tags(client: kms_client.KmsClient) -> None:
    tags = [{"TagKey": "team", "TagValue": unused_name()}]
    made = ask(client, "CreateKey", Alias=unused_name(), Tags=tags)
    ask(client, "CreateKey", Alias=unused_name())
    wanted = [{"TagKey": "team", "TagValue": [tags[0]["TagValue"]]}]
    found = ask(client, "ListKeyDetail", TagFilters=wanted, Limit=200)
    assert [key.KeyId for key in found.KeyMetadatas] == [made.KeyId]
    assert found.TotalCount == 1
    assert code(client, "CreateKey", Alias=unused_name(), Tags=tags * 2) == (
        "InvalidParameterValue.TagKeysDuplicated"
    )


@pytest.mark.parametrize(
    ("algorithm", "wrapping"),
    [
        ("RSAES_PKCS1_V1_5", padding.PKCS1v15()),
        (
            "RSAES_OAEP_SHA_1",
            padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None),
        ),
        ("RSAES_OAEP_SHA_256", OAEP),
    ],
)
def test_import(
    client: kms_client.KmsClient, algorithm: str, wrapping: padding.AsymmetricPadding
) -> None:
    key_id = ask(client, "CreateKey", Alias=unused_name(), Type=2).KeyId
    assert state(client, key_id) == "PendingImport"

    def upload(material: bytes, **more: Any) -> dict[str, Any]:
        parameters = ask(
            client,
            "GetParametersForImport",
            KeyId=key_id,
            WrappingAlgorithm=algorithm,
            WrappingKeySpec="RSA_2048",
        )
        public = serialization.load_der_public_key(
            base64.b64decode(parameters.PublicKey)
        )
        assert isinstance(public, rsa.RSAPublicKey)
        return {
            "KeyId": key_id,
            "EncryptedKeyMaterial": encoded(public.encrypt(material, wrapping)),
            "ImportToken": parameters.ImportToken,
            **more,
        }

    material = randomness.token_bytes(32)
    soon = int(time.time()) + 86400
    ask(client, "ImportKeyMaterial", **upload(material, ValidTo=soon))
    seen = ask(client, "DescribeKey", KeyId=key_id).KeyMetadata
    assert (seen.KeyState, seen.Origin, seen.ValidTo) == ("Enabled", "EXTERNAL", soon)
    blob = ask(client, "Encrypt", KeyId=key_id, Plaintext="YQ==").CiphertextBlob
    assert code(client, "EnableKeyRotation", KeyId=key_id) == (
        "UnsupportedOperation.ExternalCmkCanNotRotate"
    )
    ask(client, "DeleteImportedKeyMaterial", KeyId=key_id)
    assert code(client, "Decrypt", CiphertextBlob=blob) == (
        "ResourceUnavailable.CmkDisabled"
    )
    other = upload(randomness.token_bytes(32))
    assert code(client, "ImportKeyMaterial", **other) == (
        "InvalidParameterValue.MaterialNotMatch"
    )
    stale = upload(material)
    fresh = upload(material)
    assert code(client, "ImportKeyMaterial", **stale) == (
        "ResourceUnavailable.TokenExpired"
    )
    ask(client, "ImportKeyMaterial", **fresh)
    assert ask(client, "Decrypt", CiphertextBlob=blob).Plaintext == "YQ=="


def public_key(client: kms_client.KmsClient, key_id: str) -> Any:
    answer = ask(client, "GetPublicKey", KeyId=key_id)
    der = serialization.load_der_public_key(base64.b64decode(answer.PublicKey))
    pem = serialization.load_pem_public_key(answer.PublicKeyPem.encode())
    assert der == pem
    return der


PSS = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size)


@pytest.mark.parametrize(
    ("usage", "algorithm", "scheme"),
    [
        ("RSA_2048", "RSA_PSS_SHA_256", (PSS, hashes.SHA256())),
        ("RSA_2048", "RSA_PKCS1_SHA_256", (padding.PKCS1v15(), hashes.SHA256())),
        ("RSA_3072", "RSA_PSS_SHA_256", (PSS, hashes.SHA256())),
        ("ECC", "ECC_P256_R1", (ec.ECDSA(hashes.SHA256()),)),
        ("ECDSA384", "ECDSA384_SHA384", (ec.ECDSA(hashes.SHA384()),)),
    ],
)
def test_signatures(
    client: kms_client.KmsClient, usage: str, algorithm: str, scheme: tuple[Any, ...]
) -> None:
    key_id = ask(
        client,
        "CreateKey",
        Alias=unused_name(),
        KeyUsage=f"ASYMMETRIC_SIGN_VERIFY_{usage}",
    ).KeyId
    message = b"pay 100 to ann"
    signing = {"KeyId": key_id, "Algorithm": algorithm, "Message": encoded(message)}
    signature = ask(client, "SignByAsymmetricKey", **signing).Signature
    public_key(client, key_id).verify(base64.b64decode(signature), message, *scheme)

    verify = {**signing, "SignatureValue": signature}
    assert ask(client, "VerifyByAsymmetricKey", **verify).SignatureValid
    other = {**verify, "Message": encoded(b"pay 900 to ann")}
    assert not ask(client, "VerifyByAsymmetricKey", **other).SignatureValid

    hashed = hashes.Hash(scheme[-1] if len(scheme) > 1 else scheme[0].algorithm)
    hashed.update(message)
    digest = {"Message": encoded(hashed.finalize()), "MessageType": "DIGEST"}
    assert ask(client, "VerifyByAsymmetricKey", **{**verify, **digest}).SignatureValid
    wrong = {**signing, "MessageType": "DIGEST"}
    assert code(client, "SignByAsymmetricKey", **wrong) == "InvalidParameterValue"
    assert code(client, "Encrypt", KeyId=key_id, Plaintext="YQ==") == (
        "InvalidParameterValue.InvalidKeyUsage"
    )
    ask(client, "DisableKey", KeyId=key_id)
    assert code(client, "SignByAsymmetricKey", **signing) == (
        "ResourceUnavailable.CmkStateNotSupport"
    )


def test_decrypting_with_a_private_key(client: kms_client.KmsClient) -> None:
    key_id = ask(
        client,
        "CreateKey",
        Alias=unused_name(),
        KeyUsage="ASYMMETRIC_DECRYPT_RSA_2048",
    ).KeyId
    sealed = public_key(client, key_id).encrypt(b"by hand", OAEP)
    wanted = {"KeyId": key_id, "Ciphertext": encoded(sealed)}
    plain = ask(
        client, "AsymmetricRsaDecrypt", Algorithm="RSAES_OAEP_SHA_256", **wanted
    )
    assert base64.b64decode(plain.Plaintext) == b"by hand"
    refusal = code(
        client, "AsymmetricRsaDecrypt", Algorithm="RSAES_OAEP_SHA_1", **wanted
    )
    assert refusal == "FailedOperation.DecryptError"
