"""Numbers of accounts and of the people in them."""

from accessctl.models import Account, Product, User
from kmsconsole import randomness

_DIGITS = "0123456789"
_LENGTH = 12


def new_uin() -> int:
    """Return 12 drawn digits, the first no zero, that no account or person has."""
    while True:
        first = randomness.token_string(1, _DIGITS[1:])
        uin = int(first + randomness.token_string(_LENGTH - 1, _DIGITS))
        if User.objects.filter(uin=uin).exists():
            continue
        if Product.objects.filter(uin=uin).exists():
            continue
        if not Account.objects.filter(uin=uin).exists():
            return uin
