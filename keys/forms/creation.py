"""The form for a new key."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from keys.forms.base import WireForm, as_typed


class CreateKeyForm(WireForm):
    """A new key."""

    Alias = forms.CharField(label=_("Name"))
    Description = forms.CharField(label=_("Description"), strip=False)
    KeyUsage = forms.CharField(label=_("Key usage"), initial="ENCRYPT_DECRYPT")

    def wire(self) -> dict[str, Any]:
        """Leave out what was left empty, so that its default holds."""
        data = self.cleaned_data
        data["Description"] = as_typed(data["Description"])
        return {name: value for name, value in data.items() if value or name == "Alias"}
