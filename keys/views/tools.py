"""The online tools. What they give back is in the answer and nowhere else."""

import base64
from dataclasses import dataclass
from typing import Any, ClassVar
from unicodedata import category

from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters

from keys.crypto import ciphertext
from keys.forms.base import WireForm
from keys.forms.tools import DecryptForm, EncryptForm
from keys.operations import Decrypt, Encrypt
from keys.views import snippets
from keys.views.base import reason_against
from keys.views.page import KeyPage
from keys.views.snippets import ApiCall
from kmsconsole.errors import KMSError

_SHOWN_CONTROLS = {"\t", "\n"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a tool gave back, as the page shows it; `size` in bytes of plaintext."""

    version: int
    size: int
    blob: str = ""
    base64: str = ""
    text: str | None = None
    key_id: str = ""
    of_other_key: bool = False


@method_decorator(sensitive_post_parameters(), name="dispatch")
class ToolView(KeyPage):
    """A cryptographic operation on typed, pasted or uploaded data."""

    template = "keys/tools.html"
    part = "result"
    slug: ClassVar[str]
    tab = "tools"

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return the tool, and why it would be refused now."""
        return super().context(form) | {
            "tool": self.slug,
            "unavailable": reason_against(self.operation, self.call, self.key),
            "api": self.api(),
        }

    def api(self) -> ApiCall:
        """Return the same as an API call, without the data."""
        raise NotImplementedError

    def outcome(self, data: dict[str, Any], output: dict[str, Any]) -> Outcome:
        """Return what to show of the answer."""
        raise NotImplementedError

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Run the operation and show what it gave."""
        form = self.form(request.POST, request.FILES)
        if not form.is_valid():
            return self.page(form, problems=form.errors.values())
        data = self.parameters() | form.wire()
        try:
            output = self.operation.execute(self.call, data).output
        except KMSError as refusal:
            # Shown where the result would be, so the form stays as it is.
            answer = self.page(form, refusal=None, refusal_shown=refusal)
            answer.status_code = refusal.http_status
            return answer
        return self.page(form, outcome=self.outcome(data, output))


class EncryptView(ToolView):
    """Encrypts."""

    operation = Encrypt
    form = EncryptForm
    slug = "encrypt"

    def initial(self) -> dict[str, Any]:
        """Begin with text."""
        return {"format": "text", "editor": "rows"}

    def api(self) -> ApiCall:
        """Return the call that encrypts a file."""
        return ApiCall(
            "Encrypt",
            self.call.region,
            (snippets.fixed("KeyId", self.key_id), snippets.plaintext_from_file()),
            imports=("import base64", "from pathlib import Path"),
        )

    def outcome(self, data: dict[str, Any], output: dict[str, Any]) -> Outcome:
        """Return the ciphertext and which version made it."""
        blob: str = output["CiphertextBlob"]
        return Outcome(
            version=ciphertext.decode(blob).version,
            size=len(base64.b64decode(data["Plaintext"])),
            blob=blob,
        )


class DecryptView(ToolView):
    """Decrypts."""

    operation = Decrypt
    form = DecryptForm
    slug = "decrypt"

    def initial(self) -> dict[str, Any]:
        """Begin with pasting."""
        return {"format": "text", "editor": "rows"}

    def parameters(self) -> dict[str, Any]:
        """Nothing: the ciphertext names its key itself."""
        return {}

    def api(self) -> ApiCall:
        """Return the call that decrypts a file."""
        return ApiCall(
            "Decrypt",
            self.call.region,
            (snippets.ciphertext_from_file(),),
            imports=("from pathlib import Path",),
        )

    def outcome(self, data: dict[str, Any], output: dict[str, Any]) -> Outcome:
        """Return the plaintext, as text where it is text."""
        plain = base64.b64decode(output["Plaintext"])
        return Outcome(
            version=ciphertext.decode(data["CiphertextBlob"]).version,
            size=len(plain),
            base64=output["Plaintext"],
            text=_text(plain),
            key_id=output["KeyId"],
            of_other_key=output["KeyId"] != self.key_id,
        )


def _text(plain: bytes) -> str | None:
    try:
        text = plain.decode()
    except UnicodeDecodeError:
        return None
    # A text field would lose control characters without a word.
    controls = {c for c in text if category(c) == "Cc"} - _SHOWN_CONTROLS
    return None if controls else text
