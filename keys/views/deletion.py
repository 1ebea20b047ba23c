"""Deleting a key: consequences first, then the safer choice, then the form."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext, gettext_lazy, pgettext
from django_htmx.http import HttpResponseClientRedirect

from keys.errors import CmkShouldBeDisabled
from keys.forms.deletion import USUAL_DAYS, ScheduleKeyDeletionForm
from keys.models import CustomerMasterKey
from keys.operations import DisableKey, ScheduleKeyDeletion
from keys.operations.deletion import LEAST_DAYS, MOST_DAYS
from keys.states import KeyState
from keys.views.base import KeyView, reason_against, refusal_against
from keys.views.losses import LossView
from kmsconsole import clock
from kmsconsole.errors import KMSError
from kmsconsole.forms import WireForm
from kmsconsole.operations import Result
from kmsconsole.principals import Call


def in_words(moment: datetime) -> str:
    """Return a time as people say it, in UTC."""
    words = pgettext("weekday, date and time", "l j F Y, H:i")
    return date_format(moment, words) + " UTC"


class ScheduleKeyDeletionView(LossView):
    """Begins a key's waiting period.

    An enabled key is disabled first: its dialog offers just that and then goes on.
    """

    operation = ScheduleKeyDeletion
    form = ScheduleKeyDeletionForm
    template = "keys/schedule_deletion.html"
    slug = "schedule-key-deletion"
    label = gettext_lazy("Schedule deletion")

    @classmethod
    def changes(cls, key: CustomerMasterKey) -> bool:
        """Offer it until it is scheduled."""
        return key.state != KeyState.PENDING_DELETE

    @classmethod
    def reason(cls, call: Call, key: CustomerMasterKey) -> str:
        """Return why not, unless disabling would help: the dialog does that."""
        refusal = refusal_against(cls.operation, call, key)
        if isinstance(refusal, CmkShouldBeDisabled):
            return reason_against(DisableKey, call, key)
        return reason_against(cls.operation, call, key) if refusal else ""

    def initial(self) -> dict[str, Any]:
        """Propose the longest time to think it over."""
        return {"PendingWindowInDays": USUAL_DAYS}

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return the consequences, and the day on which they come."""
        key = self.key
        return super().context(form) | {
            "enabled": key.state == KeyState.ENABLED,
            "versions": key.versions.count(),
            "least": LEAST_DAYS,
            "most": MOST_DAYS,
            "destroyed_on": in_words(date_after(form["PendingWindowInDays"].value())),
        }

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Lead on where the deletion is scheduled already, as by a second click."""
        if self.key.state != KeyState.PENDING_DELETE:
            return super().dispatch(request, *args, **kwargs)
        messages.info(request, gettext("The deletion of this key is scheduled."))
        url = reverse("keys:details", args=[self.key_id])
        return HttpResponseClientRedirect(url) if self.by_htmx else redirect(url)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Disable, or check the typed name and schedule."""
        if "disable" in request.POST:
            return self._disable()
        return super().post(request, **kwargs)

    def _disable(self) -> HttpResponse:
        form = self.form(initial=self.initial())
        try:
            DisableKey.execute(self.call, self.parameters())
        except KMSError as refusal:
            return self.page(form, refusal)
        if not self.by_htmx:
            return redirect(self.request.path)
        del self.key
        return self.page(form, just_disabled=True)

    def after(self, result: Result) -> str:
        """Say until when the key can be kept."""
        key: CustomerMasterKey = result.resources[0]
        text = gettext("%(name)s will be destroyed on %(date)s, unless you cancel.")
        date = in_words(key.deletion_date) if key.deletion_date else ""
        messages.warning(self.request, text % {"name": key.alias, "date": date})
        return KeyView.after(self, result)


def date_after(days: Any) -> datetime:
    """Return the time so many days from now, whatever was typed for their number."""
    text = str(days)
    known = text.isascii() and text.isdigit() and int(text[:4]) >= LEAST_DAYS
    number = min(int(text[:4]), MOST_DAYS) if known else USUAL_DAYS
    return clock.now() + timedelta(days=number)
