"""Starts what is measured, on free ports of loopback, and stops it again."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.load import Prepared, Signer

ROOT = Path(__file__).resolve().parent.parent
MOTO = ROOT / ".venv-bench" / "bin" / "moto_server"
_PATIENCE_SECONDS = 60.0
_AMBIENT = ("KMS_", "PKCS11_", "DATABASE_URL", "CELERY_", "SOFTHSM2", "DJANGO_")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(home: Path, **more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_AMBIENT)}
    return kept | {"KMS_HOME": str(home), "PYTHONPATH": str(ROOT), **more}


def send(port: int, request: Prepared) -> dict[str, Any]:
    """Send one request and return its answer's `Response`."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", "/", request.body, request.headers)
    answer: dict[str, Any] = json.load(connection.getresponse())
    connection.close()
    return answer


@contextmanager
def process(command: list[str], env: dict[str, str], port: int) -> Iterator[int]:
    """Run a server until the block ends; yields its port once it listens."""
    started = subprocess.Popen(
        command,
        cwd=ROOT,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait(port, started)
        yield port
    finally:
        if started.poll() is None:
            os.killpg(started.pid, signal.SIGTERM)
        try:
            started.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(started.pid, signal.SIGKILL)
            started.wait()


def _wait(port: int, started: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if started.poll() is not None:
            message = f"{started.args!r} ended with code {started.returncode}"
            raise SystemExit(message)
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/healthz")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.1)
        else:
            return
    message = f"{started.args!r} did not answer in {_PATIENCE_SECONDS} s"
    raise SystemExit(message)


@contextmanager
def prepared_home(**more: str) -> Iterator[Path]:
    """Make a data folder as `make run` does, with everything but a running service."""
    home = Path(tempfile.mkdtemp(prefix="kmsconsole-bench-"))
    port = free_port()
    env = environment(
        home, KMS_PORT=str(port), KMS_ADMIN_PASSWORD="Bench-Mark-2026-x", **more
    )
    try:
        with process([sys.executable, "manage.py", "runall"], env, port):
            pass
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def access_key(env: dict[str, str], user: str = "admin") -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "manage.py", "create_access_key", "--user", user, "--json"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        check=True,
    )
    made: dict[str, str] = json.loads(done.stdout)
    return made


def sqlite(home: Path, synchronous: str) -> str:
    """Return the URL of the embedded database with this durability."""
    return (
        f"sqlite:///{home / 'kms.sqlite3'}?transaction_mode=IMMEDIATE&timeout=20"
        f"&init_command=PRAGMA journal_mode=WAL;PRAGMA synchronous={synchronous};"
    )


@contextmanager
def service(env: dict[str, str], workers: int) -> Iterator[int]:
    """Run the web processes as `runall` does; worker and beat have no part here."""
    port = free_port()
    command = [sys.executable, "-m", "kmsconsole.web", "127.0.0.1"]
    with process([*command, str(port), str(workers)], env, port):
        yield port


@contextmanager
def noop(env: dict[str, str], workers: int) -> Iterator[int]:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.noop"]
    with process([*command, str(port), str(workers)], env, port):
        yield port


@contextmanager
def moto() -> Iterator[int]:
    port = free_port()
    command = [str(MOTO), "-H", "127.0.0.1", "-p", str(port)]
    with process(command, dict(os.environ), port):
        yield port


def moto_request(port: int, action: str, parameters: dict[str, str]) -> Prepared:
    """Return a request of moto's API; it checks no signature."""
    return Prepared(
        {
            "Host": f"127.0.0.1:{port}",
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"TrentService.{action}",
            "Authorization": (
                "AWS4-HMAC-SHA256 Credential=AKIAX/20260101/us-east-1/kms/"
                "aws4_request, SignedHeaders=host, Signature=0"
            ),
        },
        json.dumps(parameters),
    )


def create_key(port: int, signer: Signer) -> str:
    request = signer.sign(
        "CreateKey", {"Alias": f"bench-{time.time_ns()}"}, int(time.time())
    )
    key_id: str = send(port, request)["Response"]["KeyId"]
    return key_id
