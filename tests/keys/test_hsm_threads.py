"""Eight threads in the HSM at once, in a process of their own, which a fault kills.

Run as a module it is that process: `python -m tests.keys.test_hsm_threads SECONDS`.
"""

import faulthandler
import json
import os
import random  # noqa: TID251 - which call comes next, nothing secret
import subprocess
import sys
import threading
import time
from collections import Counter

from keys.hsm.errors import BadData
from keys.hsm.keyring import Keyring, WrappedVersion
from tests.hsm_support import keyring, objects

THREADS = 8
# Fewer handles than keys, so that keys are unwrapped, evicted and destroyed all along.
CAPACITY = 12
KEYS = 40


class Worker(threading.Thread):
    """One thread of mixed work; every result is checked."""

    def __init__(
        self, number: int, ring: Keyring, versions: list[WrappedVersion], until: float
    ) -> None:
        super().__init__()
        self.number = number
        self.ring = ring
        self.versions = versions
        self.until = until
        self.done: Counter[str] = Counter()
        self.failure = ""
        self.random = random.Random(number)

    def run(self) -> None:
        work = [
            *[self.round_trip] * 8,
            self.generate,
            self.evict,
            self.refused,
            self.secret,
            self.other,
        ]
        try:
            while time.monotonic() < self.until:
                chosen = self.random.choice(work)
                chosen()
                self.done[chosen.__name__] += 1
        except BaseException as error:  # noqa: BLE001 - reported by the parent
            self.failure = repr(error)

    def _any(self) -> tuple[WrappedVersion, bytes]:
        index = self.random.randrange(len(self.versions))
        return self.versions[index], str(index).encode()

    def round_trip(self) -> None:
        version, name = self._any()
        text = self.random.randbytes(self.random.randrange(4097))
        iv = self.random.randbytes(12)
        sealed = self.ring.encrypt(version, name, iv, text, name)
        assert self.ring.decrypt(version, name, iv, sealed, name) == text

    def generate(self) -> None:
        version = self.ring.generate("AES_256", b"new")
        assert len(self.ring.encrypt(version, b"new", bytes(12), b"", b"")) == 16
        self.ring.evict(version.blob)

    def evict(self) -> None:
        version, name = self._any()
        self.ring.evict(version.blob)
        self.ring.verify(version, name)

    def refused(self) -> None:
        version, name = self._any()
        try:
            self.ring.decrypt(version, name, bytes(12), bytes(40), name)
        except BadData:
            return
        raise AssertionError

    def secret(self) -> None:
        epoch, sealed = self.ring.seal_secret(b"secret", b"row")
        assert self.ring.open_secret(epoch, sealed, b"row") == b"secret"

    def other(self) -> None:
        assert len(self.ring.random(32)) == 32
        assert self.ring.sign_audit(b"message")[0] == 1
        assert self.ring.status().ready


def main(seconds: float) -> None:
    """Work for so long, then print what was done as JSON."""
    faulthandler.enable()
    # The interpreter changes threads a hundred times as often as it would.
    sys.setswitchinterval(0.00005)
    with keyring(capacity=CAPACITY) as (ring, token, _):
        versions = [ring.generate("AES_256", str(n).encode()) for n in range(KEYS)]
        in_token = len(objects(token, in_token=True))
        until = time.monotonic() + seconds
        workers = [Worker(n, ring, versions, until) for n in range(THREADS)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        report = {
            "failures": [worker.failure for worker in workers if worker.failure],
            "done": dict(sum((worker.done for worker in workers), Counter())),
            "idle": [worker.number for worker in workers if not worker.done],
            "initialisations": token.initialisations,
            "logins": token.logins,
            "cached": ring.cached_handles,
            "session objects": len(objects(token, in_token=False)),
            "new in token": len(objects(token, in_token=True)) - in_token,
        }
    sys.stdout.write(json.dumps(report))


def test_eight_threads_neither_crash_nor_cross_nor_leak() -> None:
    seconds = os.environ.get("KMS_TEST_HSM_SECONDS", "60")
    process = subprocess.run(
        [sys.executable, "-m", "tests.keys.test_hsm_threads", seconds],
        capture_output=True,
        text=True,
        check=False,
        timeout=float(seconds) + 60,
    )
    assert process.returncode == 0, process.stderr[-4000:]
    report = json.loads(process.stdout)
    assert report["failures"] == []
    assert report["idle"] == []
    assert set(report["done"]) == {
        "round_trip",
        "generate",
        "evict",
        "refused",
        "secret",
        "other",
    }
    assert report["initialisations"] == 1
    assert report["logins"] == 1
    assert report["new in token"] == 0
    assert report["cached"] == report["session objects"] <= CAPACITY


if __name__ == "__main__":
    main(float(sys.argv[1]))
