"""Where somebody's alarms go beside the console."""

from functools import cached_property
from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy
from django.views.generic import View

from kmsconsole.alarms.errors import WebhookNotFound
from kmsconsole.alarms.forms import (
    AddressForm,
    CodeForm,
    ConfirmationForm,
    WebhookForm,
)
from kmsconsole.alarms.kinds import AlarmKind
from kmsconsole.alarms.models import Channel, Delivery
from kmsconsole.alarms.operations import (
    ConfirmAlarmAddress,
    CreateWebhook,
    DeleteWebhook,
    DescribeAlarmSettings,
    SetAlarmAddress,
    SetAlarmSubscriptions,
    TryWebhook,
)
from kmsconsole.alarms.operations.webhooks import MOST_WEBHOOKS
from kmsconsole.alarms.words import failure
from kmsconsole.forms import WireForm
from kmsconsole.operations import Operation, Result
from kmsconsole.pages import OperationView
from kmsconsole.views import console_call


class DestinationsPage(View):
    """Address, webhooks, and which alarms go there."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show them."""
        output = DescribeAlarmSettings.execute(console_call(request), {}).output
        wanted = output["Subscriptions"]
        address = output["Mail"]
        context = {
            "mail": address,
            "proved": address is not None and address.verified_at is not None,
            "mail_possible": output["MailPossible"],
            "webhooks": [
                {"hook": hook, "failure": failure(hook.last_failure)}
                for hook in output["Webhooks"]
            ],
            "full": len(output["Webhooks"]) >= MOST_WEBHOOKS,
            "kinds": [
                {
                    "value": value,
                    "label": label,
                    "mail": (value, Channel.MAIL) in wanted,
                    "webhook": (value, Channel.WEBHOOK) in wanted,
                }
                for value, label in AlarmKind.choices
            ],
            "deliveries": [_told(row) for row in output["Deliveries"]],
        }
        return render(request, "alarms/destinations.html", context)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Store which kinds go where."""
        chosen = {name: request.POST.getlist(name)[:50] for name in ("Mail", "Webhook")}
        SetAlarmSubscriptions.execute(console_call(request), chosen)
        messages.success(request, gettext("Your choice was saved."))
        return redirect("alarm_settings")


def _told(row: Delivery) -> dict[str, Any]:
    if row.alarm is not None:
        what = str(AlarmKind(row.alarm.kind).label)
    elif row.channel == Channel.MAIL:
        what = gettext("Code for the address")
    else:
        what = gettext("Trial")
    if row.sent_at is not None:
        look, state = "ok", gettext("Sent")
    elif row.ended_at is not None:
        given_up = bool(row.last_failure)
        look = "danger" if given_up else "idle"
        state = gettext("Given up") if given_up else gettext("No longer wanted")
    else:
        look = "warn" if row.last_failure else "info"
        state = gettext("Trying again") if row.last_failure else gettext("Waiting")
    return {
        "row": row,
        "what": what,
        "look": look,
        "state": state,
        "failure": failure(row.last_failure),
    }


class _Destination(OperationView):
    """A page with one form about where alarms go."""

    template = "alarms/destination.html"
    title: ClassVar[str | Promise]
    lead: ClassVar[str | Promise]
    button: ClassVar[str | Promise]
    danger: ClassVar[bool] = False

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return the words of the page."""
        return {
            "title": self.title,
            "lead": self.lead,
            "button": self.button,
            "danger": self.danger,
            "url": self.request.path,
            "back": reverse("alarm_settings"),
        }

    def after(self, result: Result) -> str:
        """Lead back to where alarms go."""
        messages.success(self.request, self.done(result))
        return reverse("alarm_settings")

    def done(self, result: Result) -> str:
        """Say what was done."""
        raise NotImplementedError


class AddressView(_Destination):
    """Names the address for mail."""

    operation = SetAlarmAddress
    form = AddressForm
    title = gettext_lazy("Address for alarms")
    lead = gettext_lazy(
        "Alarms name your keys and who used them. They go to this address once you "
        "have typed the code that is sent there."
    )
    button = gettext_lazy("Save")

    def initial(self) -> dict[str, Any]:
        """Return the present one."""
        row = DescribeAlarmSettings.execute(self.call, {}).output["Mail"]
        return {"Address": row.address if row is not None else ""}

    def done(self, result: Result) -> str:
        """Say that a code is on its way."""
        if result.output["Sent"]:
            return gettext("A code is on its way. Type it here to receive alarms.")
        return gettext("No mail is sent to you any more.")


class CodeView(_Destination):
    """Proves the address."""

    operation = ConfirmAlarmAddress
    form = CodeForm
    title = gettext_lazy("Confirm the address")
    lead = gettext_lazy("The code is valid for a day.")
    button = gettext_lazy("Confirm")

    def done(self, result: Result) -> str:
        """Say that it is proved."""
        return gettext("The address is confirmed.")


class CreateWebhookView(_Destination):
    """Makes a webhook; its secret stands in this one answer and nowhere else."""

    operation = CreateWebhook
    form = WebhookForm
    title = gettext_lazy("Create a webhook")
    lead = gettext_lazy(
        "Alarms are posted there as JSON, signed with a secret that is shown once, "
        "right after this."
    )
    button = gettext_lazy("Create webhook")

    def shown_once(self, result: Result) -> HttpResponse:
        """Show the secret at once: no address leads to it again."""
        shown = result.output | {"back": reverse("alarm_settings")}
        part = "#dialog" if self.by_htmx else ""
        response = render(self.request, f"alarms/webhook_secret.html{part}", shown)
        response["Cache-Control"] = "no-store"
        return response


class _WebhookView(_Destination):
    """Something done to one webhook, after one question."""

    form = ConfirmationForm

    @cached_property
    def url(self) -> str:
        """Where it posts to; refuses one that isn't the caller's."""
        hooks = DescribeAlarmSettings.execute(self.call, {}).output["Webhooks"]
        number = str(self.kwargs["webhook_id"])
        found = next((hook.url for hook in hooks if str(hook.id) == number), None)
        if found is None:
            raise WebhookNotFound("WebhookId")
        return str(found)

    def parameters(self) -> dict[str, Any]:
        """Return which one."""
        return {"WebhookId": str(self.kwargs["webhook_id"])}

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return the words of the page, and where it posts to."""
        return super().context(form) | {"about": self.url}


class TryWebhookView(_WebhookView):
    """Posts a trial."""

    operation: ClassVar[type[Operation]] = TryWebhook
    title = gettext_lazy("Try this webhook?")
    lead = gettext_lazy("A signed message without content is posted within a minute.")
    button = gettext_lazy("Try webhook")

    def done(self, result: Result) -> str:
        """Say where its fate shows."""
        return gettext("The trial is on its way. Its outcome shows below.")


class DeleteWebhookView(_WebhookView):
    """Removes a webhook."""

    operation: ClassVar[type[Operation]] = DeleteWebhook
    title = gettext_lazy("Delete this webhook?")
    lead = gettext_lazy("Nothing is posted there any more; its secret is gone.")
    button = gettext_lazy("Delete webhook")
    danger = True

    def done(self, result: Result) -> str:
        """Say that it is gone."""
        return gettext("The webhook was deleted.")
