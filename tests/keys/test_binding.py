"""Bindings keep a key from being taken away; PKCS#1 v1.5 waits for its switch."""

import base64
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from keys.errors import (
    CloudResourceBindingNotFound,
    CmkUsedByCloudProduct,
    LegacyPaddingOff,
    UnsupportedKeyUsage,
)
from keys.models import CustomerMasterKey, LegacyPadding, ResourceBinding
from keys.operations import (
    AllowLegacyPadding,
    ArchiveKey,
    AsymmetricRsaDecrypt,
    AsymmetricSm2Decrypt,
    BindCloudResource,
    CreateKey,
    DisableKey,
    DisableKeys,
    GetPublicKey,
    UnbindCloudResource,
)
from kmsconsole import clock
from kmsconsole.errors import InvalidParameterValue
from tests.personas import create_key, execute

pytestmark = pytest.mark.django_db


def test_a_bound_key_stays_until_it_is_released() -> None:
    key_id = create_key()
    bound = {"KeyId": key_id, "ProductId": "cbs", "ResourceId": "disk-1"}
    execute(BindCloudResource, **bound)
    execute(BindCloudResource, **bound)
    assert ResourceBinding.objects.count() == 1
    for operation, data in (
        (DisableKey, {"KeyId": key_id}),
        (DisableKeys, {"KeyIds": [key_id]}),
        (ArchiveKey, {"KeyId": key_id}),
    ):
        with pytest.raises(CmkUsedByCloudProduct):
            execute(operation, **data)
    execute(UnbindCloudResource, **bound)
    with pytest.raises(CloudResourceBindingNotFound):
        execute(UnbindCloudResource, **bound)
    execute(DisableKey, KeyId=key_id)


def test_binding_ends_the_end_of_material() -> None:
    key_id = create_key()
    end = clock.now() + timedelta(days=9)
    CustomerMasterKey.objects.filter(id=key_id).update(material_valid_to=end)
    bound = {"KeyId": key_id, "ProductId": "cbs", "ResourceId": "disk-1"}
    execute(BindCloudResource, **bound)
    assert CustomerMasterKey.objects.get(id=key_id).material_valid_to is None


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 129])
def test_resources_nobody_can_name(name: str) -> None:
    key_id = create_key()
    with pytest.raises(InvalidParameterValue):
        execute(BindCloudResource, KeyId=key_id, ProductId="cbs", ResourceId=name)


def test_legacy_padding_is_off_until_somebody_allows_it() -> None:
    usage = "ASYMMETRIC_DECRYPT_RSA_2048"
    key_id = execute(CreateKey, Alias="pair", KeyUsage=usage).output["KeyId"]
    der = base64.b64decode(execute(GetPublicKey, KeyId=key_id).output["PublicKey"])
    public = load_der_public_key(der)
    assert isinstance(public, rsa.RSAPublicKey)
    sealed = base64.b64encode(public.encrypt(b"old", padding.PKCS1v15())).decode()
    asked = {"KeyId": key_id, "Algorithm": "RSAES_PKCS1_V1_5", "Ciphertext": sealed}
    with pytest.raises(LegacyPaddingOff):
        execute(AsymmetricRsaDecrypt, **asked)
    for _twice in range(2):
        execute(AllowLegacyPadding, KeyId=key_id, Allowed=True)
    assert LegacyPadding.objects.count() == 1
    answer = execute(AsymmetricRsaDecrypt, **asked).output["Plaintext"]
    assert base64.b64decode(answer) == b"old"
    execute(AllowLegacyPadding, KeyId=key_id, Allowed=False)
    with pytest.raises(LegacyPaddingOff):
        execute(AsymmetricRsaDecrypt, **asked)


def test_no_key_decrypts_sm2() -> None:
    with pytest.raises(UnsupportedKeyUsage):
        execute(AsymmetricSm2Decrypt, KeyId=create_key(), Ciphertext="YQ==")
