"""The form for rotation."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from keys.operations.rotation import LEAST_DAYS, MOST_DAYS, USUAL_DAYS
from kmsconsole.forms import WireForm


class DaysField(forms.IntegerField):
    """How many days a version encrypts before the next one is made."""

    def __init__(self) -> None:
        words = _("Give a whole number of days from 7 to 365.")
        super().__init__(
            label=_("Days between rotations"),
            initial=USUAL_DAYS,
            min_value=LEAST_DAYS,
            max_value=MOST_DAYS,
            error_messages=dict.fromkeys(("invalid", "min_value", "max_value"), words),
        )


class EnableKeyRotationForm(WireForm):
    """The days between rotations, and which revision of the key was looked at."""

    RotateDays = DaysField()
    ExpectedRevision = forms.IntegerField()

    def clean(self) -> dict[str, Any]:
        """Ask for the days where none were given."""
        data = super().clean() or self.cleaned_data
        if data.get("RotateDays") is None and "RotateDays" not in self.errors:
            self.add_error(
                "RotateDays", self.fields["RotateDays"].error_messages["invalid"]
            )
        return data
