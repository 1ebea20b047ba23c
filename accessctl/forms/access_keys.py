"""Forms about access keys."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from kmsconsole.forms import WireForm


class LimitsForm(WireForm):
    """Where from and until when an access key may be used."""

    AllowedAddresses = forms.CharField(
        label=_("Allowed addresses"),
        help_text=_(
            "One IP address or network a line, such as 203.0.113.7 or 198.51.100.0/24. "
            "Empty: from everywhere."
        ),
        widget=forms.Textarea(
            attrs={"rows": 3, "class": "control mono", "spellcheck": "false"}
        ),
    )
    ExpiresAt = forms.DateTimeField(
        label=_("Expires, in UTC"),
        help_text=_("From then on it is refused. Empty: it doesn't expire."),
        widget=forms.DateTimeInput(
            attrs={"type": "datetime-local", "class": "control"},
            format="%Y-%m-%dT%H:%M",
        ),
    )

    def wire(self) -> dict[str, Any]:
        """Return the addresses as a list, and no end as an empty text."""
        typed = self.cleaned_data["AllowedAddresses"].replace(",", " ")
        return {
            "AllowedAddresses": typed.split(),
            "ExpiresAt": self.cleaned_data["ExpiresAt"] or "",
        }


class ConfirmationForm(WireForm):
    """Nothing but the confirmation."""
