"""Forms for bringing key material from outside, and for taking it away again."""

import base64
import binascii
from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from keys.forms.deletion import NamedForm
from kmsconsole.forms import WireForm

# What an RSA-2048 key makes of 32 bytes, whatever the padding.
_WRAPPED_BYTES = 256
PADDINGS = (
    ("RSAES_OAEP_SHA_256", _("OAEP with SHA-256, recommended")),
    ("RSAES_OAEP_SHA_1", _("OAEP with SHA-1")),
    ("RSAES_PKCS1_V1_5", _("PKCS #1 v1.5, only where nothing else is possible")),
)


class ImportParametersForm(WireForm):
    """How the material will be wrapped."""

    WrappingAlgorithm = forms.ChoiceField(label=_("Padding"), choices=PADDINGS)

    def wire(self) -> dict[str, Any]:
        """Return the padding, and the only kind of wrapping key there is."""
        chosen = self.cleaned_data["WrappingAlgorithm"] or PADDINGS[0][0]
        return {"WrappingAlgorithm": chosen, "WrappingKeySpec": "RSA_2048"}


class ImportKeyMaterialForm(WireForm):
    """Wrapped material and its token, as files or pasted, and until when they hold."""

    material_file = forms.FileField(label=_("Wrapped material (file)"))
    EncryptedKeyMaterial = forms.CharField(label=_("Or paste it as Base64"))
    token_file = forms.FileField(label=_("Import token (file)"))
    ImportToken = forms.CharField(label=_("Or paste its text"))
    expires = forms.ChoiceField(
        label=_("Expiry"),
        choices=(
            ("never", pgettext_lazy("expiry", "Never")),
            ("date", _("At a chosen time (UTC)")),
        ),
    )
    ValidTo = forms.DateTimeField(
        label=_("Usable until (UTC)"), input_formats=("%Y-%m-%dT%H:%M",)
    )

    def clean(self) -> dict[str, Any]:
        """Say so where something is missing: a date that was wanted, a file or text."""
        data = super().clean() or self.cleaned_data
        if not data.get("material_file") and not data.get("EncryptedKeyMaterial"):
            words = _("Choose the file that openssl wrote, or paste it as Base64.")
            self.add_error("EncryptedKeyMaterial", words)
        if not data.get("token_file") and not data.get("ImportToken"):
            words = _("Choose the file of the token, or paste its text.")
            self.add_error("ImportToken", words)
        wanted = data.get("expires") == "date" and "ValidTo" not in self.errors
        if wanted and data.get("ValidTo") is None:
            self.add_error("ValidTo", _("Choose a date and a time, or “Never”."))
        return data

    def wire(self) -> dict[str, Any]:
        """Return material, token and expiry; a file wins over what was pasted."""
        data = self.cleaned_data
        file, token = data["material_file"], data["token_file"]
        until: datetime | None = data["ValidTo"] if data["expires"] == "date" else None
        return {
            "EncryptedKeyMaterial": (
                _as_base64(file.read()) if file else data["EncryptedKeyMaterial"]
            ),
            "ImportToken": (
                token.read().decode("ascii", "replace")
                if token
                else data["ImportToken"]
            ),
            "ValidTo": int(until.timestamp()) if until else 0,
        }


def _as_base64(content: bytes) -> str:
    """Return a file's content as Base64, unless it is Base64 already."""
    if len(content) != _WRAPPED_BYTES:
        text = b"".join(content.split())
        try:
            base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            pass
        else:
            return text.decode("ascii")
    return base64.b64encode(content).decode("ascii")


class DeleteMaterialForm(NamedForm):
    """The key's name once more."""

    def wire(self) -> dict[str, Any]:
        """Return nothing; the typed name is for people only."""
        return {}
