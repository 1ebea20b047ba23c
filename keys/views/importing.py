"""What a key that waits for material, or has some from outside, offers."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy

from keys.forms.details import ChangeStateForm
from keys.forms.importing import DeleteMaterialForm
from keys.models import CustomerMasterKey
from keys.operations import DeleteImportedKeyMaterial, ImportKeyMaterial
from keys.states import KeyKind, KeyState
from keys.views.base import OfferedView
from keys.views.losses import LossView
from kmsconsole.operations import Result


class ImportKeyMaterialView(OfferedView):
    """Leads to the page where material is imported."""

    operation = ImportKeyMaterial
    form = ChangeStateForm
    slug = "import-key-material"
    label = gettext_lazy("Import material")
    icon = "upload"

    @classmethod
    def changes(cls, key: CustomerMasterKey) -> bool:
        """Offer it where the key waits for it."""
        return key.kind is KeyKind.IMPORTED and key.state == KeyState.PENDING_IMPORT

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Lead there."""
        return redirect("keys:operation", self.key_id, "material")


class DeleteMaterialView(LossView):
    """Takes the material out of the HSM's reach; with the care of a deletion."""

    operation = DeleteImportedKeyMaterial
    form = DeleteMaterialForm
    template = "keys/delete_material.html"
    slug = "delete-imported-key-material"
    label = gettext_lazy("Delete material")

    @classmethod
    def changes(cls, key: CustomerMasterKey) -> bool:
        """Offer it for imported keys only."""
        return key.kind is KeyKind.IMPORTED

    def after(self, result: Result) -> str:
        """Say what the key waits for, and lead to where it can be brought."""
        words = gettext("The material was deleted. The key waits for the same again.")
        messages.warning(self.request, words)
        return reverse("keys:operation", args=[self.key_id, "material"])
