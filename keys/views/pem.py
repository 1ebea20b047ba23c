"""Public keys as people pass them on."""

import base64

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)


def pem_of(der: str) -> str:
    """Return the PEM of a public key that is given as Base64 of its DER."""
    key = load_der_public_key(base64.b64decode(der))
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(
        "ascii"
    )
