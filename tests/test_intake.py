"""Bodies arrive whole before anybody works, and WSGI is told what came."""

import asyncio
from asyncio import Event
from collections.abc import Mapping
from io import BytesIO
from typing import Any
from wsgiref.validate import check_environ

import pytest

from kmsconsole import intake
from kmsconsole.intake import Intake, environ_of
from tests.loops import in_loop

MOST = 100
CHUNKED = (b"transfer-encoding", b"chunked")


class Body:
    """A body that comes in pieces, and may break off or be waited for."""

    def __init__(self, *pieces: bytes, ends: bool = True) -> None:
        self.pieces, self.ends, self.taken = list(pieces), ends, 0
        self.gate = Event()
        self.gate.set()

    async def receive(self) -> dict[str, Any]:
        await self.gate.wait()
        self.taken += 1
        if not self.pieces:
            return {"type": "http.disconnect"}
        piece = self.pieces.pop(0)
        more = bool(self.pieces) or not self.ends
        return {"type": "http.request", "body": piece, "more_body": more}


class Quick:
    """Takes what is for /quick."""

    def takes(self, environ: Mapping[str, Any]) -> bool:
        return bool(environ["PATH_INFO"] == "/quick")

    async def answer(self, environ: Mapping[str, Any]) -> Any:
        return [(b"x-quick", b"yes")], environ["wsgi.input"].read()


class Slow:
    """Stands for the places, and keeps what it was handed."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def answer(self, environ: Any, _receive: Any, _send: Any) -> None:
        self.bodies.append(environ["wsgi.input"].read())


def scope(*headers: tuple[bytes, bytes], path: bytes = b"/", **more: Any) -> Any:
    told = {
        "type": "http",
        "method": "POST",
        "raw_path": path,
        "query_string": b"",
        "http_version": "1.1",
        "scheme": "http",
        "server": ("127.0.0.1", 8000),
        "client": ("192.0.2.7", 1234),
        "headers": list(headers),
    }
    return told | more


def length(number: int | str) -> tuple[bytes, bytes]:
    return b"content-length", str(number).encode()


def taken(body: Body, *headers: tuple[bytes, bytes]) -> list[bytes]:
    """Return the bodies that were handed on."""
    slow = Slow()
    in_loop(_handed(Intake(Quick(), slow, MOST), body, *headers))  # type: ignore[arg-type]
    return slow.bodies


async def _handed(front: Intake, body: Body, *headers: tuple[bytes, bytes]) -> None:
    async def send(_message: Any) -> None:
        pytest.fail("it was answered")

    await front(scope(*headers), body.receive, send)


def test_a_body_is_whole_before_anybody_works() -> None:
    assert taken(Body(b"ab", b"c", b"de"), length(5)) == [b"abcde"]
    assert taken(Body(b"ab", b"c", b""), CHUNKED) == [b"abc"]
    assert taken(Body(b"x" * MOST), length(MOST)) == [b"x" * MOST]
    assert taken(Body(b""), length(0)) == [b""]


def test_without_a_body_nothing_is_waited_for() -> None:
    body = Body()
    assert taken(body) == [b""]
    assert body.taken == 0


@pytest.mark.parametrize("header", [length(5), CHUNKED])
def test_a_body_that_breaks_off_is_nobodys(header: tuple[bytes, bytes]) -> None:
    assert taken(Body(b"ab", ends=False), header) == []


@pytest.mark.parametrize("declared", ["-1", "abc", "+2", "1_0", "9" * 30, 2**20 + 1])
def test_what_nobody_can_want_is_not_read(declared: str | int) -> None:
    body = Body(b"ab")
    assert taken(body, length(declared)) == [b""]
    assert body.taken == 0


def test_without_a_length_no_more_is_read_than_shows_that_it_is_too_long() -> None:
    body = Body(*[b"x" * 40] * 1000)
    (seen,) = taken(body, CHUNKED)
    assert MOST < len(seen) <= MOST + 40
    assert body.taken == 3


def test_few_large_bodies_are_awaited_at_once() -> None:
    async def run() -> None:
        slow = Slow()
        front = Intake(Quick(), slow, MOST)  # type: ignore[arg-type]
        held = [Body(b"x" * 200) for _ in range(intake._LARGE_AT_ONCE)]
        for body in held:
            body.gate.clear()
        tasks = [
            asyncio.create_task(_handed(front, body, length(200))) for body in held
        ]
        await asyncio.sleep(0)
        await _handed(front, Body(b"y" * 200), length(200))
        assert slow.bodies == [b""]
        for body in held:
            body.gate.set()
        await asyncio.gather(*tasks)
        await _handed(front, Body(b"y" * 200), length(200))
        assert slow.bodies == [b"", *[b"x" * 200] * len(held), b"y" * 200]

    in_loop(run())


def test_a_large_body_that_breaks_off_makes_room() -> None:
    async def run() -> None:
        slow = Slow()
        front = Intake(Quick(), slow, MOST)  # type: ignore[arg-type]
        for _ in range(2 * intake._LARGE_AT_ONCE):
            await _handed(front, Body(b"x", ends=False), length(200))
        await _handed(front, Body(b"y" * 200), length(200))
        assert slow.bodies == [b"y" * 200]

    in_loop(run())


def test_quick_requests_are_answered_at_once() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    front = Intake(Quick(), Slow(), MOST)  # type: ignore[arg-type]
    in_loop(front(scope(length(2), path=b"/quick"), Body(b"{}").receive, send))
    start, body = sent
    assert (start["status"], start["headers"]) == (200, [(b"x-quick", b"yes")])
    assert (body["body"], body.get("more_body", False)) == (b"{}", False)


def told(*headers: tuple[bytes, bytes], **more: Any) -> dict[str, Any]:
    environ: dict[str, Any] = environ_of(scope(*headers, **more))
    return environ


def test_an_environ_is_what_wsgi_wants() -> None:
    environ = told(
        (b"host", b"kms.example:8000"),
        (b"content-type", b"application/json"),
        length(5),
        (b"x-tc-action", b"Encrypt"),
        path=b"/keys/",
        query_string=b"a=%20",
    )
    environ["wsgi.input"] = BytesIO()
    check_environ(environ)
    wanted = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/keys/",
        "QUERY_STRING": "a=%20",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "REMOTE_ADDR": "192.0.2.7",
        "HTTP_HOST": "kms.example:8000",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": "5",
        "HTTP_X_TC_ACTION": "Encrypt",
        "wsgi.url_scheme": "http",
    }
    assert environ | wanted == environ
    assert not {"HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"} & set(environ)


def test_a_header_that_came_twice_holds_both() -> None:
    environ = told((b"x-a", b"1"), (b"x-b", b"2"), (b"x-a", b"3"))
    assert environ["HTTP_X_A"] == "1,3"
    environ = told((b"content-type", b"a/b"), (b"content-type", b"c/d"))
    assert environ["CONTENT_TYPE"] == "a/b,c/d"


def test_a_name_with_an_underscore_is_left_out() -> None:
    for _ in range(2):
        environ = told(
            (b"x_tc_action", b"a"),
            (b"content_length", b"5"),
            (b"x_forwarded-for", b"192.0.2.1"),
        )
        assert not {name for name in environ if name.startswith("HTTP_")}
        assert "CONTENT_LENGTH" not in environ
    environ = told((b"x-tc_action", b"a"), (b"x-tc-action", b"b"))
    assert environ["HTTP_X_TC_ACTION"] == "b"


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (b"/a%20b", "/a b"),
        (b"/%E4%BD%A0", "你"),
        (b"/%2e%2e/", "/../"),
        (b"/a%2Fb", "/a/b"),
        (b"/%zz%", "/%zz%"),
        (b"/%ff", "/\xff"),
        (b"//other.example/", "//other.example/"),
    ],
)
def test_a_path_is_decoded_once(raw: bytes, path: str) -> None:
    # WSGI carries bytes as latin-1; Django makes text of them.
    expected = f"/{path}".encode().decode("latin-1") if path == "你" else path
    assert told(path=raw)["PATH_INFO"] == expected
    assert told(path=b"/%2525")["PATH_INFO"] == "/%25"


def test_bytes_beyond_ascii_are_kept() -> None:
    environ = told((b"x-a", "é你".encode()), query_string=b"a=\xff")
    assert environ["HTTP_X_A"].encode("latin-1").decode() == "é你"
    assert environ["QUERY_STRING"] == "a=\xff"


def test_names_that_strangers_made_up_are_not_remembered_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(intake, "_NAMES", dict(intake._NAMES))
    told((b"x-" + b"y" * 1000, b"1"))
    assert not any(len(name) > 64 for name in intake._NAMES)
    for number in range(2000):
        name = b"x-%d" % number
        assert told((name, b"1"))[f"HTTP_X_{number}"] == "1"
    assert len(intake._NAMES) <= intake._MOST_NAMES
    assert told((b"x-tc-action", b"a"), length(3))["CONTENT_LENGTH"] == "3"


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({"client": None}, {"REMOTE_ADDR": ""}),
        ({"server": None}, {"SERVER_NAME": "", "SERVER_PORT": "0"}),
        ({"scheme": "https"}, {"wsgi.url_scheme": "https"}),
        ({"http_version": "1.0"}, {"SERVER_PROTOCOL": "HTTP/1.0"}),
        ({"client": ("::1", 5)}, {"REMOTE_ADDR": "::1"}),
    ],
)
def test_what_a_connection_tells(more: dict[str, Any], wanted: dict[str, str]) -> None:
    environ = told(**more)
    assert environ | wanted == environ
