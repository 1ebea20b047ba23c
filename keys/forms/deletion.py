"""Forms that take something away for good: the key's name confirms them."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from kmsconsole.forms import WireForm, as_typed

USUAL_DAYS = 30


class NamedForm(WireForm):
    """Confirmed by typing the key's name."""

    typed_name = forms.CharField(label=_("Type the key's name to confirm"))

    def confirms(self, name: str) -> bool:
        """Say whether the key's name was typed, and at its field if it was not."""
        if self.cleaned_data["typed_name"] == name:
            return True
        self.add_error(
            "typed_name",
            _("This is not the key's name. Nothing was changed; type it exactly."),
        )
        return False


class ScheduleKeyDeletionForm(NamedForm):
    """How long to wait, why, and the key's name once more."""

    PendingWindowInDays = forms.CharField(label=_("Waiting period"), initial=USUAL_DAYS)
    Reason = forms.CharField(label=_("Reason"))

    def wire(self) -> dict[str, Any]:
        """Return what the operation takes; the typed name is for people only."""
        return {
            "PendingWindowInDays": self.cleaned_data["PendingWindowInDays"],
            "Reason": as_typed(self.cleaned_data["Reason"]),
        }
