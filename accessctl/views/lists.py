"""Lists of people, groups and policies; what they show follows from the address."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.views.generic import View
from django_htmx.http import replace_url

from accessctl.operations.base import LONGEST_NAME
from kmsconsole.operations import Operation
from kmsconsole.views import console_call

PAGE_SIZES = (20, 50, 100)
_PLACES = ("after", "before")


class NameList(View):
    """One page of a list by name.

    `filters` are what its address may hold beside words, size and place, by the wire
    name of the operation's parameter and with the values it may have.
    """

    operation: ClassVar[type[Operation]]
    template: ClassVar[str]
    filters: ClassVar[dict[str, tuple[str, tuple[str, ...]]]] = {}

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show one page, or only its rows where htmx asks for them."""
        asked = self.asked(request)
        wire = {"Words": asked["q"], "Limit": asked["size"]}
        wire |= {"After": asked["after"], "Before": asked["before"]}
        wire |= {name: asked[key] for key, (name, _values) in self.filters.items()}
        output = self.operation.execute(console_call(request), wire).output
        context = self.context(request, asked, output)
        if not request.htmx:  # type: ignore[attr-defined]
            return render(request, self.template, context)
        rows = render(request, f"{self.template}#rows", context)
        return replace_url(rows, self.address(request, asked))

    def asked(self, request: HttpRequest) -> dict[str, Any]:
        """Read the address; what means nothing is left out."""
        sent = request.GET
        size = sent.get("size", "")
        sizes = {str(number): number for number in PAGE_SIZES}
        found: dict[str, Any] = {
            "q": sent.get("q", "").strip()[:LONGEST_NAME],
            "size": sizes.get(size, PAGE_SIZES[0]),
        }
        found |= {place: sent.get(place, "")[:LONGEST_NAME] for place in _PLACES}
        for key, (_name, values) in self.filters.items():
            found[key] = sent.get(key, "") if sent.get(key) in values else ""
        return found

    def address(
        self, request: HttpRequest, asked: dict[str, Any], **changes: Any
    ) -> str:
        """Return the list's address with some parts changed, on its first page."""
        parts = {key: value for key, value in asked.items() if key not in _PLACES}
        parts |= changes
        if parts.get("size") == PAGE_SIZES[0]:
            del parts["size"]
        query = urlencode({key: value for key, value in parts.items() if value})
        return f"{request.path}?{query}" if query else request.path

    def context(
        self, request: HttpRequest, asked: dict[str, Any], output: dict[str, Any]
    ) -> dict[str, Any]:
        """Return what the template shows."""
        after, before = output["After"], output["Before"]
        narrowed = [asked["q"], *(asked[key] for key in self.filters)]
        return {
            "asked": asked | {"narrowed": any(narrowed)},
            "rows": self.rows(output),
            "total": self.total(output["Total"]),
            "older": after and self.address(request, asked, after=after),
            "newer": before and self.address(request, asked, before=before),
            "first": (
                self.address(request, asked)
                if asked["after"] or asked["before"]
                else ""
            ),
            "sizes": [
                (number, self.address(request, asked, size=number))
                for number in PAGE_SIZES
            ],
            "url": request.path,
            "back": request.get_full_path(),
        }

    def rows(self, output: dict[str, Any]) -> list[dict[str, Any]]:
        """Return what stands in the rows."""
        raise NotImplementedError

    def total(self, number: int) -> str:
        """Say how many there are."""
        raise NotImplementedError
