"""Key material from outside, wrapped as its owner would and unwrapped in the HSM."""

import base64
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_der_public_key

from keys.errors import (
    CmkDisabled,
    CmkStateNotSupport,
    CmkUsedByCloudProduct,
    DecryptMaterialError,
    ImportTokenExpired,
    MaterialNotMatch,
    NotExternalCmk,
)
from keys.models import CustomerMasterKey, KeyVersion, ResourceBinding
from keys.operations import (
    CreateKey,
    Decrypt,
    DeleteImportedKeyMaterial,
    DisableKey,
    Encrypt,
    GetParametersForImport,
    ImportKeyMaterial,
)
from kmsconsole import clock
from kmsconsole.audit.models import AuditEvent
from kmsconsole.errors import InvalidParameterValue, KMSError
from tests.personas import create_key, execute

pytestmark = pytest.mark.django_db

MATERIAL, OTHER = bytes(range(32)), bytes(range(1, 33))
SHA1, SHA256 = hashes.SHA1(), hashes.SHA256()
PADDINGS = {
    "RSAES_PKCS1_V1_5": padding.PKCS1v15(),
    "RSAES_OAEP_SHA_1": padding.OAEP(padding.MGF1(SHA1), SHA1, None),
    "RSAES_OAEP_SHA_256": padding.OAEP(padding.MGF1(SHA256), SHA256, None),
}
USUAL = "RSAES_OAEP_SHA_256"


@pytest.fixture
def key_id() -> str:
    made: str = execute(CreateKey, Alias="outside", Type=2).output["KeyId"]
    return made


def parameters(key_id: str, algorithm: str = USUAL) -> dict[str, Any]:
    wanted = {"WrappingAlgorithm": algorithm, "WrappingKeySpec": "RSA_2048"}
    return execute(GetParametersForImport, KeyId=key_id, **wanted).output


def wrapped(
    key_id: str, material: bytes = MATERIAL, algorithm: str = USUAL, **more: Any
) -> dict[str, Any]:
    given = parameters(key_id, algorithm)
    public: Any = load_der_public_key(base64.b64decode(given["PublicKey"]))
    sealed = public.encrypt(material, PADDINGS[algorithm])
    return {
        "KeyId": key_id,
        "ImportToken": given["ImportToken"],
        "EncryptedKeyMaterial": base64.b64encode(sealed).decode(),
    } | more


def bring(key_id: str, material: bytes = MATERIAL, **more: Any) -> None:
    execute(ImportKeyMaterial, **wrapped(key_id, material, **more))


def state(key_id: str) -> str:
    return CustomerMasterKey.objects.get(id=key_id).state


def encrypt(key_id: str) -> str:
    return execute(Encrypt, KeyId=key_id, Plaintext="YQ==").output["CiphertextBlob"]


@pytest.mark.parametrize("algorithm", PADDINGS)
def test_imported_material_works_and_is_stored_wrapped(
    key_id: str, algorithm: str
) -> None:
    assert state(key_id) == "PendingImport"
    with pytest.raises(CmkDisabled):
        encrypt(key_id)
    bring(key_id, algorithm=algorithm)
    assert state(key_id) == "Enabled"
    blob = encrypt(key_id)
    assert execute(Decrypt, CiphertextBlob=blob).output["Plaintext"] == "YQ=="
    (version,) = KeyVersion.objects.filter(key_id=key_id)
    assert MATERIAL not in bytes(version.wrapped_material)


def test_deleted_material_is_gone_until_the_same_comes_back(key_id: str) -> None:
    bring(key_id)
    blob = encrypt(key_id)
    execute(DeleteImportedKeyMaterial, KeyId=key_id)
    assert state(key_id) == "PendingImport"
    version = KeyVersion.objects.get(key_id=key_id)
    assert version.wrapped_material is None
    assert bytes(version.binding) == b""
    with pytest.raises(CmkDisabled):
        execute(Decrypt, CiphertextBlob=blob)
    with pytest.raises(MaterialNotMatch):
        bring(key_id, OTHER)
    assert state(key_id) == "PendingImport"
    bring(key_id)
    assert execute(Decrypt, CiphertextBlob=blob).output["Plaintext"] == "YQ=="


def test_only_the_same_material_replaces_material(key_id: str) -> None:
    bring(key_id)
    until = int((clock.now() + timedelta(days=9)).timestamp())
    bring(key_id, ValidTo=until)
    key = CustomerMasterKey.objects.get(id=key_id)
    assert int(key.material_valid_to.timestamp()) == until
    with pytest.raises(MaterialNotMatch):
        bring(key_id, OTHER)
    bring(key_id)
    assert CustomerMasterKey.objects.get(id=key_id).material_valid_to is None


@pytest.mark.parametrize("days", [-1, 365 * 100])
def test_an_expiry_in_the_past_or_too_far_is_refused(key_id: str, days: int) -> None:
    until = int((clock.now() + timedelta(days=days)).timestamp())
    with pytest.raises(InvalidParameterValue):
        bring(key_id, ValidTo=until)
    assert state(key_id) == "PendingImport"


def test_a_token_is_good_until_a_newer_one(key_id: str) -> None:
    first = wrapped(key_id)
    execute(ImportKeyMaterial, **first)
    execute(ImportKeyMaterial, **first)
    parameters(key_id)
    with pytest.raises(ImportTokenExpired):
        execute(ImportKeyMaterial, **first)


def test_a_token_is_good_for_a_day(
    key_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = wrapped(key_id)
    moment = clock.now()
    for hours, fits in ((25, False), (23, True)):
        later = moment + timedelta(hours=hours)
        monkeypatch.setattr(clock, "now", lambda later=later: later)
        if fits:
            execute(ImportKeyMaterial, **ready)
        else:
            with pytest.raises(ImportTokenExpired):
                execute(ImportKeyMaterial, **ready)


def test_a_token_belongs_to_its_key(key_id: str) -> None:
    other = execute(CreateKey, Alias="other", Type=2).output["KeyId"]
    parameters(other)
    with pytest.raises(ImportTokenExpired):
        execute(ImportKeyMaterial, **(wrapped(key_id) | {"KeyId": other}))


@pytest.mark.parametrize("material", [b"", bytes(16), bytes(31), bytes(33)])
def test_material_of_another_length_is_refused(key_id: str, material: bytes) -> None:
    with pytest.raises(DecryptMaterialError):
        bring(key_id, material)
    assert state(key_id) == "PendingImport"


def test_what_was_wrapped_for_another_padding_or_damaged_is_refused(
    key_id: str,
) -> None:
    ready = wrapped(key_id)
    sealed = bytearray(base64.b64decode(ready["EncryptedKeyMaterial"]))
    sealed[9] ^= 1
    damaged = base64.b64encode(sealed).decode()
    for bad in (damaged, "AAAA", damaged[:40]):
        with pytest.raises(DecryptMaterialError):
            execute(ImportKeyMaterial, **(ready | {"EncryptedKeyMaterial": bad}))
    given = parameters(key_id, "RSAES_OAEP_SHA_1")
    public: Any = load_der_public_key(base64.b64decode(given["PublicKey"]))
    sealed_otherwise = public.encrypt(MATERIAL, PADDINGS[USUAL])
    with pytest.raises(DecryptMaterialError):
        execute(
            ImportKeyMaterial,
            KeyId=key_id,
            ImportToken=given["ImportToken"],
            EncryptedKeyMaterial=base64.b64encode(sealed_otherwise).decode(),
        )


def test_generated_material_is_nothing_to_import_or_delete() -> None:
    key_id = create_key()
    with pytest.raises(NotExternalCmk):
        parameters(key_id)
    with pytest.raises(NotExternalCmk):
        execute(DeleteImportedKeyMaterial, KeyId=key_id)


def test_states_decide(key_id: str) -> None:
    with pytest.raises(CmkStateNotSupport):
        execute(DeleteImportedKeyMaterial, KeyId=key_id)
    bring(key_id)
    execute(DisableKey, KeyId=key_id)
    with pytest.raises(CmkStateNotSupport):
        bring(key_id)
    execute(DeleteImportedKeyMaterial, KeyId=key_id)
    assert state(key_id) == "PendingImport"


def test_material_of_a_bound_key_stays(key_id: str) -> None:
    bring(key_id)
    ResourceBinding.objects.create(
        key_id=key_id, product="cos", resource_id="bucket", created_at=clock.now()
    )
    with pytest.raises(CmkUsedByCloudProduct):
        execute(DeleteImportedKeyMaterial, KeyId=key_id)


def test_the_audit_holds_neither_token_nor_material(key_id: str) -> None:
    ready = wrapped(key_id)
    execute(ImportKeyMaterial, **ready)
    with pytest.raises(KMSError):
        execute(ImportKeyMaterial, **(ready | {"EncryptedKeyMaterial": "AAAA"}))
    told = repr(list(AuditEvent.objects.values()))
    for secret in (ready["ImportToken"], ready["EncryptedKeyMaterial"]):
        assert secret[:24] not in told
