"""The real service, started as a person would, in a data folder of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from tests.services import given
from tests.surroundings import REGIONS, ROOT, borrow_softhsm, free_port, is_ambient

PASSWORD = "Correct-Horse-Battery-9"
READY = "kmsconsole is ready"
_PATIENCE_SECONDS = 90


def environment(home: Path, port: int, **more: str) -> dict[str, str]:
    """Return an environment without anything the machine's own says to the service."""
    kept = {name: text for name, text in os.environ.items() if not is_ambient(name)}
    return (
        kept
        | given.environment(home)
        | {
            "KMS_HOME": str(home),
            "KMS_PORT": str(port),
            "KMS_REGIONS": REGIONS,
            "KMS_ADMIN_PASSWORD": PASSWORD,
            **more,
        }
    )


def manage(env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a management command to its end."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE_SECONDS,
    )


@contextmanager
def data_folder() -> Iterator[Path]:
    """Lend an empty data folder."""
    home = Path(tempfile.mkdtemp(prefix="kmsconsole-server-"))
    borrow_softhsm(home)
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@dataclass
class RunningServer:
    """A service that is ready; `lines` is what it has printed so far."""

    home: Path
    port: int
    env: dict[str, str]
    process: subprocess.Popen[str]
    account: int = 0
    seconds_to_ready: float = 0.0
    lines: list[str] = field(default_factory=list)

    @property
    def base_url(self) -> str:
        """Return where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def password(self) -> str:
        """Return the first password of `admin`."""
        return self.env["KMS_ADMIN_PASSWORD"]

    @property
    def ready_line(self) -> str:
        """Return the line people wait for."""
        return next(line for line in self.lines if READY in line)

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a management command on the same data folder."""
        return manage(self.env, *arguments)

    def run(
        self, *arguments: str, patience: float = _PATIENCE_SECONDS
    ) -> subprocess.CompletedProcess[str]:
        """Run Python with these arguments in the service's own environment."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.env | {"DJANGO_SETTINGS_MODULE": "kmsconsole.settings"},
            capture_output=True,
            text=True,
            check=False,
            timeout=patience,
        )
        assert done.returncode == 0, done.stderr
        return done

    @cached_property
    def access_key(self) -> dict[str, str]:
        """SecretId and SecretKey of `admin`, made by command, once."""
        done = self.manage("create_access_key", "--user", "admin", "--json")
        assert done.returncode == 0, done.stderr
        made: dict[str, str] = json.loads(done.stdout)
        return made

    def stop(self, number: int = signal.SIGINT) -> int:
        """Send a signal and wait; returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=30)

    @classmethod
    @contextmanager
    def started(
        cls, home: Path | None = None, *, port: int | None = None, **more: str
    ) -> Iterator["RunningServer"]:
        """Start the service and wait until it says that it is ready."""
        if home is None:
            with data_folder() as lent, cls.started(lent, port=port, **more) as running:
                yield running
            return
        port = port or free_port()
        env = environment(home, port, **more)
        with subprocess.Popen(
            [sys.executable, "manage.py", "runall"],
            cwd=ROOT,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            running = cls(home, port, env, process)
            try:
                running._wait()
                yield running
            finally:
                running._end()

    def _wait(self) -> None:
        ready = threading.Event()
        began = time.monotonic()

        def read() -> None:
            assert self.process.stdout is not None
            for line in self.process.stdout:
                self.lines.append(line.rstrip())
                if READY in line:
                    self.seconds_to_ready = time.monotonic() - began
                    self.account = int(line.split("account ")[1].split()[0])
                    ready.set()
            ready.set()

        self._reader = threading.Thread(target=read, daemon=True)
        self._reader.start()
        assert ready.wait(_PATIENCE_SECONDS), "\n".join(self.lines)
        assert any(READY in line for line in self.lines), "\n".join(self.lines)

    def _end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._reader.join(timeout=10)
