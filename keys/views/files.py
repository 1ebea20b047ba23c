"""Files of any size: browsers encrypt them, the service makes and opens data keys."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters

from keys.errors import InvalidContext
from keys.forms import FileForm, WireForm
from keys.operations import Decrypt, GenerateDataKey
from keys.views.base import KeyView, reason_against
from keys.views.lifecycle import DisableKeyView, EnableKeyView
from kmsconsole.errors import InvalidParameterValue, KMSError


@method_decorator(sensitive_post_parameters(), name="dispatch")
class FilesView(KeyView):
    """The page, and the data key of one file for its script."""

    operation = GenerateDataKey
    form = FileForm
    template = "keys/files.html"
    slug = "files"

    def initial(self) -> dict[str, Any]:
        """Begin with encrypting."""
        return {"mode": FileForm.ENCRYPT, "editor": "rows"}

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return why either way would be refused now, and what a command needs."""
        wanted = GenerateDataKey.Input.model_validate(
            {"KeyId": self.key_id, "KeySpec": "AES_256"}
        )
        reasons = {
            FileForm.ENCRYPT: reason_against(
                GenerateDataKey, self.call, self.key, wanted
            ),
            FileForm.DECRYPT: reason_against(Decrypt, self.call, self.key),
        }
        return super().context(form) | {
            "tab": "tools",
            "tool": self.slug,
            "actions": self.offers((EnableKeyView, DisableKeyView)),
            "unavailable": {mode: why for mode, why in reasons.items() if why},
            "endpoint": settings.KMS_PUBLIC_URL,
        }

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Answer the data key as JSON, or why there is none."""
        form = self.form(request.POST)
        try:
            output = self._data_key(form)
        except KMSError as refusal:
            # The page shows it at its field where there is one.
            of_context = isinstance(refusal, InvalidContext)
            told = {
                "Code": refusal.code,
                "Message": refusal.message,
                "Parameter": "EncryptionContext" if of_context else refusal.parameter,
            }
            return self._answer({"Error": told}, refusal.http_status)
        return self._answer(output)

    def _data_key(self, form: WireForm) -> dict[str, Any]:
        if not form.is_valid():
            raise InvalidParameterValue(next(iter(form.errors)))
        if form.cleaned_data["mode"] == FileForm.DECRYPT:
            # The ciphertext names its key itself.
            return Decrypt.execute(self.call, form.wire()).output
        data = self.parameters() | form.wire()
        return GenerateDataKey.execute(self.call, data).output

    def _answer(self, output: dict[str, Any], status: int = 200) -> HttpResponse:
        return JsonResponse(
            output | {"RequestId": self.call.request_id},
            status=status,
            headers={"Cache-Control": "no-store"},
        )
