"""Second factors: allauth's pages, whose changes run as operations."""

from typing import Any, ClassVar

from allauth.account.internal.flows.reauthentication import (
    raise_if_reauthentication_required,
)
from allauth.mfa import app_settings
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.views import GenerateRecoveryCodesView
from allauth.mfa.totp.views import ActivateTOTPView, DeactivateTOTPView
from allauth.mfa.webauthn.views import (
    AddWebAuthnView,
    EditWebAuthnView,
    RemoveWebAuthnView,
)
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.generic import TemplateView

from accessctl.operations import AddFactor, RemoveFactor, RenameFactor
from kmsconsole.errors import KMSError
from kmsconsole.operations import Operation
from kmsconsole.views import console_call


class Recorded:
    """Changes a factor in one transaction with its event: neither stands alone."""

    request: HttpRequest
    change: ClassVar[type[Operation]]
    kind: ClassVar[str]

    def form_valid(self, form: Any) -> HttpResponse:
        """Let allauth do it inside the operation."""
        answers: list[HttpResponse] = []

        def do() -> None:
            answers.append(super(Recorded, self).form_valid(form))  # type: ignore[misc]

        try:
            self.change.execute(
                console_call(self.request), {"Kind": self.kind, "Change": do}
            )
        except KMSError:
            # What allauth said about it is not so.
            list(messages.get_messages(self.request))
            raise
        return answers[0]


class ActivateAppView(Recorded, ActivateTOTPView):  # type: ignore[misc]
    """Sets up the authenticator app."""

    change = AddFactor
    kind = Authenticator.Type.TOTP.value


class DeactivateAppView(Recorded, DeactivateTOTPView):  # type: ignore[misc]
    """Removes the authenticator app."""

    change = RemoveFactor
    kind = Authenticator.Type.TOTP.value


class AddKeyView(Recorded, AddWebAuthnView):  # type: ignore[misc]
    """Sets up a security key."""

    change = AddFactor
    kind = Authenticator.Type.WEBAUTHN.value


class RenameKeyView(Recorded, EditWebAuthnView):  # type: ignore[misc]
    """Calls a security key otherwise."""

    change = RenameFactor
    kind = Authenticator.Type.WEBAUTHN.value


class RemoveKeyView(Recorded, RemoveWebAuthnView):  # type: ignore[misc]
    """Removes a security key."""

    change = RemoveFactor
    kind = Authenticator.Type.WEBAUTHN.value


class RecoveryCodesView(Recorded, GenerateRecoveryCodesView):  # type: ignore[misc]
    """Draws new recovery codes."""

    change = AddFactor
    kind = Authenticator.Type.RECOVERY_CODES.value


@method_decorator(never_cache, name="dispatch")
class ShownCodesView(LoginRequiredMixin, TemplateView):
    """Shows the recovery codes that are left, to somebody with a fresh proof.

    allauth's own page notes in the factor that it was seen: a GET that changes a row.
    """

    template_name = "mfa/recovery_codes/index.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return the codes; 404 for who has none."""
        codes = Authenticator.objects.filter(
            user=self.request.user, type=Authenticator.Type.RECOVERY_CODES
        ).first()
        if codes is None:
            raise Http404
        raise_if_reauthentication_required(self.request, app="allauth.mfa")
        unused = codes.wrap().get_unused_codes()
        return super().get_context_data(**kwargs) | {
            "unused_codes": unused,
            "total_count": app_settings.RECOVERY_CODE_COUNT,
            "can_view_codes": True,
            "can_generate_codes": True,
            "can_download_codes": bool(unused),
        }


class DownloadedCodesView(ShownCodesView):
    """The same as a file."""

    template_name = "mfa/recovery_codes/download.txt"
    content_type = "text/plain"

    def render_to_response(
        self, context: dict[str, Any], **response_kwargs: Any
    ) -> HttpResponse:
        """Name the file; 404 where no code is left."""
        if not context["unused_codes"]:
            raise Http404
        response = super().render_to_response(context, **response_kwargs)
        response["Content-Disposition"] = 'attachment; filename="recovery-codes.txt"'
        return response
