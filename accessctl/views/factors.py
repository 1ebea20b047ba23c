"""Second factors: allauth's pages, whose changes run as operations."""

from typing import Any, ClassVar

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.views import GenerateRecoveryCodesView
from allauth.mfa.totp.views import ActivateTOTPView, DeactivateTOTPView
from allauth.mfa.webauthn.views import (
    AddWebAuthnView,
    EditWebAuthnView,
    RemoveWebAuthnView,
)
from django.contrib import messages
from django.http import HttpRequest, HttpResponse

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
