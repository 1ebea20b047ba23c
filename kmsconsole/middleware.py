"""What every browser request passes through."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.cache import add_never_cache_headers

from kmsconsole import randomness
from kmsconsole.addresses import client_address
from kmsconsole.errors import InternalError, KMSError, StepUpRequired
from kmsconsole.views import error_page, prove_again, sign_in_first

Handler = Callable[[HttpRequest], HttpResponse]


class RequestIdMiddleware:
    """Numbers the request and finds out where it came from, before anything else."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Number the request, and say the number in the answer."""
        request.request_id = str(randomness.uuid4())  # type: ignore[attr-defined]
        request.source_address = client_address(request.META)  # type: ignore[attr-defined]
        response = self.get_response(request)
        response["X-Request-ID"] = request.request_id  # type: ignore[attr-defined]
        return response


class SignedInMiddleware(LoginRequiredMiddleware):
    """Asks who it is first, on every page but the few that are for anybody."""

    def handle_no_permission(
        self,
        request: HttpRequest,
        view_func: Callable[..., Any],
    ) -> HttpResponseRedirect:
        """Lead to the sign-in page, which says that nothing was sent."""
        return sign_in_first(request)


class ConsoleMiddleware:
    """Keeps pages out of caches, and shows refusals as pages that explain them."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Forbid caches to keep the page."""
        response = self.get_response(request)
        if not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        return response

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponse | None:
        """Turn a refusal that no form could show into its page."""
        if isinstance(exception, StepUpRequired):
            return prove_again(request)
        if isinstance(exception, KMSError) and not isinstance(exception, InternalError):
            return error_page(request, exception)
        return None
