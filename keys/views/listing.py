"""The list of keys; everything it shows follows from its address."""

from datetime import UTC, datetime
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.generic import View
from django_htmx.http import replace_url

from keys.operations import ListKeyDetail
from keys.states import KeyState
from keys.views.states import DisableKeyView, EnableKeyView
from keys.views.words import type_label
from kmsconsole.views import console_call

PAGE_SIZES = (20, 50, 100)
MOST_SEARCH = 60
_MOST_DIGITS = 7
# The filter by state, as ListKeyDetail numbers it.
_STATES = {KeyState.ENABLED: 1, KeyState.DISABLED: 2}
# What a row offers; whether it is allowed shows when it is asked for.
_OFFERS = {
    KeyState.ENABLED: {"slug": DisableKeyView.slug, "label": DisableKeyView.label},
    KeyState.DISABLED: {"slug": EnableKeyView.slug, "label": EnableKeyView.label},
}


class KeyList(View):
    """Keys of the account and region, newest first."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """Show one page of the list, or of its rows where htmx asks for them."""
        size = _among(request.GET.get("size"), PAGE_SIZES)
        number = _page_number(request.GET.get("page"))
        words = request.GET.get("q", "").strip()[:MOST_SEARCH]
        state = next((s for s in _STATES if s == request.GET.get("state")), None)
        asked = {
            "Offset": (number - 1) * size,
            "Limit": size,
            "SearchKeyAlias": words,
            "KeyState": _STATES[state] if state else 0,
            "KeyUsage": "ALL",
        }
        output = ListKeyDetail.execute(console_call(request), asked).output
        pages = Paginator(range(output["TotalCount"]), size)
        if number > pages.num_pages:
            last = request.GET.copy()
            last["page"] = str(pages.num_pages)
            return redirect(f"{request.path}?{last.urlencode()}")
        context = {
            "keys": [
                _row(metadata, request.path) for metadata in output["KeyMetadatas"]
            ],
            "page": pages.page(number),
            "numbers": pages.get_elided_page_range(number, on_each_side=1, on_ends=1),
            "q": words,
            "state": state or "",
            "states": [(choice.value, choice.label) for choice in _STATES],
            "size": size,
            "sizes": PAGE_SIZES,
        }
        if not request.htmx:  # type: ignore[attr-defined]
            return render(request, "keys/list.html", context)
        rows = render(request, "keys/list.html#keys", context)
        return replace_url(rows, _tidy(request))


def _among(text: str | None, choices: tuple[int, ...]) -> int:
    return next((choice for choice in choices if str(choice) == text), choices[0])


def _page_number(text: str | None) -> int:
    if text and text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS:
        return max(1, int(text))
    return 1


def _tidy(request: HttpRequest) -> str:
    asked = request.GET.copy()
    for name in [name for name, value in asked.items() if not value]:
        del asked[name]
    return f"{request.path}?{asked.urlencode()}" if asked else request.path


def _row(metadata: dict[str, Any], list_url: str) -> dict[str, Any]:
    state = KeyState(metadata["KeyState"])
    return metadata | {
        "state_label": state.label,
        "type_label": type_label(metadata["KeyUsage"]),
        "created": datetime.fromtimestamp(metadata["CreateTime"], UTC),
        "url": f"{list_url}{metadata['KeyId']}/",
        "offer": _OFFERS.get(state),
    }
