"""What tests share about the machine they run on; imported before Django is set up."""

import socket
from pathlib import Path

from kmsconsole import softhsm

ROOT = Path(__file__).resolve().parent.parent
REGIONS = "ap-guangzhou,ap-shanghai"
# Where `make test` unpacks SoftHSM when it may not install it.
_UNPACKED = ROOT / ".venv" / "check-home"
_AMBIENT = (
    "CELERY_",
    "DATABASE_URL",
    "DJANGO_",
    "EMAIL_URL",
    "KMS_",
    "PKCS11_",
    "SOFTHSM2_",
)


def is_ambient(name: str) -> bool:
    """Whether an environment variable speaks to an installation, not to a test."""
    return name.startswith(_AMBIENT)


def borrow_softhsm(home: Path) -> None:
    """Let a data folder use the SoftHSM that was unpacked for all tests."""
    if softhsm.find_module(home) is None and softhsm.find_module(_UNPACKED):
        (home / "softhsm").symlink_to(_UNPACKED / "softhsm")


def free_port() -> int:
    """Return a port of loopback nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
