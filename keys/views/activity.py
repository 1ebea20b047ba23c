"""A key's activity, as the audit has it."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy

from keys.operations import ListKeyEvents
from keys.views.happenings import happenings
from keys.views.page import KeyPage
from kmsconsole.forms import WireForm

FILTERS = (
    ("changes", gettext_lazy("Changes")),
    ("uses", gettext_lazy("Uses")),
    ("refused", gettext_lazy("Refused")),
    ("all", gettext_lazy("Everything")),
)
_MOST_DIGITS = 18


class KeyActivity(KeyPage):
    """What happened with a key, newest first; everything shown follows its address."""

    operation = ListKeyEvents
    template = "keys/activity.html"
    slug = "activity"
    tab = "activity"
    outlives = True

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Show one page of events."""
        return self.page(self.form())

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return the events that the address asks for."""
        asked = self.request.GET.get("only")
        only = next((name for name, _ in FILTERS if name == asked), FILTERS[0][0])
        before = self.request.GET.get("before", "")
        data: dict[str, Any] = {"Only": "" if only == "all" else only}
        if before.isascii() and before.isdigit() and len(before) <= _MOST_DIGITS:
            data["Before"] = before
        # The key first: whoever may not see it is refused with its reason.
        context = super().context(form)
        output = self.operation.execute(self.call, self.parameters() | data).output
        events = output["Events"]
        return context | {
            "filters": FILTERS,
            "only": only,
            "before": data.get("Before"),
            "happenings": happenings(events),
            "older": events[-1].sequence if output["More"] else None,
        }
