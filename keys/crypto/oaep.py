"""Taking off RSA-OAEP with SHA-256 (RFC 8017, 7.1.2), for tokens that do not know it.

Which check failed must not show: an answer, or a time, that tells a first byte other
than zero from a wrong hash lets anybody decrypt with some thousand questions.
"""

import hashlib
import hmac

_HASH_BYTES = 32
_EMPTY_LABEL = hashlib.sha256(b"").digest()


def unpad_sha256(block: bytes) -> bytes | None:
    """Return the message of a bare RSA result, as long as the modulus.

    None where it is no OAEP of an empty label with SHA-256 in both places. The buffers
    made on the way are overwritten.
    """
    if len(block) < 2 * _HASH_BYTES + 2:
        return None
    seed = bytearray(block[1 : 1 + _HASH_BYTES])
    content = bytearray(block[1 + _HASH_BYTES :])
    try:
        _mask(seed, content)
        _mask(content, seed)
        good, start = _separator(content)
        good &= block[0] == 0
        good &= hmac.compare_digest(content[:_HASH_BYTES], _EMPTY_LABEL)
        return bytes(content[start:]) if good else None
    finally:
        seed[:] = bytes(len(seed))
        content[:] = bytes(len(content))


def _separator(content: bytearray) -> tuple[bool, int]:
    """Say whether zeros and a one follow the hash, and where the message starts."""
    # The whole of it is looked at, with the same steps at each byte.
    looking, good, start = 1, 1, 0
    for index in range(_HASH_BYTES, len(content)):
        byte = content[index]
        is_one, is_zero = int(byte == 1), int(byte == 0)
        start += looking * is_one * (index + 1)
        good &= is_one | is_zero | (1 - looking)
        looking &= 1 - is_one
    return bool(good & (1 - looking)), start


def _mask(target: bytearray, seed: bytearray) -> None:
    """Apply MGF1 with SHA-256 of the seed to the target, in place."""
    for start in range(0, len(target), _HASH_BYTES):
        counter = (start // _HASH_BYTES).to_bytes(4)
        mask = hashlib.sha256(seed + counter).digest()
        for offset in range(min(_HASH_BYTES, len(target) - start)):
            target[start + offset] ^= mask[offset]
