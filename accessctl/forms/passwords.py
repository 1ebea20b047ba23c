"""Changing one's password."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from kmsconsole.forms import WireForm


def _field(label: Any, autocomplete: str) -> forms.CharField:
    attributes = {"class": "control", "autocomplete": autocomplete, "required": True}
    widget = forms.PasswordInput(attrs=attributes)
    return forms.CharField(label=label, strip=False, max_length=256, widget=widget)


class ChangePasswordForm(WireForm):
    """The present password, and the new one twice."""

    OldPassword = _field(_("Present password"), "current-password")
    NewPassword = _field(_("New password"), "new-password")
    Again = _field(_("New password, once more"), "new-password")

    def clean(self) -> dict[str, Any]:
        """Refuse two that differ: one of them was mistyped."""
        data = super().clean() or self.cleaned_data
        if data.get("NewPassword") != data.get("Again"):
            self.add_error("Again", _("This is not what you typed above."))
        return data

    def wire(self) -> dict[str, Any]:
        """Leave out the repetition."""
        return {
            name: self.cleaned_data[name] for name in ("OldPassword", "NewPassword")
        }
