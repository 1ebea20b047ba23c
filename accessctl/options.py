"""What an account chose, for those below that have to know."""

from accessctl.models import Account
from keys.operations.holding import RECENTLY_USED


def deletion_rule(account_uin: int) -> str:
    """Return which keys' deletion is held when somebody tries to use one."""
    chosen = Account.objects.filter(uin=account_uin).values_list("hold_deletions")
    return next((rule for (rule,) in chosen), RECENTLY_USED)
