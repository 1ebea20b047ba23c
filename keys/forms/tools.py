"""Forms of the online tools.

Data stays in memory and is never part of an address, a message or the session.
"""

import base64
import json
from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from keys.crypto.algorithms import signature_algorithms
from kmsconsole.forms import WireForm, as_typed

CONTEXT_ROWS = 3
# docs/envelope.md: the data key of a file opens as the key of a file only.
ENVELOPE_MARK = '"format": "kmsconsole-envelope-1"'
_FORMATS: dict[str, str | Promise] = {
    "text": _("Text"),
    "base64": "Base64",
    "hex": _("Hex"),
    "file": _("File"),
}
_PASTED = (("text", _("Paste")), ("file", _("File")))
LEGACY_PADDING = "RSAES_PKCS1_V1_5"
RSA_PADDINGS = (
    ("RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_256"),
    ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_1"),
    (LEGACY_PADDING, LEGACY_PADDING),
)


def _formats(*names: str) -> tuple[tuple[str, str | Promise], ...]:
    return tuple((name, _FORMATS[name]) for name in names)


class ContextEntry:
    """An encryption context as its editor sends it: rows, or JSON.

    `prefix` tells two editors of one form apart.
    """

    def __init__(self, form: forms.Form, prefix: str = "") -> None:
        self.form = form
        self.prefix = prefix

    def _value(self, name: str) -> str:
        value: str = self.form.data.get(self.prefix + name, "")
        return value if self.form.is_bound else ""

    @property
    def editor(self) -> str:
        """Which way of entering is chosen: `rows` or `json`."""
        return "json" if self._value("editor") == "json" else "rows"

    @property
    def text(self) -> str:
        """What was typed as JSON."""
        return self._value("EncryptionContext")

    def _typed_pairs(self) -> list[tuple[str, str]]:
        if not self.form.is_bound:
            return []
        data: Any = self.form.data
        names: Sequence[str] = data.getlist(f"{self.prefix}context-name")
        values: Sequence[str] = data.getlist(f"{self.prefix}context-value")
        return [pair for pair in zip(names, values, strict=False) if any(pair)]

    @property
    def rows(self) -> list[tuple[str, str]]:
        """Name and value of each row to show, with empty ones to fill in."""
        typed = self._typed_pairs()
        return typed + [("", "")] * max(1, CONTEXT_ROWS - len(typed))

    @property
    def given(self) -> bool:
        """Whether a context was typed."""
        return self.wire() is not None

    def wire(self) -> str | None:
        """Return the context as JSON text, or None; twice the same name stays twice."""
        if self.editor == "json":
            return self.text or None
        pairs = (
            f"{json.dumps(name, ensure_ascii=False)}: "
            f"{json.dumps(value, ensure_ascii=False)}"
            for name, value in self._typed_pairs()
        )
        text = ", ".join(pairs)
        return f"{{{text}}}" if text else None


class ToolForm(WireForm):
    """What a tool takes beside its key: data, a context, or neither."""

    wire_name: ClassVar[str] = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.context = ContextEntry(self)

    def with_context(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return `data` with the context, if one was typed."""
        context = self.context.wire()
        return data | ({"EncryptionContext": context} if context else {})


class DataForm(ToolForm):
    """Data that was typed, pasted or uploaded, in one of several formats."""

    no_file: ClassVar[str | Promise] = _("Choose a file of at most 4 KB.")

    file = forms.FileField(allow_empty_file=True)

    def clean(self) -> dict[str, Any]:
        """Say so where no file arrived, or what was typed is no hex."""
        data = super().clean() or self.cleaned_data
        if data.get("format") == "file" and not data.get("file"):
            self.add_error("file", str(self.no_file))
        if data.get("format") == "hex":
            try:
                bytes.fromhex(data.get(self.wire_name, ""))
            except ValueError:
                self.add_error(
                    self.wire_name,
                    _("This isn't hex: use pairs of the digits 0 to 9 and a to f."),
                )
        return data

    @property
    def text_value(self) -> str:
        """What was typed, to be shown again."""
        return self.data.get(self.wire_name, "") if self.is_bound else ""

    def as_base64(self) -> str:
        """Return Base64, whatever the data came as."""
        chosen = self.cleaned_data["format"]
        typed: str = self.cleaned_data[self.wire_name]
        if chosen == "base64":
            return "".join(typed.split())
        if chosen == "file":
            data: bytes = self.cleaned_data["file"].read()
        elif chosen == "hex":
            data = bytes.fromhex(typed)
        else:
            data = as_typed(typed).encode()
        return base64.b64encode(data).decode("ascii")

    def as_pasted(self) -> str:
        """Return text without the line breaks that mail and editors add."""
        if self.cleaned_data["format"] == "file":
            text = self.cleaned_data["file"].read().decode("ascii", "replace")
        else:
            text = self.cleaned_data[self.wire_name]
        return "".join(text.split())


class EncryptForm(DataForm):
    """Up to 4096 bytes."""

    wire_name = "Plaintext"

    format = forms.ChoiceField(choices=_formats("text", "base64", "hex", "file"))
    Plaintext = forms.CharField(strip=False)

    def wire(self) -> dict[str, Any]:
        """Return plaintext and context."""
        return self.with_context({"Plaintext": self.as_base64()})


class DecryptForm(DataForm):
    """A ciphertext as Encrypt gave it."""

    wire_name = "CiphertextBlob"

    format = forms.ChoiceField(choices=_PASTED)
    CiphertextBlob = forms.CharField(strip=False)

    def wire(self) -> dict[str, Any]:
        """Return ciphertext and context."""
        return self.with_context({"CiphertextBlob": self.as_pasted()})


class ReEncryptForm(DecryptForm):
    """A ciphertext, where it should move, and the context it gets there."""

    DestinationKeyId = forms.CharField()
    another_context = forms.BooleanField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.new_context = ContextEntry(self, "new-")

    def wire(self) -> dict[str, Any]:
        """Return ciphertext, destination and both contexts."""
        data: dict[str, Any] = {"CiphertextBlob": self.as_pasted()}
        if self.cleaned_data["DestinationKeyId"]:
            data["DestinationKeyId"] = self.cleaned_data["DestinationKeyId"]
        source = self.context.wire()
        if source:
            data["SourceEncryptionContext"] = source
        wanted = source
        if self.cleaned_data["another_context"]:
            wanted = self.new_context.wire() or "{}"
        return data | ({"DestinationEncryptionContext": wanted} if wanted else {})


class DataKeyForm(ToolForm):
    """How long the data key is, and whether it is wanted in the clear."""

    length = forms.ChoiceField(
        choices=(
            ("AES_256", _("AES-256, 32 bytes")),
            ("AES_128", _("AES-128, 16 bytes")),
            ("bytes", _("Another length")),
        )
    )
    NumberOfBytes = forms.CharField()
    shown = forms.ChoiceField(
        choices=(
            ("with", _("With the data key in the clear, to use it now")),
            ("without", _("Encrypted only, for later")),
        )
    )

    def wire(self) -> dict[str, Any]:
        """Return the length and the context."""
        if self.cleaned_data["length"] == "bytes":
            return self.with_context(
                {"NumberOfBytes": self.cleaned_data["NumberOfBytes"]}
            )
        return self.with_context({"KeySpec": self.cleaned_data["length"] or "AES_256"})


class SignForm(DataForm):
    """A message of up to 4096 bytes, or its digest."""

    wire_name = "Message"

    format = forms.ChoiceField(choices=_formats("text", "base64", "hex", "file"))
    Message = forms.CharField(strip=False)
    MessageType = forms.ChoiceField(
        choices=(("RAW", _("The message itself")), ("DIGEST", _("Its digest")))
    )
    Algorithm = forms.ChoiceField()

    def offer(self, usage: str) -> None:
        """Offer the algorithms of a key of this usage."""
        names = [row.name for row in signature_algorithms(usage)]
        self.fields["Algorithm"].choices = [  # type: ignore[attr-defined]
            (name, name) for name in names
        ]

    def wire(self) -> dict[str, Any]:
        """Return message, how it is meant, and the algorithm."""
        return {
            "Message": self.as_base64(),
            "MessageType": self.cleaned_data["MessageType"] or "RAW",
            "Algorithm": self.cleaned_data["Algorithm"],
        }


class VerifyForm(SignForm):
    """A message and the signature it should have."""

    SignatureValue = forms.CharField(label=_("Signature"), strip=False)

    def wire(self) -> dict[str, Any]:
        """Return what was signed and the signature."""
        signature = "".join(self.cleaned_data["SignatureValue"].split())
        return super().wire() | {"SignatureValue": signature}


class RsaDecryptForm(DataForm):
    """What was encrypted with the public key, and how it was padded."""

    wire_name = "Ciphertext"
    no_file = _("Choose a file of 256 bytes.")

    format = forms.ChoiceField(choices=_formats("base64", "hex", "file"))
    Ciphertext = forms.CharField(strip=False)
    Algorithm = forms.ChoiceField(choices=RSA_PADDINGS)

    def wire(self) -> dict[str, Any]:
        """Return ciphertext and padding."""
        return {
            "Ciphertext": self.as_base64(),
            "Algorithm": self.cleaned_data["Algorithm"] or RSA_PADDINGS[0][0],
        }


class FileForm(ToolForm):
    """The data key of a file; the file itself stays in the browser."""

    ENCRYPT, DECRYPT = "encrypt", "decrypt"

    mode = forms.ChoiceField(
        choices=((ENCRYPT, _("Encrypt a file")), (DECRYPT, _("Decrypt a file")))
    )
    CiphertextBlob = forms.CharField(strip=False)

    def encryption_context(self) -> str:
        """Return the context as JSON text, with the member that marks a file's key."""
        typed = (self.context.wire() or "{}").strip()
        if not (typed.startswith("{") and typed.endswith("}")):
            return typed
        # Joined as text, so that a name given twice is still there to be refused.
        rest = typed[1:-1].strip()
        return f"{{{ENVELOPE_MARK}{', ' if rest else ''}{rest}}}"

    def wire(self) -> dict[str, Any]:
        """Return what GenerateDataKey needs beside the key, or what Decrypt needs."""
        given = {"EncryptionContext": self.encryption_context()}
        if self.cleaned_data["mode"] == self.DECRYPT:
            return given | {"CiphertextBlob": self.cleaned_data["CiphertextBlob"]}
        return given | {"KeySpec": "AES_256"}


class RandomForm(ToolForm):
    """How many bytes."""

    NumberOfBytes = forms.CharField(label=_("Number of bytes"))

    def wire(self) -> dict[str, Any]:
        """Return the number as it was typed."""
        return {"NumberOfBytes": self.cleaned_data["NumberOfBytes"]}
