"""Key pairs: bound, signing, decrypting, with cryptography as the other side."""

import hashlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384, HashAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_public_key

from keys.crypto import signatures
from keys.hsm.errors import AlteredVersion, BadData, HsmMismatch
from keys.hsm.keyring import HierarchyKind, Keyring, Pin, WrappedVersion
from keys.hsm.templates import KEY_SPECS
from keys.hsm.token import Token
from tests.hsm_support import keyring, objects
from tests.keys.test_hsm_token import in_child

PAIRS = [name for name, spec in KEY_SPECS.items() if spec.paired]
SIGNING = [(name, way) for name in PAIRS for way in KEY_SPECS[name].schemes]
PADDINGS = {
    "RSAES_PKCS1_V1_5": padding.PKCS1v15(),
    "RSAES_OAEP_SHA_1": padding.OAEP(padding.MGF1(SHA1()), SHA1(), None),
    "RSAES_OAEP_SHA_256": padding.OAEP(padding.MGF1(SHA256()), SHA256(), None),
}
SECRET = b"forty-two bytes nobody else should ever see"


class Hsm:
    """A keyring with a version of every kind of pair, each bound to its own name."""

    def __init__(self, ring: Keyring, token: Token, pins: list[Pin]) -> None:
        self.ring = ring
        self.token = token
        self.pins = pins
        self.versions = {name: ring.generate(name, name.encode()) for name in PAIRS}
        self.other = ring.generate("EC_P256_SIGN", b"other")

    def signed(self, name: str, scheme: str, digest: bytes) -> bytes:
        return self.ring.sign(self.versions[name], name.encode(), scheme, digest)

    def sealed(self, message: bytes, way: str) -> bytes:
        key = load_der_public_key(self.versions["RSA_2048_DECRYPT"].public_key)
        assert isinstance(key, rsa.RSAPublicKey)
        return key.encrypt(message, PADDINGS[way])

    def opened(self, ciphertext: bytes, way: str) -> bytes:
        version = self.versions["RSA_2048_DECRYPT"]
        return self.ring.rsa_decrypt(version, b"RSA_2048_DECRYPT", way, ciphertext)

    def in_session(self) -> int:
        return len(objects(self.token, in_token=False))


@pytest.fixture(scope="module")
def shared() -> Iterator[Hsm]:
    with keyring() as parts:
        yield Hsm(*parts)


@pytest.fixture
def hsm(shared: Hsm) -> Iterator[Hsm]:
    shared.ring._handles.discard(lambda _: True)
    assert shared.in_session() == 0
    yield shared
    shared.ring._handles.discard(lambda _: True)
    assert shared.in_session() == 0


def digest_for(name: str, text: bytes = b"text") -> bytes:
    hashes = {32: hashlib.sha256, 48: hashlib.sha384}
    return hashes[KEY_SPECS[name].digest_bytes](text).digest()


@pytest.mark.parametrize("name", PAIRS)
def test_a_version_holds_the_public_half_it_was_made_with(hsm: Hsm, name: str) -> None:
    version, spec = hsm.versions[name], KEY_SPECS[name]
    assert hsm.ring.public_key(version, name.encode()) == version.public_key
    assert version.check_value == hashlib.sha256(version.public_key).digest()
    key = load_der_public_key(version.public_key)
    if spec.curve:
        assert isinstance(key, ec.EllipticCurvePublicKey)
        assert key.curve.name == spec.curve
    else:
        assert isinstance(key, rsa.RSAPublicKey)
        assert key.public_numbers().e == 65537
    assert key.key_size == spec.bits
    hsm.ring.verify(version, name.encode())


@pytest.mark.parametrize("name", PAIRS)
def test_what_is_unwrapped_for_use_can_neither_leave_nor_do_more(
    hsm: Hsm, name: str
) -> None:
    version, spec = hsm.versions[name], KEY_SPECS[name]
    _, root = hsm.ring._newest(HierarchyKind.ROOT)
    handle = hsm.token.unwrap(root, spec, version.blob)
    try:
        held = hsm.token.read_template(handle, spec.unwrapped)
        assert held == spec.unwrapped
        assert (held["SENSITIVE"], held["EXTRACTABLE"]) == (True, False)
        can = {flag for flag in ("SIGN", "DECRYPT", "UNWRAP", "DERIVE") if held[flag]}
    finally:
        hsm.token.destroy(handle)
    wanted = {"SIGN": {"SIGN"}, "DECRYPT": {"DECRYPT"}, "IMPORT": {"UNWRAP", "DECRYPT"}}
    assert can == wanted[name.rsplit("_", 1)[1]]
    assert hsm.token.holds_unwrap_template(root, KEY_SPECS["AES_256"])
    with pytest.raises(HsmMismatch):
        hsm.token._unwrap(
            root, spec, version.blob, {**spec.unwrapped, "SENSITIVE": False}
        )


@pytest.mark.parametrize(("name", "scheme"), SIGNING)
def test_cryptography_verifies_what_the_hsm_signs(
    hsm: Hsm, name: str, scheme: str
) -> None:
    digest = digest_for(name)
    signature = hsm.signed(name, scheme, digest)
    key = load_der_public_key(hsm.versions[name].public_key)
    of_digest: HashAlgorithm = SHA384() if len(digest) == 48 else SHA256()
    if isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, digest, ec.ECDSA(Prehashed(of_digest)))
    else:
        assert isinstance(key, rsa.RSAPublicKey)
        pss = padding.PSS(padding.MGF1(SHA256()), 32)
        way = pss if scheme == "RSA_PSS_SHA256" else padding.PKCS1v15()
        key.verify(signature, digest, way, Prehashed(of_digest))


@pytest.mark.parametrize(("name", "scheme"), SIGNING)
def test_a_signature_holds_for_this_digest_key_and_scheme_alone(
    hsm: Hsm, name: str, scheme: str
) -> None:
    digest, public_key = digest_for(name), hsm.versions[name].public_key
    signature = hsm.signed(name, scheme, digest)
    assert signatures.verify(public_key, scheme, digest, signature)
    changed = signature[:-1] + bytes([signature[-1] ^ 1])
    assert not signatures.verify(public_key, scheme, digest, changed)
    assert not signatures.verify(public_key, scheme, digest, signature[:-1])
    assert not signatures.verify(public_key, scheme, digest_for(name, b"x"), signature)
    for other in KEY_SPECS[name].schemes:
        if other != scheme:
            assert not signatures.verify(public_key, other, digest, signature)
    if name == "EC_P256_SIGN":
        foreign = hsm.other.public_key
        assert not signatures.verify(foreign, scheme, digest, signature)


@pytest.mark.parametrize(("name", "scheme"), SIGNING)
def test_a_digest_of_another_length_is_refused(
    hsm: Hsm, name: str, scheme: str
) -> None:
    # SoftHSM would sign any of these without a word.
    for length in {0, 20, 31, 32, 33, 48, 64} - {KEY_SPECS[name].digest_bytes}:
        with pytest.raises(BadData):
            hsm.signed(name, scheme, bytes(length))


def test_a_scheme_of_another_kind_of_key_is_a_mistake_of_the_caller(hsm: Hsm) -> None:
    for name, scheme in [
        ("EC_P256_SIGN", "RSA_PSS_SHA256"),
        ("RSA_2048_SIGN", "ECDSA"),
        ("RSA_2048_SIGN", "rsa_pss_sha256"),
        ("RSA_2048_DECRYPT", "RSA_PKCS1_SHA256"),
    ]:
        with pytest.raises(ValueError, match="sign"):
            hsm.signed(name, scheme, bytes(32))


@pytest.mark.parametrize("way", PADDINGS)
@pytest.mark.parametrize("length", [0, 1, 32, 190])
def test_what_is_encrypted_to_the_public_half_is_decrypted(
    hsm: Hsm, way: str, length: int
) -> None:
    message = bytes(range(length))
    assert hsm.opened(hsm.sealed(message, way), way) == message


@pytest.mark.parametrize("way", PADDINGS)
def test_every_fault_of_a_ciphertext_is_the_same_and_costs_no_session(
    hsm: Hsm, way: str
) -> None:
    good = hsm.sealed(SECRET, way)
    assert hsm.opened(good, way) == SECRET
    before = hsm.token.initialisations
    key = load_der_public_key(hsm.versions["RSA_2048_DECRYPT"].public_key)
    assert isinstance(key, rsa.RSAPublicKey)
    n = key.public_numbers().n
    foreign = rsa.generate_private_key(65537, 2048).public_key()
    wrong = [
        good[:-1] + bytes([good[-1] ^ 1]),
        good[:-1],
        good + b"\0",
        b"\0" + good,
        b"",
        bytes(256),
        b"\xff" * 256,
        n.to_bytes(256),
        (n - 1).to_bytes(256),
        (int.from_bytes(good) + n).to_bytes(257),
        foreign.encrypt(SECRET, PADDINGS[way]),
        *(hsm.sealed(SECRET, other) for other in PADDINGS if other != way),
    ]
    seen = set()
    for data in wrong:
        with pytest.raises(BadData) as refusal:
            hsm.opened(data, way)
        seen.add((type(refusal.value), str(refusal.value)))
    assert seen == {(BadData, "")}
    assert hsm.token.initialisations == before
    assert hsm.opened(good, way) == SECRET


def test_a_signing_key_does_not_decrypt_nor_the_other_way(hsm: Hsm) -> None:
    version = hsm.versions["RSA_2048_SIGN"]
    key = load_der_public_key(version.public_key)
    assert isinstance(key, rsa.RSAPublicKey)
    for way, scheme in PADDINGS.items():
        sealed = key.encrypt(SECRET, scheme)
        with pytest.raises(ValueError, match="decrypt"):
            hsm.ring.rsa_decrypt(version, b"RSA_2048_SIGN", way, sealed)


@pytest.mark.parametrize("name", ["RSA_2048_SIGN", "EC_P256_SIGN"])
@pytest.mark.parametrize("cached", [True, False])
def test_a_changed_row_is_refused(hsm: Hsm, name: str, cached: bool) -> None:
    version, digest = hsm.versions[name], digest_for(name)
    scheme = KEY_SPECS[name].schemes[0]
    if cached:
        hsm.signed(name, scheme, digest)
        hsm.ring.sign(hsm.other, b"other", "ECDSA", bytes(32))
    other = hsm.other
    digest_of_other = other.check_value
    changed = {
        "public half": {"public_key": other.public_key},
        "public half and digest": {
            "public_key": other.public_key,
            "check_value": digest_of_other,
        },
        "no public half": {"public_key": b""},
        "a byte more": {"public_key": version.public_key + b"\0"},
        "digest": {"check_value": digest_of_other},
        "short digest": {"check_value": version.check_value[:8]},
        "binding": {"binding": other.binding},
        "blob": {"blob": other.blob},
        "kind": {"spec": "AES_256"},
    }
    rows = [(label, version._replace(**change)) for label, change in changed.items()]  # type: ignore[arg-type]
    for label, row in rows:
        for refuse in (hsm.ring.verify, hsm.ring.public_key):
            with pytest.raises(AlteredVersion):
                refuse(row, name.encode())
        if label != "kind":
            with pytest.raises(AlteredVersion):
                hsm.ring.sign(row, name.encode(), scheme, digest)
    for refuse in (hsm.ring.verify, hsm.ring.public_key):
        with pytest.raises(AlteredVersion):
            refuse(version, b"another identity")
    with pytest.raises(AlteredVersion):
        hsm.ring.sign(version, b"another identity", scheme, digest)


def test_a_symmetric_row_can_not_be_given_a_public_half(hsm: Hsm) -> None:
    version = hsm.ring.generate("AES_256", b"x")
    assert version.public_key == b""
    with pytest.raises(AlteredVersion):
        hsm.ring.encrypt(
            version._replace(public_key=hsm.other.public_key), b"x", bytes(12), b"", b""
        )
    with pytest.raises(ValueError, match="public half"):
        hsm.ring.public_key(version, b"x")


@pytest.mark.parametrize("name", ["RSA_2048_SIGN", "RSA_2048_DECRYPT", "EC_P256_SIGN"])
def test_an_hsm_that_unwraps_to_another_pair_is_not_believed(
    hsm: Hsm, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    another = hsm.ring.generate(name, b"another")
    unwrap = Token.unwrap
    monkeypatch.setattr(
        Token,
        "unwrap",
        lambda token, root, spec, _: unwrap(token, root, spec, another.blob),
    )
    before = hsm.in_session()
    with pytest.raises(AlteredVersion):
        hsm.ring.verify(hsm.versions[name], name.encode())
    assert hsm.in_session() == before


def test_a_generation_that_answers_with_halves_of_two_pairs_is_refused(
    hsm: Hsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [(hsm.other.blob, hsm.versions["EC_P256_SIGN"].public_key)]
    monkeypatch.setattr(Token, "generate_pair", lambda *_: made[0])
    monkeypatch.setattr(Token, "generate_apart", lambda *_: made[0])
    for name in ("EC_P256_SIGN", "RSA_2048_SIGN"):
        with pytest.raises(HsmMismatch):
            hsm.ring.generate(name, b"x")
    assert hsm.in_session() == 0


def test_old_symmetric_rows_keep_their_binding() -> None:
    from keys.hsm.versions import binding_message  # noqa: PLC0415 - one use

    row = WrappedVersion("AES_256", b"blob", b"", 3, 2, b"checked!")
    assert binding_message(row, b"identity").hex() == (
        b"kmsconsole/version/1\0\0\0\x08identity\0\0\0\x07AES_256".hex()
        + "0000000300000002"
        + hashlib.sha256(b"blob").hexdigest()
        + b"checked!".hex()
    )


def test_handles_are_cached_evicted_and_found_again(hsm: Hsm) -> None:
    digest = bytes(32)
    for _ in range(3):
        hsm.signed("EC_P256_SIGN", "ECDSA", digest)
        hsm.signed("RSA_2048_SIGN", "RSA_PSS_SHA256", digest)
    assert hsm.in_session() == hsm.ring.cached_handles == 2
    hsm.ring.evict(hsm.versions["RSA_2048_SIGN"].blob)
    assert hsm.in_session() == hsm.ring.cached_handles == 1
    for key in objects(hsm.token, in_token=False):
        key.destroy()
    assert hsm.signed("EC_P256_SIGN", "ECDSA", digest)
    hsm.token.close()
    assert hsm.signed("EC_P256_SIGN", "ECDSA", digest)
    assert hsm.opened(hsm.sealed(SECRET, "RSAES_OAEP_SHA_256"), "RSAES_OAEP_SHA_256")


def test_a_forked_child_signs_with_its_own_session(hsm: Hsm) -> None:
    digest, version = bytes(32), hsm.versions["EC_P256_SIGN"]

    def work() -> bool:
        signature = hsm.signed("EC_P256_SIGN", "ECDSA", digest)
        return signatures.verify(version.public_key, "ECDSA", digest, signature)

    assert work()
    assert in_child(work)
    assert work()


def test_two_threads_sign_and_decrypt_without_crossing(hsm: Hsm) -> None:
    until = time.monotonic() + 2
    done: list[list[str]] = [[], []]
    public_key = hsm.versions["EC_P256_SIGN"].public_key

    def sign() -> None:
        while time.monotonic() < until:
            digest = hashlib.sha256(str(len(done[0])).encode()).digest()
            signature = hsm.signed("EC_P256_SIGN", "ECDSA", digest)
            assert signatures.verify(public_key, "ECDSA", digest, signature)
            hsm.ring.evict(hsm.versions["EC_P256_SIGN"].blob)
            done[0].append("signed")

    def decrypt() -> None:
        while time.monotonic() < until:
            for way in PADDINGS:
                text = f"{way} {len(done[1])}".encode()
                assert hsm.opened(hsm.sealed(text, way), way) == text
                done[1].append("decrypted")

    with ThreadPoolExecutor(2) as pool:
        for work in [pool.submit(sign), pool.submit(decrypt)]:
            work.result()
    assert min(map(len, done)) > 3
