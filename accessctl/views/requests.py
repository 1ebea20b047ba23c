"""Asking for access, and deciding about it."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.views.generic import View

from accessctl import evaluator
from accessctl.forms.requests import DURATIONS, DecideForm, RequestAccessForm
from accessctl.models.requests import RequestState
from accessctl.operations import (
    DecideAccessRequest,
    DescribeAccessRequest,
    ListAccessRequests,
    RequestAccess,
    WithdrawAccessRequest,
)
from accessctl.operations.requests import MOST_HOURS, outcome
from accessctl.roles import delegable, rights_with, roles
from accessctl.views.words import changed, right_label, rights_to_choose
from kmsconsole.forms import WireForm
from kmsconsole.operations import Result
from kmsconsole.pages import OperationView
from kmsconsole.views import console_call


def duration(hours: int) -> str:
    """Say so many hours as people do."""
    if hours % 24 == 0:
        days = hours // 24
        return ngettext("%(n)s day", "%(n)s days", days) % {"n": days}
    return ngettext("%(n)s hour", "%(n)s hours", hours) % {"n": hours}


class RequestList(View):
    """One's own requests, and those one may decide."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show both."""
        output = ListAccessRequests.execute(console_call(request), {}).output
        rows = {
            name.lower(): [
                {
                    "asked": one.request,
                    "key": one.key,
                    "label": right_label(one.request.right),
                    "time": duration(one.request.hours),
                    "look": _LOOKS[RequestState(one.request.state)],
                }
                for one in found
            ]
            for name, found in output.items()
        }
        return render(request, "accessctl/requests.html", rows)


_LOOKS = {
    RequestState.OPEN: "info",
    RequestState.GRANTED: "ok",
    RequestState.REFUSED: "danger",
    RequestState.WITHDRAWN: "idle",
}


class RequestAccessView(OperationView):
    """Asks for a right on a key."""

    operation = RequestAccess
    form = RequestAccessForm
    template = "accessctl/request.html"

    def initial(self) -> dict[str, Any]:
        """Take the key from the address, and a role that holds what was refused."""
        operation = self.request.GET.get("operation", "")
        named = set(rights_with(operation)) if operation else set()
        fitting = [r.right for r in roles().values() if r.right in named]
        few = [right for right in fitting if delegable(right)] or [operation]
        return {
            "KeyId": self.request.GET.get("key", ""),
            "Right": few[0],
            "Hours": "8",
        }

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return what can be asked for, and for how long."""
        named, single = rights_to_choose(on_key=True)
        return {
            "roles": named,
            "operations": single,
            "durations": [(str(n), duration(n)) for n in DURATIONS],
            "url": self.request.path,
        }

    def after(self, result: Result) -> str:
        """Say that it is on its way."""
        if result.output["Changed"]:
            text = gettext("Your request was sent. Its answer appears here.")
        else:
            text = gettext("You asked for this already; that request is still open.")
        messages.success(self.request, text)
        return reverse("access_requests")


class WithdrawView(View):
    """Takes back one's own request."""

    def post(self, request: HttpRequest, request_id: int) -> HttpResponse:
        """Withdraw it; a second click is harmless."""
        WithdrawAccessRequest.execute(console_call(request), {"RequestId": request_id})
        messages.success(request, gettext("Your request was withdrawn."))
        return redirect("access_requests")


class DecideView(OperationView):
    """Shows a request and what granting it would change; decides it."""

    operation = DecideAccessRequest
    opened_by = (DescribeAccessRequest,)
    form = DecideForm
    template = "accessctl/decide.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Show it; proof is only needed for deciding."""
        return self.page(self.form(initial=self.initial()))

    @cached_property
    def described(self) -> Result:
        """The request as this reader finds it."""
        return DescribeAccessRequest.execute(self.call, self.parameters())

    def subjects(self) -> Sequence[Any]:
        """Return what it is about."""
        return self.described.resources

    def parameters(self) -> dict[str, Any]:
        """Return the number of the address."""
        return {"RequestId": self.kwargs["request_id"]}

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return the request, its key and the differences."""
        output = self.described.output
        asked = output["Request"]
        hours = form["Hours"].value() or str(asked.hours)
        full = evaluator.has_full_access(self.call)
        return {
            "asked": asked,
            "key": output["Key"],
            "people": [o for o in changed(output["Differences"]) if not o.none],
            "label": right_label(asked.right),
            "time": duration(asked.hours),
            "hours": hours,
            "most_hours": MOST_HOURS,
            "open": asked.state == RequestState.OPEN,
            "outcome": outcome(asked),
            "own": asked.requester.uin == self.call.principal.uin,
            "may_grant": full or delegable(asked.right),
            "url": self.request.path,
        }

    def after(self, result: Result) -> str:
        """Say what was decided."""
        granted = "grant" in self.request.POST
        text = (
            gettext("Granted. The right ends by itself.")
            if granted
            else gettext("Refused. The person sees your answer.")
        )
        messages.success(self.request, text)
        return reverse("access_requests")
