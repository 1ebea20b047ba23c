"""Files of any size: browsers encrypt them, the service makes and opens data keys."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

from keys.errors import InvalidContext
from keys.forms.tools import FileForm
from keys.operations import Decrypt, GenerateDataKey
from keys.views.base import reason_against
from keys.views.tools import KeyTool
from kmsconsole.errors import InvalidParameterValue, KMSError
from kmsconsole.forms import WireForm


class FilesView(KeyTool):
    """The page, and the data key of one file for its script."""

    operation = GenerateDataKey
    form = FileForm
    template = "keys/files.html"
    slug = "files"
    opened_by = (GenerateDataKey, Decrypt)

    def initial(self) -> dict[str, Any]:
        """Begin with encrypting."""
        return {"mode": FileForm.ENCRYPT}

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return why either way would be refused now, and what a command needs."""
        reasons = {
            FileForm.ENCRYPT: reason_against(GenerateDataKey, self.glance, self.key),
            FileForm.DECRYPT: reason_against(Decrypt, self.glance, self.key),
        }
        return super().context(form) | {
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
