"""What recognises unwrapped material: a check value, or of a pair that it belongs."""

import hashlib
import hmac

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import load_der_public_key

from keys.crypto import signatures
from keys.hsm.errors import AlteredVersion, BadData
from keys.hsm.templates import CHECK_BLOCK, KeySpec
from keys.hsm.token import Handle, Token
from keys.hsm.versions import WrappedVersion, spec_of
from kmsconsole import randomness

_SIGNED = b"kmsconsole/pair/1"
_SECRET_BYTES = 32
_CHECK_VALUE_BYTES = 8
_HASHES = {32: hashlib.sha256, 48: hashlib.sha384}


def check_value(
    token: Token, handle: Handle, spec: KeySpec, public_key: bytes
) -> bytes:
    """Return the check value of what was unwrapped.

    AlteredVersion where a private key is not the other half of `public_key`.
    """
    if not spec.paired:
        return token.encrypt_block(handle, CHECK_BLOCK)[:_CHECK_VALUE_BYTES]
    if not holds(token, handle, spec, public_key):
        raise AlteredVersion
    return hashlib.sha256(public_key).digest()


def require(token: Token, handle: Handle, version: WrappedVersion) -> None:
    """Raise AlteredVersion unless this is the material the version says it is."""
    found = check_value(token, handle, spec_of(version), version.public_key)
    if not hmac.compare_digest(found, version.check_value):
        raise AlteredVersion


def holds(token: Token, handle: Handle, spec: KeySpec, public_key: bytes) -> bool:
    """Whether the pair belongs together: signs and verifies, or encrypts and decrypts.

    `public_key` is a SubjectPublicKeyInfo, DER.
    """
    try:
        if spec.schemes:
            return _signs(token, handle, spec, public_key)
        return _decrypts(token, handle, public_key)
    except (BadData, ValueError, UnsupportedAlgorithm):
        return False


def _signs(token: Token, handle: Handle, spec: KeySpec, public_key: bytes) -> bool:
    digest = _HASHES[spec.digest_bytes](_SIGNED).digest()
    signature = token.sign_digest(handle, spec.schemes[0], digest)
    return signatures.verify(public_key, spec.schemes[0], digest, signature)


def _decrypts(token: Token, handle: Handle, public_key: bytes) -> bool:
    key = load_der_public_key(public_key)
    if not isinstance(key, rsa.RSAPublicKey):
        return False
    secret = randomness.token_bytes(_SECRET_BYTES)
    # The one OAEP every token knows; its security does not hang on SHA-1's collisions.
    oaep = padding.OAEP(padding.MGF1(SHA1()), SHA1(), None)  # noqa: S303
    sealed = key.encrypt(secret, oaep)
    return token.decrypt_rsa(handle, "RSAES_OAEP_SHA_1", sealed) == secret
