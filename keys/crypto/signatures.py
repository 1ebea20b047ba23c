"""Verifying signatures with the public key alone, outside the HSM."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import load_der_public_key

_SHA256 = Prehashed(SHA256())
_RSA_PADDINGS: dict[str, padding.AsymmetricPadding] = {
    "RSA_PKCS1_SHA256": padding.PKCS1v15(),
    "RSA_PSS_SHA256": padding.PSS(padding.MGF1(SHA256()), SHA256.digest_size),
}
_ECDSA = "ECDSA"
_EC_HASHES = {256: Prehashed(SHA256()), 384: Prehashed(SHA384())}


def verify(public_key_der: bytes, scheme: str, digest: bytes, signature: bytes) -> bool:
    """Whether this is a signature of the digest by this key (SubjectPublicKeyInfo).

    Schemes are those of SignatureAlgorithm; an ECDSA signature is DER. A digest of
    another length than the key's scheme asks for has no signatures. ValueError where
    the key cannot be read or is not one of the scheme.
    """
    key = load_der_public_key(public_key_der)
    try:
        if isinstance(key, rsa.RSAPublicKey) and scheme in _RSA_PADDINGS:
            if len(digest) != SHA256.digest_size:
                return False
            key.verify(signature, digest, _RSA_PADDINGS[scheme], _SHA256)
        elif isinstance(key, ec.EllipticCurvePublicKey) and scheme == _ECDSA:
            if len(digest) * 8 != key.key_size:
                return False
            key.verify(signature, digest, ec.ECDSA(_EC_HASHES[key.key_size]))
        else:
            message = "this scheme and this key do not go together"
            raise ValueError(message)
    except InvalidSignature:
        return False
    return True
