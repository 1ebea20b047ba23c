"""How people call kinds of keys."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from keys.crypto.algorithms import KEY_TYPES, KeyType

_SYMMETRIC = "ENCRYPT_DECRYPT"
# What stands before the algorithm in the wire name of a usage.
_SIGNING, _DECRYPTING = "ASYMMETRIC_SIGN_VERIFY_", "ASYMMETRIC_DECRYPT_"

_ALGORITHMS = {
    _SYMMETRIC: "AES-256",
    "ASYMMETRIC_SIGN_VERIFY_ECC": "ECC P-256",
    "ASYMMETRIC_SIGN_VERIFY_ECDSA384": "ECC P-384",
    "ASYMMETRIC_SIGN_VERIFY_RSA_2048": "RSA-2048",
    "ASYMMETRIC_SIGN_VERIFY_RSA_3072": "RSA-3072",
    "ASYMMETRIC_DECRYPT_RSA_2048": "RSA-2048",
}


@dataclass(frozen=True, slots=True)
class Purpose:
    """What keys are for: usages share one where they differ in the algorithm only."""

    prefix: str
    label: str | Promise
    hint: str | Promise

    @property
    def types(self) -> list[KeyType]:
        """The kinds of key that exist here for it."""
        return [row for row in KEY_TYPES if row.usage.startswith(self.prefix)]


PURPOSES = (
    Purpose(
        _SYMMETRIC,
        gettext_lazy("Encrypt and decrypt"),
        gettext_lazy(
            "Symmetric. For secrets of up to 4 KB, and for the data keys of larger "
            "files."
        ),
    ),
    Purpose(
        _SIGNING,
        gettext_lazy("Sign and verify"),
        gettext_lazy(
            "A key pair. Signatures are made in the HSM; anybody checks them with the "
            "public key."
        ),
    ),
    Purpose(
        _DECRYPTING,
        gettext_lazy("Decrypt with a private key"),
        gettext_lazy(
            "A key pair. Anybody encrypts with the public key; only the HSM decrypts."
        ),
    ),
)

USAGE_LABELS = {row.usage: p.label for p in PURPOSES for row in p.types}
USAGE_HINTS = {row.usage: p.hint for p in PURPOSES for row in p.types}


def type_label(usage: str) -> str:
    """Return the algorithm as people write it, such as AES-256."""
    return _ALGORITHMS.get(usage, usage.replace("_", "-"))
