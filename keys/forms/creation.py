"""The form for a new key."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from keys.crypto.algorithms import key_type_for_usage
from keys.forms.rotation import DaysField
from keys.forms.tags import typed_tags
from keys.operations.rotation import USUAL_DAYS
from keys.operations.tagging import wire_tags
from kmsconsole.errors import KMSError
from kmsconsole.forms import WireForm, as_typed

IN_HSM, EXTERNAL = "1", "2"
_TAG_ROWS = 3


class CreateKeyForm(WireForm):
    """A new key; what doesn't apply to the chosen kind is ignored.

    Rotation is no parameter of CreateKey: the page turns it on afterwards.
    """

    Alias = forms.CharField(label=_("Name"))
    Description = forms.CharField(label=_("Description"), strip=False)
    KeyUsage = forms.CharField(label=_("Key usage"), initial="ENCRYPT_DECRYPT")
    Type = forms.ChoiceField(
        label=_("Key material"), choices=((IN_HSM, ""), (EXTERNAL, "")), initial=IN_HSM
    )
    Understood = forms.BooleanField()
    Rotate = forms.BooleanField(label=_("Rotate automatically"), initial=True)
    RotateDays = DaysField()
    Tags = forms.CharField()

    @property
    def external(self) -> bool:
        """Whether the material will come from outside; only after `is_valid`."""
        kind = key_type_for_usage(self.cleaned_data["KeyUsage"])
        chosen = self.cleaned_data.get("Type") == EXTERNAL
        return chosen and (kind is None or kind.importable)

    @property
    def rotate_days(self) -> int | None:
        """Days between rotations; None where none is wanted or the kind has none."""
        kind = key_type_for_usage(self.cleaned_data["KeyUsage"])
        if not self.cleaned_data["Rotate"] or self.external:
            return None
        if kind is None or not kind.rotatable:
            return None
        return self.cleaned_data.get("RotateDays") or USUAL_DAYS

    def clean(self) -> dict[str, Any]:
        """See to it that the precautions were read; forget what doesn't apply."""
        data = super().clean() or self.cleaned_data
        if self.external and not data.get("Understood"):
            self.add_error(
                "Understood", _("Read the precautions and tick that you keep to them.")
            )
        if self.rotate_days is None:
            self.errors.pop("RotateDays", None)
        # CreateKey would make the key without them; somebody who looks can mend them.
        try:
            wire_tags(self.tags)
        except KMSError as refusal:
            self.refuse(refusal)
        return data

    @property
    def tags(self) -> list[dict[str, str]]:
        """The tags that were typed, by wire names."""
        return [
            {"TagKey": name, "TagValue": value} for name, value in self._typed_tags()
        ]

    @property
    def tag_rows(self) -> list[tuple[str, str]]:
        """Name and value of each row to show, with empty ones to fill in."""
        typed = self._typed_tags()
        return typed + [("", "")] * max(1, _TAG_ROWS - len(typed))

    def _typed_tags(self) -> list[tuple[str, str]]:
        return typed_tags(self) if self.is_bound else []

    def wire(self) -> dict[str, Any]:
        """Return what CreateKey takes; what was left empty keeps its default."""
        data = self.cleaned_data
        optional = {
            "Description": as_typed(data["Description"]),
            "KeyUsage": data["KeyUsage"],
            "Type": int(EXTERNAL) if self.external else None,
            "Tags": self.tags,
        }
        given = {name: value for name, value in optional.items() if value}
        return {"Alias": data["Alias"], **given}
