"""The one place outside the HSM where random values come from."""

import secrets
from uuid import UUID


def token_bytes(length: int) -> bytes:
    """Return `length` bytes from the operating system's generator."""
    return secrets.token_bytes(length)


def uuid4() -> UUID:
    """Return a random version 4 UUID."""
    return UUID(bytes=secrets.token_bytes(16), version=4)


def token_string(length: int, alphabet: str) -> str:
    """Return `length` characters, each drawn evenly from `alphabet`."""
    return "".join(secrets.choice(alphabet) for _ in range(length))
