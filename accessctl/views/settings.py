"""What the account asks of its people and programs."""

from functools import cached_property
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext

from accessctl.factors import has_factor
from accessctl.forms.settings import AccountSettingsForm
from accessctl.models import User
from accessctl.operations import DescribeAccountSettings, UpdateAccountSettings
from kmsconsole.forms import WireForm
from kmsconsole.operations import Result
from kmsconsole.pages import OperationView


class AccountSettingsView(OperationView):
    """Shows and changes the settings of the account."""

    operation = UpdateAccountSettings
    form = AccountSettingsForm
    template = "accessctl/settings.html"
    part = "settings"

    @cached_property
    def present(self) -> dict[str, Any]:
        """The settings as this request finds them."""
        return DescribeAccountSettings.execute(self.call, {}).output

    def initial(self) -> dict[str, Any]:
        """Return what holds now."""
        return self.present

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Show them: looking needs no fresh proof, saving does."""
        return self.page(self.form(initial=self.initial()))

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return the account, the link people sign in at, and what to warn of."""
        account = self.present["AccountId"]
        path = reverse("account_sign_in", args=[account])
        return {
            "account": self.present,
            "link": f"{settings.KMS_PUBLIC_URL.rstrip('/')}{path}",
            "without_factor": not has_factor(cast(User, self.request.user)),
        }

    def after(self, result: Result) -> str:
        """Stay with the settings."""
        messages.success(self.request, gettext("The account settings were saved."))
        return reverse("access_settings")
