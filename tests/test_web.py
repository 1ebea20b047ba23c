"""The web server's processes: workers that end, fail, hang and grow; ends and TLS."""

import os
import signal
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from tests.processes import wait_until, workers_of
from tests.small import SECRET, Server, answers, small_server
from tests.surroundings import free_port

# Start servers of their own: side by side they would only wait for each other.
pytestmark = pytest.mark.xdist_group("server")

SLOW = b"GET /slow?%b HTTP/1.1\r\nHost: a\r\n\r\n"


def workers(small: Server) -> set[int]:
    return workers_of(small.process.pid)


def test_a_worker_that_is_killed_is_replaced_and_others_go_on() -> None:
    with small_server(workers=2) as small:
        before = workers(small)
        assert len(before) == 2
        assert wait_until(lambda: int(small.ask("/")["pid"]) in before)
        killed = min(before)
        os.kill(killed, signal.SIGKILL)
        for _ in range(20):
            assert small.ask("/")["PATH_INFO"] == "/"
        assert wait_until(lambda: len(workers(small) - {killed}) == 2, 5)
        assert wait_until(lambda: f"Web worker {killed} ended (-9)" in small.said)
        assert workers(small) >= before - {killed}


def test_who_kills_again_and_again_does_not_end_it() -> None:
    with small_server() as small:
        for _ in range(8):
            pid = small.ask("/")["pid"]
            # So long that the server has heard of it.
            time.sleep(1)
            os.kill(pid, signal.SIGKILL)
            assert wait_until(lambda pid=pid: bool(workers(small) - {pid}), 10)  # type: ignore[misc]
        assert small.ask("/")["PATH_INFO"] == "/"


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"FAULT": "a message"}, "a message"),
        ({"module": "tests.not_there"}, "not_there"),
        ({"EXIT": 1}, "ended (1)"),
        ({"tls": ("/dev/null", "/dev/null")}, "can't start"),
    ],
    ids=["fault", "no module", "exit", "no certificate"],
)
def test_a_server_whose_workers_cannot_start_ends(
    more: dict[str, object], told: str
) -> None:
    with small_server(wait=False, workers=2, **more) as small:
        assert small.wait(60) == 1
        assert told in small.said
        assert "Web workers can't start: the web server ends" in small.said
        assert small.said.count("\n") < 200


def test_a_port_that_is_taken_is_named() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        small_server(wait=False, port=taken.getsockname()[1]) as small,
    ):
        assert small.wait() != 0
        assert "ddress already in use" in small.said
        assert "Traceback" not in small.said


def test_a_worker_that_grows_ends_what_it_began_and_is_replaced() -> None:
    with small_server(BYTES=200 * 2**20) as small, ThreadPoolExecutor(1) as pool:
        first = small.ask("/")["pid"]
        under_way = pool.submit(small.ask, "/slow?2")
        time.sleep(0.3)
        assert small.ask("/grow?250")["pid"] == first
        assert wait_until(lambda: bool(workers(small) - {first}), 10)
        assert under_way.result()["pid"] == first
        assert small.ask("/")["pid"] != first
        assert f"Web worker {first} ended (-15)" in small.said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_end_it_answers_what_it_began_and_cuts_the_rest(number: int) -> None:
    with small_server(workers=2, BYTES=2**40) as small, ThreadPoolExecutor(9) as pool:
        begun = time.monotonic()
        short = pool.submit(small.exchange, SLOW % b"2", seconds=10)
        long = pool.submit(small.exchange, SLOW % b"60", seconds=10)
        half = pool.submit(
            small.exchange, b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n"
        )
        head = pool.submit(small.exchange, b"POST / HT", seconds=10)
        reader = pool.submit(small.exchange, b"GET /stream?20 HTTP/1.1\r\n\r\n")
        time.sleep(0.5)
        small.process.send_signal(number)
        assert head.result() == b""
        assert time.monotonic() - begun < 2.5
        assert small.wait(10) == 0
        assert 3 < time.monotonic() - begun < 6.5
        assert [each["PATH_INFO"] for each in answers(short.result())] == ["/slow"]
        assert b" 200 " not in long.result() + half.result()
        assert len(reader.result()) > 20 * 65_536
        # Four or so that were cut are no reason to fill the log.
        assert "Traceback" not in small.said
        assert "Request failed" not in small.said
        assert small.said.count("\n") < 25


def test_told_to_it_replaces_every_worker_without_a_gap() -> None:
    with small_server(workers=2) as small:
        before = workers(small)
        assert wait_until(lambda: int(small.ask("/")["pid"]) in before)
        small.process.send_signal(signal.SIGHUP)
        with socket.create_connection(("127.0.0.1", small.port), 5):
            while workers(small) & before:
                assert small.ask("/")["PATH_INFO"] == "/"
        assert len(workers(small)) == 2
        assert small.ask("/")["pid"] not in before


def test_it_listens_on_an_address_of_the_sixth_version() -> None:
    with small_server(address="::1") as small:
        with socket.create_connection(("::1", small.port), 5) as wire:
            wire.sendall(b"GET /a HTTP/1.1\r\nHost: [::1]\r\nConnection: close\r\n\r\n")
            wire.settimeout(5)
            said = b""
            while part := wire.recv(65536):
                said += part
        (told,) = answers(said)
        assert (told["REMOTE_ADDR"], told["SERVER_NAME"]) == ("::1", "::1")


def test_a_reader_that_leaves_or_never_reads_frees_its_place() -> None:
    with small_server() as small:
        for _ in range(4):
            with socket.create_connection(("127.0.0.1", small.port), 5) as wire:
                wire.sendall(b"GET /stream?5000 HTTP/1.1\r\nHost: a\r\n\r\n")
                assert wire.recv(100).startswith(b"HTTP/1.1 200 OK")
        seen = small.ask("/")["seen"]
        assert seen["/stream"] == 4
        assert wait_until(lambda: small.ask("/")["seen"].get("closed") == 4)
        # The application gives a reader three seconds.
        stuck = [socket.create_connection(("127.0.0.1", small.port)) for _ in range(2)]
        for wire in stuck:
            wire.sendall(b"GET /stream?5000 HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(0.5)
        began = time.monotonic()
        assert small.ask("/")["seen"]["closed"] >= 5
        assert 1 < time.monotonic() - began < 10
        for wire in stuck:
            wire.close()


def test_a_stream_that_fails_has_no_end() -> None:
    with small_server(BYTES=2**40) as small:
        said = small.exchange(b"GET /stream?20,15 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert said.startswith(b"HTTP/1.1 200 OK")
        assert not said.endswith(b"0\r\n\r\n")
        assert SECRET.encode() not in said
        assert SECRET not in small.said


def test_tls_is_recent_and_keeps_its_secrets(certificate: tuple[str, str]) -> None:
    with small_server(tls=certificate, BYTES=2**40) as small:

        def shaken(**more: object) -> tuple[str, str, bytes]:
            context = ssl.create_default_context(cafile=certificate[0])
            context.check_hostname = False
            for name, value in more.items():
                if name == "ciphers":
                    context.set_ciphers(str(value))
                else:
                    setattr(context, name, value)
            address = ("127.0.0.1", small.port)
            with (
                socket.create_connection(address, 5) as plain,
                context.wrap_socket(plain) as wire,
            ):
                wire.sendall(b"GET /a HTTP/1.1\r\nConnection: close\r\n\r\n")
                cipher = wire.cipher()
                assert cipher is not None
                said = b"".join(iter(partial(wire.recv, 65536), b""))
                return wire.version() or "", cipher[0], said

        version, _, said = shaken()
        assert version == "TLSv1.3"
        assert answers(said)[0]["PATH_INFO"] == "/a"
        version, cipher, _ = shaken(maximum_version=ssl.TLSVersion.TLSv1_2)
        assert (version, cipher.startswith("ECDHE-RSA-")) == ("TLSv1.2", True)
        for more in (
            {"maximum_version": ssl.TLSVersion.TLSv1_2, "ciphers": "AES256-GCM-SHA384"},
            {
                "maximum_version": ssl.TLSVersion.TLSv1_2,
                "ciphers": "ECDHE-RSA-AES128-SHA",
            },
        ):
            with pytest.raises(OSError):  # noqa: PT011 - by handshake or by reset
                shaken(**more)
        for noise in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01" + bytes(300), b""):
            assert b"HTTP" not in small.exchange(noise, seconds=1)
        assert small.said.count("\n") < 5


def test_a_server_told_to_listen_nowhere_ends() -> None:
    with small_server(wait=False, address="192.0.2.1", port=free_port()) as small:
        assert small.wait() != 0
        assert "Traceback" not in small.said
