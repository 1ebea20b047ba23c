"""The CiphertextBlob: self-describing, so Decrypt needs nothing but the blob.

    base64( magic | format | key uuid | version | cipher | iv | ciphertext | tag )
            3       1        16         4         1        12

Everything before the ciphertext is the header. It only says which material to try; it
is believed once the tag, which covers it, has verified. Nothing in it depends on an HSM
key, as callers keep ciphertexts for longer than HSMs live.

No separate key commitment: the header names exactly one key version, that version's
material never changes, and the header is authenticated, so one blob cannot open under
two keys here. The HMAC that would say the same costs an HSM call per operation.
"""

import base64
import binascii
import struct
from typing import NamedTuple
from uuid import UUID

from keys.crypto.algorithms import CIPHERS

MAX_PLAINTEXT_BYTES = 4096

_MAGIC = b"KMS"
_FORMAT = 1
_HEADER = struct.Struct(">3sB16sIB12s")
_IV_BYTES = 12
_TAG_BYTES = 16
_MIN_BYTES = _HEADER.size + _TAG_BYTES
_MAX_BYTES = _MIN_BYTES + MAX_PLAINTEXT_BYTES
_MAX_CHARACTERS = -(-_MAX_BYTES // 3) * 4
_AAD_PURPOSE = b"kmsconsole/ciphertext/1"


class CiphertextRefused(ValueError):
    """The text is no ciphertext of this system; always the same, whatever is wrong."""

    def __init__(self) -> None:
        super().__init__("not a ciphertext of this system")


class CiphertextBlob(NamedTuple):
    """A decoded blob: iv 12 bytes, payload = ciphertext and 16-byte tag."""

    key_id: UUID
    version: int
    cipher: int
    iv: bytes
    payload: bytes


def header(key_id: UUID, version: int, cipher: int, iv: bytes) -> bytes:
    """Return the 37 header bytes; ValueError for an iv that is not 12 bytes."""
    if len(iv) != _IV_BYTES:
        # struct would pad or cut it without a word, and a cut nonce may repeat.
        message = "the nonce must have 12 bytes"
        raise ValueError(message)
    return _HEADER.pack(_MAGIC, _FORMAT, key_id.bytes, version, cipher, iv)


def additional_data(header: bytes, account_uin: int, context: bytes) -> bytes:
    """Return what the tag covers beside the plaintext.

    `context` is the canonical form of keys.crypto.context. Every part carries its
    length, so bytes cannot move from one part to the next.
    """
    return b"".join(
        (
            struct.pack(">H", len(_AAD_PURPOSE)),
            _AAD_PURPOSE,
            struct.pack(">H", len(header)),
            header,
            struct.pack(">QI", account_uin, len(context)),
            context,
        )
    )


def encode(blob: CiphertextBlob) -> str:
    """Return the blob's text, standard base64 with padding."""
    head = header(blob.key_id, blob.version, blob.cipher, blob.iv)
    return base64.b64encode(head + blob.payload).decode("ascii")


def named(beginning: bytes) -> tuple[UUID, int] | None:
    """Return key and version that the first 52 characters of a blob name, unchecked."""
    raw = base64.b64decode(beginning)
    if len(raw) < _HEADER.size:
        return None
    magic, form, key_id, version, *_ = _HEADER.unpack_from(raw)
    return (UUID(bytes=key_id), version) if (magic, form) == (_MAGIC, _FORMAT) else None


def decode(text: str) -> CiphertextBlob:
    """Parse a blob's text; CiphertextRefused, always alike, for everything else."""
    if len(text) > _MAX_CHARACTERS:
        raise CiphertextRefused
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise CiphertextRefused from None
    # One blob has one text: spare bits in the last character are refused as well.
    if base64.b64encode(raw).decode("ascii") != text:
        raise CiphertextRefused
    if not _MIN_BYTES <= len(raw) <= _MAX_BYTES:
        raise CiphertextRefused
    magic, form, key_id, version, cipher, iv = _HEADER.unpack_from(raw)
    if (magic, form) != (_MAGIC, _FORMAT) or version == 0 or cipher not in CIPHERS:
        raise CiphertextRefused
    return CiphertextBlob(UUID(bytes=key_id), version, cipher, iv, raw[_HEADER.size :])
