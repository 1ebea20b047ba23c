"""The list of keys in two tabs; everything it shows follows from its address."""

from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.views.generic import View
from django_htmx.http import replace_url

from keys.crypto.algorithms import KEY_TYPES
from keys.operations import BrowseKeys, CreateKey, DescribeKey
from keys.operations.browsing import Page, Row
from keys.states import KeyState
from keys.views import filters
from keys.views.batch import BATCHES
from keys.views.filters import Asked, address
from keys.views.page import ACTIONS, KeyPage
from keys.views.permitted import permitted
from keys.views.rows import Rows
from keys.views.words import type_label
from kmsconsole.principals import Call
from kmsconsole.views import console_call

_YEAR = 365 * 24 * 60 * 60
_UUID_LENGTHS = (32, 36)


class KeyList(View):
    """Keys of the account and region that people made."""

    role: ClassVar[int] = 0
    template: ClassVar[str] = "keys/list.html"
    call: Call

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """Show one page of the list, or of its rows where htmx asks for them."""
        by_htmx = bool(request.htmx)  # type: ignore[attr-defined]
        asked = Asked.of(request)
        if not by_htmx and (key_id := _whole_id(asked.q)):
            return redirect("keys:details", key_id)
        self.call = console_call(request)
        result = BrowseKeys.execute(self.call, asked.wire(self.role))
        self.holds = result.output["Holds"]
        context = self.context(request, asked, result.output["Page"])
        if by_htmx:
            rows = render(request, f"{self.template}#keys", context)
            return _remember(replace_url(rows, filters.tidy(request)), request, asked)
        return _remember(render(request, self.template, context), request, asked)

    def context(self, request: HttpRequest, asked: Asked, page: Page) -> dict[str, Any]:
        """Return what the template shows."""
        operations = {view.operation for view in BATCHES}
        ids = [row.id for row in page.rows]
        may = permitted(self.call, operations, ids) if ids else {}
        batches = [view for view in BATCHES if may.get(view.operation.__name__)]
        rows = self.rows(page.rows, ticked=bool(batches))
        return {
            "asked": asked,
            "rows": [rows.html(row) for row in page.rows],
            "may_create": self.call.decide(CreateKey, None).allowed,
            "page": page,
            "total": _total(page),
            "older": page.older and address(request, older=page.older),
            "newer": page.newer and address(request, newer=page.newer),
            "first": address(request) if asked.older or asked.newer else "",
            "chips": asked.chips(request),
            "with_destroyed": address(request, state=KeyState.DESTROYED),
            "orders": filters.ORDERS.items(),
            "sizes": [(n, address(request, size=str(n))) for n in filters.PAGE_SIZES],
            "states": KeyState.choices,
            "usages": [(row.usage, type_label(row.usage)) for row in KEY_TYPES],
            "sources": filters.SOURCES.items(),
            "rotations": filters.ROTATIONS.items(),
            "batches": [(view.slug, view.label, view.icon) for view in batches],
            "back": request.get_full_path(),
            "url": request.path,
        }

    def rows(self, rows: list[Row], *, ticked: bool) -> Rows:
        """Return what prints each of these rows."""
        views = {view.slug: view for view in ACTIONS}
        operations = {view.operation for view in views.values()}
        may = permitted(self.call, operations, [row.id for row in rows])

        def label(slug: str, row: Row) -> str | Promise:
            view = views.get(slug)
            fine = view is not None and row.id in may[view.operation.__name__]
            return view.label if view is not None and fine else ""

        home = reverse("keys:list")
        return Rows("keys/list_row.html", home, label, ticked=ticked, holds=self.holds)


class CloudKeyList(KeyList):
    """Keys of the account and region that cloud products made."""

    role = 1
    template = "keys/cloud.html"

    def rows(self, rows: list[Row], *, ticked: bool) -> Rows:
        """Return what prints each row."""
        return Rows("keys/cloud_row.html", reverse("keys:list"), lambda *_: "")


class KeyMenu(KeyPage):
    """What can be done with a key, for its row in the list; asked for when opened."""

    operation = DescribeKey
    template = "keys/row_menu.html"
    slug: ClassVar[str] = "menu"
    tab = "menu"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Show the menu; a browser without scripts is led to the key."""
        if not self.by_htmx:
            return redirect("keys:details", self.key_id)
        return render(request, self.template, self.context(self.form()))


def _total(page: Page) -> str:
    if page.more:
        return gettext("%(total)s+ keys") % {"total": f"{page.total:,}"}
    return ngettext("%(total)s key", "%(total)s keys", page.total) % {
        "total": f"{page.total:,}"
    }


def _whole_id(text: str) -> UUID | None:
    if len(text) not in _UUID_LENGTHS:
        return None
    try:
        return UUID(text)
    except ValueError:
        return None


def _remember(
    response: HttpResponse, request: HttpRequest, asked: Asked
) -> HttpResponse:
    """Keep a page size that was chosen for the next visit."""
    if request.GET.get("size") == str(asked.size):
        response.set_cookie(
            filters.SIZE_COOKIE,
            str(asked.size),
            max_age=_YEAR,
            samesite="Lax",
            secure=bool(settings.SESSION_COOKIE_SECURE),
            httponly=True,
        )
    return response
