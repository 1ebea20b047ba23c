"""Forms for hosted data keys: making, importing, renaming, deleting."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from keys.forms.deletion import USUAL_DAYS, NamedForm
from keys.forms.tools import ToolForm
from keys.operations.hosting import CIPHERTEXT, PLAINTEXT
from kmsconsole.forms import WireForm, as_typed

ONCE = "once"
_NAME_RULE = _("Letters, digits, hyphens and underscores; the first a letter or digit.")


class _Named(WireForm):
    DataKeyName = forms.CharField(label=_("Name"), help_text=_NAME_RULE)
    Description = forms.CharField(label=_("Description"), strip=False)

    def named(self) -> dict[str, Any]:
        """Return name and description as they were typed."""
        return {
            "DataKeyName": self.cleaned_data["DataKeyName"],
            "Description": as_typed(self.cleaned_data["Description"]),
        }


class HostDataKeyForm(_Named, ToolForm):
    """A name, how long the data key is, and whether it is wanted in the clear, once."""

    length = forms.ChoiceField(
        choices=(
            ("AES_256", _("AES-256, 32 bytes")),
            ("AES_128", _("AES-128, 16 bytes")),
            ("bytes", _("Another length")),
        )
    )
    NumberOfBytes = forms.CharField()
    shown = forms.ChoiceField(
        choices=(
            ("kept", _("Keep it only; whoever may decrypt gets it from its page")),
            (ONCE, _("Keep it, and show it in the clear once, now")),
        )
    )

    def wire(self) -> dict[str, Any]:
        """Return name, length and context."""
        data = self.with_context(self.named() | {"IsHostedByKms": 1})
        if self.cleaned_data["length"] == "bytes":
            return data | {"NumberOfBytes": self.cleaned_data["NumberOfBytes"]}
        return data | {"KeySpec": self.cleaned_data["length"] or "AES_256"}


class ImportDataKeyForm(_Named):
    """A name, and a data key that exists already."""

    ImportType = forms.ChoiceField(
        choices=(
            (str(CIPHERTEXT), _("A ciphertext of this key")),
            (str(PLAINTEXT), _("The data key in the clear, as Base64")),
        )
    )
    ImportKeyMaterial = forms.CharField(label=_("Data key"), strip=False)

    def wire(self) -> dict[str, Any]:
        """Return it without the line breaks that mail and editors add."""
        material = "".join(self.cleaned_data["ImportKeyMaterial"].split())
        kind = self.cleaned_data["ImportType"]
        return self.named() | {
            "ImportType": int(kind) if kind else CIPHERTEXT,
            "ImportKeyMaterial": material,
        }


class UpdateDataKeyNameForm(WireForm):
    """A new name."""

    DataKeyName = forms.CharField(label=_("Name"), help_text=_NAME_RULE)


class UpdateDataKeyDescriptionForm(WireForm):
    """A new description; empty removes it."""

    Description = forms.CharField(
        label=_("Description"), strip=False, help_text=_("Up to 100 bytes.")
    )

    def wire(self) -> dict[str, Any]:
        """Return the description with the line breaks that were typed."""
        return {"Description": as_typed(self.cleaned_data["Description"])}


class ScheduleDataKeyDeletionForm(NamedForm):
    """How long to wait, and the data key's name once more."""

    typed_name = forms.CharField(label=_("Type the data key's name to confirm"))
    PendingWindowInDays = forms.CharField(label=_("Waiting period"), initial=USUAL_DAYS)

    def wire(self) -> dict[str, Any]:
        """Return the days; the typed name is for people only."""
        return {"PendingWindowInDays": self.cleaned_data["PendingWindowInDays"]}
