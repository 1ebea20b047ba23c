"""The token folder is moved away and back while it is used: nothing but waiting."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from keys.hsm.errors import HsmDown
from keys.hsm.keyring import Keyring, initialise_hierarchy
from tests.hsm_support import TokenFolder, objects, token_folder

IV = bytes(range(12))
TEXT = b"text"


@dataclass
class Load:
    """Threads that use the keyring without a pause; each call's outcome is counted."""

    calls: list[Callable[[], object]]
    outcomes: list[tuple[float, str]] = field(default_factory=list)
    slowest: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Load":
        self.threads = [
            threading.Thread(target=self.repeat, args=(call,)) for call in self.calls
        ]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join(30)
        assert not any(thread.is_alive() for thread in self.threads)

    def repeat(self, call: Callable[[], object]) -> None:
        while not self.stop.is_set():
            began = time.monotonic()
            try:
                call()
                outcome = "done"
            except HsmDown:
                outcome = "refused"
                # Callers that are refused come back; they do not spin.
                self.stop.wait(0.005)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is counted
                outcome = repr(error)
            ended = time.monotonic()
            self.slowest = max(self.slowest, ended - began)
            self.outcomes.append((ended, outcome))

    def since(self, moment: float) -> Counter[str]:
        return Counter(outcome for at, outcome in self.outcomes if at >= moment)


def wait_for(condition: Callable[[], bool], seconds: float) -> float:
    """Return how long it took; fails after `seconds`."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds
        time.sleep(0.01)
    return time.monotonic() - began


@pytest.mark.parametrize("away", [0.3, 2.0, 4.0])
def test_a_token_that_goes_and_comes_back(away: float) -> None:
    with token_folder() as folder:
        _outage(folder, away)


def _outage(folder: TokenFolder, away: float) -> None:
    token = folder.token()
    pins = initialise_hierarchy(token)
    ring = Keyring(token, lambda: pins)
    version = ring.generate("AES_256", b"x")
    sealed = ring.encrypt(version, b"x", IV, TEXT, b"")
    in_token = len(objects(token, in_token=True))

    def decrypt() -> None:
        assert ring.decrypt(version, b"x", IV, sealed, b"") == TEXT

    def decrypt_uncached() -> None:
        ring.evict(version.blob)
        decrypt()

    load = Load([decrypt, decrypt_uncached, lambda: ring.generate("AES_256", b"y")])
    with load:
        wait_for(lambda: load.since(0)["done"] > 50, 10)
        assert set(load.since(0)) == {"done"}
        folder.remove()
        gone = time.monotonic()
        if away >= 1.5:
            wait_for(lambda: not ring.status().ready, 1.0)
            time.sleep(1.1)
            blind = time.monotonic()
            time.sleep(max(0.0, away - (blind - gone)))
            # From one second after its loss on, nothing gets through.
            assert set(load.since(blind)) == {"refused"}
        else:
            time.sleep(away)
        assert not folder.tokens.exists()
        folder.restore()
        back = time.monotonic()
        took = wait_for(lambda: load.since(back)["done"] > 0, 5.0)
        assert took < 5.0
        wait_for(lambda: load.since(back)["done"] > 100, 5.0)
        settled = time.monotonic()
        time.sleep(0.5)
        assert set(load.since(settled)) == {"done"}
    # Refused cleanly: no other error, and nobody waited (a busy machine aside).
    assert set(load.since(0)) <= {"done", "refused"}
    assert load.slowest < 2.0
    assert ring.status().ready
    assert len(objects(token, in_token=True)) == in_token
    ring.verify_hierarchy()
    token.close()


def test_cached_keys_alone_notice_within_a_second_that_the_token_is_gone() -> None:
    with token_folder() as folder:
        token = folder.token()
        pins = initialise_hierarchy(token)
        ring = Keyring(token, lambda: pins)
        version = ring.generate("AES_256", b"x")
        ring.encrypt(version, b"x", IV, TEXT, b"")
        folder.remove()
        time.sleep(1.1)
        with pytest.raises(HsmDown):
            ring.encrypt(version, b"x", IV, TEXT, b"")
        folder.restore()


def test_the_readiness_follows_the_token_within_a_second() -> None:
    with token_folder() as folder:
        token = folder.token()
        pins = initialise_hierarchy(token)
        ring = Keyring(token, lambda: pins)
        assert ring.status().ready
        folder.remove()
        status = ring.status()
        assert not status.ready
        assert status.detail
        folder.restore()
        wait_for(lambda: ring.status().ready, 5.0)
        token.close()


def test_a_process_that_starts_without_the_token_finds_it_later() -> None:
    with token_folder() as folder:
        first = folder.token()
        pins = initialise_hierarchy(first)
        version = Keyring(first, lambda: pins).generate("AES_256", b"x")
        first.close()
        folder.remove()
        token = folder.token()
        ring = Keyring(token, lambda: pins)
        for _ in range(20):
            with pytest.raises(HsmDown):
                ring.verify_hierarchy()
        folder.restore()
        wait_for(lambda: ring.status().ready, 5.0)
        ring.verify(version, b"x")
        token.close()


def test_another_token_of_the_same_label_is_not_taken_for_it() -> None:
    with token_folder() as folder:
        first = folder.token()
        pins = initialise_hierarchy(first)
        first.close()
        folder.remove()
        replaced = TokenFolder(folder.path)
        token = replaced.token()
        ring = Keyring(token, lambda: pins)
        with pytest.raises(HsmDown):
            ring.generate("AES_256", b"x")
        assert not ring.status().ready
        stranger = replaced.token()
        assert objects(stranger, in_token=True) == []
        stranger.close()
