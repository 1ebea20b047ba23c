"""Access keys: one's own, and below a user's page those of that user.

Without `uin` in the address everything is about the person who looks.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.generic import View

from accessctl.errors import AccessKeyNotFound
from accessctl.forms.access_keys import ConfirmationForm, LimitsForm
from accessctl.operations import (
    CreateAccessKey,
    DeleteAccessKey,
    ListAccessKeys,
    UpdateAccessKey,
)
from accessctl.operations.access_keys import MOST_ACCESS_KEYS
from kmsconsole.forms import WireForm
from kmsconsole.operations import Operation, Result
from kmsconsole.pages import OperationView
from kmsconsole.principals import Call
from kmsconsole.views import console_call


def access_keys_of(call: Call, uin: int | None = None) -> dict[str, Any]:
    """Return what accessctl/access_keys_table.html shows: somebody's, or one's own.

    Raises the KMSError that refuses it.
    """
    result = ListAccessKeys.execute(call, {} if uin is None else {"Uin": uin})
    rows = result.output["AccessKeys"]
    for row in rows:
        row["urls"] = {
            slug: _address("access_key", uin, row["SecretId"], slug)
            for slug in _BY_SLUG
        }
    (owner,) = result.resources
    return {
        "access_keys": rows,
        "owner": owner,
        "own": owner.uin == call.principal.uin,
        "full": len(rows) >= MOST_ACCESS_KEYS,
        "create_url": _address("access_key_create", uin),
    }


def _address(name: str, uin: int | None, *more: str) -> str:
    prefix, owner = ("user_", (uin,)) if uin is not None else ("", ())
    return reverse(prefix + name, args=[*owner, *more])


class AccessKeysView(View):
    """The access keys of somebody."""

    def get(self, request: HttpRequest, uin: int | None = None) -> HttpResponse:
        """Show them."""
        shown = access_keys_of(console_call(request), uin)
        return render(request, "accessctl/access_keys.html", shown)


class AccessKeyView(OperationView):
    """A page with a form about somebody's access keys."""

    title: ClassVar[str | Promise]
    done: ClassVar[str | Promise]

    @property
    def uin(self) -> int | None:
        """Whose they are; None for the one who looks."""
        uin: int | None = self.kwargs.get("uin")
        return uin

    @property
    def secret_id(self) -> str:
        """Which of them this is about."""
        return str(self.kwargs["secret_id"])

    def subjects(self) -> Sequence[Any]:
        """Return whose they are; knows no page of a key that isn't among them."""
        shown = access_keys_of(self.call, self.uin)
        known = [row["SecretId"] for row in shown["access_keys"]]
        if "secret_id" in self.kwargs and self.secret_id not in known:
            raise AccessKeyNotFound("SecretId")
        return (shown["owner"],)

    def parameters(self) -> dict[str, Any]:
        """Return whose key it is, and which, as the address says."""
        owner = {} if self.uin is None else {"Uin": self.uin}
        named = "secret_id" in self.kwargs
        return owner | ({"SecretId": self.secret_id} if named else {})

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return the title, where the form goes and where to go back."""
        return {
            "title": self.title,
            "url": self.request.path,
            "back": _address("access_keys", self.uin),
            "secret_id": self.kwargs.get("secret_id", ""),
        }

    def after(self, result: Result) -> str:
        """Say that it is done and lead back to the list."""
        messages.success(self.request, str(self.done))
        return _address("access_keys", self.uin)


class CreateAccessKeyView(AccessKeyView):
    """Makes an access key; its secret stands in this one answer and nowhere else."""

    operation = CreateAccessKey
    form = LimitsForm
    template = "accessctl/access_key_create.html"
    title = _("Create an access key")

    once = True

    def shown_once(self, result: Result) -> HttpResponse:
        """Show the secret with its owner: no address leads to it again."""
        (owner,) = result.resources
        shown = self.context(self.form()) | result.output | {"owner": owner}
        return render(self.request, "accessctl/access_key_secret.html", shown)


class UpdateLimitsView(AccessKeyView):
    """Changes where from and until when an access key may be used."""

    operation = UpdateAccessKey
    form = LimitsForm
    template = "accessctl/access_key_limits.html"
    title = _("Where from and until when")
    done = _("The access key was changed.")

    def initial(self) -> dict[str, Any]:
        """Return what holds now."""
        rows = access_keys_of(self.call, self.uin)["access_keys"]
        row = next((row for row in rows if row["SecretId"] == self.secret_id), None)
        if row is None:
            raise Http404
        return {
            "AllowedAddresses": "\n".join(row["AllowedAddresses"]),
            "ExpiresAt": row["ExpiresAt"],
        }


class ConfirmedView(AccessKeyView):
    """Something done to an access key after one question."""

    form = ConfirmationForm
    template = "accessctl/access_key_confirm.html"
    consequence: ClassVar[str | Promise]
    button: ClassVar[str | Promise]
    danger: ClassVar[bool] = False
    change: ClassVar[dict[str, Any]] = {}

    def parameters(self) -> dict[str, Any]:
        """Return which key, and what is done to it."""
        return super().parameters() | self.change

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return the question and the words of the button."""
        return super().context(form) | {
            "consequence": self.consequence,
            "button": self.button,
            "danger": self.danger,
        }


class EnableView(ConfirmedView):
    """Lets an access key be used again."""

    operation: ClassVar[type[Operation]] = UpdateAccessKey
    title = _("Enable this access key?")
    consequence = _("From the next request on its signatures are accepted again.")
    button = _("Enable access key")
    done = _("The access key is enabled.")
    change: ClassVar[dict[str, Any]] = {"Enabled": True}


class DisableView(ConfirmedView):
    """Stops an access key."""

    operation: ClassVar[type[Operation]] = UpdateAccessKey
    title = _("Disable this access key?")
    consequence = _(
        "From the next request on its signatures are refused: programs that use it "
        "fail. You can enable it again at any time."
    )
    button = _("Disable access key")
    done = _("The access key is disabled: its signatures are refused.")
    danger = True
    change: ClassVar[dict[str, Any]] = {"Enabled": False}


class DeleteView(ConfirmedView):
    """Removes an access key."""

    operation: ClassVar[type[Operation]] = DeleteAccessKey
    title = _("Delete this access key?")
    consequence = _(
        "It can't be brought back. What was done with it stays in the activity."
    )
    button = _("Delete access key")
    done = _("The access key was deleted.")
    danger = True


_BY_SLUG = {
    "limits": UpdateLimitsView.as_view(),
    "enable": EnableView.as_view(),
    "disable": DisableView.as_view(),
    "delete": DeleteView.as_view(),
}


def access_key(
    request: HttpRequest, secret_id: str, slug: str, uin: int | None = None
) -> HttpResponseBase:
    """Hand over to the page of what is to be done with this access key."""
    if slug not in _BY_SLUG:
        raise Http404
    owner = {} if uin is None else {"uin": uin}
    return _BY_SLUG[slug](request, secret_id=secret_id, **owner)
