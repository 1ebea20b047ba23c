"""Lists of hosted data keys: all of the account's, and those of one key."""

from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import ngettext
from django.views.generic import View
from django_htmx.http import replace_url

from keys.datakeys.states import DataKeyState
from keys.models import Origin
from keys.operations import (
    DescribeDataKey,
    ListDataKeyDetail,
)
from keys.views.base import Offer
from keys.views.filters import MOST_SEARCH, PAGE_SIZES, address, tidy
from keys.views.hosting import HostDataKeyView, ImportDataKeyView
from keys.views.page import KeyPage
from kmsconsole.forms import WireForm
from kmsconsole.principals import Call
from kmsconsole.views import console_call

ROWS = "keys/data_keys/rows.html"
# What ListDataKeyDetail calls the states.
_NUMBERS = {state.value: number for number, state in enumerate(DataKeyState, 1)}
_MOST_DIGITS = 9


def moment_of(seconds: int) -> datetime | None:
    """Return a time of the API; 0 is none."""
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def listed(request: HttpRequest, call: Call, key_id: str = "") -> dict[str, Any]:
    """Return the page of data keys that the address asks for; of one key, or all."""
    get = request.GET
    words = "".join(filter(str.isprintable, get.get("q", ""))).strip()[:MOST_SEARCH]
    state = get.get("state", "") if get.get("state") in _NUMBERS else ""
    size = next((n for n in PAGE_SIZES if str(n) == get.get("size")), PAGE_SIZES[0])
    start = get.get("offset", "")
    fits = start.isascii() and start.isdigit() and len(start) <= _MOST_DIGITS
    offset = int(start) if fits else 0
    asked = {
        "SearchKeyAlias": words,
        "KeyState": _NUMBERS.get(state, 0),
        "Offset": offset,
        "Limit": size,
    } | ({"KeyId": key_id} if key_id else {})
    output = ListDataKeyDetail.execute(call, asked).output
    total = output["TotalCount"]
    behind, before = offset + size, max(offset - size, 0)
    return {
        "asked": {
            "q": words,
            "state": state,
            "size": size,
            "narrowed": bool(words or state),
        },
        "rows": [_row(data) for data in output["DataKeyMetadatas"]],
        "total": ngettext("%(n)s data key", "%(n)s data keys", total) % {"n": total},
        "older": address(request, offset=str(behind)) if behind < total else "",
        "newer": address(request, offset=str(before or "")) if offset else "",
        "first": address(request, offset="") if offset else "",
        "sizes": [(n, address(request, size=str(n), offset="")) for n in PAGE_SIZES],
        "states": DataKeyState.choices,
        "with_keys": not key_id,
        "url": request.path,
    }


def _row(data: dict[str, Any]) -> dict[str, Any]:
    return data | {
        "StateLabel": DataKeyState(data["KeyState"]).label,
        "Imported": data["Origin"] == Origin.EXTERNAL,
        "Made": moment_of(data["CreateTime"]),
        "Ends": moment_of(data["DeletionDate"]),
    }


class DataKeyList(View):
    """Every data key of account and region that the caller may see."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show one page, or only its rows where htmx asks for them."""
        context = listed(request, console_call(request))
        if request.htmx:  # type: ignore[attr-defined]
            return replace_url(render(request, ROWS, context), tidy(request))
        return render(request, "keys/data_keys/list.html", context)


class DataKeysPage(KeyPage):
    """The data keys of one key."""

    operation = DescribeDataKey
    template = "keys/data_keys/tab.html"
    slug = "data-keys"
    tab = "data-keys"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Show one page, or only its rows where htmx asks for them."""
        if not self.by_htmx:
            return self.page(self.form())
        context = super().context(self.form()) | self._listed()
        return replace_url(render(request, ROWS, context), tidy(request))

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return the data keys, and the ways to add one."""
        return super().context(form) | self._listed()

    def _listed(self) -> dict[str, Any]:
        views = (HostDataKeyView, ImportDataKeyView)
        made: list[Offer] = [view.offer(self.glance, self.key) for view in views]
        return listed(self.request, self.call, self.key_id) | {"adding": made}
