"""Which online tools there are, and for which kinds of key."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from keys.models import CustomerMasterKey
from keys.operations import (
    AsymmetricRsaDecrypt,
    Decrypt,
    Encrypt,
    GenerateDataKey,
    ReEncrypt,
    SignByAsymmetricKey,
    VerifyByAsymmetricKey,
)
from keys.states import KeyKind
from kmsconsole.operations import Operation
from kmsconsole.principals import Call

_SYMMETRIC = frozenset({KeyKind.GENERATED, KeyKind.IMPORTED, KeyKind.CLOUD})
_SIGNING = frozenset({KeyKind.SIGNING})
_DECRYPTING = frozenset({KeyKind.DECRYPTING})


@dataclass(frozen=True, slots=True)
class Entry:
    """One tool: its address below a key, what it is called, for which kinds of key.

    It serves whoever may do any one of its operations.
    """

    slug: str
    label: str | Promise
    icon: str
    kinds: frozenset[KeyKind]
    operations: tuple[type[Operation], ...]


TOOLBOX: tuple[Entry, ...] = (
    Entry("encrypt", gettext_lazy("Encrypt"), "lock", _SYMMETRIC, (Encrypt,)),
    Entry("decrypt", gettext_lazy("Decrypt"), "lock-open", _SYMMETRIC, (Decrypt,)),
    Entry(
        "re-encrypt",
        gettext_lazy("Re-encrypt"),
        "refresh-cw",
        _SYMMETRIC,
        (ReEncrypt,),
    ),
    Entry(
        "generate-data-key",
        gettext_lazy("Data key"),
        "file-key",
        _SYMMETRIC,
        (GenerateDataKey,),
    ),
    Entry(
        "files", gettext_lazy("Files"), "file", _SYMMETRIC, (GenerateDataKey, Decrypt)
    ),
    Entry("sign", gettext_lazy("Sign"), "pen-line", _SIGNING, (SignByAsymmetricKey,)),
    Entry(
        "verify",
        gettext_lazy("Verify"),
        "badge-check",
        _SIGNING,
        (VerifyByAsymmetricKey,),
    ),
    Entry(
        "rsa-decrypt",
        gettext_lazy("Decrypt"),
        "lock-open",
        _DECRYPTING,
        (AsymmetricRsaDecrypt,),
    ),
)
TOOL_OPERATIONS = tuple(
    dict.fromkeys(operation for tool in TOOLBOX for operation in tool.operations)
)
_BY_SLUG = {entry.slug: entry for entry in TOOLBOX}


def tool(slug: str) -> Entry:
    """Return the tool at this address."""
    return _BY_SLUG[slug]


def tools_for(kind: KeyKind) -> list[Entry]:
    """Return the tools for a key of this kind."""
    return [entry for entry in TOOLBOX if kind in entry.kinds]


def usable_tools(call: Call, key: CustomerMasterKey) -> list[Entry]:
    """Return the tools for this key that the caller may use, whatever its state."""
    return [
        entry
        for entry in tools_for(key.kind)
        if any(call.decide(each, key).allowed for each in entry.operations)
    ]
