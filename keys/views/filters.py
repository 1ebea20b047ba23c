"""What the address of the list asks for, and how people read it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy

from keys.crypto.algorithms import KEY_TYPES
from keys.states import KeyState
from keys.views.words import type_label

MOST_SEARCH = 60
PAGE_SIZES = (20, 50, 100)
SIZE_COOKIE = "kmsconsole_rows"
_LONGEST_TAG_NAME, _LONGEST_TAG_VALUE = 127, 255
_LONGEST_PLACE = 256

Words = str | Promise
SOURCES: dict[str, Words] = {
    "TENCENT_KMS": gettext_lazy("HSM"),
    "EXTERNAL": gettext_lazy("External"),
}
ROTATIONS: dict[str, Words] = {
    "on": gettext_lazy("Rotation on"),
    "off": gettext_lazy("Rotation off"),
}
ORDERS: dict[str, Words] = {
    "newest": gettext_lazy("Newest first"),
    "oldest": gettext_lazy("Oldest first"),
    "name": gettext_lazy("By name"),
}


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter in words, and the list's address without it."""

    words: str
    url: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Every part of the address that means something; the rest is left out."""

    q: str
    state: str
    usage: str
    source: str
    rotation: str
    tag: str
    sort: str
    size: int
    older: str
    newer: str

    @classmethod
    def of(cls, request: HttpRequest) -> "Asked":
        """Read the address; the page size is remembered in a cookie."""
        get = request.GET
        size = _size(get.get("size")) or _size(request.COOKIES.get(SIZE_COOKIE))
        return cls(
            q=_text(get, "q", MOST_SEARCH),
            state=_among(get, "state", KeyState.values),
            usage=_among(get, "usage", [row.usage for row in KEY_TYPES]),
            source=_among(get, "source", SOURCES),
            rotation=_among(get, "rotation", ROTATIONS),
            tag=_text(get, "tag", _LONGEST_TAG_NAME + 1 + _LONGEST_TAG_VALUE),
            sort=_among(get, "sort", ORDERS) or "newest",
            size=size or PAGE_SIZES[0],
            older=get.get("older", "")[:_LONGEST_PLACE],
            newer=get.get("newer", "")[:_LONGEST_PLACE],
        )

    @property
    def narrowed(self) -> bool:
        """Whether anything is asked for but an order and a place."""
        return any(
            (self.q, self.state, self.usage, self.source, self.rotation, self.tag)
        )

    def wire(self, role: int) -> dict[str, Any]:
        """Return the parameters of BrowseKeys."""
        name, _, value = self.tag.partition("=")
        return {
            "Role": role,
            "Words": self.q,
            "State": self.state,
            "Usage": self.usage,
            "Origin": self.source,
            "Rotation": self.rotation,
            "Tag": name.strip()[:_LONGEST_TAG_NAME],
            "TagValue": value.strip()[:_LONGEST_TAG_VALUE],
            "Order": self.sort,
            "Limit": self.size,
            "Older": self.older,
            "Newer": "" if self.older else self.newer,
        }

    def chips(self, request: HttpRequest) -> list[Chip]:
        """Return each filter that is on, with the way to remove it."""
        on = {
            "q": f"“{self.q}”" if self.q else "",
            "state": KeyState(self.state).label if self.state else "",
            "usage": type_label(self.usage) if self.usage else "",
            "source": SOURCES.get(self.source, ""),
            "rotation": ROTATIONS.get(self.rotation, ""),
            "tag": gettext("Tag %(tag)s") % {"tag": self.tag} if self.tag else "",
        }
        return [
            Chip(str(words), address(request, **{name: ""}))
            for name, words in on.items()
            if words
        ]


def address(request: HttpRequest, **changes: str) -> str:
    """Return this list's address with changes; what is empty is left out."""
    asked = request.GET.copy()
    # Another question begins at its first page.
    for name in ("older", "newer", "before"):
        asked.pop(name, None)
    for name, value in changes.items():
        asked[name] = value
    return _joined(request.path, asked)


def tidy(request: HttpRequest) -> str:
    """Return the address without its empty parts."""
    return _joined(request.path, request.GET.copy())


def _joined(path: str, asked: QueryDict) -> str:
    for name in [name for name, value in asked.items() if not value]:
        del asked[name]
    return f"{path}?{asked.urlencode()}" if asked else path


def _text(get: QueryDict, name: str, longest: int) -> str:
    text = "".join(filter(str.isprintable, get.get(name, "")))
    return text.strip()[:longest]


def _among(get: QueryDict, name: str, choices: Iterable[str]) -> str:
    value = get.get(name, "")
    return value if value in choices else ""


def _size(text: str | None) -> int:
    return next((size for size in PAGE_SIZES if str(size) == text), 0)
