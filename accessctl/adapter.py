"""Fits django-allauth to accounts, the audit and the HSM."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.core.internal import ratelimit
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext

from accessctl import factors, sessions
from accessctl.credentials import principal_of
from accessctl.factors import has_factor
from accessctl.models import User
from accessctl.operations import SignIn
from kmsconsole.errors import ServiceTemporaryUnavailable, SignInRefused
from kmsconsole.operations import record_unauthenticated_refusal
from kmsconsole.views import call_of, source_address


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Nobody signs up; every sign-in is recorded, the refused ones too."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Say no: accounts are made by the operator."""
        return False

    def login(self, request: HttpRequest, user: User) -> None:
        """Begin the session, after the sign-in was recorded."""
        SignIn.execute(call_of(request, principal_of(user)), {})
        super().login(request, user)
        sessions.begin(request)

    def is_reauthentication_required(self, app: str) -> bool:
        """Ask once more where dangerous operations would ask too."""
        return not sessions.proved_recently(context.request)

    def get_reauthentication_methods(self, user: User) -> list[dict[str, Any]]:
        """Return the ways to prove it, the first one being where people are led.

        A password proves nothing more where there is a second factor.
        """
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if not has_factor(user):
            return [method for method in methods if method["id"] == "reauthenticate"]
        others = [method for method in methods if method["id"] != "reauthenticate"]
        if has_factor(user, Authenticator.Type.TOTP):
            return others
        # Without an app the form for codes takes recovery codes alone.
        return sorted(others, key=lambda method: method["id"] == "mfa_reauthenticate")

    def reauthenticate(self, user: User, password: str) -> bool:
        """Ask for the password once more; a name alone would not find the person."""
        found = self.authenticate(
            context.request,
            account=user.account_id,
            username=user.name,
            password=password,
        )
        return found is not None and found.pk == user.pk

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Record the refusal."""
        record_unauthenticated_refusal(
            "SignIn",
            SignInRefused(),
            source_address=source_address(request),
            request_id=request.request_id,  # type: ignore[attr-defined]
        )

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address the throttle counts."""
        return source_address(request)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Refuse who failed too often: with one name, or with many of one account.

        Counted from each address alone: nobody else's mistakes keep a person out.
        """
        origin = f"{credentials.get('account', '')}:{ratelimit.get_ip(request)}"
        try:
            super().pre_authenticate(request, **credentials)
            self._account_usage = ratelimit.consume(
                request,
                app="allauth.account",
                action="login_failed_account",
                key=origin,
            )
            if not self._account_usage:
                raise self.validation_error("too_many_login_attempts")
        except ValidationError:
            self.authentication_failed(request, **credentials)
            raise

    def _rollback_login_failed_rl_usage(self) -> None:
        super()._rollback_login_failed_rl_usage()
        if self._account_usage:
            self._account_usage.rollback()

    def _get_login_attempts_cache_key(
        self, request: HttpRequest, **credentials: Any
    ) -> str:
        # Names repeat between accounts: one tenant must not lock out another's. The
        # host is the sender's own word, so it doesn't belong in here.
        name = str(credentials.get("username", "")).casefold()
        account = credentials.get("account", "")
        return f"{account}:{ratelimit.get_ip(request)}:{name}"


class FactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Keeps second factors sealed under the HSM's data key, each for its owner."""

    def encrypt(self, text: str) -> str:
        """Seal a factor's secret for the one who sets it up."""
        return factors.seal(text, context.request.user.pk)

    def decrypt(self, encrypted_text: str) -> str:
        """Open a factor's secret for the owner of its row; refuses any other text."""
        if not isinstance(encrypted_text, factors.Owned):
            raise ServiceTemporaryUnavailable
        return factors.unseal(encrypted_text, encrypted_text.owner)

    def generate_authenticator_name(self, user: Any, type: Any) -> str:  # noqa: A002
        """Propose a name for a new passkey; allauth's own says "master key"."""
        number = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return gettext("Security key %(number)s") % {"number": number + 1}

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Name this installation to passkeys."""
        entity: dict[str, str] = super().get_public_key_credential_rp_entity()
        return entity | {"name": "kmsconsole"}
