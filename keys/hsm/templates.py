"""Every PKCS#11 template this system uses, as data: attribute names and values.

Names are those of PKCS#11 without CKA_; a value is what the key must have.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

# One block whose encryption recognises an AES key. Not zero, as the encryption of zero
# is GCM's hash key, and not ending in a small counter, as such blocks are GCM's key
# stream.
CHECK_BLOCK = b"kmsconsole/check"


class HierarchyKind(StrEnum):
    """The keys that live in the token; everything else is wrapped under them."""

    ROOT = "root"
    MAC = "mac"
    SEAL = "seal"
    DATA = "data"


# CKA_UNWRAP_TEMPLATE: what a key unwrapped under the root must be given. It is a
# protection like the others, but is proved by trying: reading an array attribute back
# makes modules write through pointers the caller has to have prepared.
UNWRAP_TEMPLATE = "UNWRAP_TEMPLATE"
UNWRAP_REQUIRES: Mapping[str, bool] = {"SENSITIVE": True}

_CAPABILITIES = (
    "ENCRYPT",
    "DECRYPT",
    "WRAP",
    "UNWRAP",
    "SIGN",
    "VERIFY",
    "DERIVE",
)


def _secret(*capabilities: str, token: bool, extractable: bool) -> dict[str, bool]:
    return {
        "TOKEN": token,
        "PRIVATE": True,
        "SENSITIVE": True,
        "EXTRACTABLE": extractable,
        "MODIFIABLE": False,
        **{name: name in capabilities for name in _CAPABILITIES},
    }


# What a token records of a key that was generated inside it and could never leave.
_BORN_INSIDE = {"LOCAL": True, "ALWAYS_SENSITIVE": True, "NEVER_EXTRACTABLE": True}


@dataclass(frozen=True)
class HierarchyTemplate:
    """How one hierarchy key is made (`made`) and what is read back of it (`proved`).

    `key_type` is AES, GENERIC_SECRET (both of `bits`) or EC (on `curve`).
    """

    key_type: str
    made: Mapping[str, bool]
    proved: Mapping[str, bool]
    bits: int = 256
    curve: str = ""
    public: Mapping[str, bool] = field(default_factory=dict)


def _in_token(key_type: str, *capabilities: str) -> HierarchyTemplate:
    made = _secret(*capabilities, token=True, extractable=False)
    return HierarchyTemplate(key_type, made, made | _BORN_INSIDE)


_SEAL = {
    "TOKEN": True,
    "PRIVATE": True,
    "SENSITIVE": True,
    "EXTRACTABLE": False,
    "MODIFIABLE": False,
    "DECRYPT": False,
    "UNWRAP": False,
    "SIGN": True,
    "DERIVE": False,
}

HIERARCHY: Mapping[HierarchyKind, HierarchyTemplate] = {
    HierarchyKind.ROOT: _in_token("AES", "WRAP", "UNWRAP"),
    HierarchyKind.MAC: _in_token("GENERIC_SECRET", "SIGN", "VERIFY"),
    HierarchyKind.SEAL: HierarchyTemplate(
        "EC",
        made=_SEAL,
        proved=_SEAL | _BORN_INSIDE,
        curve="secp256r1",
        public={
            "TOKEN": True,
            "PRIVATE": False,
            "MODIFIABLE": False,
            "ENCRYPT": False,
            "VERIFY": True,
            "WRAP": False,
        },
    ),
    HierarchyKind.DATA: _in_token("AES", "ENCRYPT", "DECRYPT"),
}


@dataclass(frozen=True)
class KeySpec:
    """Material of one CMK version: as it is generated, and as it is unwrapped for use.

    It must be extractable while it is made, or it could not be wrapped; what is
    unwrapped for use can neither leave nor be changed. `key_type` is AES, RSA or EC (on
    `curve`). A pair has a template of its public half. `schemes` are the ways it signs
    digests of `digest_bytes`, `paddings` those in which its owner may have it decrypt,
    `import_paddings` those in which it takes in material.
    """

    name: str
    key_type: str
    bits: int
    generated: Mapping[str, bool]
    unwrapped: Mapping[str, bool]
    public: Mapping[str, bool] = field(default_factory=dict)
    curve: str = ""
    schemes: tuple[str, ...] = ()
    digest_bytes: int = 0
    paddings: tuple[str, ...] = ()
    import_paddings: tuple[str, ...] = ()

    @property
    def paired(self) -> bool:
        """Whether there is a public half."""
        return bool(self.public)

    @property
    def slow(self) -> bool:
        """Whether to generate one takes seconds, as primes have to be found."""
        return self.key_type == "RSA"


# The public half leaves as bytes at once, so its object can do nothing.
_PUBLIC_HALF = {
    "TOKEN": False,
    "PRIVATE": False,
    "MODIFIABLE": False,
    "ENCRYPT": False,
    "VERIFY": False,
    "WRAP": False,
}


def _private(*capabilities: str, extractable: bool) -> dict[str, bool]:
    return {
        "TOKEN": False,
        "PRIVATE": True,
        "SENSITIVE": True,
        "EXTRACTABLE": extractable,
        "MODIFIABLE": False,
        **{
            name: name in capabilities
            for name in ("DECRYPT", "SIGN", "UNWRAP", "DERIVE")
        },
    }


_RSA_SCHEMES = ("RSA_PKCS1_SHA256", "RSA_PSS_SHA256")
_RSA_PADDINGS = ("RSAES_PKCS1_V1_5", "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256")


def _rsa(
    name: str,
    bits: int,
    *capabilities: str,
    schemes: tuple[str, ...] = (),
    paddings: tuple[str, ...] = (),
    import_paddings: tuple[str, ...] = (),
) -> KeySpec:
    return KeySpec(
        name,
        "RSA",
        bits,
        generated=_private(*capabilities, extractable=True),
        unwrapped=_private(*capabilities, extractable=False),
        public=_PUBLIC_HALF,
        schemes=schemes,
        digest_bytes=32 if schemes else 0,
        paddings=paddings,
        import_paddings=import_paddings,
    )


def _ec(name: str, curve: str, bits: int) -> KeySpec:
    return KeySpec(
        name,
        "EC",
        bits,
        generated=_private("SIGN", extractable=True),
        unwrapped=_private("SIGN", extractable=False),
        public=_PUBLIC_HALF,
        curve=curve,
        schemes=("ECDSA",),
        digest_bytes=bits // 8,
    )


KEY_SPECS: Mapping[str, KeySpec] = {
    spec.name: spec
    for spec in (
        KeySpec(
            "AES_256",
            "AES",
            256,
            generated=_secret("ENCRYPT", "DECRYPT", token=False, extractable=True),
            unwrapped=_secret("ENCRYPT", "DECRYPT", token=False, extractable=False),
        ),
        _rsa("RSA_2048_DECRYPT", 2048, "DECRYPT", paddings=_RSA_PADDINGS),
        _rsa("RSA_2048_SIGN", 2048, "SIGN", schemes=_RSA_SCHEMES),
        _rsa("RSA_3072_SIGN", 3072, "SIGN", schemes=_RSA_SCHEMES),
        _ec("EC_P256_SIGN", "secp256r1", 256),
        _ec("EC_P384_SIGN", "secp384r1", 384),
        # Takes in material, and gives none out: DECRYPT is for the one padding SoftHSM
        # can't unwrap with, see keys/hsm/token/pairs.py.
        _rsa(
            "RSA_2048_IMPORT",
            2048,
            "UNWRAP",
            "DECRYPT",
            import_paddings=_RSA_PADDINGS,
        ),
    )
}
