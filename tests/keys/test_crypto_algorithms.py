from keys.crypto.algorithms import (
    CIPHERS,
    KEY_TYPES,
    UNSUPPORTED_USAGES,
    key_type_for_usage,
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
