"""Finds a person by account, name and password."""

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest

from accessctl.models import User

# What must be true of a person whose session may begin or go on.
_LET_IN: dict[str, Any] = {
    "is_active": True,
    "console_access": True,
    "deleted_at__isnull": True,
}


class AccountBackend(BaseBackend):
    """Names belong to an account: both are needed."""

    def authenticate(
        self,
        request: HttpRequest | None,
        account: int | None = None,
        username: str | None = None,
        password: str | None = None,
        **_others: Any,
    ) -> User | None:
        """Return the person whose password this is and who may come in, or None."""
        if account is None or username is None or password is None:
            return None
        user = (
            User.objects.select_related("account")
            .filter(account_id=account, name__iexact=username, **_LET_IN)
            .first()
        )
        if user is None:
            # As much work as for a known name, so that time tells nothing.
            make_password(password)
            return None
        return user if user.check_password(password) else None

    def get_user(self, user_id: int) -> User | None:
        """Return the person of a session, read fresh; None ends the session."""
        people = User.objects.select_related("account")
        return people.filter(pk=user_id, **_LET_IN).first()
