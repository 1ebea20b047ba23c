"""Forms about asking for access, and about deciding."""

from typing import Any

from django import forms

from kmsconsole.errors import KMSError
from kmsconsole.forms import WireForm

DURATIONS = (1, 8, 24, 72, 168, 720)


class RequestAccessForm(WireForm):
    """Which right, on which key, for how many hours and why."""

    KeyId = forms.CharField(max_length=64)
    Right = forms.CharField(max_length=64)
    Hours = forms.CharField(max_length=4)
    Reason = forms.CharField(max_length=255)

    def refuse(self, error: KMSError) -> bool:
        """Show what is wrong with the right at its field."""
        if error.parameter == "Rights":
            error.parameter = "Right"
        return super().refuse(error)


class DecideForm(WireForm):
    """For how many hours, and what to tell the person."""

    Hours = forms.CharField(max_length=4)
    Answer = forms.CharField(max_length=255)

    def wire(self) -> dict[str, Any]:
        """Return what was filled in, and which button was pressed."""
        data = {"Grant": "grant" in self.data, "Answer": self.cleaned_data["Answer"]}
        hours = self.cleaned_data["Hours"]
        return data | ({"Hours": hours} if hours and data["Grant"] else {})
