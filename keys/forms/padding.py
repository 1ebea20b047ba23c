"""The form of the switch for old padding."""

from typing import Any

from django import forms

from kmsconsole.forms import WireForm

YES, NO = "yes", "no"


class LegacyPaddingForm(WireForm):
    """What was asked for, so that two people at it don't undo each other's."""

    Allowed = forms.ChoiceField(
        choices=((YES, YES), (NO, NO)), widget=forms.HiddenInput
    )

    def wire(self) -> dict[str, Any]:
        """Return the wish; none where the form came without: that is refused."""
        wish = self.cleaned_data["Allowed"]
        return {"Allowed": wish == YES} if wish else {}
