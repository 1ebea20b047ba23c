"""What the forms of console pages share.

Field names are the wire names of operations. A form only turns what a browser sends
into what an operation takes; what is allowed, the operation decides.
"""

from typing import Any

from django import forms

from kmsconsole.errors import KMSError


def as_typed(text: str) -> str:
    """Return the text as it was typed."""
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
