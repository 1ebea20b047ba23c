"""Finds a person by account, name and password."""

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest

from accessctl.models import User


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
        """Return the active user whose password this is, or None."""
        if account is None or username is None or password is None:
            return None
        user = User.objects.filter(
            account_id=account, name__iexact=username, is_active=True
        ).first()
        if user is None:
            # As much work as for a known name, so that time tells nothing.
            make_password(password)
            return None
        return user if user.check_password(password) else None

    def get_user(self, user_id: int) -> User | None:
        """Return the person of a session, read fresh; None ends the session."""
        return User.objects.filter(pk=user_id, is_active=True).first()
