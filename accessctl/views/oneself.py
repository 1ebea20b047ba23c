"""One's own password and sessions."""

from typing import Any, cast

from allauth.account.internal.flows.login import record_authentication
from allauth.account.signals import password_changed
from allauth.core.internal import ratelimit
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext, ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import View

from accessctl.forms.passwords import ChangePasswordForm
from accessctl.models import User
from accessctl.operations import ChangePassword, EndSessions, ListSessions
from accessctl.passwords import shortest_for
from kmsconsole.errors import RequestLimitExceeded
from kmsconsole.forms import WireForm
from kmsconsole.operations import Result
from kmsconsole.pages import OperationView
from kmsconsole.views import console_call


@method_decorator(sensitive_post_parameters(), name="dispatch")
class PasswordView(OperationView):
    """Changes the password; where it has to be changed, there is nothing else to do."""

    operation = ChangePassword
    form = ChangePasswordForm
    template = "account/password_change.html"

    def context(self, form: WireForm) -> dict[str, Any]:
        """Return how long it must be, and whether it must be at all."""
        user = cast(User, self.request.user)
        return {
            "shortest": shortest_for(user),
            "forced": user.must_change_password,
        }

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Change it; somebody else at this desk may not guess on and on."""
        if not ratelimit.consume(
            request, app="allauth.account", action="change_password", user=request.user
        ):
            raise RequestLimitExceeded
        return super().post(request, **kwargs)

    def after(self, result: Result) -> str:
        """Keep this session alone, which has proved the password just now."""
        user = cast(User, self.request.user)
        forced = user.must_change_password
        user.refresh_from_db()
        update_session_auth_hash(self.request, user)
        record_authentication(
            self.request, user, method="password", reauthenticated=True
        )
        password_changed.send(sender=User, request=self.request, user=user)
        messages.success(
            self.request,
            gettext("Your password was changed. You are signed out everywhere else."),
        )
        return reverse("keys:list" if forced else "account_change_password")


class SessionsView(View):
    """Where one is signed in; the others can be ended."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show them, this one first."""
        found = ListSessions.execute(console_call(request), {}).output["Sessions"]
        for entry in found:
            entry.current = entry.session_key == request.session.session_key
        shown = {"sessions": sorted(found, key=lambda entry: not entry.current)}
        return render(request, "usersessions/usersession_list.html", shown)

    def post(self, request: HttpRequest) -> HttpResponse:
        """End one of the others, or all of them."""
        data = {"Keep": request.session.session_key or ""}
        if "Number" in request.POST:
            data["Number"] = request.POST["Number"]
        ended = EndSessions.execute(console_call(request), data).output["Ended"]
        words = ngettext(
            "%(n)s session was ended.", "%(n)s sessions were ended.", ended
        )
        messages.success(request, words % {"n": ended})
        return redirect("usersessions_list")
