"""What console views share: who calls, one operation, one boundary for refusals."""

import sys
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_not_required
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect, render, resolve_url
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.module_loading import import_string
from django_htmx.http import HttpResponseClientRedirect

from kmsconsole.errors import KMSError, ServiceTemporaryUnavailable
from kmsconsole.principals import Call, Principal

REGION_COOKIE = "kmsconsole_region"
_AWAY: Final = (OperationalError, InterfaceError, ServiceTemporaryUnavailable)
_RETRY_SECONDS: Final = 10


def source_address(request: HttpRequest) -> str:
    """Return where the request came from."""
    address: str = request.source_address  # type: ignore[attr-defined]
    return address


def region_of(request: HttpRequest) -> str:
    """Return the region this person looks at."""
    chosen = request.COOKIES.get(REGION_COOKIE, "")
    return chosen if chosen in settings.KMS_REGIONS else settings.KMS_REGIONS[0]


def call_of(request: HttpRequest, principal: Principal) -> Call:
    """Return the call that a browser request stands for."""
    return Call(
        principal=principal,
        region=region_of(request),
        request_id=request.request_id,  # type: ignore[attr-defined]
        source_address=source_address(request),
    )


def console_call(request: HttpRequest) -> Call:
    """Return the call of the signed-in person."""
    principal_of = import_string(settings.KMS_SESSION_PRINCIPAL)
    return call_of(request, principal_of(request))


def prove_again(request: HttpRequest) -> HttpResponse:
    """Ask the person to prove that it is them, then lead back to this address."""
    query = urlencode({REDIRECT_FIELD_NAME: request.get_full_path()})
    url = f"{reverse('account_reauthenticate')}?{query}"
    # htmx would follow a redirect itself and put that page into this one.
    if getattr(request, "htmx", False):
        return HttpResponseClientRedirect(url)
    return redirect(url)


def error_page(request: HttpRequest, error: KMSError) -> HttpResponse:
    """Show what was refused, why, what to do, and the number to quote."""
    context = {"error": error, "request_id": getattr(request, "request_id", "")}
    return render(request, "error.html", context, status=error.http_status)


def sign_in_first(request: HttpRequest) -> HttpResponseRedirect:
    """Lead to the sign-in page and from there back to where the form was.

    What somebody wanted to send is not: that page says so.
    """
    query = QueryDict(mutable=True)
    query[REDIRECT_FIELD_NAME] = request.get_full_path()
    if request.method == "POST":
        query["unsent"] = "1"
        # Forms that stand on every page, such as the region's, name that page.
        if named := request.POST.get(REDIRECT_FIELD_NAME):
            query[REDIRECT_FIELD_NAME] = named
    return redirect(f"{resolve_url(settings.LOGIN_URL)}?{query.urlencode(safe='/')}")


@login_not_required
def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Explain a form that was sent from a stale page; signed out, sign in first."""
    # A session's end takes its token along, and the way back is the same.
    match = request.resolver_match
    if (
        match is not None
        and getattr(match.func, "login_required", True)
        and not request.user.is_authenticated
    ):
        return sign_in_first(request)
    context = {"request_id": getattr(request, "request_id", "")}
    return render(request, "403_csrf.html", context, status=403)


def frame(request: HttpRequest) -> dict[str, Any]:
    """Give every page what its frame shows."""
    return {
        "region": region_of(request),
        "regions": settings.KMS_REGIONS,
        "request_id": getattr(request, "request_id", ""),
    }


def _plain_page(request: HttpRequest, template: str, status: int) -> HttpResponse:
    context = {"request_id": getattr(request, "request_id", "")}
    return render(request, template, context, status=status)


@login_not_required
def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request nobody can read."""
    return _plain_page(request, "400.html", 400)


@login_not_required
def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer where something is not allowed."""
    return _plain_page(request, "403.html", 403)


@login_not_required
def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer where nothing is."""
    return _plain_page(request, "404.html", 404)


@login_not_required
def server_error(request: HttpRequest) -> HttpResponse:
    """Answer after a fault, without depending on anything that may be broken.

    A database or an HSM that is away is none: everything goes on when it is back.
    """
    context = {"request_id": getattr(request, "request_id", "")}
    # Django calls this while it handles the exception.
    if isinstance(sys.exc_info()[1], _AWAY):
        page = render_to_string("503.html", context)
        headers = {"Retry-After": str(_RETRY_SECONDS)}
        return HttpResponse(page, status=503, headers=headers)
    return HttpResponse(render_to_string("500.html", context), status=500)
