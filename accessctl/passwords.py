"""Passwords: drawn by the service, or chosen and checked."""

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from accessctl.errors import WeakPassword
from accessctl.models import User
from kmsconsole import randomness

# Without characters that look alike.
_ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_LENGTH = 20


def new_password() -> str:
    """Return 20 characters, about 116 bits, in groups that can be read aloud."""
    text = randomness.token_string(_LENGTH, _ALPHABET)
    return "-".join(text[at : at + 5] for at in range(0, _LENGTH, 5))


def give_password(user: User, chosen: str | None) -> str | None:
    """Set the chosen password, or a drawn one, which is returned to be shown once.

    Saves nothing; raises WeakPassword.
    """
    if chosen is None:
        drawn = new_password()
        user.set_password(drawn)
        return drawn
    try:
        validate_password(chosen, user)
    except ValidationError:
        raise WeakPassword("Password") from None
    user.set_password(chosen)
    return None
