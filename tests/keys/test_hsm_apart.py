"""RSA pairs come from a process of their own: nobody waits, nothing shows."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from keys.hsm import apart
from keys.hsm.errors import HsmDown, HsmMismatch, HsmPinRefused
from keys.hsm.keyring import HierarchyKind, Keyring, initialise_hierarchy
from keys.hsm.templates import KEY_SPECS
from keys.hsm.token import Token
from tests.hsm_support import LABEL, TokenFolder, module_path, objects, token_folder

IV = bytes(range(12))


class Hsm:
    """A token whose PIN can be changed, and a keyring over it."""

    def __init__(self, folder: TokenFolder, token: Token) -> None:
        self.folder = folder
        self.token = token
        self.pins = initialise_hierarchy(token)
        self.ring = Keyring(token, lambda: self.pins)
        self.root_id = next(
            pin.object_id for pin in self.pins if pin.kind is HierarchyKind.ROOT
        )


@pytest.fixture
def hsm() -> Iterator[Hsm]:
    with token_folder() as folder:
        token = folder.token()
        yield Hsm(folder, token)
        token.close()


def spied(monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]) -> list[Any]:
    """Note how the process is started, with `change` made to it."""
    started: list[Any] = []
    run = subprocess.run

    def start(command: list[str], **options: Any) -> Any:
        started.append((command, dict(options)))
        return run(**{**options, "args": command, **change})

    monkeypatch.setattr(apart.subprocess, "run", start)
    return started


def test_others_go_on_encrypting_while_a_pair_is_generated(
    hsm: Hsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = hsm.ring.generate("AES_256", b"x")
    gaps, stop = [], threading.Event()
    slow = apart.generate_pair

    def generate(*call: Any) -> Any:
        # However lucky the search for primes is, this takes long enough to be seen.
        time.sleep(0.5)
        return slow(*call)

    monkeypatch.setattr(apart, "generate_pair", generate)

    def encrypt() -> None:
        last = time.monotonic()
        while not stop.is_set():
            hsm.ring.encrypt(version, b"x", IV, b"", b"")
            gaps.append(time.monotonic() - last)
            last = time.monotonic()

    thread = threading.Thread(target=encrypt)
    thread.start()
    started = time.monotonic()
    pair = hsm.ring.generate("RSA_3072_SIGN", b"y")
    taken = time.monotonic() - started
    stop.set()
    thread.join()
    assert len(gaps) > 100 * taken
    assert max(gaps) < 0.9 * taken
    hsm.ring.verify(pair, b"y")


@pytest.mark.parametrize("name", [n for n, s in KEY_SPECS.items() if not s.slow])
def test_what_is_fast_is_made_in_this_process(
    hsm: Hsm, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    started = spied(monkeypatch, {})
    hsm.ring.generate(name, b"x")
    assert started == []


def test_the_pin_is_in_neither_arguments_nor_environment(
    hsm: Hsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PKCS11_PIN", hsm.folder.pin)
    started = spied(monkeypatch, {})
    before = len(objects(hsm.token, in_token=True))
    hsm.ring.generate("RSA_2048_SIGN", b"x")
    ((command, options),) = started
    pin = hsm.folder.pin
    assert pin not in " ".join(command)
    assert not [name for name, value in options["env"].items() if pin in value]
    assert options["env"]["SOFTHSM2_CONF"] == os.environ["SOFTHSM2_CONF"]
    assert pin.encode() in options["input"]
    assert len(objects(hsm.token, in_token=True)) == before
    assert len(objects(hsm.token, in_token=False)) == 0


def test_a_process_that_dies_hangs_or_babbles_is_down(
    hsm: Hsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    hsm.ring.generate("AES_256", b"x")
    for change in [
        {"args": [sys.executable, "-c", "import os; os.abort()"]},
        {"args": [sys.executable, "-c", "print('no pair')"]},
        {"args": [sys.executable, "-c", "import time; time.sleep(9)"], "timeout": 1},
        {"args": ["/no/such/interpreter"]},
    ]:
        with monkeypatch.context() as patched:
            spied(patched, change)
            with pytest.raises(HsmDown) as refusal:
                hsm.ring.generate("RSA_2048_SIGN", b"x")
        assert refusal.value.__cause__ is None
        assert hsm.folder.pin not in str(refusal.value)
    assert hsm.ring.generate("AES_256", b"x")


def test_a_pin_the_other_process_is_refused_with_is_not_tried_again(hsm: Hsm) -> None:
    right = hsm.folder.pin
    hsm.ring.generate("AES_256", b"x")
    hsm.folder.pin = "wrong"
    logins = hsm.token.logins
    for _ in range(3):
        with pytest.raises(HsmPinRefused) as refusal:
            hsm.ring.generate("RSA_2048_SIGN", b"x")
        assert "wrong" not in str(refusal.value)
    assert hsm.token.logins == logins + 1
    assert hsm.ring.generate("AES_256", b"x")
    hsm.folder.pin = right
    assert hsm.ring.generate("RSA_2048_SIGN", b"x")


def test_a_token_that_is_away_is_down_before_a_process_is_started(
    hsm: Hsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    hsm.ring.generate("AES_256", b"x")
    started = spied(monkeypatch, {})
    hsm.folder.remove()
    hsm.token.close()
    with pytest.raises(HsmDown):
        hsm.ring.generate("RSA_2048_SIGN", b"x")
    assert started == []


def test_a_root_that_is_not_there_is_down_and_none_is_made(hsm: Hsm) -> None:
    before = len(objects(hsm.token, in_token=True))
    settings = hsm.folder.settings()
    with pytest.raises(HsmDown):
        apart.generate_pair(settings, hsm.folder.pin, b"no such id", "RSA_2048_SIGN")
    assert len(objects(hsm.token, in_token=True)) == before


def test_a_pair_wrapped_under_another_root_is_refused(
    hsm: Hsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = next(
        pin.object_id
        for pin in initialise_hierarchy(hsm.token)
        if pin.kind is HierarchyKind.ROOT
    )
    generate = apart.generate_pair
    monkeypatch.setattr(
        apart,
        "generate_pair",
        lambda settings, pin, _, spec: generate(settings, pin, foreign, spec),
    )
    with pytest.raises(HsmMismatch):
        hsm.ring.generate("RSA_2048_SIGN", b"x")
    assert len(objects(hsm.token, in_token=False)) == 0


def test_the_process_needs_no_django_and_says_nothing_but_its_answer() -> None:
    order = (
        f'{{"module": "{module_path()}", "label": "not {LABEL}", "pin": "geheim",'
        ' "root": "00", "spec": "RSA_2048_SIGN"}'
    )
    code = (
        "import runpy, sys;"
        "runpy.run_module('keys.hsm.generator', run_name='__main__');"
        "assert 'django' not in sys.modules"
    )
    process = subprocess.run(
        [sys.executable, "-c", code],
        input=order.encode(),
        capture_output=True,
        check=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert process.stdout == b'{"error": "HsmDown"}'
    assert process.stderr == b""
