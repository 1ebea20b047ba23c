"""Every PKCS#11 template this system uses, as data: attribute names and values.

Names are those of PKCS#11 without CKA_; a value is what the key must have.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


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
    unwrapped for use can neither leave nor be changed.
    """

    name: str
    key_type: str
    bits: int
    generated: Mapping[str, bool]
    unwrapped: Mapping[str, bool]


KEY_SPECS: Mapping[str, KeySpec] = {
    "AES_256": KeySpec(
        "AES_256",
        "AES",
        256,
        generated=_secret("ENCRYPT", "DECRYPT", token=False, extractable=True),
        unwrapped=_secret("ENCRYPT", "DECRYPT", token=False, extractable=False),
    )
}
