"""Rows of the list as HTML, rendered once for all that look alike.

Most keys of a page differ in nothing but name, ID and times. A template renders what
else there is with marks in their place, and the marks are replaced in every row.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.template.loader import get_template
from django.utils.functional import Promise
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import ngettext

from keys.operations.browsing import Row
from keys.states import KeyState
from keys.views import filters
from keys.views.words import USAGE_LABELS, type_label
from kmsconsole.templatetags.console import moment

_SHOWN_TAGS = 2
# What somebody most likely wants next; the rest stands in the row's menu.
_NEXT = {
    KeyState.ENABLED: "disable-key",
    KeyState.DISABLED: "enable-key",
    KeyState.PENDING_DELETE: "cancel-key-deletion",
    KeyState.ARCHIVED: "cancel-key-archive",
    KeyState.PENDING_IMPORT: "import-key-material",
}
# Unicode keeps these characters for a program's own use: no text contains them.
_MARKS: dict[str, SafeString] = {
    name: mark_safe(chr(0xFDD0 + number))  # noqa: S308 - a single constant letter
    for number, name in enumerate(
        (
            "id",
            "name",
            "created",
            "rotates",
            "dies",
            "dies_in",
            "died",
        )
    )
}
_OWN = {str(mark): name for name, mark in _MARKS.items()}
_MARK = re.compile(f"([{''.join(_OWN)}])")


Label = Callable[[str, Row], "str | Promise"]


class Rows:
    """Prints the rows of one page.

    `label` names an action that a row may offer by its slug, or nothing; rows can be
    ticked where there is something to do with many. `holds` says of keys whose deletion
    was held when they go; None: when somebody has decided.
    """

    def __init__(
        self,
        template: str,
        home: str,
        label: Label,
        *,
        ticked: bool = False,
        holds: Mapping[UUID, datetime | None] | None = None,
    ) -> None:
        self._template = get_template(template)
        self._home = home
        self._label = label
        self._ticked = ticked
        self._holds = holds or {}
        self._printed: dict[tuple[Any, ...], list[str]] = {}

    def html(self, row: Row) -> SafeString:
        """Return a row of the table."""
        own = _own(row, self._holds.get(row.id))
        slug = _NEXT.get(KeyState(row.state), "")
        label = self._label(slug, row) if slug else ""
        alike = (
            label,
            row.state,
            row.usage,
            row.origin,
            row.owner,
            row.rotation_enabled and row.rotate_days,
            self._held(row),
            *row.tags,
            *own,
        )
        if alike not in self._printed:
            context = {
                "row": self._facts(row, slug, label)
                | {name: _MARKS[name] for name in own}
            }
            printed = self._template.render(context | {"home": self._home})
            self._printed[alike] = _MARK.split(printed)
        parts = self._printed[alike].copy()
        # What was split at stands between the other parts.
        parts[1::2] = [own[_OWN[mark]] for mark in parts[1::2]]
        return SafeString("".join(parts))

    def _held(self, row: Row) -> bool:
        return row.id in self._holds and self._holds[row.id] is None

    def _facts(self, row: Row, slug: str, label: str | Promise) -> dict[str, Any]:
        shown = [f"{name}={value}" if value else name for name, value in row.tags]
        return {
            "url": f"{self._home}{_MARKS['id']}/",
            "state": row.state,
            "state_label": KeyState(row.state).label,
            "held": self._held(row),
            "living": row.state != KeyState.DESTROYED,
            "type": type_label(row.usage),
            "usage": USAGE_LABELS.get(row.usage, ""),
            "source": filters.SOURCES.get(row.origin, row.origin),
            "product": row.owner.upper(),
            "rotation": _rotation(row.rotate_days) if row.rotation_enabled else "",
            "tags": shown[:_SHOWN_TAGS],
            "more_tags": shown[_SHOWN_TAGS:],
            "slug": slug if label else "",
            "label": label,
            "ticked": self._ticked,
        }


def _own(row: Row, runs_at: datetime | None) -> dict[str, str]:
    """Return what a row shares with no other, as HTML; what it has not is left out."""
    dies = runs_at or row.deletion_date
    own = {
        "id": str(row.id),
        "name": conditional_escape(row.alias),
        "created": moment(row.created_at, relative=True, day=True),
    }
    if row.rotation_enabled and row.next_rotation_at:
        own["rotates"] = moment(row.next_rotation_at, day=True)
    if row.state == KeyState.PENDING_DELETE and dies:
        own["dies"] = moment(dies, day=True)
        own["dies_in"] = moment(dies, relative=True)
    elif row.destroyed_at:
        own["died"] = moment(row.destroyed_at, day=True)
    return own


def _rotation(days: int) -> str:
    return ngettext("Every day", "Every %(days)s days", days) % {"days": days}
