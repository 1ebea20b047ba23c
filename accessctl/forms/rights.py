"""Forms about giving and taking rights."""

from datetime import UTC, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from kmsconsole import clock
from kmsconsole.errors import KMSError
from kmsconsole.forms import WireForm

USER, GROUP = "user", "group"
_FIELDS = {"Users": "Name", "Groups": "Name", "Rights": "Right"}


class ChangeAccessForm(WireForm):
    """Whose right, which and where; the address holds it, so that nothing is lost."""

    Holder = forms.ChoiceField(choices=[(USER, USER), (GROUP, GROUP)])
    Name = forms.CharField(max_length=64)
    Right = forms.CharField(max_length=64)
    KeyId = forms.CharField(max_length=36)

    def clean(self) -> dict[str, Any]:
        """Ask for whoever and whatever is missing."""
        data = self.cleaned_data
        if not data.get("Name") and "Name" not in self.errors:
            self.add_error("Name", ValidationError(_("Enter a name.")))
        if not data.get("Right") and "Right" not in self.errors:
            self.add_error("Right", ValidationError(_("Choose what to give.")))
        return data

    def wire(self) -> dict[str, Any]:
        """Return whose rights, which and where."""
        data = self.cleaned_data
        whose = "Groups" if data.get("Holder") == GROUP else "Users"
        wire: dict[str, Any] = {whose: [data["Name"]], "Rights": [data["Right"]]}
        return wire | ({"KeyId": data["KeyId"]} if data.get("KeyId") else {})

    def refuse(self, error: KMSError) -> bool:
        """Show a refusal at the field that stands for the parameter here."""
        name = _FIELDS.get(error.parameter or "", error.parameter or "")
        if name not in self.fields:
            return False
        self.add_error(name, error.message)
        return True


class GrantForm(ChangeAccessForm):
    """The same with an end: never, or a time in UTC."""

    Ends = forms.ChoiceField(choices=[("never", "never"), ("at", "at")])
    Until = forms.CharField(max_length=32)

    def clean_Until(self) -> str:  # noqa: N802 - named after the field
        """Return the time with its zone; refuse what is no time."""
        text: str = self.cleaned_data["Until"]
        if self.data.get("Ends") != "at":
            return ""
        try:
            moment = parse_datetime(text)
        except ValueError:
            moment = None
        if moment is None:
            raise ValidationError(_("Enter the day and the time at which it ends."))
        return moment.replace(tzinfo=moment.tzinfo or UTC).isoformat()

    def wire(self) -> dict[str, Any]:
        """Return the same with its end, where there is one."""
        until = self.cleaned_data.get("Until")
        return super().wire() | ({"Until": until} if until else {})


def in_a_week() -> str:
    """Return the same time in a week, as a browser's field has it."""
    return (clock.now() + timedelta(days=7)).strftime("%Y-%m-%dT%H:%M")
