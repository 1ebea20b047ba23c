"""How a key was used, as its pages say it."""

from typing import Any

from keys.operations import DescribeKeyUsage
from keys.operations.history import USAGE_DAYS
from keys.views.base import KeyView
from keys.views.happenings import deed

_MOST_USERS = 3


def uses_of(view: KeyView) -> dict[str, Any]:
    """Return the last use, how often and by whom, for `keys/uses.html` and others.

    Nothing but `uses_hidden` for those who may not know.
    """
    if not view.glance.decide(DescribeKeyUsage, view.key).allowed:
        return {"uses_hidden": True}
    usage = DescribeKeyUsage.execute(view.call, {"KeyId": view.key_id}).output
    last, users = usage["LastUse"], usage["Users"]
    return {
        "last_use": last,
        "last_deed": deed(last.operation) if last else "",
        "uses": usage["Uses"],
        "uses_days": USAGE_DAYS,
        "users": users[:_MOST_USERS],
        "more_users": max(0, len(users) - _MOST_USERS),
        "tracked_since": usage["TrackedSince"],
        "bindings": usage["Bindings"],
    }
