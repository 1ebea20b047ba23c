"""Passwords that the service draws."""

from kmsconsole import randomness

# Without characters that look alike.
_ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_LENGTH = 20


def new_password() -> str:
    """Return 20 characters, about 116 bits, in groups that can be read aloud."""
    text = randomness.token_string(_LENGTH, _ALPHABET)
    return "-".join(text[at : at + 5] for at in range(0, _LENGTH, 5))
