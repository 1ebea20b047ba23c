"""Forms about where alarms go."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from kmsconsole.forms import WireForm


class AddressForm(WireForm):
    """The address for mail."""

    Address = forms.CharField(
        label=_("E-mail address"),
        help_text=_("A code is sent there. Empty: no mail."),
        widget=forms.EmailInput(attrs={"class": "control", "autocomplete": "email"}),
    )


class CodeForm(WireForm):
    """The code that was sent to an address."""

    Code = forms.CharField(
        label=_("Code"),
        help_text=_("8 digits, from the message to your address."),
        widget=forms.TextInput(
            attrs={
                "class": "control short",
                "inputmode": "numeric",
                "autocomplete": "one-time-code",
            }
        ),
    )


class WebhookForm(WireForm):
    """Where to post."""

    Url = forms.CharField(
        label=_("Address"),
        help_text=_(
            "Begins with https:// and has a public IP address, or one in a network "
            "that the operator lists."
        ),
        widget=forms.URLInput(attrs={"class": "control mono", "spellcheck": "false"}),
    )


class ConfirmationForm(WireForm):
    """Nothing but the confirmation."""

    def wire(self) -> dict[str, Any]:
        """Return nothing beside the address's own."""
        return {}
