"""Which online tools there are, and for which kinds of key."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from keys.states import KeyKind

_SYMMETRIC = frozenset({KeyKind.GENERATED, KeyKind.IMPORTED, KeyKind.CLOUD})
_SIGNING = frozenset({KeyKind.SIGNING})
_DECRYPTING = frozenset({KeyKind.DECRYPTING})


@dataclass(frozen=True, slots=True)
class Entry:
    """One tool: its address below a key, what it is called, whom it serves."""

    slug: str
    label: str | Promise
    icon: str
    kinds: frozenset[KeyKind]


TOOLBOX: tuple[Entry, ...] = (
    Entry("encrypt", gettext_lazy("Encrypt"), "lock", _SYMMETRIC),
    Entry("decrypt", gettext_lazy("Decrypt"), "lock-open", _SYMMETRIC),
    Entry("re-encrypt", gettext_lazy("Re-encrypt"), "refresh-cw", _SYMMETRIC),
    Entry("generate-data-key", gettext_lazy("Data key"), "file-key", _SYMMETRIC),
    Entry("files", gettext_lazy("Files"), "file", _SYMMETRIC),
    Entry("sign", gettext_lazy("Sign"), "pen-line", _SIGNING),
    Entry("verify", gettext_lazy("Verify"), "badge-check", _SIGNING),
    Entry("rsa-decrypt", gettext_lazy("Decrypt"), "lock-open", _DECRYPTING),
)
_BY_SLUG = {entry.slug: entry for entry in TOOLBOX}


def tool(slug: str) -> Entry:
    """Return the tool at this address."""
    return _BY_SLUG[slug]


def tools_for(kind: KeyKind) -> list[Entry]:
    """Return the tools for a key of this kind; the first is where its tab leads."""
    return [entry for entry in TOOLBOX if kind in entry.kinds]
