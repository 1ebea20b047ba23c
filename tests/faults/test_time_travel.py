"""Eight days in a moment: processes believe libfaketime, files stay as they are.

Needs Debian's package faketime; where it can't be had, this is left out and says so.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults import sizes
from tests.server import RunningServer, data_folder, environment, manage
from tests.surroundings import ROOT, free_port

pytestmark = pytest.mark.xdist_group("server")

STEADY_SECONDS = 4


@pytest.fixture(scope="module", autouse=True)
def faketime() -> str:
    """Return the library that is loaded before all others; `make` installs it."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        pytest.skip("libfaketime is missing: sudo apt-get install faketime")
    return str(found[0])


@pytest.fixture
def home() -> Iterator[Path]:
    with data_folder() as lent:
        yield lent


def appoint(env: dict[str, str]) -> str:
    """Let a service that is stopped have a key with a waiting period of 7 days."""
    with tempfile.TemporaryDirectory() as name:
        ledger = str(Path(name) / "ledger")
        done = subprocess.run(
            [sys.executable, "-m", "tests.faults.crowd", "appoint", ledger],
            cwd=ROOT,
            env=env | {"DJANGO_SETTINGS_MODULE": "kmsconsole.settings"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout.splitlines()[-1]))


def later(env: dict[str, str], library: str, span: str) -> dict[str, str]:
    """Return the environment of a process whose clock is ahead."""
    return env | {"LD_PRELOAD": library, "FAKETIME": span}


def swept(env: dict[str, str]) -> dict[str, Any]:
    """Run the sweep of destructions; return its figures."""
    done = manage(env, "sweep", "destruction", "--json")
    assert done.returncode == 0, done.stderr
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])["destruction"]
    return figures


HELD = {"due": 1, "done": 0, "held": 1, "failed": 0}
DONE = {"due": 1, "done": 1, "held": 0, "failed": 0}
NOTHING = {"due": 0, "done": 0, "held": 0, "failed": 0}


def test_after_a_stop_of_eight_days_the_key_goes_when_the_clock_was_steady(
    home: Path, faketime: str
) -> None:
    steady = {"KMS_CLOCK_STEADY_SECONDS": str(STEADY_SECONDS)}
    env = environment(home, free_port(), **steady)
    appoint(env)
    assert swept(env) == NOTHING
    # A day before its day no time is steady enough.
    early = later(env, faketime, "+6d")
    assert swept(early) == NOTHING
    time.sleep(STEADY_SECONDS + 1)
    assert swept(early) == NOTHING
    due = later(env, faketime, "+8d")
    assert swept(due) == HELD
    time.sleep(STEADY_SECONDS + 1)
    assert swept(due) == DONE
    assert swept(due) == NOTHING
    sizes.say(
        "time travel: stopped for 8 days; nothing after 6 days, held at first, "
        f"destroyed once after {STEADY_SECONDS} steady seconds"
    )


def test_a_clock_ahead_of_a_live_service_destroys_nothing_until_confirmed(
    home: Path, faketime: str
) -> None:
    env = environment(home, free_port())
    appoint(env)
    with RunningServer.started(home) as running:
        assert swept(running.env) == NOTHING
        ahead = later(running.env, faketime, "+8d")
        assert swept(ahead) == HELD
        assert swept(ahead) == HELD
        confirmed = manage(ahead, "clock", "confirm", "--json")
        assert confirmed.returncode == 0, confirmed.stderr
        doubt = json.loads(confirmed.stdout.splitlines()[-1])
        assert swept(ahead) == DONE
        assert swept(running.env) == NOTHING
    sizes.say(
        "time travel: 8 days ahead of a live service; held twice "
        f"(doubt: {doubt['Doubt']}), destroyed once after the confirmation"
    )
