"""What a start stands on: locks, Makefile, SoftHSM, folder, listening, messages."""

import ipaddress
import os
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
import tomllib
from contextlib import closing
from pathlib import Path

import pytest
from kombu import Connection, Queue

from kmsconsole import datafolder, listening, softhsm
from tests.surroundings import ROOT, borrow_softhsm, free_port

LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-bench.lock")
LOCALHOST = "127.0.0.1"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "data folder"
    folder.mkdir(mode=0o700)
    borrow_softhsm(folder)
    return folder


# --- locks and Makefile ---------------------------------------------------------------


def locked(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text()
    return dict(re.findall(r"^([a-z0-9._-]+)(?:\[.*\])?==([^ ]+)", text, re.MULTILINE))


@pytest.mark.parametrize("name", LOCKS)
def test_locks_are_hashed_and_name_no_place(name: str) -> None:
    text = (ROOT / name).read_text()
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(entries) >= len(locked(name)) > 20
    assert all("--hash=sha256:" in entry for entry in entries)
    assert not re.search(r"https?:|file:|^-|(^|\s)/", text, re.MULTILINE)


def test_locks_agree_and_hold_what_the_project_names() -> None:
    runtime, dev = locked(LOCKS[0]), locked(LOCKS[1])
    assert runtime.items() <= dev.items()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for wanted, lock in (
        (project["dependencies"] + extras["postgres"] + extras["redis"], runtime),
        (extras["dev"], dev),
    ):
        for requirement in wanted:
            name = re.match(r"[a-z0-9-]+", requirement)
            assert name is not None
            assert name.group() in lock


def test_make_hides_the_environment_from_tests_and_checks() -> None:
    ambient = {"KMS_HOME": "/x", "PKCS11_PIN": "x", "DATABASE_URL": "x"}
    for target in ("test", "check"):
        done = subprocess.run(
            ["make", "--dry-run", "--always-make", target],
            cwd=ROOT,
            env=os.environ | ambient,
            capture_output=True,
            text=True,
            check=True,
        )
        for name in ambient:
            assert f"-u {name} " in done.stdout


# --- SoftHSM -------------------------------------------------------------------------


def test_the_configuration_follows_the_folder_and_is_left_alone_otherwise(
    home: Path,
) -> None:
    path = softhsm.write_configuration(home)
    assert f"tokendir = {home / 'tokens'}\n" in path.read_text()
    assert "reset_on_fork = true" in path.read_text()
    before = path.stat()
    softhsm.write_configuration(home)
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    moved = home.rename(home.with_name("elsewhere"))
    softhsm.write_configuration(moved)
    assert str(home) not in (moved / "softhsm2.conf").read_text()


def test_a_token_is_made_once_and_privately(home: Path) -> None:
    assert not softhsm.has_token(home)
    softhsm.initialise_token(home, "label", "user-pin-1", "officer-pin-1")
    assert softhsm.has_token(home)
    assert stat.S_IMODE((home / "tokens").stat().st_mode) == 0o700
    assert not list(home.glob("*.part"))
    with pytest.raises(softhsm.TokenRefused):
        softhsm.initialise_token(home, "label", "user-pin-2", "officer-pin-2")


def test_a_token_cut_off_while_made_is_none(home: Path) -> None:
    program = (
        "import os, pathlib, signal; from kmsconsole import softhsm;"
        "softhsm._initialise = lambda *_: os.kill(os.getpid(), signal.SIGKILL);"
        f"softhsm.initialise_token(pathlib.Path({str(home)!r}), 'a', 'b', 'c')"
    )
    cut = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False)
    assert cut.returncode == -signal.SIGKILL
    assert not softhsm.has_token(home)
    softhsm.initialise_token(home, "label", "user-pin-1", "officer-pin-1")
    assert softhsm.has_token(home)


def test_a_pin_the_token_refuses_leaves_no_token(home: Path) -> None:
    with pytest.raises(softhsm.TokenRefused, match="C_InitPIN") as refusal:
        softhsm.initialise_token(home, "label", "1", "officer-pin-1")
    assert "officer" not in str(refusal.value)
    assert not softhsm.has_token(home)


def test_without_debian_the_mend_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(softhsm.NotInstallable, match="install SoftHSM 2"):
        softhsm.install(home)


# --- data folder ---------------------------------------------------------------------


def test_one_holder_at_a_time(home: Path) -> None:
    with datafolder.held(home):
        second = datafolder.held(home)
        with pytest.raises(datafolder.InUse, match=str(os.getpid())), second:
            pass
    with datafolder.held(home):
        pass


@pytest.mark.parametrize("name", ["a#b", "a?b", "a%b"])
def test_a_path_that_softhsm_or_sqlite_misread_is_refused(
    tmp_path: Path, name: str
) -> None:
    folder = tmp_path / name
    folder.mkdir(mode=0o700)
    with pytest.raises(datafolder.Unusable, match="must not contain"):
        datafolder.make_private(folder)


def test_the_better_copy_is_kept(home: Path) -> None:
    database = home / "kms.sqlite3"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE first (n)")
        connection.commit()
        kept = datafolder.keep_copy(home, "x-0001", database)
        connection.execute("CREATE TABLE second (n)")
        connection.commit()
    assert datafolder.keep_copy(home, "x-0001", database) is None
    assert kept is not None
    with closing(sqlite3.connect(kept / "kms.sqlite3.copy")) as copy:
        names = [name for (name,) in copy.execute("SELECT name FROM sqlite_master")]
    assert names == ["first"]


# --- listening -----------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.53", "::1", "localhost"])
def test_loopback_needs_no_tls(host: str) -> None:
    if host == "::1" and not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    found = listening.listener(host, free_port(), (None, None), ())
    assert found.own_address == found.address


def test_beyond_loopback_a_proxy_will_do() -> None:
    port = free_port()
    with pytest.raises(listening.Refused, match="clear text"):
        listening.listener("0.0.0.0", port, (None, None), ())
    proxies = (ipaddress.ip_network("10.0.0.0/8"),)
    found = listening.listener("0.0.0.0", port, (None, None), proxies)
    assert found.own_address == LOCALHOST


def test_a_key_the_server_cannot_read_is_named_with_its_mend(tmp_path: Path) -> None:
    def made(name: str, *options: str) -> tuple[Path, Path]:
        key, certificate = tmp_path / f"{name}.key", tmp_path / f"{name}.pem"
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-subj", "/CN=a"]
        files = ["-keyout", str(key), "-out", str(certificate)]
        subprocess.run([*command, *options, *files], check=True, capture_output=True)
        return certificate, key

    certificate, key = made("plain", "-nodes")
    _, other = made("other", "-nodes")
    _, closed = made("closed", "-passout", "pass:secret")
    found = listening.listener(LOCALHOST, free_port(), (certificate, key), ())
    assert (found.certificate, found.key) == (certificate, key)
    # Also in the form that older programs write.
    older = ["openssl", "rsa", "-traditional", "-in", str(key), "-out", str(key)]
    subprocess.run(older, check=True, capture_output=True)
    assert "RSA PRIVATE KEY" in key.read_text()
    assert listening.listener(LOCALHOST, free_port(), (certificate, key), ())
    for wrong in (other, closed, certificate):
        with pytest.raises(listening.Refused, match="openssl pkcs8 -topk8") as told:
            listening.listener(LOCALHOST, free_port(), (certificate, wrong), ())
        assert str(wrong) in str(told.value)
    with pytest.raises(listening.Refused, match="KMS_TLS_KEY can't be read"):
        listening.listener(LOCALHOST, free_port(), (certificate, tmp_path / "no"), ())


# --- messages ------------------------------------------------------------------------


def test_messages_arrive_whole_and_once(tmp_path: Path) -> None:
    """Several writers at once: no reader meets half a message or the same one twice."""
    control = tmp_path / "control"
    control.mkdir()
    options = {
        "data_folder_in": str(tmp_path),
        "data_folder_out": str(tmp_path),
        "control_folder": str(control),
    }
    queue, each, writers = Queue("work", routing_key="work"), 100, 3

    def connect() -> Connection:
        return Connection(
            "filesystem://localhost//",
            transport="kmsconsole.filebroker:Transport",
            transport_options=options,
        )

    def write(number: int) -> None:
        with connect() as connection:
            producer = connection.Producer()
            for index in range(each):
                producer.publish(
                    {"number": number * each + index, "padding": "x" * 5_000},
                    routing_key="work",
                    declare=[queue],
                )

    received: list[int] = []

    def take(body: dict[str, int], message) -> None:
        received.append(body["number"])
        message.ack()

    threads = [threading.Thread(target=write, args=(n,)) for n in range(writers)]
    with connect() as connection, connection.Consumer(queue, callbacks=[take]):
        for thread in threads:
            thread.start()
        while len(received) < each * writers:
            connection.drain_events(timeout=5)
        for thread in threads:
            thread.join()
    assert sorted(received) == list(range(each * writers))
    assert not list(tmp_path.glob("*.msg")) + list(tmp_path.glob("*.part"))
