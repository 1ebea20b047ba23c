"""The online tools of key pairs: signing, verifying, decrypting."""

import base64
from typing import Any

from django.utils.translation import gettext_lazy

from keys.forms.tools import (
    LEGACY_PADDING,
    RSA_PADDINGS,
    RsaDecryptForm,
    SignForm,
    VerifyForm,
)
from keys.operations import (
    AsymmetricRsaDecrypt,
    SignByAsymmetricKey,
    VerifyByAsymmetricKey,
)
from keys.switches import LegacyPadding
from keys.views import snippets
from keys.views.snippets import ApiCall
from keys.views.tools import KeyTool, secret
from kmsconsole.forms import WireForm

_FROM_FILE = ("import base64", "from pathlib import Path")


class SignView(KeyTool):
    """Signs."""

    operation = SignByAsymmetricKey
    form = SignForm
    slug = "sign"
    input_title = gettext_lazy("Message")
    result_title = gettext_lazy("Signed")
    awaiting = gettext_lazy("The signature appears here, to copy or to download.")

    def adapt(self, form: WireForm) -> None:
        """Offer the key's own algorithms."""
        assert isinstance(form, SignForm)
        form.offer(self.key.usage)

    def initial(self) -> dict[str, Any]:
        """Begin with a message as text."""
        return {"format": "text", "MessageType": "RAW"}

    def api(self) -> ApiCall:
        """Return the call that signs a file."""
        return ApiCall(
            self.operation.__name__,
            self.call.region,
            (
                snippets.fixed("KeyId", self.key_id),
                snippets.fixed("Algorithm", self._first_algorithm()),
                snippets.file_base64("Message", "message.txt"),
            ),
            imports=_FROM_FILE,
        )

    def _first_algorithm(self) -> str:
        form = SignForm()
        form.offer(self.key.usage)
        choices: list[tuple[str, str]] = form.fields["Algorithm"].choices  # type: ignore[attr-defined]
        return choices[0][0]

    def outcome(self, data: dict[str, Any], output: dict[str, Any]) -> dict[str, Any]:
        """Return the signature."""
        signature: str = output["Signature"]
        return {
            "signature": signature,
            "size": len(base64.b64decode(signature)),
            "algorithm": data["Algorithm"],
        }


class VerifyView(SignView):
    """Verifies a signature."""

    operation = VerifyByAsymmetricKey
    form = VerifyForm
    slug = "verify"
    result_title = gettext_lazy("Checked")
    awaiting = gettext_lazy("Whether the signature is valid appears here.")

    def api(self) -> ApiCall:
        """Return the call that verifies a file's signature."""
        call = super().api()
        signature = snippets.file_base64("SignatureValue", "signature.bin")
        return ApiCall(
            call.action,
            call.region,
            (*call.parameters, signature),
            imports=call.imports,
        )

    def outcome(self, data: dict[str, Any], output: dict[str, Any]) -> dict[str, Any]:
        """Return yes or no."""
        return {"valid": output["SignatureValid"], "algorithm": data["Algorithm"]}


class RsaDecryptView(KeyTool):
    """Decrypts what was encrypted with the public key."""

    operation = AsymmetricRsaDecrypt
    form = RsaDecryptForm
    slug = "rsa-decrypt"
    input_title = gettext_lazy("Ciphertext")
    result_title = gettext_lazy("Decrypted")
    awaiting = gettext_lazy("The plaintext appears here, hidden until you ask for it.")
    note = gettext_lazy(
        "A ciphertext has 256 bytes, as many as the key. "
        "Nothing you type or get here is stored."
    )

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return the padding that the key doesn't take, if it doesn't."""
        allowed = LegacyPadding.objects.filter(key=self.key.id).exists()
        return super().context(form) | {"barred": "" if allowed else LEGACY_PADDING}

    def initial(self) -> dict[str, Any]:
        """Begin with Base64 and the best padding."""
        return {"format": "base64", "Algorithm": RSA_PADDINGS[0][0]}

    def api(self) -> ApiCall:
        """Return the call that decrypts a file."""
        return ApiCall(
            "AsymmetricRsaDecrypt",
            self.call.region,
            (
                snippets.fixed("KeyId", self.key_id),
                snippets.fixed("Algorithm", RSA_PADDINGS[0][0]),
                snippets.file_base64("Ciphertext", "ciphertext.bin"),
            ),
            imports=_FROM_FILE,
        )

    def outcome(self, data: dict[str, Any], output: dict[str, Any]) -> dict[str, Any]:
        """Return the plaintext."""
        return secret(output["Plaintext"])
