"""The account's activity: searching, reading one event, taking them along."""

import csv
from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_GET
from django.views.generic import View
from django_htmx.http import replace_url

from accessctl.operations import DescribeEvent, ExportEvents, ListEvents
from accessctl.operations.events import EXAMINED, MOST_EXPORTED, named
from keys.models import CustomerMasterKey
from keys.operations import DescribeKey, DescribeKeyEvent
from keys.views.filters import Chip, address, tidy
from keys.views.happenings import OUTCOMES, deed, happenings
from kmsconsole import clock
from kmsconsole.audit.models import AuditEvent
from kmsconsole.errors import KMSError, StepUpRequired, UnauthorizedOperation
from kmsconsole.operations import Effect
from kmsconsole.principals import Call
from kmsconsole.views import console_call

# The parts of the address, and the parameters they stand for.
_FILTERS = {
    "from": "Since",
    "until": "Until",
    "who": "Actor",
    "what": "What",
    "key": "KeyId",
    "outcome": "Outcome",
    "source": "Source",
    "request": "RequestId",
}
_LABELS = {
    "from": gettext_lazy("From"),
    "until": gettext_lazy("Until"),
    "who": gettext_lazy("Who"),
    "what": gettext_lazy("What"),
    "key": gettext_lazy("Key ID"),
    "outcome": gettext_lazy("Outcome"),
    "source": gettext_lazy("Address"),
    "request": gettext_lazy("Request ID"),
}
_GROUPS = {
    "all": gettext_lazy("Everything, looking included"),
    "changes": gettext_lazy("Changes and sign-ins"),
    "uses": gettext_lazy("Uses of keys"),
}
_KINDS = (
    (Effect.CHANGE, gettext_lazy("Changes")),
    (Effect.CRYPTOGRAPHY, gettext_lazy("Uses")),
    (Effect.READ, gettext_lazy("Looking")),
)
_LONGEST = 64
# Programs for tables take a cell that begins with one of these for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
COLUMNS = (
    "sequence",
    "time",
    "operation",
    "outcome",
    "error_code",
    "principal_kind",
    "principal_uin",
    "principal_name",
    "credential",
    "account_uin",
    "region",
    "source_address",
    "key_id",
    "key_version",
    "rule",
    "rule_text",
    "request_id",
    "details",
)


def _asked(request: HttpRequest) -> dict[str, str]:
    return {name: request.GET.get(name, "").strip()[:_LONGEST] for name in _FILTERS}


def _wire(asked: dict[str, str]) -> dict[str, str]:
    return {_FILTERS[name]: value for name, value in asked.items() if value}


class ActivityPage(View):
    """What happened in the account, newest first; everything follows the address."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show one page of events, or only its rows where htmx asks for them."""
        asked = _asked(request)
        by_htmx = bool(request.htmx)  # type: ignore[attr-defined]
        before = request.GET.get("before", "")[:_LONGEST]
        data = _wire(asked) | ({"Before": before} if before else {})
        output: dict[str, Any] = {"Events": [], "Older": None, "SearchedBackTo": None}
        refusal = None
        try:
            output = ListEvents.execute(console_call(request), data).output
        except (UnauthorizedOperation, StepUpRequired):
            raise
        except KMSError as error:
            refusal = error
        context = self.context(request, asked, output) | {"refusal": refusal}
        part = "#events" if by_htmx else ""
        status = refusal.http_status if refusal else 200
        page = render(request, f"accessctl/activity.html{part}", context, status=status)
        return replace_url(page, tidy(request)) if by_htmx else page

    def context(
        self, request: HttpRequest, asked: dict[str, str], output: dict[str, Any]
    ) -> dict[str, Any]:
        """Return what the template shows."""
        older = output["Older"]
        query = tidy(request).partition("?")[2]
        export = reverse("activity_export")
        return {
            "asked": asked,
            "chips": list(_chips(request, asked)),
            "groups": _GROUPS.items(),
            "kinds": [(words, _choices(effect)) for effect, words in _KINDS],
            "outcomes": OUTCOMES.items(),
            "happenings": happenings(
                output["Events"], _key_names(console_call(request), output["Events"])
            ),
            "reached": output["SearchedBackTo"],
            "examined": f"{EXAMINED:,}",
            "older": older and address(request, before=str(older)),
            "newest": address(request) if request.GET.get("before") else "",
            "export": f"{export}?{query}" if query else export,
            "most": f"{MOST_EXPORTED:,}",
            "url": request.path,
        }


def _key_names(call: Call, events: list[AuditEvent]) -> dict[str, str]:
    """Return the names of the keys that the reader may see, by their IDs."""
    ids = {event.key_id for event in events if event.key_id}
    if not ids:
        return {}
    keys = CustomerMasterKey.objects.filter(id__in=ids)
    seen = call.visible(DescribeKey, keys).values_list("id", "alias")
    return {str(key_id): alias for key_id, alias in seen}


def _choices(effect: Effect) -> list[tuple[str, str]]:
    named_so = [(name, deed(name)) for name in named(effect)]
    return sorted(named_so, key=lambda choice: choice[1])


def _chips(request: HttpRequest, asked: dict[str, str]) -> Iterator[Chip]:
    for name, value in asked.items():
        if value:
            words = _worded(name, value)
            label = f"{_LABELS[name]}: {words}"
            yield Chip(label, address(request, **{name: ""}))


def _worded(name: str, value: str) -> str:
    if name == "what":
        return str(_GROUPS.get(value) or deed(value))
    if name == "outcome":
        return str(next((words for o, words in OUTCOMES.items() if o == value), value))
    return f"{value} UTC" if name in ("from", "until") else value


class EventPage(View):
    """One event with all that was recorded.

    Whoever may only list the events of one key comes with `?key=`, by that right.
    """

    def get(self, request: HttpRequest, sequence: int) -> HttpResponse:
        """Show the event."""
        call, key_id = console_call(request), request.GET.get("key", "")[:_LONGEST]
        if key_id:
            asked = {"KeyId": key_id, "Sequence": sequence}
            result = DescribeKeyEvent.execute(call, asked)
        else:
            result = DescribeEvent.execute(call, {"Sequence": sequence})
        event: AuditEvent = result.output["Event"]
        back = (
            reverse("keys:operation", args=[key_id, "activity"])
            if key_id
            else reverse("activity")
        )
        context = {
            "event": event,
            "happening": happenings([event])[0],
            "back": back,
            "digest": bytes(event.digest).hex(),
        }
        return render(request, "accessctl/event.html", context)


@require_GET
def export(request: HttpRequest) -> StreamingHttpResponse:
    """Hand out the events that fit as a file for programs that know tables."""
    output = ExportEvents.execute(console_call(request), _wire(_asked(request))).output
    response = StreamingHttpResponse(
        _lines(output["Events"], output["Older"]),
        content_type="text/csv; charset=utf-8",
    )
    name = f"activity-{clock.now():%Y-%m-%dT%H%MZ}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


class _Line:
    """A file whose every line is given back at once."""

    def write(self, text: str) -> str:
        """Return the line."""
        return text


def _lines(events: list[AuditEvent], older: int | None) -> Iterator[str]:
    writer = csv.writer(_Line())
    # Without this mark, Excel takes the names for another alphabet's.
    yield "\ufeff" + str(writer.writerow(COLUMNS))
    for event in events:
        yield str(writer.writerow([_cell(event, name) for name in COLUMNS]))
    if older is not None:
        # Never a file that looks whole and isn't.
        words = gettext("Not all: events before number %(number)s are missing.")
        yield str(writer.writerow([words % {"number": older}]))


def _cell(event: AuditEvent, name: str) -> str:
    value = getattr(event, name)
    if value is None:
        return ""
    text = value.isoformat() if name == "time" else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
