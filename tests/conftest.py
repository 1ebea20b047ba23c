"""What every test may ask for: a database with root keys, a running service."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

from kmsconsole import env, softhsm
from tests import canary
from tests.server import RunningServer
from tests.services import given


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep what uses the one running service together, on one xdist worker."""
    for item in items:
        if "server" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("server"))
        module, test = item.nodeid.partition("::")[0], item.nodeid.partition("[")[0]
        if {module, test} & set(given.NAMED):
            item.add_marker(pytest.mark.services)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker) -> None:
    """Put a real token and real root keys beside the test database."""
    from keys import custody  # noqa: PLC0415 - after the settings

    home: Path = settings.KMS_HOME
    if softhsm.find_module(home) is None:
        softhsm.install(home)
    softhsm.initialise_token(
        home,
        settings.PKCS11_TOKEN_LABEL,
        custody.first_pin(),
        env.kept_secret(home / "so_pin", 32),
    )
    with django_db_blocker.unblock():
        call_command("createcachetable", verbosity=0)
        custody.initialise()


@pytest.fixture(autouse=True)
def no_memory_of_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test begin as a process that hasn't looked at the clock yet."""
    from kmsconsole.schedule import clock_guard  # noqa: PLC0415 - after the settings

    monkeypatch.setattr(clock_guard, "_last", None)


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[str, str]:
    """Make a certificate of its own authority; returns the paths of it and its key."""
    files = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes"]
    command += ["-subj", "/CN=a", "-keyout", files[1], "-out", files[0]]
    subprocess.run(command, check=True, capture_output=True)
    return files


@pytest.fixture(scope="session")
def server() -> Iterator[RunningServer]:
    """Run the whole service once for every test that talks to it from outside."""
    with RunningServer.started() as running:
        yield running
        leaks = canary.leaks(running)
        assert not leaks, f"plaintext was left behind: {leaks}"
