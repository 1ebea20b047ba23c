"""Signing in, and what a browser remembers about how somebody looks at the console."""

from typing import Any

from allauth.account.views import LoginView
from allauth.mfa.webauthn.views import ReauthenticateWebAuthnView
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from kmsconsole.views import REGION_COOKIE

THEMES = ("light", "dark", "auto")
_YEAR = 31_536_000
_ACCOUNT_COOKIE = "account"
_MOST_DIGITS = 18


class SignInView(LoginView):  # type: ignore[misc]
    """Asks for account, name and password; remembers the account's number."""

    def get_initial(self) -> dict[str, Any]:
        """Take the account from the link somebody was sent, or from the last time."""
        last = self.request.COOKIES.get(_ACCOUNT_COOKIE, "")
        sent = self.kwargs.get("account") or self.request.GET.get("account")
        return {**super().get_initial(), "account": str(sent or last)[:_MOST_DIGITS]}

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the form; a link with an account is remembered from now on."""
        response: HttpResponse = super().get(request, *args, **kwargs)
        if "account" in kwargs:
            number = str(kwargs["account"])[:_MOST_DIGITS]
            _remember(response, _ACCOUNT_COOKIE, number)
        return response

    def form_valid(self, form: Any) -> HttpResponse:
        """Begin the session."""
        response: HttpResponse = super().form_valid(form)
        number = str(form.user_credentials()["account"])
        return _remember(response, _ACCOUNT_COOKIE, number)


class SecurityKeyView(ReauthenticateWebAuthnView):  # type: ignore[misc]
    """Asks for a security key once more; after a failure it can be tried again."""

    def form_invalid(self, form: Any) -> HttpResponse:
        """Say what was wrong, and keep the way back."""
        for message in form.errors.get("credential", []):
            messages.error(self.request, message)
        here = reverse("mfa_reauthenticate_webauthn")
        return redirect(self.passthrough_next_url(here))


@login_not_required
def nothing_here(request: HttpRequest, *_parts: str) -> HttpResponse:
    """Know no such page, for anybody."""
    raise Http404


@login_not_required
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Remember light, dark or as the system has it."""
    chosen = request.POST.get("theme", "")
    return _remember(_back(request), "theme", chosen if chosen in THEMES else "auto")


@require_POST
def region(request: HttpRequest) -> HttpResponse:
    """Look at another region; a name that isn't one changes nothing."""
    chosen = request.POST.get("region", "")
    response = _back(request)
    if chosen in settings.KMS_REGIONS:
        _remember(response, REGION_COOKIE, chosen)
    return response


@login_not_required
@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Read the console in another language; one it doesn't have changes nothing."""
    chosen = request.POST.get("language", "")
    response = _back(request)
    if chosen in dict(settings.LANGUAGES):
        _remember(response, settings.LANGUAGE_COOKIE_NAME, chosen)
    return response


def _back(request: HttpRequest) -> HttpResponse:
    target = request.POST.get("next", "")
    own = url_has_allowed_host_and_scheme(
        target, {request.get_host()}, require_https=request.is_secure()
    )
    return redirect(target if own else settings.LOGIN_REDIRECT_URL)


def _remember(response: HttpResponse, name: str, value: str) -> HttpResponse:
    response.set_cookie(
        name,
        value,
        max_age=_YEAR,
        samesite="Lax",
        secure=bool(settings.SESSION_COOKIE_SECURE),
    )
    return response
