"""kill -9 of web, worker and beat at random, under load and while keys fall due.

The service is the real one, `manage.py runall`, on a data folder of its own. A web
worker is started again by the web server; where one of the others dies the whole
service ends, by design, and is started again as systemd would.
"""

import json
import math
import os
import signal
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from random import Random  # noqa: TID251 - chance that can be had again

import pytest

from tests import canary
from tests.faults import sizes
from tests.faults.load import Load
from tests.processes import leader_of, wait_until, workers_of
from tests.server import RunningServer, data_folder
from tests.surroundings import free_port

# Starts whole services: side by side they would only wait for each other.
pytestmark = pytest.mark.xdist_group("server")

# What is killed, and how often of a hundred times; but for the first all end all.
TARGETS = {"web worker": 92, "web": 2, "worker": 2, "beat": 2, "everything": 2}
# A machine that does much else ends what it has to end late.
PATIENCE_SECONDS = 120
_PARTS = {"web": "kmsconsole.web", "worker": "worker", "beat": "beat"}
LEAST_BETWEEN = 4
SETTLED_SECONDS = 6
# One is killed while others settle; the load keeps all of them busy.
WORKERS, CLIENTS = 3, 4


def settled_of(web: int) -> set[int]:
    """Return the web workers that are old enough to be killed.

    One that has only begun answers nothing yet, and its death would show nothing.
    """
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    latest = (uptime - SETTLED_SECONDS) * os.sysconf("SC_CLK_TCK")
    return {pid for pid in workers_of(web) if started_at(pid) < latest}


def started_at(pid: int) -> float:
    """Return when a process was started, in clock ticks since the machine was.

    One that has ended meanwhile will never have been.
    """
    try:
        told = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return math.inf
    return int(told.rpartition(")")[2].split()[19])


class Victims:
    """A service that is killed part by part, and started again where it ended."""

    def __init__(self, home: Path, chance: Random) -> None:
        self.home, self.chance = home, chance
        self.port = free_port()
        self.killed: Counter[str] = Counter()
        self.starts = 0
        self.lines: list[str] = []
        self._stack = ExitStack()
        self.start()

    def start(self) -> None:
        """Start all of it, on the same port."""
        self.starts += 1
        started = RunningServer.started(
            self.home, port=self.port, KMS_WORKERS=str(WORKERS)
        )
        self.running = self._stack.enter_context(started)

    def end(self) -> None:
        """Stop it, and keep what it printed."""
        self._stack.close()
        self.lines += self.running.lines

    def kill(self) -> None:
        """Kill one part; afterwards the service runs again."""
        target = self.chance.choices(list(TARGETS), weights=list(TARGETS.values()))[0]
        self.killed[target] += 1
        if target == "everything":
            self.running.process.kill()
        elif target == "web worker":
            web = leader_of(self.home, "kmsconsole.web")
            assert wait_until(lambda: bool(settled_of(web)), PATIENCE_SECONDS)
            os.kill(min(settled_of(web)), signal.SIGKILL)
            return
        else:
            os.kill(leader_of(self.home, _PARTS[target]), signal.SIGKILL)
        assert wait_until(lambda: self.ended, PATIENCE_SECONDS), target

    @property
    def ended(self) -> bool:
        """Whether the service as a whole is not there."""
        return self.running.process.poll() is not None

    def start_again(self) -> None:
        """Do what systemd does with a service that ended."""
        if self.ended:
            self.end()
            self.start()

    def survive(self, load: Load) -> None:
        """Wait until requests are answered again."""
        before = load.answered

        def answers() -> bool:
            self.start_again()
            return load.answered >= before + LEAST_BETWEEN

        assert wait_until(answers, 90), f"no answers any more: {load.counts}"


def finish(victims: Victims) -> None:
    """Let the sweeps do what is still due."""
    for _ in range(2):
        done = victims.running.manage("sweep", "--json")
        assert done.returncode == 0, done.stdout + done.stderr


def test_no_kill_loses_or_doubles_anything() -> None:
    rounds, seed = sizes.of("kills"), sizes.seed()
    chance, began = Random(seed), time.monotonic()
    deletions = rotations = max(10, rounds // 2)
    with data_folder() as home, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        victims = Victims(home, chance)
        try:
            secret = victims.running.access_key
            words = (str(folder / "ledger-due"), str(deletions), str(rotations))
            victims.running.run(
                *("-m", "tests.faults.due", *words, str(2 * rounds)),
                patience=sizes.LONGEST_SECONDS,
            )
            load = Load(victims.port, secret, folder, seed, CLIENTS)
            for _ in range(rounds):
                victims.survive(load)
                time.sleep(chance.random() / 2)
                victims.kill()
            victims.survive(load)
            load.stop()
            finish(victims)
            everything = folder / "ledger"
            everything.write_bytes(
                b"".join(path.read_bytes() for path in folder.glob("ledger-*"))
            )
            judged = victims.running.run(
                *("-m", "tests.faults.invariants", str(everything)),
                patience=sizes.LONGEST_SECONDS,
            )
        finally:
            victims.end()
        printed = "\n".join(victims.lines)
    seen = json.loads(judged.stdout.splitlines()[-1])
    counts = seen["counts"]
    sizes.say(
        f"kills: {rounds} rounds ({dict(victims.killed)}), {victims.starts} starts, "
        f"{load.answered:,} runs of requests, {load.counts['cut off']} cut off, "
        f"{counts['acknowledged']:,} answers, {counts['keys']:,} keys, "
        f"{counts['ciphertexts']:,} ciphertexts, {counts['rotations']:,} rotations, "
        f"{counts['destroyed']:,} destructions, {len(seen['broken'])} broken, seed "
        f"{seed}, {time.monotonic() - began:.0f} s"
    )
    assert not seen["broken"], "\n".join(seen["broken"])
    assert not load.counts["wrong plaintext"]
    assert counts["destroyed"] == deletions
    assert not any(word in printed.encode() for word in canary.forms("CANARY-faults"))
