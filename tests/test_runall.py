"""`make run` from outside: one line when ready, one holder, one end, nothing left."""

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest

from tests.processes import leader_of, processes_of, wait_until, workers_of
from tests.server import (
    PASSWORD,
    READY,
    RunningServer,
    data_folder,
    environment,
    manage,
)
from tests.surroundings import ROOT, free_port

# Starts and stops whole services: side by side they would only wait for each other.
pytestmark = pytest.mark.xdist_group("server")


def readyz(running: RunningServer) -> tuple[int, dict[str, str]]:
    try:
        with urllib.request.urlopen(f"{running.base_url}/readyz", timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, json.load(refusal)


def refused(home: Path, **more: str) -> str:
    """Start where no start is possible; return the one line it says."""
    done = manage(environment(home, free_port(), **more), "runall")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1
    return lines[0]


@pytest.fixture
def empty():
    """A data folder before the first start."""
    with data_folder() as lent:
        yield lent


@pytest.fixture(scope="module")
def stopped():
    """A data folder after the first start and a stop, for making copies of."""
    with data_folder() as lent:
        with RunningServer.started(lent) as running:
            assert running.stop() == 0
        yield lent


@pytest.fixture
def home(stopped: Path, empty: Path) -> Path:
    """A copy: a data folder may be copied while it is stopped."""
    shutil.copytree(stopped, empty, symlinks=True, dirs_exist_ok=True)
    return empty


def test_first_start_then_stop_then_start_again_elsewhere(empty: Path) -> None:
    with RunningServer.started(empty, KMS_ADMIN_PASSWORD="") as first:
        assert f"http://localhost:{first.port}" in first.ready_line
        assert "user admin" in first.ready_line
        password = first.ready_line.split("password ")[1].split()[0]
        assert sum(READY in line for line in first.lines) == 1
        assert sum(password in line for line in first.lines) == 1
        status, parts = readyz(first)
        assert (status, parts["status"]) == (200, "ok")
        assert (parts["database"], parts["token"]) == ("ok", "ok")
        assert (parts["beat"], parts["worker"]) == ("ok", "ok")
        expected = heartbeats(empty)
        # The worker's comes every 30 seconds; on a busy machine both have begun.
        assert wait_until(
            lambda: all(heartbeats(empty)[name] > expected[name] for name in expected),
            45,
        )
        access_key = first.access_key
        assert set(access_key) == {"SecretId", "SecretKey"}
        assert first.stop(signal.SIGINT) == 0
    assert not processes_of(empty)
    pins = pinned_keys(empty)

    moved = empty.with_name(f"{empty.name}-moved")
    empty.rename(moved)
    try:
        with RunningServer.started(moved) as second:
            print(
                f"ready in {first.seconds_to_ready:.1f} s at first,"
                f" {second.seconds_to_ready:.1f} s again"
            )
            assert second.account == first.account
            assert "password" not in second.ready_line
            assert readyz(second)[0] == 200
            assert second.stop(signal.SIGTERM) == 0
        assert pinned_keys(moved) == pins
        assert str(empty) not in contents(moved, except_for="softhsm2.conf")
        assert not list(moved.glob("before-*"))
    finally:
        moved.rename(empty)


def heartbeats(home: Path) -> dict[str, str]:
    with closing(sqlite3.connect(home / "kms.sqlite3")) as database:
        return dict(database.execute("SELECT name, at FROM keys_heartbeat"))


def pinned_keys(home: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(home / "kms.sqlite3")) as database:
        return database.execute("SELECT * FROM keys_tokenkey ORDER BY id").fetchall()


def contents(folder: Path, except_for: str) -> str:
    return "\n".join(
        path.read_bytes().decode("latin-1")
        for path in folder.rglob("*")
        if path.is_file() and path.name != except_for and "softhsm" not in path.parts
    )


def test_the_data_folder_is_its_owners_alone(server: RunningServer) -> None:
    assert stat.S_IMODE(server.home.stat().st_mode) == 0o700
    for path in server.home.rglob("*"):
        # What every browser may load, and Debian's packages, are no secret.
        if not {"static", "softhsm"} & set(path.parts):
            assert not path.stat().st_mode & 0o077, path
    assert [path.name for path in server.home.rglob("*.sqlite3")] == ["kms.sqlite3"]


def test_a_second_one_is_refused(server: RunningServer) -> None:
    line = refused(server.home)
    assert "already runs" in line
    assert str(server.process.pid) in line
    assert readyz(server)[0] == 200


def test_killed_it_leaves_no_process(home: Path) -> None:
    with RunningServer.started(home) as running:
        # Itself, three runners, the web server, its two workers, worker and beat.
        assert len(processes_of(home)) >= 8
        running.process.kill()
        running.process.wait()
        assert wait_until(lambda: not processes_of(home), 5)
    with RunningServer.started(home) as again:
        assert readyz(again)[0] == 200


@pytest.mark.parametrize("part", ["celery\0worker", "kmsconsole.web"])
def test_a_process_that_dies_ends_everything(home: Path, part: str) -> None:
    with RunningServer.started(home) as running:
        os.kill(leader_of(home, part), signal.SIGKILL)
        assert running.process.wait(timeout=30) == 1
        assert wait_until(lambda: not processes_of(home), 5)
        running._reader.join(timeout=10)
        name = part.rpartition("\0")[2].replace("kmsconsole.web", "web")
        assert any(f"{name} stopped (rc=" in line for line in running.lines)


def test_a_web_worker_that_dies_is_replaced(home: Path) -> None:
    with RunningServer.started(home) as running:
        leader = leader_of(home, "kmsconsole.web")
        before = workers_of(leader)
        os.kill(min(before), signal.SIGKILL)
        assert wait_until(lambda: len(workers_of(leader) - before) == 1, 20)
        assert wait_until(lambda: readyz(running)[0] == 200)
        assert any("Web worker" in line and "ended" in line for line in running.lines)


def test_a_token_that_goes_away_is_named_until_it_is_back(home: Path) -> None:
    with RunningServer.started(home) as running:
        aside = home / "tokens-aside"
        (home / "tokens").rename(aside)
        assert wait_until(lambda: readyz(running)[0] == 503, 5)
        # Each of the two web workers keeps what the token said for a second.
        time.sleep(1)
        status, parts = readyz(running)
        assert (status, parts["token"], parts["database"]) == (503, "unavailable", "ok")
        with urllib.request.urlopen(f"{running.base_url}/healthz") as answer:
            assert answer.status == 200
        doctor = running.manage("doctor", "--json")
        assert doctor.returncode == 1
        assert {"token"} == {
            finding["part"]
            for finding in json.loads(doctor.stdout)
            if finding["level"] == "mend"
        }
        assert not list(
            (home / "tokens").iterdir() if (home / "tokens").exists() else []
        )
        aside.rename(home / "tokens")
        assert wait_until(lambda: readyz(running)[0] == 200, 5)
        assert running.manage("doctor").returncode == 0


def test_half_of_the_data_is_no_first_start(home: Path) -> None:
    aside = home.with_name(f"{home.name}-aside")
    aside.mkdir()
    try:
        for name in ("tokens", "kms.sqlite3", "pin"):
            (home / name).rename(aside / name)
            assert "put back your copy" in refused(home)
            for made in home.glob(f"{name}*"):
                made.unlink()
            (aside / name).rename(home / name)
        with RunningServer.started(home) as running:
            assert readyz(running)[0] == 200
    finally:
        aside.rmdir()


def test_a_migration_is_preceded_by_a_copy(home: Path) -> None:
    env = environment(home, free_port())
    assert manage(env, "migrate", "sessions", "zero").returncode == 0
    with RunningServer.started(home):
        pass
    (copy,) = home.glob("before-*")
    assert copy.name == "before-sessions-0001_initial"
    with closing(sqlite3.connect(copy / "kms.sqlite3.copy")) as database:
        tables = {
            name for (name,) in database.execute("SELECT name FROM sqlite_master")
        }
    assert "keys_tokenkey" in tables
    assert "django_session" not in tables
    assert len(list(copy.glob("tokens/*/*.object"))) > 1


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"KMS_HOST": "0.0.0.0"}, "KMS_TLS_CERT"),
        ({"KMS_HOST": "nowhere.invalid"}, "KMS_HOST"),
        ({"KMS_TLS_CERT": "/dev/null"}, "belong together"),
        ({"PKCS11_MODULE": "/nowhere/module.so"}, "PKCS11_MODULE"),
        ({"KMS_PORT": "0"}, "KMS_PORT"),
        ({"DATABASE_URL": "postgres://127.0.0.1:1/none"}, "database"),
        ({"KMS_ADMIN_PASSWORD": "short"}, "KMS_ADMIN_PASSWORD"),
    ],
)
def test_a_start_that_cannot_be_right_is_refused(
    empty: Path, more: dict[str, str], says: str
) -> None:
    assert says in refused(empty, **more)


def test_a_refused_first_password_spoils_nothing(empty: Path) -> None:
    refused(empty, KMS_ADMIN_PASSWORD="short")
    with RunningServer.started(empty) as running:
        assert "password" not in running.ready_line


@pytest.mark.parametrize("line", ["Bringing the database", "Making the root keys"])
def test_a_first_start_cut_off_is_finished_by_the_next(empty: Path, line: str) -> None:
    with subprocess.Popen(
        [sys.executable, "manage.py", "runall"],
        cwd=ROOT,
        env=environment(empty, free_port()),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert any(line in said for said in process.stdout)
        process.kill()
    with RunningServer.started(empty) as running:
        assert readyz(running)[0] == 200
        assert running.manage("doctor").returncode == 0
    assert not (empty / "first-run").exists()


def test_a_token_cut_off_by_a_kill_at_sign_in_is_whole_again(empty: Path) -> None:
    with RunningServer.started(empty):
        pass
    (path,) = (empty / "tokens").glob("*/token.object")
    before = path.read_bytes()
    for left in (b"", before[:100], bytes(len(before))):
        # SoftHSM cuts the file off at each login, before it writes it anew.
        path.write_bytes(left)
        with RunningServer.started(empty) as running:
            assert readyz(running)[0] == 200
            assert running.manage("doctor").returncode == 0
        assert len(path.read_bytes()) == len(before)
    assert [path.name for path in empty.glob("token.object*")] == ["token.object.kept"]


def test_a_taken_port_is_named(empty: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port {port} is taken" in refused(empty, KMS_PORT=str(port))


WITHOUT_SOFTHSM = """
import pathlib
from django.core.management import execute_from_command_line
from kmsconsole import softhsm
softhsm._SYSTEM = pathlib.Path("/nowhere")
execute_from_command_line(["manage.py", "runall"])
"""


def test_no_hsm_no_start(empty: Path) -> None:
    """Never keys in software: without SoftHSM, and nothing to get it from."""
    if (empty / "softhsm").is_symlink():
        (empty / "softhsm").unlink()
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            WITHOUT_SOFTHSM,
        ],
        cwd=ROOT,
        env=environment(
            empty, free_port(), DJANGO_SETTINGS_MODULE="kmsconsole.settings"
        )
        | {"PATH": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "install SoftHSM 2" in done.stderr
    assert not (empty / "kms.sqlite3").exists()


def test_a_folder_others_may_read_is_mended_or_refused(home: Path) -> None:
    home.chmod(0o755)
    (home / "notes.txt").write_text("not ours")
    assert f"chmod 700 {home}" in refused(home)
    (home / "notes.txt").unlink()
    with RunningServer.started(home) as running:
        assert any("Took away" in line for line in running.lines)
        assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_secrets_of_the_first_start_are_not_handed_on(server: RunningServer) -> None:
    for pid in processes_of(server.home):
        environ = Path(f"/proc/{pid}/environ").read_bytes()
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        assert PASSWORD.encode() not in command
        assert (server.home / "pin").read_bytes() not in command + environ
        parts = (b"kmsconsole.web", b"spawn_main", b"celery")
        if any(part in command for part in parts):
            assert PASSWORD.encode() not in environ
        limits = Path(f"/proc/{pid}/limits").read_text()
        assert re.search(r"Max core file size +0 +0 ", limits)


def test_tls_beyond_loopback(home: Path, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    make_certificate(key, certificate)
    with RunningServer.started(
        home,
        KMS_HOST="0.0.0.0",
        KMS_TLS_CERT=str(certificate),
        KMS_TLS_KEY=str(key),
    ) as running:
        assert f"https://localhost:{running.port}" in running.ready_line


def make_certificate(key: Path, certificate: Path) -> None:
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(
        ["openssl", "req", "-x509", *made, *subject, *files],
        check=True,
        capture_output=True,
    )
