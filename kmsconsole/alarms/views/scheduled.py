"""What happens by itself, in one page: to come, done, failed, and how it runs."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy
from django.views.generic import View

from accessctl.views.words import right_label
from keys.views.happenings import happenings
from kmsconsole import clock
from kmsconsole.alarms.operations import ListScheduled
from kmsconsole.alarms.operations.scheduled import Coming
from kmsconsole.health import OK
from kmsconsole.schedule.models import ClockState, SweepRun
from kmsconsole.views import console_call

_LONGEST = 128
_SORTS: dict[str, tuple[str | Promise, str]] = {
    "deletion": (gettext_lazy("Key is destroyed"), "triangle-alert"),
    "expiry": (gettext_lazy("Imported material expires"), "clock"),
    "rotation": (gettext_lazy("Key is rotated"), "rotate-cw"),
    "grant": (gettext_lazy("Right ends"), "user-round"),
}
_PROCESSES: dict[str, str | Promise] = {
    "beat": gettext_lazy("Beat: says when it is time"),
    "worker": gettext_lazy("Worker: does it"),
}
_SWEEPS: dict[str, str | Promise] = {
    "usage": gettext_lazy("Adds up how keys were used"),
    "rotation": gettext_lazy("Rotates keys"),
    "destruction": gettext_lazy("Destroys keys whose waiting period is over"),
    "refusals": gettext_lazy("Adds up refusals without valid credentials"),
    "scrub": gettext_lazy("Tries every stored version once a day"),
    "material": gettext_lazy("Takes out imported material whose time is over"),
    "parameters": gettext_lazy("Erases import parameters whose day is over"),
    "rights": gettext_lazy("Removes rights whose time is over"),
    "sessions": gettext_lazy("Removes sessions that are over"),
    "attempts": gettext_lazy("Watches for uses of keys pending deletion"),
    "dates": gettext_lazy("Watches for dates that are near"),
    "condition": gettext_lazy("Watches HSM, audit and clock"),
    "outbox": gettext_lazy("Sends alarms"),
    "old messages": gettext_lazy("Forgets old messages"),
}


class ScheduledPage(View):
    """The next 30 days, the last ones, and the health of what does it."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show a page of each."""
        asked = {
            name: request.GET.get(name, "")[:_LONGEST] for name in ("after", "before")
        }
        wire = {name.capitalize(): value for name, value in asked.items() if value}
        output = ListScheduled.execute(console_call(request), wire).output
        later, older = output["Later"], output["Older"]
        context = {
            "coming": [_told(one) for one in output["Coming"]],
            "later": later and _address(asked | {"after": later}),
            "soonest": _address(asked | {"after": ""}) if asked["after"] else "",
            "happenings": happenings(output["Happened"]),
            "older": older and _address(asked | {"before": str(older)}),
            "newest": _address(asked | {"before": ""}) if asked["before"] else "",
            "processes": _processes(output),
            "doubt": _doubtful(output["Clock"]),
            "sweeps": [_told_sweep(row) for row in output["Sweeps"]],
        }
        return render(request, "alarms/scheduled.html", context)


def _address(parts: dict[str, str]) -> str:
    query = urlencode({name: value for name, value in parts.items() if value})
    path = reverse("scheduled")
    return f"{path}?{query}" if query else path


def _told(one: Coming) -> dict[str, Any]:
    words, icon = _SORTS[one.sort.partition("-")[0]]
    url = reverse("keys:details", args=[one.key_id]) if one.key_id else ""
    right = right_label(one.right) if one.right else ""
    late = one.at <= clock.now()
    return {
        "one": one,
        "words": words,
        "icon": icon,
        "url": url,
        "right": right,
        "late": late,
    }


def _processes(output: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": words,
            "fine": output["Health"].get(name) == OK,
            "seen": output["Seen"].get(name),
        }
        for name, words in _PROCESSES.items()
    ]


def _doubtful(state: ClockState | None) -> bool:
    return state is not None and state.doubtful(clock.now())


def _told_sweep(row: SweepRun) -> dict[str, Any]:
    return {"row": row, "words": _SWEEPS.get(row.name, row.name)}
