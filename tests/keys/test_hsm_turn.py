"""Processes that open one token at the same moment are all let in."""

import fcntl
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from keys.hsm import turn
from keys.hsm.token import Token
from tests.hsm_support import TokenFolder, token_folder

PROCESSES = 6
TIMES = 20


@pytest.fixture
def folder() -> Iterator[TokenFolder]:
    with token_folder() as folder:
        yield folder


def opened_again_and_again(folder: TokenFolder) -> int:
    """Fork a process that opens the token many times; its exit code counts failures."""
    child = os.fork()
    if child:
        return child
    failures = 100
    try:
        ready = []
        for _ in range(TIMES):
            token = folder.token()
            ready.append(token.status().ready)
            token.close()
        failures = ready.count(False)
    finally:
        os._exit(failures)


def test_processes_that_log_in_at_once_all_find_the_token(folder: TokenFolder) -> None:
    # SoftHSM shows an empty token.object to whoever looks while another one logs in.
    children = [opened_again_and_again(folder) for _ in range(PROCESSES)]
    statuses = [os.waitpid(child, 0)[1] for child in children]
    assert [os.waitstatus_to_exitcode(status) for status in statuses] == [0] * PROCESSES


def test_one_that_hangs_in_its_turn_does_not_keep_others_out(
    folder: TokenFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "_LONGEST_SECONDS", 0.3)
    lock = folder.settings().lock
    assert lock is not None
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        token = folder.token()
        began = time.monotonic()
        assert token.status().ready
        assert 0.3 <= time.monotonic() - began < 3
    token.close()


def test_the_turn_ends_also_for_a_child_that_was_forked_in_it(tmp_path: Path) -> None:
    path = tmp_path / "login.lock"
    with turn.turn(path):
        child = os.fork()
        if not child:
            time.sleep(30)
            os._exit(0)
    try:
        with path.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


def test_a_folder_that_can_not_be_written_to_needs_no_turn(folder: TokenFolder) -> None:
    settings = replace(folder.settings(), lock=folder.path / "none" / "login.lock")
    token = Token(settings)
    assert token.status().ready
    token.close()
