"""Forms about sub-accounts."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accessctl.operations.base import LONGEST_NAME, LONGEST_REMARK
from kmsconsole.forms import WireForm

PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


def name_field(label: Any, suggestions: str = "") -> forms.CharField:
    """Return a field for a name; `suggestions` is the ID of a list to choose from."""
    attrs = PLAIN | {"maxlength": str(LONGEST_NAME)}
    if suggestions:
        attrs |= {"list": suggestions}
    return forms.CharField(label=label, widget=forms.TextInput(attrs=attrs))


def remark_field(help_text: Any) -> forms.CharField:
    """Return a field for a remark."""
    attrs = {"maxlength": str(LONGEST_REMARK), "autocomplete": "off"}
    widget = forms.TextInput(attrs=attrs)
    return forms.CharField(label=_("Remark"), help_text=help_text, widget=widget)


class SubAccountForm(WireForm):
    """A new sub-account: name, remark, and its ways in."""

    Name = name_field(_("Name"))
    Remark = remark_field(_("Who or what it is, for example the team."))
    Console = forms.BooleanField(
        label=_("Console sign-in"),
        help_text=_("For people. A password is drawn and shown to you once."),
    )
    Api = forms.BooleanField(
        label=_("API access"),
        help_text=_("For programs. It can have up to two access keys."),
        initial=True,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rule = _("Letters, digits and . _ - @ +, the first a letter or digit.")
        self.fields["Name"].help_text = rule
        self.fields["Name"].widget.attrs["autofocus"] = True


class EditSubAccountForm(WireForm):
    """What can be changed of a sub-account."""

    Remark = remark_field(_("Who or what it is, for example the team."))
    Console = forms.BooleanField(
        label=_("Console sign-in"),
        help_text=_(
            "Turned on for the first time, a password is drawn and shown once; turned "
            "off, its sessions end."
        ),
    )
    Api = forms.BooleanField(
        label=_("API access"),
        help_text=_("Turned off, its access keys stop working until it is on again."),
    )


class GroupNameForm(WireForm):
    """Which group."""

    GroupName = name_field(_("Group"), "suggestions")


class PolicyNameForm(WireForm):
    """Which policy."""

    PolicyName = name_field(_("Policy"), "suggestions")
