"""How many keys there are, without counting them."""

from collections.abc import Collection
from typing import Final

from django.db.models import Sum

from keys.models import KeyCount
from keys.states import KeyState
from kmsconsole.principals import Call

EXISTING_STATES: Final = tuple(
    state for state in KeyState.values if state != KeyState.DESTROYED
)


def kept_count(call: Call, *, cloud: bool, states: Collection[str]) -> int:
    """Return how many keys of the call's account and region are in these states.

    Kept by triggers, so it costs the same however many there are; only for callers who
    see all of them.
    """
    counts = KeyCount.objects.filter(
        account_uin=call.principal.account_uin,
        region=call.region,
        cloud=cloud,
        state__in=states,
    )
    return int(counts.aggregate(total=Sum("count"))["total"] or 0)
