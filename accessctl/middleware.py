"""What every request of a signed-in person must obey before it reaches its page."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django_htmx.http import HttpResponseClientRedirect

from accessctl import sessions
from accessctl.factors import has_factor
from accessctl.models import User

Handler = Callable[[HttpRequest], HttpResponse]

_PASSWORD = "account_change_password"  # noqa: S105 - the name of an address
_FACTORS = "mfa_index"
_ALWAYS = frozenset(
    {
        "account_logout",
        "account_reauthenticate",
        "mfa_reauthenticate",
        "mfa_reauthenticate_webauthn",
        "region",
    }
)


class SessionMiddleware:
    """Ends sessions that are over, and leads to what has to be done first."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Sign out whoever was away too long, or was here too long."""
        if request.user.is_authenticated and not sessions.go_on(request):
            logout(request)
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, _args: Any, _kwargs: Any
    ) -> HttpResponse | None:
        """Lead to the password, then to the second factor, where one is owed."""
        if not request.user.is_authenticated:
            return None
        name = request.resolver_match.view_name if request.resolver_match else ""
        if name in _ALWAYS or not getattr(view, "login_required", True):
            return None
        owed = _owed(request.user)
        if not owed or _settles(name, owed):
            return None
        # Middleware of htmx comes later; only its header is there already.
        if request.headers.get("HX-Request") == "true":
            return HttpResponseClientRedirect(_address(owed))
        return redirect(owed)


def _owed(user: User) -> str:
    """Return the name of the page with what somebody has to do first, or nothing."""
    if user.must_change_password:
        return _PASSWORD
    if user.account.require_second_factor and not has_factor(user):
        return _FACTORS
    return ""


def _settles(name: str, owed: str) -> bool:
    return name == owed or (owed == _FACTORS and name.startswith("mfa_"))


def _address(name: str) -> str:
    return redirect(name).url
