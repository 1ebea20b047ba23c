"""The session of a process: forks, PINs, several ways to one module."""

import os
import threading
from collections.abc import Callable, Iterator

import pytest

from keys.hsm.errors import HsmPinRefused, StaleHandle
from keys.hsm.keyring import HierarchyKind, Keyring, Pin, initialise_hierarchy
from keys.hsm.templates import KEY_SPECS
from keys.hsm.token import Handle, Token, TokenSettings
from tests.hsm_support import TokenFolder, module_path, token_folder

IV = bytes(range(12))
SPEC = KEY_SPECS["AES_256"]


@pytest.fixture
def folder() -> Iterator[TokenFolder]:
    with token_folder() as folder:
        yield folder


@pytest.fixture
def token(folder: TokenFolder) -> Iterator[Token]:
    token = folder.token()
    yield token
    token.close()


@pytest.fixture
def pins(token: Token) -> list[Pin]:
    return initialise_hierarchy(token)


def in_child(work: Callable[[], bool]) -> bool:
    """Fork, do the work there, and say whether it returned true."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if work() else 1)
        finally:
            os._exit(2)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def test_a_child_is_told_from_its_parent_by_the_test_itself() -> None:
    assert in_child(lambda: True)
    assert not in_child(lambda: False)
    assert not in_child(lambda: 1 // 0 == 0)


def test_a_forked_child_opens_its_own_session(token: Token, pins: list[Pin]) -> None:
    ring = Keyring(token, lambda: pins)
    version = ring.generate("AES_256", b"x")
    sealed = ring.encrypt(version, b"x", IV, b"text", b"")

    def work() -> bool:
        initialised = token.initialisations
        assert ring.cached_handles == 0
        assert ring.decrypt(version, b"x", IV, sealed, b"") == b"text"
        assert token.initialisations == initialised + 1
        return ring.status().ready

    assert in_child(work)
    assert in_child(lambda: in_child(work))
    before = token.initialisations
    assert ring.decrypt(version, b"x", IV, sealed, b"") == b"text"
    assert token.initialisations == before


def test_a_child_may_be_forked_while_a_thread_is_in_the_hsm(
    token: Token, pins: list[Pin]
) -> None:
    ring = Keyring(token, lambda: pins)
    version = ring.generate("AES_256", b"x")
    inside, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        with token._connection._module.lock, ring._handles._lock:
            inside.set()
            go_on.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait(30)
    try:
        assert in_child(lambda: len(ring.encrypt(version, b"x", IV, b"", b"")) == 16)
    finally:
        go_on.set()
        thread.join()


def test_a_fork_that_python_did_not_see_is_noticed_by_the_process_id(
    token: Token, pins: list[Pin]
) -> None:
    ring = Keyring(token, lambda: pins)
    version = ring.generate("AES_256", b"x")
    before = token.initialisations
    token._connection._module.pid = -1
    assert len(ring.encrypt(version, b"x", IV, b"", b"")) == 16
    assert token.initialisations == before + 1


def test_a_handle_of_an_earlier_session_is_never_used(
    token: Token, pins: list[Pin]
) -> None:
    root_pin = next(pin for pin in pins if pin.kind is HierarchyKind.ROOT)
    root = token.find_object(root_pin.object_id, HierarchyKind.ROOT)
    mine, theirs = (token.generate_wrapped(root, SPEC) for _ in range(2))

    def unwrapped(blob: bytes) -> tuple[Handle, Handle]:
        token.close()
        root = token.find_object(root_pin.object_id, HierarchyKind.ROOT)
        return root, token.unwrap(root, SPEC, blob)

    old_root, old = unwrapped(mine)
    _, new = unwrapped(theirs)
    # The very number of the old handle is another key's now.
    assert old.key.handle == new.key.handle
    with pytest.raises(StaleHandle):
        token.encrypt_gcm(old, IV, b"", b"")
    with pytest.raises(StaleHandle):
        token.unwrap(old_root, SPEC, mine)
    token.destroy(old)
    assert len(token.encrypt_gcm(new, IV, b"", b"")) == 16


def test_two_ways_to_one_module_take_turns(folder: TokenFolder, token: Token) -> None:
    pins = initialise_hierarchy(token)
    one, other = Keyring(token, lambda: pins), Keyring(folder.token(), lambda: pins)
    version = one.generate("AES_256", b"x")
    sealed = one.encrypt(version, b"x", IV, b"text", b"")
    assert other.decrypt(version, b"x", IV, sealed, b"") == b"text"
    assert one.decrypt(version, b"x", IV, sealed, b"") == b"text"


def test_a_wrong_pin_is_one_login(folder: TokenFolder) -> None:
    folder.pin = "wrong"
    token = folder.token()
    ring = Keyring(token, list)
    for _ in range(20):
        with pytest.raises(HsmPinRefused):
            token.random(1)
        assert not ring.status().ready
        assert not token.status().ready
    assert token.logins == 1
    assert "wrong" not in token.status().detail
    assert "PIN" in token.status().detail


def test_a_corrected_pin_needs_no_restart(folder: TokenFolder) -> None:
    right, folder.pin = folder.pin, "wrong"
    token = folder.token()
    with pytest.raises(HsmPinRefused):
        token.random(1)
    folder.pin = right
    assert len(token.random(1)) == 1
    assert token.logins == 2
    token.close()


def test_no_such_module_or_token_is_down_and_says_which(folder: TokenFolder) -> None:
    absent = Token(TokenSettings("/no/such/module.so", "label", lambda: "pin"))
    assert not absent.status().ready
    assert absent.logins == 0
    other = Token(TokenSettings(module_path(), "another label", lambda: "pin"))
    assert "label" in other.status().detail
    assert other.logins == 0
