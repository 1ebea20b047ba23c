"""What the console does when allauth says that something happened."""

from typing import Any

from allauth.account.signals import authentication_step_completed
from allauth.mfa import signals
from django.http import HttpRequest

from accessctl import sessions
from accessctl.credentials import principal_of
from accessctl.errors import SecondFactorRefused
from accessctl.models import User
from kmsconsole.operations import record_refusal
from kmsconsole.views import call_of


def connect() -> None:
    """Listen, once; harmless to repeat."""
    for signal, receiver in (
        (authentication_step_completed, _proved),
        (signals.authentication_failed, _factor_refused),
    ):
        signal.connect(receiver, dispatch_uid=f"accessctl.{receiver.__name__}")


def _proved(request: HttpRequest, user: User, **_more: Any) -> None:
    sessions.date_newest_proof(request, user)


def _factor_refused(request: HttpRequest, user: User, **_more: Any) -> None:
    record_refusal(
        call_of(request, principal_of(user)), "SignIn", SecondFactorRefused()
    )
