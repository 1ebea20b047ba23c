"""Forms for what a key is called and which state it is in."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from keys.forms.base import WireForm, as_typed


class UpdateAliasForm(WireForm):
    """A new name."""

    Alias = forms.CharField(
        label=_("Name"),
        help_text=_(
            "Letters, digits, hyphens and underscores; the first a letter or digit; "
            "not beginning with “kms-”."
        ),
    )


class UpdateKeyDescriptionForm(WireForm):
    """A new description; empty removes it."""

    Description = forms.CharField(
        label=_("Description"),
        strip=False,
        help_text=_("What it protects, and for which application."),
    )

    def wire(self) -> dict[str, Any]:
        """Return the description with the line breaks that were typed."""
        return {"Description": as_typed(self.cleaned_data["Description"])}


class ChangeStateForm(WireForm):
    """Nothing but the confirmation."""
