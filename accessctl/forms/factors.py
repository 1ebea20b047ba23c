"""Setting up an authenticator app."""

from typing import Any

from allauth.core import context
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY

from accessctl import factors


class ActivateAppForm(ActivateTOTPForm):  # type: ignore[misc]
    """Between picture and code the app's secret waits in the session: sealed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        session, owner = context.request.session, context.request.user.pk
        sealed = session.pop(SECRET_SESSION_KEY, None)
        if sealed is not None:
            session[SECRET_SESSION_KEY] = factors.unseal(sealed, owner)
        super().__init__(*args, **kwargs)
        session[SECRET_SESSION_KEY] = factors.seal(self.secret, owner)
