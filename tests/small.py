"""A small application behind the real web server, and what talks to it.

The server's workers import this module; bounds are given by the environment.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from kmsconsole import upkeep, wire
from kmsconsole.intake import Intake
from kmsconsole.places import Places
from kmsconsole.unfinished import Unfinished
from tests.surroundings import ROOT, free_port

SECRET, MOST_BODY, PLACES = "hunter2", 131_072, 2
_kept: list[bytearray] = []
_seen: dict[str, int] = {}


class Streamed:
    """An answer in pieces, that knows how it ended."""

    streaming = True

    def __init__(self, pieces: int, fault_at: int | None = None) -> None:
        self._pieces, self._fault_at = pieces, fault_at

    def __iter__(self) -> Iterator[bytes]:
        for number in range(self._pieces):
            if number == self._fault_at:
                raise ValueError(SECRET)
            yield b"%08d" % number * 8192

    def close(self) -> None:
        """Count."""
        _count("closed")


def _count(what: str) -> None:
    _seen[what] = _seen.get(what, 0) + 1


def _worked(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    path, query = environ["PATH_INFO"], environ["QUERY_STRING"]
    body = environ["wsgi.input"].read()
    _count(path)
    if path == "/fault":
        raise ValueError(SECRET)
    headers = [("Content-Type", "text/plain"), ("X-Said", "yes")]
    if path == "/header":
        headers.append(("X-Given", "a\r\nX-Injected: b"))
    if path == "/stream":
        start_response("200 OK", headers)
        pieces, _, fault_at = query.partition(",")
        return Streamed(int(pieces), int(fault_at) if fault_at else None)
    if path == "/slow":
        time.sleep(float(query))
    if path == "/grow":
        _kept.append(bytearray(os.urandom(2**20)) * int(query))
    if path == "/large":
        content = b"x" * int(query)
    else:
        told = {name: text for name, text in environ.items() if isinstance(text, str)}
        more = {"pid": os.getpid(), "body": body[:100].decode(), "length": len(body)}
        content = json.dumps(told | more | {"seen": _seen}).encode()
    headers.append(("Content-Length", str(len(content))))
    start_response("200 OK", headers)
    return [content]


class _Quick:
    def takes(self, environ: Mapping[str, Any]) -> bool:
        return bool(environ["PATH_INFO"] == "/quick")

    async def answer(
        self, environ: Mapping[str, Any]
    ) -> tuple[list[tuple[bytes, bytes]], bytes]:
        content = b"%d" % len(environ["wsgi.input"].read())
        return [(b"content-length", b"%d" % len(content))], content


application = Intake(
    _Quick(), Places(_worked, PLACES, most_waiting=5, patience=3), MOST_BODY
)


class Server:
    """A running web server; `said` is what it has printed."""

    def __init__(self, port: int, process: "subprocess.Popen[str]") -> None:
        self.port, self.process = port, process
        self.said = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line

    def wait(self, seconds: float = 20) -> int:
        """Wait for its end; returns the exit code."""
        code = self.process.wait(seconds)
        self._reader.join(5)
        return code

    def exchange(self, *parts: bytes, seconds: float = 5, pause: float = 0.05) -> bytes:
        """Send bytes, part by part; return all that came until an end or silence."""
        answer = b""
        with socket.create_connection(("127.0.0.1", self.port), 5) as wire_:
            with suppress(OSError):
                for part in parts:
                    wire_.sendall(part)
                    time.sleep(pause if len(parts) > 1 else 0)
            wire_.settimeout(seconds)
            with suppress(OSError):
                while part := wire_.recv(65536):
                    answer += part
        return answer

    def ask(self, target: str, *headers: str, method: str = "GET") -> dict[str, Any]:
        """Return what the application was asked."""
        head = "".join(f"{header}\r\n" for header in (*headers, "Connection: close"))
        sent = f"{method} {target} HTTP/1.1\r\nHost: a\r\n{head}\r\n"
        answer = self.exchange(sent.encode("latin-1"), seconds=20)
        told: dict[str, Any] = json.loads(answer.partition(b"\r\n\r\n")[2])
        return told


def answers(said: bytes) -> list[dict[str, Any]]:
    """Return what each of several answers holds."""
    found, decoder = [], json.JSONDecoder()
    for part in said.split(b"HTTP/1.1 200 OK\r\n")[1:]:
        body = part.partition(b"\r\n\r\n")[2].decode()
        found.append(decoder.raw_decode(body)[0])
    return found


@contextmanager
def small_server(
    *, workers: int = 1, module: str = "tests.small", wait: bool = True, **more: Any
) -> Iterator[Server]:
    """Run the web server with the small application; `more` are its bounds."""
    port = more.pop("port", None) or free_port()
    tls = more.pop("tls", None)
    address = more.pop("address", "127.0.0.1")
    program = (
        "from kmsconsole import wire; import os;"
        f"wire.HEAD_SECONDS = {float(more.get('HEAD_SECONDS', 15))};"
        "from kmsconsole.web import serve;"
        f"serve({address!r}, {port}, {workers}, {tls!r}, {module!r})"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=os.environ
        | {"PYTHONUNBUFFERED": "1"}
        | {f"SMALL_{name}": str(value) for name, value in more.items()},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        running = Server(port, process)
        try:
            if wait:
                _wait(address, port, process)
            yield running
        finally:
            if process.poll() is None:
                process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait(address: str, port: int, process: "subprocess.Popen[str]") -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError), socket.create_connection((address, port), 1):
            return
        time.sleep(0.05)
    message = "the server did not start"
    raise AssertionError(message)


if "SMALL_FAULT" in os.environ:
    raise RuntimeError(os.environ["SMALL_FAULT"])
if "SMALL_EXIT" in os.environ:
    os._exit(int(os.environ["SMALL_EXIT"]))
if "SMALL_BYTES" in os.environ:
    upkeep.begin(int(os.environ["SMALL_BYTES"]), 0.2)
if "SMALL_HELD_BYTES" in os.environ:
    held = int(os.environ["SMALL_HELD_BYTES"])
    wire._requests = Unfinished(40, held)
    wire._answers = Unfinished(40, held)
wire.HEAD_SECONDS = float(os.environ.get("SMALL_HEAD_SECONDS", wire.HEAD_SECONDS))
