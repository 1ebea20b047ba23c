"""Account settings."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accessctl.operations.settings import IDLE_MINUTES, SESSION_HOURS
from accessctl.passwords import LONGEST_MINIMUM, SHORTEST
from keys.operations.holding import ALWAYS, NEVER, RECENTLY_USED
from kmsconsole.forms import WireForm

_HOLDING = "HoldDeletions"


def _number(label: Any, hint: Any, least: int, most: int) -> forms.CharField:
    attributes = {"class": "control short", "min": least, "max": most, "required": True}
    widget = forms.NumberInput(attrs=attributes)
    return forms.CharField(label=label, help_text=hint, widget=widget)


class AccountSettingsForm(WireForm):
    """What the account asks of its people and programs."""

    RequireSecondFactor = forms.BooleanField(
        label=_("Require a second factor"),
        help_text=_(
            "Who has none is led to set one up right after signing in, and can do "
            "nothing else before."
        ),
    )
    ShortestPassword = _number(
        _("Shortest password, in characters"),
        _("From 12 to 64. Holds for passwords that are set from now on."),
        SHORTEST,
        LONGEST_MINIMUM,
    )
    IdleMinutes = _number(
        _("Sign out when idle, after minutes"), _("From 5 to 480."), *IDLE_MINUTES
    )
    SessionHours = _number(
        _("Sign out in any case, after hours"), _("From 1 to 24."), *SESSION_HOURS
    )
    HoldDeletions = forms.ChoiceField(
        label=_("Hold deletions when somebody tries to use the key"),
        help_text=_(
            "An attempt that would have been allowed on an enabled key holds the "
            "deletion until somebody confirms or cancels it. Other attempts only raise "
            "an alarm."
        ),
        choices=[
            (RECENTLY_USED, _("Keys used in the 30 days before")),
            (ALWAYS, _("All keys")),
            (NEVER, _("Never")),
        ],
        widget=forms.Select(attrs={"class": "control"}),
    )
    RequireSignedAction = forms.BooleanField(
        label=_("Require a signed action"),
        help_text=_(
            "API requests must sign the header X-TC-Action. The official SDK does not: "
            "switch this on only if all your clients do."
        ),
    )

    def wire(self) -> dict[str, Any]:
        """Leave out what was not chosen: it stays as it is."""
        data = super().wire()
        return {name: v for name, v in data.items() if name != _HOLDING or v}
