"""Forms of the key pages.

Field names are the wire names of operations. A form only turns what a browser sends
into what an operation takes; what is allowed, the operation decides.
"""

import base64
import json
from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from kmsconsole.errors import KMSError

CONTEXT_ROWS = 3
# docs/envelope.md: the data key of a file opens as the key of a file only.
ENVELOPE_MARK = '"format": "kmsconsole-envelope-1"'


def _as_typed(text: str) -> str:
    # Browsers send every line break of a text field as CRLF, whatever was typed.
    return text.replace("\r\n", "\n")


class WireForm(forms.Form):
    """A form whose fields are an operation's parameters; none is required here."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.required = False

    def wire(self) -> dict[str, Any]:
        """Return the parameters by wire name; only after `is_valid`."""
        return dict(self.cleaned_data)

    def refuse(self, error: KMSError) -> bool:
        """Show the refusal at the field it is about; False where there is none."""
        if error.parameter not in self.fields:
            return False
        self.add_error(error.parameter, error.message)
        return True


class CreateKeyForm(WireForm):
    """A new key."""

    Alias = forms.CharField(label=_("Name"))
    Description = forms.CharField(label=_("Description"), strip=False)
    KeyUsage = forms.CharField(label=_("Key usage"), initial="ENCRYPT_DECRYPT")

    def wire(self) -> dict[str, Any]:
        """Leave out what was left empty, so that its default holds."""
        data = self.cleaned_data
        data["Description"] = _as_typed(data["Description"])
        return {name: value for name, value in data.items() if value or name == "Alias"}


class UpdateAliasForm(WireForm):
    """A new name."""

    Alias = forms.CharField(
        label=_("Name"),
        help_text=_(
            "Letters, digits, hyphens and underscores; the first a letter or digit; "
            "not beginning with “kms-”."
        ),
    )


class UpdateKeyDescriptionForm(WireForm):
    """A new description; empty removes it."""

    Description = forms.CharField(
        label=_("Description"),
        strip=False,
        help_text=_("What it protects, and for which application."),
    )

    def wire(self) -> dict[str, Any]:
        """Return the description with the line breaks that were typed."""
        return {"Description": _as_typed(self.cleaned_data["Description"])}


class ChangeStateForm(WireForm):
    """Nothing but the confirmation."""


class ContextForm(WireForm):
    """An encryption context, as rows of names and values or as JSON."""

    editor = forms.ChoiceField(choices=(("rows", _("Rows")), ("json", "JSON")))
    EncryptionContext = forms.CharField(strip=False)

    def _typed_pairs(self) -> list[tuple[str, str]]:
        if not self.is_bound:
            return []
        names: Sequence[str] = self.data.getlist("context-name")  # type: ignore[attr-defined]
        values: Sequence[str] = self.data.getlist("context-value")  # type: ignore[attr-defined]
        return [pair for pair in zip(names, values, strict=False) if any(pair)]

    @property
    def context_rows(self) -> list[tuple[str, str]]:
        """Name and value of each row to show, with empty ones to fill in."""
        typed = self._typed_pairs()
        return typed + [("", "")] * max(1, CONTEXT_ROWS - len(typed))

    @property
    def has_context(self) -> bool:
        """Whether a context was typed."""
        return bool(self.is_bound and self.encryption_context())

    def encryption_context(self) -> str | None:
        """Return the context as JSON text, or None; twice the same name stays twice."""
        if self.data.get("editor") == "json":
            return self.data.get("EncryptionContext") or None
        pairs = (
            f"{json.dumps(name, ensure_ascii=False)}: "
            f"{json.dumps(value, ensure_ascii=False)}"
            for name, value in self._typed_pairs()
        )
        text = ", ".join(pairs)
        return f"{{{text}}}" if text else None


class ToolForm(ContextForm):
    """Data for a cryptographic operation: typed, pasted or from a file.

    Data stays in memory and is never part of an address, a message or the session.
    """

    wire_name: ClassVar[str]

    file = forms.FileField(allow_empty_file=True)

    def clean(self) -> dict[str, Any]:
        """Say so where no file arrived: none was chosen, or it was far too large."""
        data = super().clean() or self.cleaned_data
        if data.get("format") == "file" and not data.get("file"):
            self.add_error("file", _("Choose a file of at most 4 KB."))
        return data

    @property
    def text_value(self) -> str:
        """What was typed, to be shown again."""
        return self.data.get(self.wire_name, "") if self.is_bound else ""

    def wire(self) -> dict[str, Any]:
        """Return data and context by wire name."""
        data = {self.wire_name: self.wire_value()}
        context = self.encryption_context()
        return data | ({"EncryptionContext": context} if context else {})

    def wire_value(self) -> str:
        """Return the data as the operation takes it."""
        raise NotImplementedError


class EncryptForm(ToolForm):
    """Up to 4096 bytes."""

    wire_name = "Plaintext"

    format = forms.ChoiceField(
        choices=(("text", _("Text")), ("base64", "Base64"), ("file", _("File"))),
        initial="text",
    )
    Plaintext = forms.CharField(strip=False)

    def wire_value(self) -> str:
        """Return Base64, whatever the data came as."""
        chosen = self.cleaned_data["format"]
        if chosen == "base64":
            return "".join(self.cleaned_data["Plaintext"].split())
        if chosen == "file":
            data: bytes = self.cleaned_data["file"].read()
        else:
            data = _as_typed(self.cleaned_data["Plaintext"]).encode()
        return base64.b64encode(data).decode("ascii")


class DecryptForm(ToolForm):
    """A ciphertext as Encrypt gave it."""

    wire_name = "CiphertextBlob"

    format = forms.ChoiceField(
        choices=(("text", _("Paste")), ("file", _("File"))), initial="text"
    )
    CiphertextBlob = forms.CharField(strip=False)

    def wire_value(self) -> str:
        """Return the text without the line breaks that mail and editors add."""
        if self.cleaned_data["format"] == "file":
            text = self.cleaned_data["file"].read().decode("ascii", "replace")
        else:
            text = self.cleaned_data["CiphertextBlob"]
        return "".join(text.split())


class FileForm(ContextForm):
    """The data key of a file; the file itself stays in the browser."""

    ENCRYPT, DECRYPT = "encrypt", "decrypt"

    mode = forms.ChoiceField(
        choices=((ENCRYPT, _("Encrypt a file")), (DECRYPT, _("Decrypt a file"))),
        initial=ENCRYPT,
    )
    CiphertextBlob = forms.CharField(strip=False)

    def encryption_context(self) -> str:
        """Return the context as JSON text, with the member that marks a file's key."""
        typed = (super().encryption_context() or "{}").strip()
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
