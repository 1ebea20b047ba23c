"""Material brought in under an RSA wrapping key."""

from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_der_public_key

from keys.crypto import oaep
from keys.hsm.errors import AlteredVersion, BadData
from keys.hsm.keyring import Keyring, WrappedVersion
from keys.hsm.token import Token
from tests.hsm_support import keyring, objects
from tests.keys.test_hsm_pairs import PADDINGS

MATERIAL = bytes(range(32))
IV = bytes(range(12))


class Hsm:
    """A keyring with a wrapping key."""

    def __init__(self, ring: Keyring, token: Token) -> None:
        self.ring = ring
        self.token = token
        self.wrapping = ring.generate("RSA_2048_IMPORT", b"wrapping")
        key = load_der_public_key(self.wrapping.public_key)
        assert isinstance(key, rsa.RSAPublicKey)
        self.key = key

    def bring(self, way: str, data: bytes, identity: bytes = b"x") -> WrappedVersion:
        return self.ring.wrap_imported(
            self.wrapping, b"wrapping", way, data, "AES_256", identity
        )


@pytest.fixture(scope="module")
def shared() -> Iterator[Hsm]:
    with keyring() as (ring, token, _):
        yield Hsm(ring, token)


@pytest.fixture
def hsm(shared: Hsm) -> Iterator[Hsm]:
    yield shared
    shared.ring._handles.discard(lambda _: True)
    assert len(objects(shared.token, in_token=False)) == 0


@pytest.mark.parametrize("way", PADDINGS)
def test_imported_material_is_the_customers_own(hsm: Hsm, way: str) -> None:
    version = hsm.bring(way, hsm.key.encrypt(MATERIAL, PADDINGS[way]))
    sealed = hsm.ring.encrypt(version, b"x", IV, b"text", b"aad")
    assert sealed == AESGCM(MATERIAL).encrypt(IV, b"text", b"aad")
    assert MATERIAL not in version.blob


def test_the_same_material_has_one_check_value_however_it_came(hsm: Hsm) -> None:
    found = {
        hsm.bring(way, hsm.key.encrypt(MATERIAL, PADDINGS[way]), way.encode())
        for way in PADDINGS
    }
    expected = hsm.ring.wrap("AES_256", b"y", MATERIAL).check_value
    assert {version.check_value for version in found} == {expected}
    assert len({version.binding for version in found}) == len(PADDINGS)
    another = hsm.key.encrypt(bytes(32), PADDINGS["RSAES_OAEP_SHA_1"])
    assert hsm.bring("RSAES_OAEP_SHA_1", another).check_value != expected


@pytest.mark.parametrize("way", PADDINGS)
def test_every_fault_is_the_same_and_leaves_nothing(hsm: Hsm, way: str) -> None:
    good = hsm.key.encrypt(MATERIAL, PADDINGS[way])
    hsm.bring(way, good)
    before, kept = hsm.token.initialisations, len(objects(hsm.token, in_token=False))
    lengths = (0, 1, 8, 15, 16, 17, 24, 25, 31, 33, 40, 64, 190)
    wrong = [
        *(hsm.key.encrypt(bytes(length), PADDINGS[way]) for length in lengths),
        *(hsm.key.encrypt(MATERIAL, PADDINGS[o]) for o in PADDINGS if o != way),
        good[:-1] + bytes([good[-1] ^ 1]),
        good[:-1],
        good + b"\0",
        b"",
        bytes(256),
        b"\xff" * 256,
    ]
    seen = set()
    for data in wrong:
        with pytest.raises(BadData) as refusal:
            hsm.bring(way, data)
        seen.add((type(refusal.value), str(refusal.value)))
        assert len(objects(hsm.token, in_token=False)) == kept
    assert seen == {(BadData, "")}
    assert hsm.token.initialisations == before
    assert hsm.bring(way, good)


def test_only_oaep_with_sha_256_passes_through_this_process(
    hsm: Hsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed = []
    unpad = oaep.unpad_sha256
    monkeypatch.setattr(oaep, "unpad_sha256", lambda b: passed.append(b) or unpad(b))
    for way in PADDINGS:
        hsm.bring(way, hsm.key.encrypt(MATERIAL, PADDINGS[way]))
        assert bool(passed) is (way == "RSAES_OAEP_SHA_256"), way
        passed.clear()


def test_a_wrapping_key_is_bound_like_any(hsm: Hsm) -> None:
    data = hsm.key.encrypt(MATERIAL, PADDINGS["RSAES_OAEP_SHA_1"])
    another = hsm.ring.generate("RSA_2048_DECRYPT", b"wrapping")
    for wrapping, identity in [
        (hsm.wrapping, b"another"),
        (hsm.wrapping._replace(blob=another.blob), b"wrapping"),
        (hsm.wrapping._replace(public_key=another.public_key), b"wrapping"),
    ]:
        with pytest.raises(AlteredVersion):
            hsm.ring.wrap_imported(
                wrapping, identity, "RSAES_OAEP_SHA_1", data, "AES_256", b"x"
            )


def test_a_key_for_decrypting_takes_no_imports(hsm: Hsm) -> None:
    other = hsm.ring.generate("RSA_2048_DECRYPT", b"other")
    key = load_der_public_key(other.public_key)
    assert isinstance(key, rsa.RSAPublicKey)
    for way, scheme in PADDINGS.items():
        with pytest.raises(ValueError, match="import"):
            hsm.ring.wrap_imported(
                other, b"other", way, key.encrypt(MATERIAL, scheme), "AES_256", b"x"
            )


def test_a_lost_session_is_opened_again_for_an_import(hsm: Hsm) -> None:
    data = hsm.key.encrypt(MATERIAL, PADDINGS["RSAES_OAEP_SHA_1"])
    first = hsm.bring("RSAES_OAEP_SHA_1", data)
    hsm.token.close()
    assert hsm.bring("RSAES_OAEP_SHA_1", data).check_value == first.check_value
    for key in objects(hsm.token, in_token=False):
        key.destroy()
    assert hsm.bring("RSAES_OAEP_SHA_1", data).check_value == first.check_value
