"""The files for production say what the service understands; nothing here runs them."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import load_command_class

from tests.surroundings import ROOT

UNITS = ROOT / "contrib" / "systemd"
PARTS = ("prepare", "web-1", "web-2", "worker-1", "worker-2", "beat")
# What the Compose specification knows of a service, as far as it is used here.
KNOWN = {
    "build",
    "cap_drop",
    "command",
    "depends_on",
    "environment",
    "healthcheck",
    "image",
    "networks",
    "ports",
    "read_only",
    "restart",
    "secrets",
    "security_opt",
    "shm_size",
    "tmpfs",
    "ulimits",
    "user",
    "volumes",
}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return loaded


def code() -> str:
    """Return everything that may read an environment variable."""
    files = [*ROOT.glob("kmsconsole/*.py"), ROOT / "keys" / "custody.py"]
    return "\n".join(path.read_text() for path in files)


def is_read(variable: str) -> bool:
    """Whether the service looks at it; a secret is also read as `NAME_FILE`."""
    name = variable.removesuffix("_FILE")
    return f'"{name}"' in code() or variable.startswith("PYTHON")


def understood(command: list[str]) -> bool:
    """Whether manage.py takes these arguments."""
    name, *arguments = command
    found = load_command_class("kmsconsole", name)
    found.create_parser("manage.py", name).parse_args(arguments)
    return True


def test_compose_is_whole(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert set(services) == {*PARTS, "postgres", "redis"}
    for name, service in services.items():
        assert set(service) <= KNOWN, name
        for kind in ("networks", "secrets"):
            assert set(service.get(kind, ())) <= set(compose[kind]), name
        for mount in service.get("volumes", ()):
            assert mount.partition(":")[0] in compose["volumes"]
        for other, how in service.get("depends_on", {}).items():
            assert other in services
            assert how["condition"] in CONDITIONS
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services[other]
        assert "no-new-privileges:true" in service["security_opt"]
    extensions = [key for key in compose if key.startswith("x-")]
    known = {"name", "services", "networks", "volumes", "secrets", *extensions}
    assert set(compose) == known


@pytest.mark.parametrize("name", PARTS)
def test_compose_starts_what_there_is(compose: dict[str, Any], name: str) -> None:
    service = compose["services"][name]
    assert understood(service["command"])
    assert all(is_read(variable) for variable in service["environment"])
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["user"] == "10001:10001"
    # No secret in the environment, and the first password only where it is read.
    for variable in service["environment"]:
        if re.search("SECRET|PASSWORD|PIN$|DATABASE_URL", variable):
            assert variable.endswith("_FILE"), variable
    assert ("admin_password" in service["secrets"]) == (name == "prepare")


def test_only_the_web_nodes_are_reached_and_only_from_the_host(
    compose: dict[str, Any],
) -> None:
    ports = {
        name: service["ports"]
        for name, service in compose["services"].items()
        if "ports" in service
    }
    assert set(ports) == {"web-1", "web-2"}
    for (port,) in ports.values():
        assert port.startswith("127.0.0.1:")
    [pool] = compose["networks"]["outside"]["ipam"]["config"]
    trusted = compose["services"]["web-1"]["environment"]["KMS_TRUSTED_PROXIES"]
    assert trusted == pool["gateway"]


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions with lines that go on joined."""
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in (x.partition(" ") for x in lines)]


def test_the_image_holds_hashed_packages_and_runs_as_nobody() -> None:
    found = instructions()
    stages = [at for at, (word, _) in enumerate(found) if word == "FROM"]
    assert stages[0] == 0
    assert len(stages) == 2
    installs = [rest for _, rest in found if "pip install" in rest]
    assert installs
    assert all("--require-hashes" in rest for rest in installs)
    last = found[stages[1] :]
    assert [rest for word, rest in last if word == "USER"] == ["10001:10001"]
    # Nothing runs as root once the user was changed.
    after = last[[word for word, _ in last].index("USER") :]
    assert not [word for word, _ in after if word in {"RUN", "COPY", "ADD"}]
    copied = {rest.split()[0] for word, rest in found[: stages[1]] if word == "COPY"}
    for source in copied:
        assert (ROOT / source).exists()
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    assert {line[1:] for line in ignored if line.startswith("!")} == copied
    [start] = [rest for word, rest in last if word == "CMD"]
    assert understood(yaml.safe_load(start))


def units() -> list[Path]:
    return sorted(UNITS.glob("kmsconsole*.*"))


def test_units_start_what_there_is_and_hand_secrets_over_as_files() -> None:
    services = [path for path in units() if path.suffix == ".service"]
    assert len(services) == 4
    for path in services:
        [start] = re.findall(
            r"^ExecStart=\S+ manage.py (.+)$", path.read_text(), re.MULTILINE
        )
        assert understood(start.split())
    shared = (UNITS / "kmsconsole-.service.d" / "hardening.conf").read_text()
    named = re.findall(r"^Environment=(\w+)=", shared, re.MULTILINE)
    assert all(is_read(variable) for variable in named)
    given = set(re.findall(r"^LoadCredential=(\w+):", shared, re.MULTILINE))
    assert given == set(re.findall(r"=%d/(\w+)$", shared, re.MULTILINE))
    for line in (
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "CapabilityBoundingSet=",
    ):
        assert line in shared.splitlines()


def test_systemd_understands_the_units(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not here")
    shutil.copytree(UNITS, tmp_path / "units")
    # Verifying also looks whether the program is there.
    for path in (tmp_path / "units").glob("*.service"):
        path.write_text(path.read_text().replace("/opt/kmsconsole/.venv", "/usr"))
        path.write_text(path.read_text().replace("bin/python ", "bin/env "))
    names = [path.name.replace("@.", "@1.") for path in units() if path.is_file()]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *names],
        env=os.environ | {"SYSTEMD_UNIT_PATH": f"{tmp_path / 'units'}:"},
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in done.stderr.splitlines() if str(tmp_path) in line]
    assert (done.returncode, ours) == (0, [])
