"""Forms for what a key is called and which state it is in."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from kmsconsole.forms import WireForm, as_typed


class EditForm(WireForm):
    """A form that overwrites something: it says which revision its sender saw."""

    ExpectedRevision = forms.CharField(widget=forms.HiddenInput)

    def wire(self) -> dict[str, Any]:
        """Leave the revision out where the form came without: the last word wins."""
        data = dict(self.cleaned_data)
        if not data["ExpectedRevision"]:
            del data["ExpectedRevision"]
        return data


class UpdateAliasForm(EditForm):
    """A new name."""

    Alias = forms.CharField(
        label=_("Name"),
        help_text=_(
            "Letters, digits, hyphens and underscores; the first a letter or digit; "
            "not beginning with “kms-”."
        ),
    )


class UpdateKeyDescriptionForm(EditForm):
    """A new description; empty removes it."""

    Description = forms.CharField(
        label=_("Description"),
        strip=False,
        help_text=_("What it protects, and for which application."),
    )

    def wire(self) -> dict[str, Any]:
        """Return the description with the line breaks that were typed."""
        data = super().wire()
        return data | {"Description": as_typed(data["Description"])}


class ChangeStateForm(WireForm):
    """Nothing but the confirmation."""
