"""The access tab of a key: who may do what with it, and where that comes from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy

from accessctl.matrix import Cell, cells, concerns
from accessctl.models import Group, User
from accessctl.operations import GrantAccess, ListKeyAccess, ListRights
from accessctl.rules import Rule
from accessctl.views.words import (
    Origin,
    may_give,
    origin_of,
    revoke_query,
    rule_words,
)
from keys.views.happenings import deed
from keys.views.page import KeyPage, Tab
from kmsconsole import clock
from kmsconsole.forms import WireForm

PAGE = 25
_MOST_DIGITS = 6
_MOST_WORDS = 64


@dataclass(frozen=True, slots=True)
class Row:
    """One person or group: its cells, and the origins of its rights."""

    holder: User | Group
    is_group: bool
    cells: list[Cell]
    origins: list[tuple[Origin, str]]
    exact: list[tuple[str, list[tuple[Any, str, str]]]]


class KeyAccessPage(KeyPage):
    """Who may do what with this key."""

    operation = ListKeyAccess
    template = "accessctl/key_access.html"
    slug = "access"
    tab = "access"
    opened_by = (ListKeyAccess, GrantAccess)
    own_tab = Tab(
        "access",
        gettext_lazy("Access"),
        lambda *_: "access",
        operations=(ListKeyAccess, GrantAccess),
    )

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Show one page of people and groups."""
        return self.page(self.form())

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return the matrix, or that only giving is allowed here."""
        context = super().context(form)
        may_see = self.glance.decide(ListKeyAccess, self.key).allowed
        self.gives = self.glance.decide(GrantAccess, self.key).allowed
        own = {"gives": self.gives, "sees": may_see}
        if not may_see and self.gives:
            return context | own
        words = self.request.GET.get("q", "").strip()[:_MOST_WORDS]
        page = _number(self.request.GET.get("page", ""))
        asked = {"Words": words, "Offset": (page - 1) * PAGE, "Limit": PAGE}
        output = ListKeyAccess.execute(self.call, self.parameters() | asked).output
        rows = [self._row(holder, rules) for holder, rules in output["Access"]]
        total = output["Total"]
        return (
            context
            | own
            | {
                "q": words,
                "rows": rows,
                "total": total,
                "first": (page - 1) * PAGE + 1,
                "last": (page - 1) * PAGE + len(rows),
                "newer": self._address(words, page - 1) if page > 1 else "",
                "older": self._address(words, page + 1) if page * PAGE < total else "",
                "links": self.glance.decide(ListRights, None).allowed,
            }
        )

    def _address(self, words: str, page: int) -> str:
        return "?" + urlencode({"q": words, "page": page})

    def _row(self, holder: User | Group, rules: Sequence[Rule]) -> Row:
        key, moment = self.key, clock.now()
        is_group = isinstance(holder, Group)
        holding = [rule for rule in rules if concerns(rule, key, moment)]
        kind = "group" if is_group else "user"
        origins = []
        for rule in holding:
            origin = origin_of(rule, holder.name if is_group else "")
            taking = ""
            if origin.direct and self.gives and may_give(self.call, origin.right):
                taking = revoke_query(
                    kind, holder.name, origin.right, KeyId=self.key_id
                )
            origins.append((origin, taking))
        row = cells(holder, holding, key)
        exact = [
            (str(cell.capability.label), [_exact(item) for item in cell.exact])
            for cell in row
        ]
        return Row(holder, is_group, row, origins, exact)


def _exact(item: Any) -> tuple[Any, str, str]:
    return item, deed(item.operation), rule_words(item.rule)


def _number(text: str) -> int:
    known = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    return max(1, int(text)) if known else 1
