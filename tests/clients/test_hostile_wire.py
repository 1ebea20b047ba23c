"""Bytes that no client sends, to the running service: refused, and nobody waits."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from kmsconsole.silence import SILENT_SECONDS
from tests.api.wire import Message
from tests.clients.sdk import Connect, ask
from tests.server import RunningServer

pytestmark = pytest.mark.xdist_group("server")

HEAD = "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-TC-Action: ListKeys\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n"
JSON = "Content-Type: application/json\r\n"


def exchange(server: RunningServer, data: bytes, seconds: float = 5) -> bytes:
    """Send bytes and return what comes back until the service or time ends it."""
    answer = b""
    with socket.create_connection(("127.0.0.1", server.port), seconds) as wire:
        wire.settimeout(seconds)
        try:
            wire.sendall(data)
            while part := wire.recv(65536):
                answer += part
        except OSError:
            # It closed the connection, or waits for more of a request.
            pass
    return answer


SMUGGLED = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.mark.parametrize(
    "head",
    [
        # Two lengths, or a length and chunks: two readers would part them differently.
        f"{HEAD}{JSON}Content-Length: 2\r\nContent-Length: 60\r\n\r\n{{}}{SMUGGLED}",
        f"{HEAD}{JSON}Content-Length: 2\r\n{CHUNKED}\r\n0\r\n\r\n{SMUGGLED}",
        f"{HEAD}{JSON}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{SMUGGLED}",
        f"{HEAD}{JSON}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{SMUGGLED}",
        f"{HEAD}{JSON}Content-Length: +2\r\n\r\n{{}}{SMUGGLED}",
        f"{HEAD}{JSON}Content-Length: 2 \x0b\r\n\r\n{{}}{SMUGGLED}",
        f"{HEAD}{JSON}Content-Length : 2\r\n\r\n{{}}{SMUGGLED}",
        f"{HEAD}{JSON}Content-Length: 0x2\r\n\r\n{{}}{SMUGGLED}",
        f"{HEAD}{JSON} Content-Length: 2\r\n\r\n{{}}{SMUGGLED}",
    ],
)
def test_a_request_inside_a_request_is_not_answered(
    server: RunningServer, head: str
) -> None:
    answer = exchange(server, head.encode("latin-1"), 1)
    # At most the refusal of the first one; never the page that was smuggled in.
    assert answer.count(b"HTTP/1.1 200") <= 1
    assert b"ListKeys" not in answer
    if b"HTTP/1.1 200" in answer:
        body = answer.partition(b"\r\n\r\n")[2]
        assert "Error" in json.loads(body[: body.rindex(b"}") + 1])["Response"]


@pytest.mark.parametrize(
    "data",
    [
        b"\x00" * 100,
        b"\x16\x03\x01" + bytes(200),
        b"GET " + b"/" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\n" + b"X: " + b"y" * 1_000_000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + b"A: b\r\n" * 5_000 + b"\r\n",
        b"POST / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_noise_is_refused_and_the_service_goes_on(
    server: RunningServer, connect: Connect, data: bytes
) -> None:
    answer = exchange(server, data, 1)
    assert b"InternalError" not in answer
    assert b"Traceback" not in answer
    assert ask(connect(), "GetRegions").Regions


def lines(message: Message, authorization: str) -> str:
    """Return the head of a request without its length and its last line."""
    named = message.sent_headers() | {"authorization": authorization}
    told = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"{message.method} / HTTP/1.1\r\n{told}"


@pytest.fixture
def signed(server: RunningServer) -> str:
    """The head of GetRegions with an empty object, correctly signed."""
    message = Message("GetRegions", host=f"127.0.0.1:{server.port}")
    return lines(message, authorization(server, message))


def authorization(server: RunningServer, message: Message) -> str:
    key = server.access_key
    signature = message.signature(key["SecretKey"])
    return message.authorization(key["SecretId"], signature)


def answers(data: bytes) -> list[dict[str, object]]:
    """Return what each JSON answer in these bytes holds."""
    parts = data.split(b"HTTP/1.1 200 OK\r\n")[1:]
    return [json.loads(part.partition(b"\r\n\r\n")[2])["Response"] for part in parts]


LENGTH, END = "Content-Length: 2\r\n", "\r\n{}"


@pytest.mark.parametrize(
    "more",
    [
        # Lines that go on in the next one, and what some readers cut or skip.
        "X-Folded: a\r\n b\r\n",
        "Transfer-Encoding:\r\n chunked\r\n",
        "X-Nothing: a\x00b\r\n",
        "X-Return: a\rb\r\n",
        "X\x00: a\r\n",
        ": a\r\n",
        "no colon\r\n",
        "X-Big: " + "y" * 200_000 + "\r\n",
        "X: y\r\n" * 200,
    ],
)
def test_heads_with_two_readings_are_not_answered(
    server: RunningServer, signed: str, more: str
) -> None:
    assert answers(exchange(server, f"{signed}{LENGTH}{END}".encode(), 1))
    answer = exchange(server, f"{signed}{more}{LENGTH}{END}".encode("latin-1"), 1)
    assert b" 200 " not in answer


def test_an_extension_of_a_chunk_means_nothing(
    server: RunningServer, signed: str
) -> None:
    formed = f"{signed}{CHUNKED}\r\n2;a=b\r\n{{}}\r\n0\r\n\r\n"
    (answered,) = answers(exchange(server, formed.encode(), 1))
    assert "Regions" in answered


@pytest.mark.parametrize(
    "body",
    [
        "2;" + "x" * 1_000_000 + "\r\n{}\r\n0\r\n\r\n",
        "0x2\r\n{}\r\n0\r\n\r\n",
        "-2\r\n{}\r\n0\r\n\r\n",
        "2\r\n{}\r\nffffffffffffffffff\r\n",
        "2\r\n{}0\r\n\r\n",
        "zz\r\n{}\r\n",
    ],
)
def test_nothing_is_read_behind_chunks_out_of_form(
    server: RunningServer, signed: str, body: str
) -> None:
    # What came before the fault may count: the signature covers exactly that.
    data = f"{signed}{CHUNKED}\r\n{body}{SMUGGLED}".encode()
    assert exchange(server, data, 1).count(b"HTTP/1.1 ") == 1


def test_a_length_beside_chunks_ends_the_connection(
    server: RunningServer, signed: str
) -> None:
    # Chunks count, as the protocol says; what follows is read by nobody.
    head = f"{signed}{LENGTH}{CHUNKED}\r\n2\r\n{{}}\r\n0\r\n\r\n{SMUGGLED}"
    began = time.monotonic()
    answer = exchange(server, head.encode(), 10)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert time.monotonic() - began < 10


def test_a_host_elsewhere_is_not_believed(server: RunningServer, signed: str) -> None:
    absolute = signed.replace("POST / ", "POST http://other.example/ ", 1)
    (answered,) = answers(exchange(server, f"{absolute}{LENGTH}{END}".encode(), 1))
    assert "Regions" in answered
    host = f"host: 127.0.0.1:{server.port}\r\n"
    for other in ("host: other.example\r\n", f"{host}host: other.example\r\n"):
        head = absolute.replace(host, other)
        (answered,) = answers(exchange(server, f"{head}{LENGTH}{END}".encode(), 1))
        error = answered["Error"]
        assert isinstance(error, dict)
        assert error["Code"] == "AuthFailure.SignatureFailure"


def test_requests_behind_each_other_are_answered_in_turn(
    server: RunningServer,
) -> None:
    sent, actions = "", ("GetRegions", "ListAlgorithms", "GetServiceStatus") * 20
    for action in actions:
        message = Message(action, host=f"127.0.0.1:{server.port}")
        sent += f"{lines(message, authorization(server, message))}{LENGTH}{END}"
    said = answers(exchange(server, sent.encode(), 3))
    marks = {"GetRegions": "Regions", "ListAlgorithms": "SymmetricAlgorithms"}
    wanted = [marks.get(action, "ServiceEnabled") for action in actions]
    assert [mark in answer for mark, answer in zip(wanted, said, strict=True)] == (
        [True] * len(actions)
    )


@contextmanager
def waiting(
    server: RunningServer, number: int, data: bytes
) -> Iterator[list[socket.socket]]:
    """Hold so many connections open, on each of which this was sent."""
    with ExitStack() as stack:
        held = []
        for _ in range(number):
            wire = socket.create_connection(("127.0.0.1", server.port), 5)
            held.append(stack.enter_context(wire))
            wire.sendall(data)
        yield held


def awaited(server: RunningServer) -> bytes:
    """Return a request whose body does not come, of somebody who may be known."""
    message = Message(body=b"x" * 1000, host=f"127.0.0.1:{server.port}")
    someone = message.authorization("AKIDnobody", "0" * 64)
    return f"{lines(message, someone)}Content-Length: 1000\r\n\r\n{{".encode()


def resident(server: RunningServer) -> int:
    """Return the memory of the service's processes, in bytes."""
    parents: dict[int, int] = {}
    pages: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            pid = int(folder.name)
            parents[pid], pages[pid] = int(fields[1]), int(fields[21])
    ours, before = {server.process.pid}, 0
    while len(ours) > before:
        before = len(ours)
        ours |= {pid for pid, parent in parents.items() if parent in ours}
    return sum(pages.get(pid, 0) for pid in ours) * 4096


@pytest.fixture(scope="module")
def forgotten(server: RunningServer) -> Iterator[tuple[float, list[socket.socket]]]:
    """Requests that were begun when this module was, and are never finished."""
    page = b"POST /login/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    form = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 99\r\n"
    file = (
        b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 200000\r\n"
    )
    with (
        waiting(server, 8, awaited(server)) as to_the_api,
        waiting(server, 8, page + form + b"\r\na=") as to_a_page,
        waiting(server, 16, page + file + b"\r\n--x\r\n") as with_a_file,
    ):
        # Of large bodies few are awaited; the others are refused at once.
        yield time.monotonic(), [*to_the_api, *to_a_page, *with_a_file]


MOST_GROWTH = 200 * 2**20


@pytest.mark.usefixtures("forgotten")
@pytest.mark.parametrize(
    ("number", "more"),
    [
        # More than there are threads that work, and than a server usually takes.
        (300, ""),
        (1500, None),
        (800, "X: " + "y" * 60_000),
    ],
)
def test_slow_clients_hold_nobody_up(
    server: RunningServer, connect: Connect, number: int, more: str | None
) -> None:
    client, before = connect(), resident(server)
    assert ask(client, "GetRegions").Regions
    sent = (
        b"" if more is None else f"{HEAD}{more}".encode() if more else awaited(server)
    )
    with waiting(server, number, sent):
        began = time.monotonic()
        for _ in range(5):
            assert ask(client, "GetRegions").Regions
        assert time.monotonic() - began < 10
        assert resident(server) - before < MOST_GROWTH


def ended(wire: socket.socket, until: float) -> bool:
    """Say whether the service ends this connection before a moment comes."""
    with suppress(OSError):
        while (left := until - time.monotonic()) > 0:
            wire.settimeout(left)
            if not wire.recv(65536):
                return True
        return False
    return time.monotonic() < until


def test_a_head_byte_by_byte_gets_no_more_time(
    server: RunningServer, signed: str
) -> None:
    with waiting(server, 1, b"") as (wire,):
        began = time.monotonic()
        with suppress(OSError):
            for byte in f"{signed}X-Long: {'y' * 500}".encode():
                wire.sendall(bytes([byte]))
                time.sleep(0.1)
        assert 10 < time.monotonic() - began < 30


def test_a_body_byte_by_byte_is_taken_as_one(server: RunningServer) -> None:
    body = json.dumps({"Limit": 1}).encode()
    message = replace(Message(), body=body, host=f"127.0.0.1:{server.port}")
    head = lines(message, authorization(server, message))
    with waiting(server, 1, f"{head}Content-Length: {len(body)}\r\n\r\n".encode()) as (
        wire,
    ):
        for byte in body:
            time.sleep(0.05)
            wire.sendall(bytes([byte]))
        said = b""
        # Head and content may come apart.
        while not said.endswith(b"}") and (part := wire.recv(65536)):
            said += part
        (answered,) = answers(said)
    assert "TotalCount" in answered


def test_what_is_never_finished_is_ended(
    forgotten: tuple[float, list[socket.socket]], connect: Connect
) -> None:
    began, wires = forgotten
    assert all(ended(wire, began + SILENT_SECONDS + 20) for wire in wires)
    assert ask(connect(), "GetRegions").Regions
