"""Forms of the online tools.

Data stays in memory and is never part of an address, a message or the session.
"""

import base64
import json
from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from keys.forms.base import WireForm, as_typed

CONTEXT_ROWS = 3


class ToolForm(WireForm):
    """Data for a cryptographic operation: typed, pasted or from a file.

    Data stays in memory and is never part of an address, a message or the session.
    """

    wire_name: ClassVar[str]

    file = forms.FileField(allow_empty_file=True)
    editor = forms.ChoiceField(choices=(("rows", _("Rows")), ("json", "JSON")))
    EncryptionContext = forms.CharField(strip=False)

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
            data = as_typed(self.cleaned_data["Plaintext"]).encode()
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
