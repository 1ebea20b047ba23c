"""Encrypting an answer to a public key that the caller sent along."""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

LEAST_BITS, MOST_BITS = 2048, 4096
_PADDINGS: dict[str, padding.AsymmetricPadding] = {
    "RSAES_PKCS1_V1_5": padding.PKCS1v15(),
    "RSAES_OAEP_SHA_1": padding.OAEP(
        padding.MGF1(hashes.SHA1()),  # noqa: S303 - the protocol's choice
        hashes.SHA1(),  # noqa: S303
        None,
    ),
    "RSAES_OAEP_SHA_256": padding.OAEP(
        padding.MGF1(hashes.SHA256()), hashes.SHA256(), None
    ),
}


class DeliveryRefused(ValueError):
    """The key can't be used with this algorithm, or the plaintext is too long."""


def encrypt_to(public_key_pem: str, algorithm: str, plaintext: bytes) -> bytes:
    """Return `plaintext` encrypted to an RSA key; raises DeliveryRefused.

    Algorithms are RSAES_PKCS1_V1_5, RSAES_OAEP_SHA_1 and RSAES_OAEP_SHA_256.
    """
    chosen = _PADDINGS.get(algorithm)
    if chosen is None:
        raise DeliveryRefused
    try:
        key = load_pem_public_key(public_key_pem.encode("ascii"))
        if not isinstance(key, RSAPublicKey):
            raise DeliveryRefused
        if not LEAST_BITS <= key.key_size <= MOST_BITS:
            raise DeliveryRefused
        return key.encrypt(plaintext, chosen)
    except (ValueError, UnsupportedAlgorithm):
        raise DeliveryRefused from None
