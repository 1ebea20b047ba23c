"""The list of alarms, and marking them as read."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.generic import View

from kmsconsole.alarms.kinds import AlarmKind
from kmsconsole.alarms.operations import ListAlarms, MarkAlarmsRead
from kmsconsole.alarms.words import told
from kmsconsole.views import console_call

_LONGEST = 32


def _asked(request: HttpRequest) -> dict[str, str]:
    kind = request.GET.get("kind", "")
    return {
        "kind": kind if kind in AlarmKind.values else "",
        "unread": "1" if request.GET.get("unread") else "",
    }


def _address(request: HttpRequest, **parts: str) -> str:
    query = urlencode({name: value for name, value in parts.items() if value})
    return f"{request.path}?{query}" if query else request.path


class AlarmList(View):
    """What the caller has to know, newest first; everything follows the address."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show one page; looking marks nothing as read."""
        asked, before = _asked(request), request.GET.get("before", "")[:_LONGEST]
        wire: dict[str, Any] = {"Unread": bool(asked["unread"])}
        wire |= {"Kind": asked["kind"]} if asked["kind"] else {}
        wire |= {"Before": before} if before else {}
        output = ListAlarms.execute(console_call(request), wire).output
        rows = [told(a, unread=a.pk in output["Unread"]) for a in output["Alarms"]]
        context = {
            "rows": rows,
            "asked": asked | {"narrowed": any(asked.values())},
            "kinds": AlarmKind.choices,
            "newest": rows[0].alarm.pk if rows and not before else "",
            "older": output["Older"]
            and _address(request, **asked, before=str(output["Older"])),
            "first": _address(request, **asked) if before else "",
            "url": request.path,
            "back": request.get_full_path(),
        }
        return render(request, "alarms/list.html", context)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Mark one alarm as read, or all up to the newest that was shown."""
        until = request.POST.get("Until", "")[:_LONGEST]
        if until:
            data: dict[str, Any] = {"Until": until}
            text = gettext("All alarms are marked as read.")
        else:
            data = {"Alarms": request.POST.getlist("Alarms")[:100]}
            text = gettext("Marked as read.")
        MarkAlarmsRead.execute(console_call(request), data)
        messages.success(request, text)
        return redirect(_address(request, **_asked(request)))
