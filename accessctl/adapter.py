"""Fits django-allauth to accounts, the audit and the HSM."""

import base64
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.http import HttpRequest
from django.utils.translation import gettext

from accessctl.credentials import principal_of
from accessctl.models import User
from accessctl.operations import SignIn
from keys import custody
from keys.hsm.errors import HsmError
from kmsconsole.errors import ServiceTemporaryUnavailable, SignInRefused
from kmsconsole.operations import record_unauthenticated_refusal
from kmsconsole.views import call_of, source_address

_FACTOR_BINDING = b"accessctl/factor/1"


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Nobody signs up; every sign-in is recorded, the refused ones too."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Say no: accounts are made by the operator."""
        return False

    def login(self, request: HttpRequest, user: User) -> None:
        """Begin the session, after the sign-in was recorded."""
        SignIn.execute(call_of(request, principal_of(user)), {})
        super().login(request, user)

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

    def _get_login_attempts_cache_key(
        self, request: HttpRequest, **credentials: Any
    ) -> str:
        # Names repeat between accounts: one tenant must not lock out another's.
        account = credentials.get("account", "")
        key: str = super()._get_login_attempts_cache_key(request, **credentials)
        return f"{key}:{account}"


class FactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Keeps second factors sealed under the HSM's data key."""

    def encrypt(self, text: str) -> str:
        """Seal a factor's secret; refuses where the HSM can't be used."""
        try:
            epoch, sealed = custody.keyring().seal_secret(
                text.encode(), _FACTOR_BINDING
            )
        except HsmError:
            raise ServiceTemporaryUnavailable from None
        return f"{epoch}:{base64.b64encode(sealed).decode('ascii')}"

    def decrypt(self, encrypted_text: str) -> str:
        """Open a factor's secret; refuses where the HSM can't be used."""
        epoch, sealed = encrypted_text.split(":", 1)
        try:
            secret = custody.keyring().open_secret(
                int(epoch), base64.b64decode(sealed), _FACTOR_BINDING
            )
        except HsmError:
            raise ServiceTemporaryUnavailable from None
        return secret.decode()

    def generate_authenticator_name(self, user: Any, type: Any) -> str:  # noqa: A002
        """Propose a name for a new passkey; allauth's own says "master key"."""
        number = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return gettext("Security key %(number)s") % {"number": number + 1}

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Name this installation to passkeys."""
        entity: dict[str, str] = super().get_public_key_credential_rp_entity()
        return entity | {"name": "kmsconsole"}
