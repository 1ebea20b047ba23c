"""Making a data key that is kept here, and keeping one that exists already."""

from typing import Any, ClassVar

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters

from keys.forms.data_keys import ONCE, HostDataKeyForm, ImportDataKeyForm
from keys.models import CustomerMasterKey
from keys.operations import GenerateHostedDataKey, ImportDataKey
from keys.states import KeyKind
from keys.views import snippets
from keys.views.base import OfferedView
from keys.views.snippets import ApiCall
from keys.views.tools import secret
from kmsconsole.forms import WireForm
from kmsconsole.operations import Result

_PAIRS = (KeyKind.SIGNING, KeyKind.DECRYPTING)


@method_decorator(sensitive_post_parameters(), name="dispatch")
class AddDataKeyView(OfferedView):
    """A form that leaves one more data key under a key; leads to that one.

    `heading` names the key by `%(name)s`; `fields` is the template of what is asked
    beside name and description.
    """

    template = "keys/data_keys/add.html"
    part = "form"
    heading: ClassVar[Promise]
    fields: ClassVar[str]
    button: ClassVar[Promise]
    # Two data keys from one wish: names are unique, but a name costs nothing to change.
    once = True

    @classmethod
    def changes(cls, key: CustomerMasterKey) -> bool:
        """Offer it for keys that encrypt."""
        return key.kind not in _PAIRS

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Know no such page for a key of another kind."""
        if not self.changes(self.key):
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return why it would be refused now, and the same as an API call."""
        return super().context(form) | {
            "label": self.label,
            "heading": str(self.heading) % {"name": self.key.alias},
            "fields": self.fields,
            "icon": self.icon,
            "button": self.button,
            "blocked": self.reason(self.glance, self.key),
            "api": self.api(),
        }

    def api(self) -> ApiCall:
        """Return the same as an API call, without anybody's data."""
        raise NotImplementedError

    def after(self, result: Result) -> str:
        """Lead to the data key."""
        messages.success(self.request, str(self.done))
        return reverse("keys:data_key", args=[result.output["DataKeyId"]])


class HostDataKeyView(AddDataKeyView):
    """Makes a data key and keeps its ciphertext."""

    operation = GenerateHostedDataKey
    form = HostDataKeyForm
    slug = "host-data-key"
    label = gettext_lazy("New data key")
    heading = gettext_lazy("New data key under %(name)s")
    fields = "keys/data_keys/make.html"
    button = gettext_lazy("Make data key")
    icon = "plus"
    done = gettext_lazy("The data key was made. Its ciphertext is kept here.")

    def initial(self) -> dict[str, Any]:
        """Begin with a data key for AES-256 that nobody sees."""
        return {"length": "AES_256", "NumberOfBytes": "64", "shown": "kept"}

    def shown_once(self, result: Result) -> HttpResponse | None:
        """Show it in the clear where that was asked for; else it stays unseen."""
        if self.request.POST.get("shown") != ONCE:
            return None
        output = result.output
        context = {
            "outcome": secret(output["Plaintext"], as_text=False),
            "name": self.request.POST["DataKeyName"],
            "next": reverse("keys:data_key", args=[output["DataKeyId"]]),
        }
        part = "#form" if self.by_htmx else ""
        template = f"keys/data_keys/made.html{part}"
        return render(self.request, template, super().context(self.form()) | context)

    def api(self) -> ApiCall:
        """Return the call that makes one for AES-256."""
        return ApiCall(
            "GenerateDataKey",
            self.call.region,
            (
                snippets.fixed("KeyId", self.key_id),
                snippets.fixed("KeySpec", "AES_256"),
                snippets.number("IsHostedByKms", "1"),
                snippets.following("DataKeyName", "", "my-data-key"),
            ),
        )


class ImportDataKeyView(AddDataKeyView):
    """Keeps a data key that came from elsewhere."""

    operation = ImportDataKey
    form = ImportDataKeyForm
    slug = "import-data-key"
    label = button = gettext_lazy("Import data key")
    heading = gettext_lazy("Import a data key under %(name)s")
    fields = "keys/data_keys/import.html"
    icon = "upload"
    done = gettext_lazy("The data key was imported. Its ciphertext is kept here.")

    def initial(self) -> dict[str, Any]:
        """Begin with a ciphertext: then nothing is sent in the clear."""
        return {"ImportType": self.form.base_fields["ImportType"].choices[0][0]}  # type: ignore[attr-defined]

    def api(self) -> ApiCall:
        """Return the call that imports a ciphertext."""
        return ApiCall(
            "ImportDataKey",
            self.call.region,
            (
                snippets.fixed("KeyId", self.key_id),
                snippets.number("ImportType", "1"),
                snippets.following("DataKeyName", "", "my-data-key"),
                snippets.ciphertext_from_file("ImportKeyMaterial"),
            ),
            imports=("from pathlib import Path",),
        )
