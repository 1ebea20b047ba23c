"""How people call kinds of keys."""

from django.utils.translation import gettext_lazy

from keys.crypto.algorithms import key_type_for_usage

USAGE_LABELS = {"ENCRYPT_DECRYPT": gettext_lazy("Encrypt and decrypt")}
USAGE_HINTS = {
    "ENCRYPT_DECRYPT": gettext_lazy(
        "Symmetric. For secrets of up to 4 KB, and for the data keys of larger files."
    )
}


def type_label(usage: str) -> str:
    """Return the algorithm as people write it, such as AES-256."""
    kind = key_type_for_usage(usage)
    return (kind.algorithm if kind else usage).replace("_", "-")
