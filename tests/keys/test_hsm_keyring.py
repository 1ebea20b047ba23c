from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from keys.hsm.errors import BadData, HsmDown, HsmMismatch
from keys.hsm.keyring import HierarchyKind, Keyring, Pin, WrappedVersion
from keys.hsm.token import Token
from kmsconsole import clock
from tests.hsm_support import keyring, objects

IV = bytes(range(12))
AAD = b"header and context"
TEXT = b"forty-two bytes nobody else should ever see"


class Hsm:
    """A keyring over a token of its own, with two keys of two owners."""

    def __init__(self, ring: Keyring, token: Token, pins: list[Pin]) -> None:
        self.ring = ring
        self.token = token
        self.pins = pins
        self.mine = ring.generate("AES_256", b"mine")
        self.theirs = ring.generate("AES_256", b"theirs")


@pytest.fixture(scope="module")
def shared() -> Iterator[Hsm]:
    with keyring(capacity=10) as parts:
        yield Hsm(*parts)


@pytest.fixture
def hsm(shared: Hsm) -> Hsm:
    shared.ring._handles.discard(lambda _: True)
    return shared


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    moment = [datetime(2026, 1, 1, tzinfo=UTC)]
    monkeypatch.setattr(clock, "now", lambda: moment[0])
    return moment


def in_session(hsm: Hsm) -> int:
    return len(objects(hsm.token, in_token=False))


def test_what_is_encrypted_decrypts_in_another_keyring(hsm: Hsm) -> None:
    sealed = hsm.ring.encrypt(hsm.mine, b"mine", IV, TEXT, AAD)
    assert TEXT not in sealed
    other = Keyring(hsm.token, lambda: hsm.pins)
    assert other.decrypt(hsm.mine, b"mine", IV, sealed, AAD) == TEXT


def test_the_empty_plaintext_is_a_plaintext(hsm: Hsm) -> None:
    sealed = hsm.ring.encrypt(hsm.mine, b"mine", IV, b"", b"")
    assert len(sealed) == 16
    assert hsm.ring.decrypt(hsm.mine, b"mine", IV, sealed, b"") == b""


def test_each_generated_key_is_another(hsm: Hsm) -> None:
    assert hsm.mine.blob != hsm.theirs.blob
    assert hsm.mine.check_value != hsm.theirs.check_value


@pytest.mark.parametrize("part", ["identity", "iv", "data", "aad", "version"])
def test_every_part_of_a_ciphertext_counts(hsm: Hsm, part: str) -> None:
    sealed = hsm.ring.encrypt(hsm.mine, b"mine", IV, TEXT, AAD)
    call = {
        "version": hsm.mine,
        "identity": b"mine",
        "iv": IV,
        "data": sealed,
        "aad": AAD,
    }
    assert hsm.ring.decrypt(**call) == TEXT  # type: ignore[arg-type]
    call |= {
        "identity": {"identity": b"mine!"},
        "iv": {"iv": bytes(12)},
        "data": {"data": sealed[:-1] + bytes([sealed[-1] ^ 1])},
        "aad": {"aad": b""},
        "version": {"version": hsm.theirs, "identity": b"theirs"},
    }[part]
    with pytest.raises(BadData):
        hsm.ring.decrypt(**call)  # type: ignore[arg-type]


@pytest.mark.parametrize("cached", [True, False])
def test_a_blob_moved_to_another_row_is_refused(hsm: Hsm, cached: bool) -> None:
    if cached:
        hsm.ring.encrypt(hsm.mine, b"mine", IV, TEXT, AAD)
        hsm.ring.encrypt(hsm.theirs, b"theirs", IV, TEXT, AAD)
    swapped = [
        # The whole row, the blob alone, and the blob with its check value.
        (b"theirs", hsm.mine),
        (b"theirs", hsm.theirs._replace(blob=hsm.mine.blob)),
        (
            b"theirs",
            hsm.theirs._replace(blob=hsm.mine.blob, check_value=hsm.mine.check_value),
        ),
        (b"mine", hsm.mine._replace(binding=hsm.theirs.binding)),
    ]
    for identity, version in swapped:
        with pytest.raises(BadData):
            hsm.ring.encrypt(version, identity, IV, TEXT, AAD)
        with pytest.raises(BadData):
            hsm.ring.verify(version, identity)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("spec", "AES_128"),
        ("blob", b""),
        ("binding", b""),
        ("binding", bytes(32)),
        ("check_value", bytes(8)),
    ],
)
def test_a_changed_row_is_refused(hsm: Hsm, name: str, value: str | bytes) -> None:
    with pytest.raises(BadData):
        hsm.ring.verify(hsm.mine._replace(**{name: value}), b"mine")  # type: ignore[arg-type]


@pytest.mark.parametrize("epoch", ["root_epoch", "mac_epoch"])
def test_a_row_of_an_epoch_nobody_pinned_is_a_mismatch(hsm: Hsm, epoch: str) -> None:
    changed = {epoch: 2}
    with pytest.raises(HsmMismatch if epoch == "mac_epoch" else BadData):
        hsm.ring.verify(hsm.mine._replace(**changed), b"mine")  # type: ignore[arg-type]


def test_every_bit_of_a_row_counts(hsm: Hsm) -> None:
    for name in ("blob", "binding", "check_value"):
        value = bytearray(getattr(hsm.mine, name))
        for position in range(len(value)):
            changed = bytes(value[:position]) + bytes([value[position] ^ 1])
            changed += bytes(value[position + 1 :])
            with pytest.raises(BadData):
                hsm.ring.verify(hsm.mine._replace(**{name: changed}), b"mine")


def test_an_hsm_that_unwraps_to_another_key_is_not_believed(
    hsm: Hsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = in_session(hsm)
    unwrap = Token.unwrap
    monkeypatch.setattr(
        Token,
        "unwrap",
        lambda token, root, spec, _: unwrap(token, root, spec, hsm.theirs.blob),
    )
    with pytest.raises(BadData):
        hsm.ring.encrypt(hsm.mine, b"mine", IV, TEXT, AAD)
    assert in_session(hsm) == empty


def test_a_thousand_bad_ciphertexts_cost_no_session(hsm: Hsm) -> None:
    sealed = hsm.ring.encrypt(hsm.mine, b"mine", IV, TEXT, AAD)
    before = (hsm.token.initialisations, hsm.token.logins, hsm.token.generation)
    refused = 0
    for index in range(1000):
        data, iv = bytearray(sealed), IV
        if index % 5 == 0:
            data[index % len(data)] ^= 1 << index % 8
        elif index % 5 == 1:
            data = data[: index % len(data)]
        elif index % 5 == 2:
            iv = IV[: index % 12]
        elif index % 5 == 3:
            data += bytes(index)
        else:
            iv = index.to_bytes(12, "big")
        with pytest.raises(BadData):
            hsm.ring.decrypt(hsm.mine, b"mine", iv, bytes(data), AAD)
        refused += 1
    after = (hsm.token.initialisations, hsm.token.logins, hsm.token.generation)
    assert refused == 1000
    assert after == before
    assert hsm.ring.decrypt(hsm.mine, b"mine", IV, sealed, AAD) == TEXT


def test_the_cache_holds_its_bound_and_destroys_the_rest(hsm: Hsm) -> None:
    before = in_session(hsm)
    rows = [
        (name, hsm.ring.generate("AES_256", name)) for name in map(_name, range(30))
    ]
    assert in_session(hsm) == before
    for name, version in rows:
        hsm.ring.encrypt(version, name, IV, TEXT, AAD)
    assert hsm.ring.cached_handles == 10
    assert in_session(hsm) == before + 10


def test_the_least_recently_used_key_makes_room(
    hsm: Hsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        (name, hsm.ring.generate("AES_256", name)) for name in map(_name, range(11))
    ]
    unwrapped = []
    unwrap = Token.unwrap
    monkeypatch.setattr(
        Token, "unwrap", lambda *call: unwrapped.append(call[3]) or unwrap(*call)
    )
    for index in [*range(10), 0, 10, 0, 1]:
        name, version = rows[index]
        hsm.ring.encrypt(version, name, IV, TEXT, AAD)
    # The eleventh pushed out number 1: number 0 had been used since.
    assert unwrapped == [version.blob for _, version in [*rows, rows[1]]]


def test_a_handle_expires_within_sixty_seconds(
    hsm: Hsm, time: list[datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = in_session(hsm)
    unwrapped = []
    unwrap = Token.unwrap
    monkeypatch.setattr(
        Token, "unwrap", lambda *call: unwrapped.append(call[3]) or unwrap(*call)
    )
    for seconds, times in [(0, 1), (54, 1), (55, 2), (109, 2), (110, 3), (-3600, 4)]:
        time[0] = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
        hsm.ring.encrypt(hsm.mine, b"mine", IV, TEXT, AAD)
        assert len(unwrapped) == times, seconds
    assert in_session(hsm) == empty + 1


def test_what_expires_unused_is_destroyed_by_the_next_use_of_any_key(
    hsm: Hsm, time: list[datetime]
) -> None:
    empty = in_session(hsm)
    hsm.ring.encrypt(hsm.mine, b"mine", IV, TEXT, AAD)
    time[0] += timedelta(seconds=61)
    hsm.ring.encrypt(hsm.theirs, b"theirs", IV, TEXT, AAD)
    assert in_session(hsm) == empty + 1
    time[0] += timedelta(seconds=61)
    assert hsm.ring.status().ready
    assert in_session(hsm) == empty


def test_an_evicted_blob_leaves_the_hsm_at_once(hsm: Hsm) -> None:
    empty = in_session(hsm)
    hsm.ring.encrypt(hsm.mine, b"mine", IV, TEXT, AAD)
    hsm.ring.encrypt(hsm.theirs, b"theirs", IV, TEXT, AAD)
    hsm.ring.evict(hsm.mine.blob)
    assert (hsm.ring.cached_handles, in_session(hsm)) == (1, empty + 1)


def test_a_key_evicted_while_in_use_is_destroyed_by_its_last_user(hsm: Hsm) -> None:
    empty = in_session(hsm)
    hsm.ring.encrypt(hsm.mine, b"mine", IV, TEXT, AAD)
    (key,) = hsm.ring._handles._leases
    first, second = (hsm.ring._handles.borrow(key) for _ in range(2))
    assert first
    assert second
    assert first is second
    hsm.ring.evict(hsm.mine.blob)
    assert in_session(hsm) == empty + 1
    hsm.ring._handles.release(first)
    assert in_session(hsm) == empty + 1
    hsm.ring._handles.release(second)
    assert in_session(hsm) == empty


@pytest.mark.parametrize("closed", [True, False])
def test_who_cleans_up_after_a_given_up_session_leaves_the_present_one_alone(
    hsm: Hsm, time: list[datetime], *, closed: bool
) -> None:
    former = Token(hsm.token._connection._settings)
    given_up = Keyring(former, lambda: hsm.pins)
    given_up.encrypt(hsm.mine, b"mine", IV, TEXT, AAD)
    if closed:
        former.close()
    # The module is the process's: this takes it over and ends the session of before.
    hsm.ring.encrypt(hsm.mine, b"mine", IV, TEXT, AAD)
    kept, logins, generation = in_session(hsm), former.logins, hsm.token.generation
    (lease,) = given_up._handles._leases.values()
    assert kept == 1
    time[0] += timedelta(seconds=54)
    given_up._handles._watched()
    assert len(given_up._handles) == 1
    time[0] += timedelta(seconds=2)
    given_up._handles._watched()
    former.destroy(lease.handle)
    assert len(given_up._handles) == 0
    assert former.logins == logins
    assert hsm.token.generation == generation
    assert in_session(hsm) == kept


def test_a_handle_destroyed_behind_its_back_is_unwrapped_again(hsm: Hsm) -> None:
    hsm.ring.encrypt(hsm.mine, b"mine", IV, TEXT, AAD)
    before = hsm.token.initialisations
    for key in objects(hsm.token, in_token=False):
        key.destroy()
    assert len(hsm.ring.encrypt(hsm.mine, b"mine", IV, TEXT, AAD)) == len(TEXT) + 16
    assert hsm.token.initialisations == before


def test_a_session_closed_behind_its_back_is_opened_again(hsm: Hsm) -> None:
    hsm.ring.encrypt(hsm.mine, b"mine", IV, TEXT, AAD)
    before = hsm.token.initialisations
    # As another library in the process might do; the recovery may take half a second.
    hsm.token._connection._recovery._retry_at = float("-inf")
    hsm.token._connection._session.close()
    hsm.ring.encrypt(hsm.mine, b"mine", IV, TEXT, AAD)
    assert hsm.token.initialisations == before + 1


def test_a_secret_is_bound_to_its_additional_data(hsm: Hsm) -> None:
    epoch, sealed = hsm.ring.seal_secret(TEXT, b"row 1")
    assert hsm.ring.open_secret(epoch, sealed, b"row 1") == TEXT
    with pytest.raises(BadData):
        hsm.ring.open_secret(epoch, sealed, b"row 2")
    for size in (0, 11, 12, 27, len(sealed) - 1):
        with pytest.raises(BadData):
            hsm.ring.open_secret(epoch, sealed[:size], b"row 1")


def test_the_same_secret_never_looks_the_same(hsm: Hsm) -> None:
    sealed = {hsm.ring.seal_secret(TEXT, b"")[1][:12] for _ in range(50)}
    assert len(sealed) == 50


def test_random_bytes_have_the_wanted_length_and_do_not_repeat(hsm: Hsm) -> None:
    drawn = [hsm.ring.random(length) for length in (1, 16, 32, 1024)]
    assert [len(piece) for piece in drawn] == [1, 16, 32, 1024]
    assert hsm.ring.random(32) != drawn[2]


def test_material_from_outside_is_used_like_any(hsm: Hsm) -> None:
    version = hsm.ring.wrap("AES_256", b"mine", bytes(32))
    again = hsm.ring.wrap("AES_256", b"theirs", bytes(32))
    assert version.check_value == again.check_value
    sealed = hsm.ring.encrypt(version, b"mine", IV, TEXT, AAD)
    assert hsm.ring.decrypt(again, b"theirs", IV, sealed, AAD) == TEXT


@pytest.mark.parametrize("size", [0, 16, 24, 31, 33])
def test_material_of_another_length_is_refused(hsm: Hsm, size: int) -> None:
    with pytest.raises(BadData):
        hsm.ring.wrap("AES_256", b"mine", bytes(size))


def test_the_check_value_is_not_the_hash_key_of_gcm(hsm: Hsm) -> None:
    version = hsm.ring.wrap("AES_256", b"mine", bytes(32))
    # AES-256 with a zero key of the zero block: FIPS 197's own example of it.
    zero = bytes.fromhex("dc95c078a2408989ad48a21492842087")
    assert version.check_value != zero[:8]


def test_nothing_shows_in_reprs(hsm: Hsm) -> None:
    handle = hsm.token.find_object(hsm.pins[-1].object_id, HierarchyKind.ROOT)
    assert "key=" not in repr(handle)
    assert "pin" not in repr(hsm.token._connection._settings).replace("kms", "")


def test_no_pins_is_down_and_makes_nothing(hsm: Hsm) -> None:
    before = len(objects(hsm.token, in_token=True))
    ring = Keyring(hsm.token, list)
    with pytest.raises(HsmDown):
        ring.generate("AES_256", b"mine")
    status = ring.status()
    assert not status.ready
    assert "init_hsm" in status.detail
    assert len(objects(hsm.token, in_token=True)) == before


def test_a_version_is_a_value() -> None:
    one = WrappedVersion("AES_256", b"blob", b"binding", 1, 1, b"check")
    assert one == one._replace()
    assert hash(one) == hash(one._replace())


def _name(index: int) -> bytes:
    return f"key {index}".encode()
