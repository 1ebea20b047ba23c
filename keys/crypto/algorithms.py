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


@dataclass(frozen=True, slots=True)
class SignatureAlgorithm:
    """One way to sign, by its name on the wire.

    `usages` are the kinds of CMK that can, `scheme` is what the HSM and
    keys.crypto.signatures call it; what is signed is a digest by `hash_name` (a name of
    hashlib) of `digest_bytes`.
    """

    name: str
    usages: frozenset[str]
    scheme: str
    hash_name: str
    digest_bytes: int


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
    KeyType(
        usage="ASYMMETRIC_DECRYPT_RSA_2048",
        spec="RSA_2048_DECRYPT",
        algorithm="RSA_2048",
        group=ASYMMETRIC,
        rotatable=False,
        importable=False,
    ),
    KeyType(
        usage="ASYMMETRIC_SIGN_VERIFY_RSA_2048",
        spec="RSA_2048_SIGN",
        algorithm="RSA_2048",
        group=SIGN_VERIFY,
        rotatable=False,
        importable=False,
    ),
    KeyType(
        usage="ASYMMETRIC_SIGN_VERIFY_RSA_3072",
        spec="RSA_3072_SIGN",
        algorithm="RSA_3072",
        group=SIGN_VERIFY,
        rotatable=False,
        importable=False,
    ),
    KeyType(
        usage="ASYMMETRIC_SIGN_VERIFY_ECC",
        spec="EC_P256_SIGN",
        algorithm="ECC",
        group=SIGN_VERIFY,
        rotatable=False,
        importable=False,
    ),
    KeyType(
        usage="ASYMMETRIC_SIGN_VERIFY_ECDSA384",
        spec="EC_P384_SIGN",
        algorithm="ECDSA384_SHA384",
        group=SIGN_VERIFY,
        rotatable=False,
        importable=False,
    ),
)

# Known to the protocol, not offered here: refused as "not in this region", while any
# other word is refused as no usage at all.
UNSUPPORTED_USAGES: frozenset[str] = frozenset(
    {
        "ASYMMETRIC_DECRYPT_SM2",
        "ASYMMETRIC_SIGN_VERIFY_SM2",
        "ASYMMETRIC_SIGN_VERIFY_DILITHIUM",
        "ASYMMETRIC_Encrypt_Decrypt_Kyber_AES",
    }
)

AES_256_GCM = Cipher(1, "AES-256-GCM", key_bytes=32, iv_bytes=12, tag_bytes=16)
CIPHERS: dict[int, Cipher] = {cipher.number: cipher for cipher in (AES_256_GCM,)}


_RSA_USAGES = frozenset(
    {"ASYMMETRIC_SIGN_VERIFY_RSA_2048", "ASYMMETRIC_SIGN_VERIFY_RSA_3072"}
)
SIGNATURE_ALGORITHMS: tuple[SignatureAlgorithm, ...] = (
    SignatureAlgorithm(
        "RSA_PSS_SHA_256", _RSA_USAGES, "RSA_PSS_SHA256", "sha256", digest_bytes=32
    ),
    SignatureAlgorithm(
        "RSA_PKCS1_SHA_256", _RSA_USAGES, "RSA_PKCS1_SHA256", "sha256", digest_bytes=32
    ),
    SignatureAlgorithm(
        "ECC_P256_R1",
        frozenset({"ASYMMETRIC_SIGN_VERIFY_ECC"}),
        "ECDSA",
        "sha256",
        digest_bytes=32,
    ),
    SignatureAlgorithm(
        "ECDSA384_SHA384",
        frozenset({"ASYMMETRIC_SIGN_VERIFY_ECDSA384"}),
        "ECDSA",
        "sha384",
        digest_bytes=48,
    ),
)


def key_type_for_usage(usage: str) -> KeyType | None:
    """Return the row of this KeyUsage, or None where this installation has none."""
    return next((row for row in KEY_TYPES if row.usage == usage), None)


def signature_algorithms(usage: str) -> list[SignatureAlgorithm]:
    """Return the ways in which CMKs of this usage sign; the first is the usual one."""
    return [row for row in SIGNATURE_ALGORITHMS if usage in row.usages]


def signature_algorithm(name: str, usage: str) -> SignatureAlgorithm | None:
    """Return the row of this name, or None where CMKs of this usage do not sign so."""
    return next((row for row in signature_algorithms(usage) if row.name == name), None)
