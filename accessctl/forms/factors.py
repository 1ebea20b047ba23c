"""Setting up an authenticator app."""

from typing import Any

from allauth.core import context
from allauth.mfa.adapter import get_adapter
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY


class ActivateAppForm(ActivateTOTPForm):  # type: ignore[misc]
    """Between picture and code the app's secret waits in the session: sealed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        session, adapter = context.request.session, get_adapter()
        sealed = session.pop(SECRET_SESSION_KEY, None)
        if sealed is not None:
            session[SECRET_SESSION_KEY] = adapter.decrypt(sealed)
        super().__init__(*args, **kwargs)
        session[SECRET_SESSION_KEY] = adapter.encrypt(self.secret)
