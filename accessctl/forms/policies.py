"""Forms about policies."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accessctl.forms.people import PLAIN, name_field, remark_field
from kmsconsole.forms import WireForm, as_typed

BEGINNING = """{
  "version": "2.0",
  "statement": [
    {
      "effect": "allow",
      "action": ["name/kms:Encrypt", "name/kms:Decrypt"],
      "resource": "*"
    }
  ]
}"""


class PolicyTextForm(WireForm):
    """Remark and document; the revision is the one that is edited."""

    Remark = remark_field(_("What it is for."))
    Document = forms.CharField(
        label=_("Document"),
        strip=False,
        widget=forms.Textarea(
            attrs=PLAIN | {"rows": "18", "class": "control mono policy-text"}
        ),
    )
    ExpectedRevision = forms.CharField(widget=forms.HiddenInput())

    def wire(self) -> dict[str, Any]:
        """Return the parameters; what isn't there is left out."""
        data = self.cleaned_data | {"Document": as_typed(self.cleaned_data["Document"])}
        if not data["ExpectedRevision"]:
            del data["ExpectedRevision"]
        return data


class PolicyForm(PolicyTextForm):
    """A new policy."""

    Name = name_field(_("Name"))

    field_order = ("Name", "Remark", "Document")
