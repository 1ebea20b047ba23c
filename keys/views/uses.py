"""How a key was used, as its pages say it."""

from typing import Any

from keys.operations import (
    AsymmetricRsaDecrypt,
    Decrypt,
    DescribeKeyUsage,
    SignByAsymmetricKey,
)
from keys.operations.history import USAGE_DAYS
from keys.states import KeyKind
from keys.views.base import KeyView
from keys.views.happenings import deed
from kmsconsole.operations import Operation, registry

_MOST_USERS = 3
# What nobody can do any more once a key is gone, by kind; others decrypt.
_LOST: dict[KeyKind, type[Operation]] = {
    KeyKind.SIGNING: SignByAsymmetricKey,
    KeyKind.DECRYPTING: AsymmetricRsaDecrypt,
}


def lost_with(kind: KeyKind) -> type[Operation]:
    """Return the operation for which a key of this kind is kept."""
    return _LOST.get(kind, Decrypt)


def holders_of(view: KeyView) -> dict[str, Any]:
    """Return who may use the key, for `keys/uses.html`, as access control answers it.

    Nothing but `holders_hidden` for those who may not know.
    """
    asking = registry()["ListKeyHolders"]
    if not view.glance.decide(asking, view.key).allowed:
        return {"holders_hidden": True}
    lost = lost_with(view.key.kind).__name__
    data = {"KeyId": view.key_id, "Operation": lost}
    names = [one.user.name for one in asking.execute(view.call, data).output["Holders"]]
    return {
        "lost_deed": deed(lost),
        "holders": names[:_MOST_USERS],
        "holders_number": len(names),
        "more_holders": max(0, len(names) - _MOST_USERS),
    }


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
        "more_bindings": max(0, usage["BindingCount"] - len(usage["Bindings"])),
    }
