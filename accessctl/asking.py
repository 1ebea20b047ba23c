"""Whom to ask for what was refused: by name, where the asker may know the names."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.db.models import Q

from accessctl import evaluator
from accessctl.models import (
    GroupAccountGrant,
    GroupKeyGrant,
    User,
    UserAccountGrant,
    UserKeyGrant,
)
from accessctl.operations import ExplainAccess, GrantAccess, ListSubAccounts
from accessctl.operations.grants import find_key
from accessctl.roles import delegable
from keys.operations import DescribeKey
from kmsconsole.operations import Operation, Scope, registry
from kmsconsole.principals import Call, Kind

MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Givers:
    """Some who can give what is missing, the root user first, and how many more can.

    No names where the asker may not know any.
    """

    names: tuple[str, ...] = ()
    more: int = 0


def whom_to_ask(call: Call, operation_name: str, key_id: UUID | None) -> Givers:
    """Return who can let the caller do this, on the key or on the account.

    Whoever sees a key may know who gives rights on it, and an auditor knows anyway.
    Others know those who gave them something before.
    """
    operation = registry().get(operation_name)
    if operation is None or call.principal.kind is not Kind.SUB:
        return Givers()
    account_uin = call.principal.account_uin
    key = find_key(account_uin, key_id) if key_id is not None else None
    if key is None or not call.decide(DescribeKey, key).allowed:
        key = None
    about = key if operation.scope is Scope.KEY else None
    can = [
        user
        for user in _givers(call, operation, about)
        if user.uin != call.principal.uin
    ]
    if about is None and not call.decide(ExplainAccess, None).allowed:
        known = _benefactors(call.principal.uin)
        can = [user for user in can if user.uin in known]
    names = tuple(user.name for user in can[:MOST_NAMED])
    return Givers(names, len(can) - len(names))


def _givers(call: Call, operation: type[Operation], key: Any) -> Iterable[User]:
    """Return those who could give the right to do it now, by name."""
    narrow = operation.scope in (Scope.KEY, Scope.ACCOUNT) and delegable(
        operation.needs()
    )
    # What isn't delegable is given by those alone who may do everything.
    needed, on = (GrantAccess, key) if narrow else (ListSubAccounts, None)
    account_uin = call.principal.account_uin
    found = evaluator.holders(account_uin, call.region, needed, on)
    return [holder.user for holder in found]


def _benefactors(uin: int) -> set[int]:
    """Return who gave somebody, or a group of theirs, the rights they have."""
    own, shared = Q(user__uin=uin), Q(group__owner__membership__user__uin=uin)
    rows = (
        grants.objects.filter(whose).values_list("granted_by_uin", flat=True).distinct()
        for grants, whose in (
            (UserKeyGrant, own),
            (UserAccountGrant, own),
            (GroupKeyGrant, shared),
            (GroupAccountGrant, shared),
        )
    )
    return reduce(or_, map(set, rows), set())
