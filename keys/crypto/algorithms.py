"""What kinds of customer master key exist: rows, read by everything that chooses one.

Adding an algorithm is adding a row to KEY_TYPES (and its template in keys/hsm).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KeyType:
    """One kind of CMK.

    `usage` and `algorithm` are the words of the wire protocol, `spec` names the
    material (and its HSM template), `group` is its list in ListAlgorithms.
    """

    usage: str
    spec: str
    algorithm: str
    group: str
    rotatable: bool
    importable: bool


@dataclass(frozen=True, slots=True)
class Cipher:
    """How a ciphertext was made; `number` is what its header carries, for ever."""

    number: int
    name: str
    key_bytes: int
    iv_bytes: int
    tag_bytes: int


SYMMETRIC = "Symmetric"
ASYMMETRIC = "Asymmetric"
SIGN_VERIFY = "AsymmetricSignVerify"

KEY_TYPES: tuple[KeyType, ...] = (
    KeyType(
        usage="ENCRYPT_DECRYPT",
        spec="AES_256",
        algorithm="AES_256",
        group=SYMMETRIC,
        rotatable=True,
        importable=True,
    ),
)

# Known to the protocol, not offered here: refused as "not in this region", while any
# other word is refused as no usage at all.
UNSUPPORTED_USAGES: frozenset[str] = frozenset(
    {
        "ASYMMETRIC_DECRYPT_RSA_2048",
        "ASYMMETRIC_DECRYPT_SM2",
        "ASYMMETRIC_SIGN_VERIFY_SM2",
        "ASYMMETRIC_SIGN_VERIFY_RSA_2048",
        "ASYMMETRIC_SIGN_VERIFY_RSA_3072",
        "ASYMMETRIC_SIGN_VERIFY_ECC",
        "ASYMMETRIC_SIGN_VERIFY_ECDSA384",
        "ASYMMETRIC_SIGN_VERIFY_DILITHIUM",
        "ASYMMETRIC_Encrypt_Decrypt_Kyber_AES",
    }
)

AES_256_GCM = Cipher(1, "AES-256-GCM", key_bytes=32, iv_bytes=12, tag_bytes=16)
CIPHERS: dict[int, Cipher] = {cipher.number: cipher for cipher in (AES_256_GCM,)}


def key_type_for_usage(usage: str) -> KeyType | None:
    """Return the row of this KeyUsage, or None where this installation has none."""
    return next((row for row in KEY_TYPES if row.usage == usage), None)
