"""Forms for what is done to many keys at once."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext

from keys.operations.deletion import LEAST_DAYS, MOST_DAYS
from kmsconsole import clock
from kmsconsole.errors import KMSError
from kmsconsole.forms import WireForm, as_typed


class BatchForm(WireForm):
    """Nothing but the confirmation."""

    def confirms(self, number: int) -> bool:
        """Say whether what was typed confirms that so many keys are meant."""
        return True


class ScheduleKeysDeletionForm(BatchForm):
    """How long to wait, why, and the number of keys once more."""

    PendingWindowInDays = forms.CharField(
        label=_("Waiting period"), initial=str(MOST_DAYS)
    )
    Reason = forms.CharField(label=_("Reason"))
    typed_number = forms.CharField(label=_("Type the number of keys to confirm"))

    def confirms(self, number: int) -> bool:
        """Say whether the number of keys was typed, and at its field if it was not."""
        if self.cleaned_data["typed_number"] == str(number):
            return True
        self.add_error(
            "typed_number",
            _("This is not the number of keys. Nothing was changed; type %(number)s.")
            % {"number": number},
        )
        return False

    def days(self) -> list[tuple[str, str]]:
        """Return each waiting period there is, in words with its date (UTC)."""
        now = clock.now()
        return [
            (str(days), _in_words(days, now + timedelta(days=days)))
            for days in range(LEAST_DAYS, MOST_DAYS + 1)
        ]

    def wire(self) -> dict[str, Any]:
        """Return what the operation takes; the typed number is for people only."""
        return {
            "PendingWindowInDays": self.cleaned_data["PendingWindowInDays"],
            "Reason": as_typed(self.cleaned_data["Reason"]),
        }


class TagKeysForm(BatchForm):
    """One tag that every key shall have."""

    TagKey = forms.CharField(label=_("Tag name"))
    TagValue = forms.CharField(label=_("Value"))

    def refuse(self, error: KMSError) -> bool:
        """Show what is wrong with the tag at its name."""
        if (error.parameter or "").startswith("Tags"):
            self.add_error("TagKey", error.message)
            return True
        return super().refuse(error)

    def wire(self) -> dict[str, Any]:
        """Return the tag as the operation takes it."""
        data = self.cleaned_data
        return {"Tags": [{"TagKey": data["TagKey"], "TagValue": data["TagValue"]}]}


def _in_words(days: int, date: datetime) -> str:
    words = ngettext(
        "%(days)s day, until %(date)s", "%(days)s days, until %(date)s", days
    )
    day = date_format(date, pgettext("date", "j F Y"))
    return words % {"days": days, "date": day}
