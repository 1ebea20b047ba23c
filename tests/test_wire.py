"""What comes over a connection, to the real web server: bounded, and read one way."""

import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from kmsconsole.wire import MOST_BEHIND, MOST_HEAD_BYTES, MOST_HEADERS
from tests.small import MOST_BODY, SECRET, Server, answers, small_server

HEAD = b"POST /echo HTTP/1.1\r\nHost: a\r\n"
GET = b"GET /echo HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
SECONDS = 2.0


@pytest.fixture(scope="module")
def small() -> Iterator[Server]:
    with small_server(HEAD_SECONDS=SECONDS) as running:
        yield running


def refused(said: bytes) -> bool:
    """Say whether this is the bare refusal of the only request, and the end."""
    return said.startswith(b"HTTP/1.1 400 ") and said.count(b"HTTP/1.1 ") == 1


def test_a_connection_takes_one_request_after_the_other(small: Server) -> None:
    said = answers(small.exchange(GET, HEAD + b"Content-Length: 2\r\n\r\n{}", LAST))
    assert [(each["PATH_INFO"], each["body"]) for each in said] == [
        ("/echo", ""),
        ("/echo", "{}"),
        ("/last", ""),
    ]


@pytest.mark.parametrize("size", [1, 7, 50, 10**6])
def test_requests_behind_each_other_are_answered_in_turn(
    small: Server, size: int
) -> None:
    sent = b"".join(
        b"GET /%d HTTP/1.1\r\nHost: a\r\nX: %b\r\n\r\n" % (number, b"y" * 20)
        for number in range(MOST_BEHIND)
    )
    sent = (sent if size > 1 else sent[:300]) + LAST if size > 1 else GET + LAST
    parts = [sent[at : at + size] for at in range(0, len(sent), size)]
    said = answers(small.exchange(*parts, pause=0.001, seconds=10))
    wanted = [f"/{number}" for number in range(MOST_BEHIND)] if size > 1 else ["/echo"]
    assert [each["PATH_INFO"] for each in said] == [*wanted, "/last"]


def test_too_many_behind_each_other_are_refused(small: Server) -> None:
    said = small.exchange(b"GET /slow?1 HTTP/1.1\r\nHost: a\r\n\r\n" * 5_000)
    assert refused(said)


def test_large_bodies_behind_each_other_are_no_large_head(small: Server) -> None:
    whole = HEAD + b"Content-Length: 60000\r\n\r\n" + b"x" * 60_000
    said = answers(small.exchange(whole * 4 + LAST[:20], LAST[20:], seconds=10))
    assert [each["length"] for each in said] == [60_000] * 4 + [0]


@pytest.mark.parametrize(
    ("parts", "is_read"),
    [
        ([HEAD, b"X: " + b"y" * 60_000, b"\r\n\r\n"], True),
        ([HEAD + b"X: " + b"y" * 60_000 + b"\r\n\r\n"], True),
        ([HEAD, *[b"X: " + b"y" * 10_000 + b"\r\n"] * 6, b"\r\n"], True),
        ([HEAD + b"X: " + b"y" * MOST_HEAD_BYTES + b"\r\n\r\n"], False),
        ([HEAD, b"X: " + b"y" * MOST_HEAD_BYTES, b"\r\n\r\n"], False),
        ([HEAD, *[b"X: " + b"y" * 10_000 + b"\r\n"] * 7], False),
        ([GET + HEAD, *[b"X: " + b"y" * 10_000 + b"\r\n"] * 7], False),
        ([b"GET /" + b"y" * MOST_HEAD_BYTES], False),
        ([b"GET /" + b"y" * MOST_HEAD_BYTES + b" HTTP/1.1\r\nHost: a\r\n\r\n"], False),
        ([b"\r\n" * MOST_HEAD_BYTES], False),
        ([HEAD + b"X: y\r\n" * (MOST_HEADERS - 1) + b"\r\n"], True),
        ([HEAD + b"X: y\r\n" * MOST_HEADERS + b"\r\n"], False),
        ([HEAD, *[b"X: y\r\n" * 10] * 11], False),
    ],
)
def test_a_head_is_bounded(small: Server, parts: list[bytes], is_read: bool) -> None:
    said = small.exchange(*parts, seconds=1)
    if parts[0].startswith(GET):
        assert said.startswith(b"HTTP/1.1 200 ")
        said = said[said.index(b"HTTP/1.1 400 ") :]
    assert refused(said) != is_read
    assert said.startswith(b"HTTP/1.1 200 ") == is_read


def test_a_slow_head_and_a_silent_connection_are_ended(small: Server) -> None:
    for before in (b"", GET):
        for more in (b"", b"GET / HTTP/1.1\r\nX: "):
            with socket.create_connection(("127.0.0.1", small.port), 5) as wire:
                began, dripped = time.monotonic(), 0
                wire.sendall(before + more)
                while time.monotonic() - began < 3 * SECONDS:
                    time.sleep(0.1)
                    with suppress(OSError):
                        wire.sendall(b"y" if more else b"\r\n")
                    wire.settimeout(0.01)
                    try:
                        if not wire.recv(65536):
                            break
                    except TimeoutError:
                        dripped += 1
                    except OSError:
                        break
                assert dripped > 5
                assert SECONDS - 0.5 < time.monotonic() - began < 2 * SECONDS


def test_time_for_a_head_is_not_time_for_an_answer(small: Server) -> None:
    request = b"GET /slow?%.1f HTTP/1.1\r\nHost: a\r\n\r\n" % (SECONDS * 1.5)
    said = answers(small.exchange(GET + request[:9], request[9:], seconds=SECONDS * 3))
    assert [each["PATH_INFO"] for each in said] == ["/echo", "/slow"]


def test_http_1_0_ends_after_an_answer(small: Server) -> None:
    said = small.exchange(b"GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" * 2)
    (answered,) = answers(said)
    assert answered["SERVER_PROTOCOL"] == "HTTP/1.0"
    assert b"connection: close" in said


@pytest.mark.parametrize(
    "line",
    [
        b"GET / HTTP/2.0",
        b"GET / HTTP/0.9",
        b"GET /",
        b"GET / HTTP/1.2",
        b"CONNECT a:1 HTTP/1.1",
        b"GET a/b HTTP/1.1",
        b"G\xcbT / HTTP/1.1",
    ],
)
def test_other_protocols_are_refused(small: Server, line: bytes) -> None:
    assert refused(small.exchange(line + b"\r\nHost: a\r\n\r\n" + GET, seconds=1))


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\n\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n\n",
        b"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET / HTTP/1.1\r\n Host: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHo st: a\r\n\r\n",
        b"GET / x HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        b"POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\nx",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
    ],
)
def test_what_two_readers_could_part_differently_is_refused(
    small: Server, head: bytes
) -> None:
    assert refused(small.exchange(head + LAST, seconds=1))


def test_a_head_alone_is_answered_without_content(small: Server) -> None:
    said = small.exchange(b"HEAD /large?5 HTTP/1.1\r\nHost: a\r\n\r\n" + LAST)
    first, _, rest = said.partition(b"\r\n\r\n")
    assert b"content-length: 5" in first
    assert rest.startswith(b"HTTP/1.1 200 OK")


def test_who_waits_to_be_asked_for_a_body_is_asked(small: Server) -> None:
    head = HEAD + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    said = small.exchange(head, b"{}" + LAST)
    assert said.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert [each["body"] for each in answers(said)] == ["{}", ""]


def test_bodies_in_chunks(small: Server) -> None:
    head = HEAD + b"Transfer-Encoding: chunked\r\n"
    said = small.exchange(
        head + b"\r\n1\r\n{\r\n", b"1;a=b\r\n", b"}\r\n0\r\n", b"\r\n" + LAST
    )
    assert [each["body"] for each in answers(said)] == ["{}", ""]


def test_what_follows_a_body_is_no_header(small: Server) -> None:
    head = HEAD + b"Transfer-Encoding: chunked\r\nX-Real: a\r\n\r\n2\r\n{}\r\n0\r\n"
    trailer = b"X-Forwarded-For: 192.0.2.1\r\nX-Real: b\r\n\r\n"
    for parts in ([head + trailer + LAST], [head, trailer, LAST]):
        first, last = answers(small.exchange(*parts))
        assert first["HTTP_X_REAL"] == "a"
        assert "HTTP_X_FORWARDED_FOR" not in first | last


def test_spaces_round_a_value_are_none_of_it(small: Server) -> None:
    assert small.ask("/", "X-Some:  a b \t ")["HTTP_X_SOME"] == "a b"
    assert small.ask("/", "X-None: \t")["HTTP_X_NONE"] == ""


@pytest.mark.parametrize("offer", ["h2c", "websocket", "anything"])
def test_an_offer_of_another_protocol_changes_nothing(
    small: Server, offer: str
) -> None:
    offered = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: %b\r\n" % offer.encode()
    inside = b"GET /inside HTTP/1.1\r\nHost: a\r\n\r\n"
    length = b"Content-Length: %d\r\n\r\n" % len(inside)
    head, chunks = HEAD + offered, b"%x\r\n%b\r\n0\r\n\r\n" % (len(inside), inside)
    chunked = b"Transfer-Encoding: chunked\r\n\r\n"
    for parts in (
        [head + length + inside + LAST],
        [head + length, inside, LAST],
        [head[:40], head[40:] + length, inside[:5], inside[5:] + LAST],
        [head + chunked + chunks + LAST],
        [head + chunked, chunks, LAST],
    ):
        first, last = answers(small.exchange(*parts))
        assert first["body"].encode() == inside
        assert last["PATH_INFO"] == "/last"
        assert "HTTP_UPGRADE" not in first
    said = answers(small.exchange(b"GET /a HTTP/1.1\r\nHost: a\r\n%b\r\n" % offered))
    assert [each["PATH_INFO"] for each in said] == ["/a"]


@pytest.mark.parametrize("path", ["/echo", "/quick"])
@pytest.mark.parametrize("size", [MOST_BODY + 1, 2**20, 2**20 + 1, 10 * 2**20], ids=str)
def test_who_sends_too_much_can_read_why_and_go_on(
    small: Server, path: str, size: int
) -> None:
    whole = b"POST %b HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (
        path.encode(),
        size,
    ) + bytes(size)
    said = small.exchange(whole + LAST, seconds=10)
    assert [said.count(b"HTTP/1.1 200 OK"), said.count(b"HTTP/1.1 ")] == [2, 2]
    assert b"/last" in said


@pytest.mark.parametrize("path", [b"/echo", b"/quick"])
def test_chunks_without_an_end_are_answered(small: Server, path: bytes) -> None:
    head = b"POST %b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" % path
    with socket.create_connection(("127.0.0.1", small.port), 5) as wire:
        wire.sendall(head)
        for _ in range(1000):
            wire.sendall(b"8000\r\n" + bytes(0x8000) + b"\r\n")
        said, length = b"", None
        # Head and content may come apart.
        while length is None and (part := wire.recv(65536)):
            said += part
            length = re.search(rb'"length": (\d+)|\n(\d+)$', said)
        assert said.startswith(b"HTTP/1.1 200 OK")
        # All that is known of its size is that it is too large.
        assert length is not None
        assert int(length[1] or length[2]) > MOST_BODY
        wire.sendall(b"0\r\n\r\n" + LAST)
        assert wire.recv(65536).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    "noise", [b"1;" + b"x" * 10**6, b"\r\n" * 10**6, b"1\r\nx\r\n" + b"0" * 10**6]
)
def test_there_is_no_end_of_what_stands_round_a_body(
    small: Server, noise: bytes
) -> None:
    head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    said = small.exchange(head, noise, seconds=1)
    assert refused(said)
    assert b"200" not in said


def test_one_byte_a_chunk_is_a_body(small: Server) -> None:
    sent = b"1\r\nx\r\n" * 50_000
    said = small.exchange(
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + sent + b"0\r\n\r\n" + LAST
    )
    assert [each["length"] for each in answers(said)] == [50_000, 0]


def test_a_fault_is_told_to_nobody(small: Server) -> None:
    said = small.exchange(b"GET /fault HTTP/1.1\r\nHost: a\r\n\r\n" + GET)
    assert said.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert said.endswith(b"\r\n\r\nInternal Server Error")
    said = small.exchange(b"GET /header HTTP/1.1\r\nHost: a\r\n\r\n" + GET)
    assert b"njected" not in said
    assert small.ask("/echo")["PATH_INFO"] == "/echo"


def test_what_is_logged_tells_where_and_nothing_that_was_sent() -> None:
    with small_server(BYTES=2**40) as small:
        small.exchange(b"GET /fault HTTP/1.1\r\nHost: a\r\n\r\n")
        small.exchange(b"GET /stream?99,50 HTTP/1.1\r\nHost: a\r\n\r\n")
        small.exchange(b"GET /header HTTP/1.1\r\nHost: a\r\n\r\n")
        before = small.said.count("\n")
        for noise in (b"\0" * 99, b"GET /gone", HEAD + b"Upgrade: x\r\n\r\n", GET[:-2]):
            small.exchange(noise, seconds=0.1)
    assert SECRET not in small.said
    assert small.said.count("Request failed: ValueError at ") == 2
    assert "_worked" in small.said
    assert "RuntimeError" in small.said
    assert "Traceback" not in small.said
    assert "/gone" not in small.said
    assert "uvicorn.access" not in small.said
    # The end of a server takes some lines.
    assert small.said.count("\n") - before < 10


def is_over(wire: socket.socket) -> bool:
    wire.settimeout(0.5)
    try:
        return wire.recv(100) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def test_who_leaves_with_requests_behind_each_other_is_not_worked_for() -> None:
    with small_server(BYTES=2**40) as small:
        for first in (b"GET /slow?1", b"GET /stream?5000"):
            sent = b"%b HTTP/1.1\r\nHost: a\r\n\r\n" % first + GET * 30
            for _ in range(3):
                with socket.create_connection(("127.0.0.1", small.port), 5) as wire:
                    wire.sendall(sent)
                    time.sleep(0.2)
        time.sleep(1.5)
        seen = small.ask("/seen")["seen"]
        assert seen.get("/echo", 0) == 0
        assert seen["closed"] == seen["/stream"]
        assert "Request failed" not in small.said


def test_who_waits_longest_gives_way() -> None:
    with small_server(HELD_BYTES=10**6) as small, ExitStack() as stack:
        held = []
        begun = HEAD + b"Content-Length: 100000\r\n\r\n" + b"x" * 90_000
        for sent in [begun] * 30 + [HEAD + b"X: " + b"y" * 60_000] * 30:
            wire = socket.create_connection(("127.0.0.1", small.port), 5)
            held.append(stack.enter_context(wire))
            wire.sendall(sent)
        time.sleep(0.5)
        assert small.ask("/echo")["PATH_INFO"] == "/echo"
        # The newest of them can still be finished.
        held[-1].sendall(b"\r\n\r\n")
        assert held[-1].recv(65536).startswith(b"HTTP/1.1 200 ")
        ended = 0
        for wire in held[:45]:
            ended += is_over(wire)
        assert ended >= 40


def test_no_more_wait_than_there_may_be_files() -> None:
    with small_server(HELD_BYTES=10**6) as small, ExitStack() as stack:
        for _ in range(200):
            wire = socket.create_connection(("127.0.0.1", small.port), 5)
            stack.enter_context(wire)
        assert small.ask("/echo")["PATH_INFO"] == "/echo"


def test_answers_that_nobody_reads_give_way() -> None:
    with small_server(HELD_BYTES=10**7) as small, ExitStack() as stack:
        held = []
        for _ in range(12):
            wire = socket.socket()
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            wire.connect(("127.0.0.1", small.port))
            held.append(stack.enter_context(wire))
            wire.sendall(b"GET /large?8000000 HTTP/1.1\r\nHost: a\r\n\r\n")
            time.sleep(0.1)
        assert small.ask("/echo")["PATH_INFO"] == "/echo"
        whole = small.exchange(b"GET /large?9000000 HTTP/1.1\r\n\r\n" + LAST)
        assert len(whole) > 9_000_000
        ended = 0
        for wire in held:
            wire.settimeout(2)
            received = 0
            with suppress(OSError):
                while part := wire.recv(2**20):
                    received += len(part)
            ended += received < 8_000_000
        assert ended >= 10


def test_the_limit_of_files_is_raised(small: Server) -> None:
    told = small.ask("/echo")
    limits = Path(f"/proc/{told['pid']}/limits").read_text()
    line = next(line for line in limits.splitlines() if "open files" in line)
    soft, hard = line.split()[3:5]
    assert int(soft) == min(int(hard), 65_536)
