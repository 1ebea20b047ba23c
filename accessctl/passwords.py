"""Passwords: those the service draws, and what it takes of people."""

from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import ngettext

from accessctl.errors import WeakPassword
from kmsconsole import randomness

SHORTEST, LONGEST_MINIMUM = 12, 64
# Without characters that look alike.
_ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_LENGTH = 20


def new_password(shortest: int = SHORTEST) -> str:
    """Return 20 characters, about 116 bits, or more, in groups to be read aloud."""
    # Every group of five has a hyphen behind it, but the last.
    length = max(_LENGTH, shortest)
    text = randomness.token_string(length, _ALPHABET)
    return "-".join(text[at : at + 5] for at in range(0, length, 5))


def refuse_weak(password: str, user: Any, parameter: str) -> None:
    """Raise WeakPassword unless the person's account would take this password."""
    try:
        validate_password(password, user)
    except ValidationError:
        raise WeakPassword(parameter, shortest=shortest_for(user)) from None


def shortest_for(user: Any) -> int:
    """Return how many characters a password of this person needs."""
    account = getattr(user, "account", None)
    return account.shortest_password if account is not None else SHORTEST


def give_password(user: Any, chosen: str | None) -> str | None:
    """Set the chosen password, or a drawn one, which is returned to be shown once.

    Saves nothing; raises WeakPassword.
    """
    password = new_password(shortest_for(user)) if chosen is None else chosen
    if chosen is not None:
        refuse_weak(chosen, user, "Password")
    user.set_password(password)
    return password if chosen is None else None


class AccountLengthValidator:
    """Demands as many characters as the person's account does."""

    def validate(self, password: str, user: Any = None) -> None:
        """Refuse a shorter one."""
        shortest = shortest_for(user)
        if len(password) < shortest:
            raise ValidationError(_at_least(shortest), code="password_too_short")

    def get_help_text(self) -> str:
        """Say what is asked of everybody."""
        return _at_least(SHORTEST)


def _at_least(number: int) -> str:
    words = ngettext(
        "A password needs at least %(n)s character.",
        "A password needs at least %(n)s characters.",
        number,
    )
    return words % {"n": number}
