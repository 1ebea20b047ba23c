"""OAEP with SHA-256 taken off by hand, against the vectors of Wycheproof."""

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key

from keys.crypto import oaep
from tests.keys.test_hsm_wycheproof import vectors

KEY = rsa.generate_private_key(65537, 2048)
SIZE = 256


def bare(ciphertext: bytes, private: rsa.RSAPrivateNumbers) -> bytes:
    """The RSA operation alone, as the HSM gives it."""
    n = private.public_numbers.n
    return pow(int.from_bytes(ciphertext), private.d, n).to_bytes(n.bit_length() // 8)


def sealed(message: bytes) -> bytes:
    scheme = padding.OAEP(padding.MGF1(SHA256()), SHA256(), None)
    return KEY.public_key().encrypt(message, scheme)


def block_of(message: bytes) -> bytearray:
    return bytearray(bare(sealed(message), KEY.private_numbers()))


def encoded(content: bytes, first: int = 0) -> bytes:
    """Hash, padding and message as they are given, masked as OAEP masks them."""
    seed, masked = bytearray(b"s" * 32), bytearray(content)
    oaep._mask(masked, seed)
    oaep._mask(seed, masked)
    return bytes([first]) + seed + masked


def test_every_length_of_message_comes_back() -> None:
    for length in (0, 1, 31, 32, 189, 190):
        message = bytes(range(length))
        assert oaep.unpad_sha256(bytes(block_of(message))) == message


def test_one_wrong_bit_anywhere_is_no_message() -> None:
    block = block_of(b"x" * 32)
    for position in range(SIZE):
        changed = bytearray(block)
        changed[position] ^= 1
        assert oaep.unpad_sha256(bytes(changed)) is None, position


def test_each_part_is_checked_by_itself() -> None:
    digest, zeros = oaep._EMPTY_LABEL, bytes(186)
    good = digest + zeros + b"\1" + b"text"
    assert len(good) == SIZE - 33
    assert oaep.unpad_sha256(encoded(good)) == b"text"
    assert oaep.unpad_sha256(encoded(good, first=1)) is None
    wrong = {
        "another label": bytes(32) + good[32:],
        "no separator": digest + bytes(SIZE - 65),
        "a two before it": digest + bytes(185) + b"\2" + b"\1" + b"text",
        "a two instead of it": digest + zeros + b"\2" + b"text",
    }
    for name, content in wrong.items():
        assert oaep.unpad_sha256(encoded(content)) is None, name


def test_a_block_too_short_for_two_hashes_is_no_message() -> None:
    for length in (0, 1, 65):
        assert oaep.unpad_sha256(bytes(length)) is None


def test_wycheproof() -> None:
    results = {"valid": 0, "invalid": 0}
    for group, test in vectors("rsa_oaep_2048_sha256_mgf1sha256_test.json"):
        if test["label"] or test["result"] == "acceptable":
            continue
        numbers = load_der_private_key(
            bytes.fromhex(group["privateKeyPkcs8"]), None
        ).private_numbers()
        n = numbers.public_numbers.n
        ciphertext = bytes.fromhex(test["ct"])
        # What the HSM refuses itself.
        if len(ciphertext) != SIZE or int.from_bytes(ciphertext) >= n:
            continue
        block = bare(ciphertext, numbers)
        expected = bytes.fromhex(test["msg"]) if test["result"] == "valid" else None
        assert oaep.unpad_sha256(block) == expected, test["tcId"]
        results[test["result"]] += 1
    assert min(results.values()) > 5
