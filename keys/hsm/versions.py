"""One CMK version as the database keeps it, and what its binding covers."""

import hashlib
import hmac
import struct
from typing import NamedTuple, TypeAlias

from keys.hsm.errors import AlteredVersion
from keys.hsm.templates import KEY_SPECS, KeySpec

Row: TypeAlias = tuple[bytes, str, bytes, bytes, int, int, bytes, bytes]

_BINDING_PURPOSE = b"kmsconsole/version/1"


class WrappedVersion(NamedTuple):
    """One CMK version as the database keeps it.

    `blob` is the wrapped material, `binding` the HMAC (32 bytes) of identity and blob,
    `check_value` recognises the material and says nothing about it: 8 bytes, or of a
    pair the SHA-256 of `public_key`, its SubjectPublicKeyInfo (DER; empty otherwise).
    """

    spec: str
    blob: bytes
    binding: bytes
    root_epoch: int
    mac_epoch: int
    check_value: bytes
    public_key: bytes = b""


def row(version: WrappedVersion, identity: bytes) -> Row:
    """Return the name of a version's handle in the cache."""
    # All of it, so that a hit in the cache means that these very bytes were verified.
    return identity, *version


def binding_message(version: WrappedVersion, identity: bytes) -> bytes:
    """Return what the binding is the HMAC of.

    The public half is in it by its digest, the check value, which `spec_of` compares:
    rows of before there were pairs keep their bindings.
    """
    spec = version.spec.encode()
    return b"".join(
        (
            _BINDING_PURPOSE,
            struct.pack(">I", len(identity)),
            identity,
            struct.pack(">I", len(spec)),
            spec,
            struct.pack(">II", version.root_epoch, version.mac_epoch),
            hashlib.sha256(version.blob).digest(),
            version.check_value,
        )
    )


def spec_of(version: WrappedVersion) -> KeySpec:
    """Return the version's kind; AlteredVersion where its parts do not fit together."""
    spec = KEY_SPECS.get(version.spec)
    if spec is None:
        raise AlteredVersion
    if spec.paired:
        digest = hashlib.sha256(version.public_key).digest()
        fits = hmac.compare_digest(digest, version.check_value)
    else:
        fits = not version.public_key
    if not fits:
        raise AlteredVersion
    return spec


def require_able(what: str, *, able: bool) -> None:
    """Raise ValueError where a caller asks a kind of key for what it is not for."""
    if not able:
        message = f"a key of this kind does not {what}"
        raise ValueError(message)
