"""Pages of sub-accounts."""

from functools import cached_property
from typing import Any, ClassVar

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.generic import View

from accessctl.forms.people import EditSubAccountForm, SubAccountForm
from accessctl.operations import (
    CreateSubAccount,
    DescribeSubAccount,
    ListSubAccounts,
    ResetFactors,
    ResetPassword,
    UpdateSubAccount,
)
from accessctl.views.chosen import CHOSEN
from accessctl.views.deeds import DeedView
from accessctl.views.lists import NameList
from kmsconsole.operations import Result
from kmsconsole.pages import OperationView
from kmsconsole.views import console_call


class SubAccountList(NameList):
    """The account's sub-accounts."""

    operation = ListSubAccounts
    template = "accessctl/sub_accounts.html"
    filters: ClassVar = {"state": ("State", ("enabled", "disabled"))}

    def rows(self, output: dict[str, Any]) -> list[dict[str, Any]]:
        """Return what stands in the rows."""
        rows: list[dict[str, Any]] = output["SubAccounts"]
        return rows

    def total(self, number: int) -> str:
        """Say how many there are."""
        words = ngettext("%(n)s sub-account", "%(n)s sub-accounts", number)
        return words % {"n": number}

    def context(
        self, request: HttpRequest, asked: dict[str, Any], output: dict[str, Any]
    ) -> dict[str, Any]:
        """Add what can be done to several."""
        deeds = [(view.slug, view.label, view.icon) for view in CHOSEN]
        return super().context(request, asked, output) | {"deeds": deeds}


def sign_in_link(account: int) -> str:
    """Return the address that people of an account sign in at."""
    path = reverse("account_sign_in", args=[account])
    return settings.KMS_PUBLIC_URL.rstrip("/") + path


class PasswordView(OperationView):
    """A page whose answer may hold a drawn password: then it is shown, this once."""

    once = True

    def shown_once(self, result: Result) -> HttpResponse | None:
        """Show the password with all that its owner needs to sign in."""
        if "Password" not in result.output:
            return None
        account = self.call.principal.account_uin
        context = {
            "account": account,
            "user": result.output["User"],
            "password": result.output["Password"],
            "link": sign_in_link(account),
            "next": reverse("access_user", args=[result.output["User"]]),
        }
        part = "#once" if self.by_htmx else ""
        return render(self.request, f"accessctl/once.html{part}", context)


class CreateSubAccountView(PasswordView):
    """Makes a sub-account."""

    operation = CreateSubAccount
    form = SubAccountForm
    template = "accessctl/create_sub_account.html"

    def initial(self) -> dict[str, Any]:
        """Begin with a program."""
        return {"Api": True}

    def after(self, result: Result) -> str:
        """Lead to the new one, which needs rights."""
        name = result.output["User"]
        words = gettext(
            "%(name)s was created. It may do nothing until you give rights."
        )
        messages.success(self.request, words % {"name": name})
        return reverse("access_user", args=[name])


class SubAccountPage(View):
    """Everything about one sub-account."""

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """Show the page."""
        call = console_call(request)
        result = DescribeSubAccount.execute(call, {"UserName": name})
        (person,) = result.resources
        context = {
            "person": person,
            "about": result.output,
            "own": person.uin == call.principal.uin,
            "link": sign_in_link(call.principal.account_uin),
            "page": reverse("access_user", args=[person.name]),
        }
        return render(request, "accessctl/sub_account.html", context)


class SubAccountDeed(PasswordView, DeedView):
    """A dialog about one sub-account, which stands in the address."""

    home = "access_users"
    slug: ClassVar[str]

    def back(self) -> str:
        """Return the sub-account's page."""
        return reverse("access_user", args=[self.name])

    @cached_property
    def present(self) -> dict[str, Any]:
        """The person as this request finds them."""
        return DescribeSubAccount.execute(self.call, {"UserName": self.name}).output

    def parameters(self) -> dict[str, Any]:
        """Name the person."""
        return {"UserName": self.name}

    def chosen(self) -> list[dict[str, str]]:
        """Name the person; the address repeats it."""
        return [{"field": "", "name": self.name}]


class EditSubAccountView(SubAccountDeed):
    """Changes remark and ways in."""

    operation = UpdateSubAccount
    form = EditSubAccountForm
    slug = "edit"
    title = _("Edit the sub-account")
    consequence = ""
    button = _("Save")

    def initial(self) -> dict[str, Any]:
        """Begin with what is."""
        return {name: self.present[name] for name in ("Remark", "Console", "Api")}

    def done(self, result: Result) -> str:
        """Say what happened."""
        return gettext("%(name)s was changed.") % {"name": result.output["User"]}


class ResetPasswordView(SubAccountDeed):
    """Gives a new password."""

    operation = ResetPassword
    slug = "reset-password"
    title = _("Give a new password?")
    consequence = _(
        "A new password is drawn and shown to you once. The present one stops working, "
        "every session ends, and the new one has to be changed at the next sign-in."
    )
    button = _("Draw a new password")


class ResetFactorsView(SubAccountDeed):
    """Removes second factors."""

    operation = ResetFactors
    slug = "reset-factors"
    title = _("Remove the second factors?")
    consequence = _(
        "Authenticator app, security keys and recovery codes are removed and every "
        "session ends. Until a new factor is set up, the password alone is enough to "
        "sign in: make sure that it was really this person who asked."
    )
    button = _("Remove second factors")
    danger = True

    def done(self, result: Result) -> str:
        """Say what happened."""
        words = gettext("The second factors of %(name)s were removed.")
        return words % {"name": result.output["User"]}


_DEEDS: tuple[type[SubAccountDeed], ...] = (
    EditSubAccountView,
    ResetPasswordView,
    ResetFactorsView,
)
_BY_SLUG = {view.slug: view.as_view() for view in _DEEDS}


def sub_account_deed(request: HttpRequest, name: str, slug: str) -> HttpResponseBase:
    """Hand over to the dialog about this sub-account."""
    if slug not in _BY_SLUG:
        raise Http404
    return _BY_SLUG[slug](request, name=name)
