"""Making a key."""

from typing import Any

from django.contrib import messages
from django.urls import reverse
from django.utils.translation import gettext as _

from keys.crypto.algorithms import KEY_TYPES
from keys.forms.base import WireForm
from keys.forms.creation import CreateKeyForm
from keys.operations import CreateKey
from keys.views import snippets
from keys.views.base import OperationView
from keys.views.snippets import ApiCall
from keys.views.words import USAGE_HINTS, USAGE_LABELS, type_label
from kmsconsole.operations import Result


class CreateKeyView(OperationView):
    """Makes a key."""

    operation = CreateKey
    form = CreateKeyForm
    template = "keys/create.html"

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return the usages to choose from, and the same as an API call."""
        name = snippets.following("Alias", form["Alias"].value(), "my-key")
        description = snippets.following(
            "Description", form["Description"].value(), "", optional=True
        )
        return {
            "usages": [
                {
                    "usage": row.usage,
                    "type": type_label(row.usage),
                    "label": USAGE_LABELS[row.usage],
                    "hint": USAGE_HINTS[row.usage],
                }
                for row in KEY_TYPES
            ],
            "api": ApiCall("CreateKey", self.call.region, (name, description)),
        }

    def after(self, result: Result) -> str:
        """Lead to the new key."""
        name = result.output["Alias"]
        messages.success(self.request, _("Key %(name)s was created.") % {"name": name})
        return reverse("keys:details", args=[result.output["KeyId"]])
