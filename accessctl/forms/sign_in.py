"""Forms about people."""

from typing import Any

from allauth.account.forms import LoginForm
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from kmsconsole.errors import SignInRefused

_MOST_DIGITS = 18


class SignInForm(LoginForm):  # type: ignore[misc]
    """Account, name and password. What was wrong among them is never told."""

    account = forms.CharField(label=_("Account ID"))

    field_order = ("account", "login", "password")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["account"].widget.attrs |= {
            "inputmode": "numeric",
            "autocomplete": "organization",
            "autocapitalize": "none",
            "spellcheck": "false",
        }
        login = self.fields["login"]
        login.label = _("User name")
        login.widget.attrs |= {"autocapitalize": "none", "spellcheck": "false"}
        self.fields["password"].help_text = ""
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)
        self.order_fields(self.field_order)
        first = "login" if self.initial.get("account") else "account"
        self.fields["password" if self.is_bound else first].widget.attrs[
            "autofocus"
        ] = True

    def user_credentials(self) -> dict[str, Any]:
        """Return what the backend needs: a name means nothing without its account."""
        digits = "".join(self.cleaned_data["account"].split())
        known = digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS
        return {
            "account": int(digits) if known else 0,
            "username": self.cleaned_data["login"],
            "password": self.cleaned_data["password"],
        }

    def clean(self) -> dict[str, Any]:
        """Refuse with one text for everything that can be wrong."""
        try:
            data: dict[str, Any] = super().clean()
        except ValidationError as error:
            if error.code == "username_password_mismatch":
                raise ValidationError(SignInRefused().message) from None
            raise
        return data
