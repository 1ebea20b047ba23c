import hashlib

from keys.crypto.algorithms import (
    CIPHERS,
    KEY_TYPES,
    SIGN_VERIFY,
    SIGNATURE_ALGORITHMS,
    UNSUPPORTED_USAGES,
    key_type_for_usage,
    signature_algorithm,
)
from keys.hsm.templates import KEY_SPECS


def test_every_key_type_has_a_template_in_the_hsm() -> None:
    assert {row.spec for row in KEY_TYPES} <= set(KEY_SPECS)


def test_no_usage_is_both_offered_and_refused() -> None:
    assert not {row.usage for row in KEY_TYPES} & UNSUPPORTED_USAGES


def test_a_cipher_is_found_under_the_number_it_writes_into_headers() -> None:
    assert CIPHERS[1].name == "AES-256-GCM"
    assert all(cipher.number == number for number, cipher in CIPHERS.items())


def test_a_usage_leads_to_its_row() -> None:
    row = key_type_for_usage("ENCRYPT_DECRYPT")
    assert row is not None
    assert row.spec == "AES_256"
    assert key_type_for_usage("encrypt_decrypt") is None


def test_every_signing_usage_signs_as_its_key_in_the_hsm_can() -> None:
    signing = [row for row in KEY_TYPES if row.group == SIGN_VERIFY]
    assert signing
    for row in signing:
        spec = KEY_SPECS[row.spec]
        ways = [way for way in SIGNATURE_ALGORITHMS if row.usage in way.usages]
        assert {way.scheme for way in ways} == set(spec.schemes)
        for way in ways:
            assert way.digest_bytes == spec.digest_bytes
            assert hashlib.new(way.hash_name).digest_size == way.digest_bytes
    for row in set(KEY_TYPES) - set(signing):
        assert not KEY_SPECS[row.spec].schemes


def test_an_algorithm_is_found_only_with_a_usage_that_has_it() -> None:
    rsa = signature_algorithm("RSA_PSS_SHA_256", "ASYMMETRIC_SIGN_VERIFY_RSA_3072")
    assert rsa is not None
    assert (rsa.scheme, rsa.digest_bytes) == ("RSA_PSS_SHA256", 32)
    for name, usage in [
        ("RSA_PSS_SHA_256", "ASYMMETRIC_SIGN_VERIFY_ECC"),
        ("RSA_PSS_SHA_256", "ASYMMETRIC_DECRYPT_RSA_2048"),
        ("RSA_PSS_SHA256", "ASYMMETRIC_SIGN_VERIFY_RSA_2048"),
        ("ECC_P256_R1", "ASYMMETRIC_SIGN_VERIFY_ECDSA384"),
        ("ECDSA384_SHA384", "ENCRYPT_DECRYPT"),
    ]:
        assert signature_algorithm(name, usage) is None


def test_only_the_symmetric_kind_rotates_and_is_imported() -> None:
    assert [row.usage for row in KEY_TYPES if row.rotatable or row.importable] == [
        "ENCRYPT_DECRYPT"
    ]
