"""Environment variables, typed.

Every secret may also come from a file: `NAME_FILE` holds its path, so that it never
stands in a process listing or a service definition.
"""

import ipaddress
import os
from pathlib import Path
from typing import TypeAlias

from kmsconsole.randomness import token_string

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_ALPHANUMERIC = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


class BadSetting(Exception):
    """An environment variable that cannot be used; the text says which and why."""


def text(name: str, default: str = "") -> str:
    """Return the variable, or `default` where it is unset or empty."""
    return os.environ.get(name) or default


def secret(name: str) -> str | None:
    """Return the secret `name`, or the content of the file `name_FILE` names."""
    value = os.environ.get(name)
    if value:
        return value
    path = os.environ.get(f"{name}_FILE")
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        message = f"{name}_FILE can't be read: {error.strerror}."
        raise BadSetting(message) from None


def number(name: str, default: int, *, least: int, most: int) -> int:
    """Return a whole number in `least`..`most`."""
    raw = text(name, str(default))
    if not (raw.isascii() and raw.isdigit() and least <= int(raw) <= most):
        message = f"{name} must be a whole number from {least} to {most}."
        raise BadSetting(message)
    return int(raw)


def words(name: str, default: str = "") -> tuple[str, ...]:
    """Return a comma-separated list, without empty entries."""
    return tuple(
        word.strip() for word in text(name, default).split(",") if word.strip()
    )


def networks(name: str) -> tuple[Network, ...]:
    """Return a comma-separated list of addresses and CIDR networks."""
    try:
        return tuple(ipaddress.ip_network(word, strict=False) for word in words(name))
    except ValueError:
        message = f"{name} must be a list of addresses or networks such as 10.0.0.0/8."
        raise BadSetting(message) from None


def path(name: str, default: str = "") -> Path | None:
    """Return an absolute path, or None where neither variable nor default is set."""
    raw = text(name, default)
    return Path(raw).expanduser().resolve() if raw else None


def kept_secret(file: Path, length: int = 50) -> str:
    """Return the random secret kept in `file`, made with mode 0600 on first use."""
    try:
        return file.read_text(encoding="ascii")
    except FileNotFoundError:
        pass
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(token_string(length, _ALPHANUMERIC))
    # A link fails where another process was first; then its secret is the one.
    try:
        os.link(fresh, file)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return file.read_text(encoding="ascii")
