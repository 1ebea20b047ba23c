"""Key material from outside: parameters, upload, and what is imported now."""

from datetime import UTC, datetime
from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.views.decorators.debug import sensitive_post_parameters

from keys.forms.importing import ImportKeyMaterialForm, ImportParametersForm
from keys.operations import (
    GetParametersForImport,
    ImportKeyMaterial,
    ListKeyVersions,
)
from keys.views.base import reason_against
from keys.views.importing import DeleteMaterialView
from keys.views.page import KeyPage
from keys.views.pem import pem_of
from kmsconsole.errors import KMSError
from kmsconsole.forms import WireForm
from kmsconsole.operations import Operation, Result
from kmsconsole.pages import OperationView

# How openssl is told each padding.
_OPENSSL = {
    "RSAES_OAEP_SHA_256": "-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256",
    "RSAES_OAEP_SHA_1": "-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha1",
    "RSAES_PKCS1_V1_5": "-pkeyopt rsa_padding_mode:pkcs1",
}
WRAPPING_KEY_FILE = "wrapping-key.pem"
TOKEN_FILE = "import-token.txt"  # noqa: S105 - the name of a file


def wrapping_commands(padding: str) -> str:
    """Return what makes 32 random bytes and wraps them for the import."""
    return (
        "openssl rand -out material.bin 32\n"
        f"openssl pkeyutl -encrypt -pubin -inkey {WRAPPING_KEY_FILE}"
        f" {_OPENSSL[padding]} -in material.bin -out wrapped.bin"
    )


@method_decorator(sensitive_post_parameters(), name="dispatch")
class MaterialPage(KeyPage):
    """The steps of an import, and what is imported now; uploading is done here."""

    operation: ClassVar[type[Operation]] = ImportKeyMaterial
    form: ClassVar[type[WireForm]] = ImportKeyMaterialForm
    template = "keys/material.html"
    slug = "material"
    tab = "material"
    opened_by: ClassVar[tuple[type[Operation], ...]] = (ListKeyVersions,)

    def initial(self) -> dict[str, Any]:
        """Begin without an expiry."""
        return {"expires": "never"}

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return both forms, and why either step would be refused now."""
        key, call = self.key, self.glance
        listed = ListKeyVersions.execute(call, {"KeyId": self.key_id}).output
        uploads = isinstance(form, ImportKeyMaterialForm)
        return super().context(form) | {
            "uploading": form
            if uploads
            else ImportKeyMaterialForm(initial=self.initial()),
            "asking": ImportParametersForm() if uploads else form,
            "ask_url": reverse(
                "keys:operation", args=[self.key_id, GetParametersView.slug]
            ),
            "upload_url": reverse(
                "keys:operation", args=[self.key_id, MaterialPage.slug]
            ),
            "no_parameters": reason_against(GetParametersForImport, call, key),
            "no_upload": reason_against(ImportKeyMaterial, call, key),
            "remove": DeleteMaterialView.offer(call, key),
            "versions": [row for row, _uses in listed["Versions"]],
        }

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Import what was uploaded."""
        return OperationView.post(self, request, **kwargs)

    def after(self, result: Result) -> str:
        """Say so; this page shows the rest."""
        text = gettext("The material was imported. The key can be used now.")
        messages.success(self.request, text)
        return reverse("keys:operation", args=[self.key_id, MaterialPage.slug])


class GetParametersView(MaterialPage):
    """The first step. Public key and token are in this answer and nowhere else."""

    operation = GetParametersForImport
    form = ImportParametersForm
    slug = "get-parameters-for-import"
    opened_by = ()

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Get parameters and show them with the commands to use them."""
        form = self.form(request.POST)
        if not form.is_valid():
            return self.page(form)
        wire = form.wire()
        try:
            output = self.operation.execute(self.call, self.parameters() | wire).output
        except KMSError as refusal:
            return self.page(form, refusal)
        parameters = {
            "pem": pem_of(output["PublicKey"]),
            "token": output["ImportToken"],
            "until": datetime.fromtimestamp(output["ParametersValidTo"], UTC),
            "padding": wire["WrappingAlgorithm"],
            "commands": wrapping_commands(wire["WrappingAlgorithm"]),
            "key_file": WRAPPING_KEY_FILE,
            "token_file": TOKEN_FILE,
        }
        answer = self.page(form, got=parameters)
        answer["Cache-Control"] = "no-store"
        return answer
