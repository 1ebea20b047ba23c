"""Reads the rules that hold for somebody, fresh, in two queries."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db.models import Q

from accessctl.models import (
    GroupAccountGrant,
    GroupKeyGrant,
    PolicyAttachment,
    UserKeyGrant,
)
from accessctl.policy_language import PolicyRefused, nameable, parse
from accessctl.predefined import PREDEFINED
from accessctl.roles import operations_of, rights_with
from accessctl.rules import EVERYTHING, Reach, Rule, Source, Statement
from kmsconsole import clock, statements
from kmsconsole.moments import aware

_OURS = (
    "JOIN accessctl_group o ON o.auth_group_id = g.group_id "
    "JOIN accessctl_membership m ON m.group_id = o.id "
    "JOIN accessctl_user u ON u.id = m.user_id"
)
_COLUMNS = "p.codename, g.expires_at, g.source"
_PERMISSION = "JOIN auth_permission p ON p.id = g.permission_id"
# Rights on the account, then rights on one key; each of one's own and of one's groups.
_ON_ACCOUNT = (
    f"SELECT {_COLUMNS}, '' AS team, NULL AS key_id, u.uin "
    f"FROM accessctl_useraccountgrant g {_PERMISSION} "
    "JOIN accessctl_user u ON u.id = g.user_id WHERE {who} "
    f"UNION ALL SELECT {_COLUMNS}, o.name, NULL, u.uin "
    f"FROM accessctl_groupaccountgrant g {_PERMISSION} {_OURS} WHERE {{who}}"
)
_ON_KEYS = (
    f"SELECT {_COLUMNS}, '', g.content_object_id, u.uin "
    f"FROM accessctl_userkeygrant g {_PERMISSION} "
    "JOIN accessctl_user u ON u.id = g.user_id "
    "WHERE {who} AND g.content_object_id IN ({keys}) "
    f"UNION ALL SELECT {_COLUMNS}, o.name, g.content_object_id, u.uin "
    f"FROM accessctl_groupkeygrant g {_PERMISSION} {_OURS} "
    "WHERE {who} AND g.content_object_id IN ({keys}) UNION ALL "
)
_POLICIES = (
    "SELECT a.predefined, d.name, d.document, '' AS team, u.account_id, u.uin "
    "FROM accessctl_policyattachment a JOIN accessctl_user u ON u.id = a.user_id "
    "LEFT JOIN accessctl_policy d ON d.id = a.policy_id WHERE {who} "
    "UNION ALL SELECT a.predefined, d.name, d.document, o.name, u.account_id, u.uin "
    "FROM accessctl_policyattachment a JOIN accessctl_group o ON o.id = a.group_id "
    "JOIN accessctl_membership m ON m.group_id = o.id "
    "JOIN accessctl_user u ON u.id = m.user_id "
    "LEFT JOIN accessctl_policy d ON d.id = a.policy_id WHERE {who}"
)
_ONE = "u.uin = %s"
_WHOSE: tuple[str, ...] = ("bigint", "bigint")
_ALL = "u.account_id = %s AND u.deleted_at IS NULL AND NOT u.is_root"

# So many IDs may stand in a statement; more are left to the database.
_MOST_NAMED_KEYS = 1_000

Rules = tuple[Rule, ...]


def rules_of(uin: int, keys: Sequence[UUID] = ()) -> Rules:
    """Return what holds for one person, on the account and on these keys."""
    return _read(_ONE, uin, keys).get(uin, ())


def questions(uin: int, keys: Sequence[UUID]) -> list[statements.Question]:
    """Return what `rules_of` will read, to be read ahead."""
    return [
        (_policies_of(_ONE), [uin, uin]),
        (_grants_on(_ONE, len(keys)), _grants_parameters(uin, keys)),
    ]


def rules_of_all(account_uin: int, keys: Sequence[UUID] = ()) -> dict[int, Rules]:
    """Return what holds for everybody of an account that anything holds for, by uin."""
    return _read(_ALL, account_uin, keys)


def granted(
    right: str,
    until: datetime | None,
    key_id: UUID | None,
    *,
    group: str = "",
    request: str = "",
) -> Rule:
    """Return what a right on one key, or without one on the account, means."""
    reaches = EVERYTHING if key_id is None else (Reach(key_id=key_id),)
    statement = Statement(allow=True, operations=operations_of(right), reaches=reaches)
    return Rule(statement, Source("grant", right, group, 0, request), until)


def rules_of_groups(account_uin: int, key_id: UUID | None) -> dict[int, Rules]:
    """Return what each group of an account gives to whoever is in it, by its ID."""
    found: defaultdict[int, list[Rule]] = defaultdict(list)
    attached = PolicyAttachment.objects.filter(group__account_id=account_uin)
    for number, predefined, name, document, group in attached.values_list(
        "group_id", "predefined", "policy__name", "policy__document", "group__name"
    ):
        rules = _attached(predefined, name, document, group, account_uin)
        found[number].extend(rules)
    of_account = Q(group__owner__account_id=account_uin)
    _add_granted(found, GroupAccountGrant.objects.filter(of_account), None)
    if key_id is not None:
        on_key = GroupKeyGrant.objects.filter(of_account, content_object_id=key_id)
        _add_granted(found, on_key, key_id)
    return {number: tuple(rules) for number, rules in found.items()}


def _add_granted(
    found: defaultdict[int, list[Rule]], grants: Any, key_id: UUID | None
) -> None:
    owner, columns = "group__owner__", ("permission__codename", "expires_at", "source")
    rows = grants.values_list(f"{owner}id", f"{owner}name", *columns)
    for number, group, right, until, request in rows:
        rule = granted(right, until, key_id, group=group, request=request)
        found[number].append(rule)


def _read(who: str, subject: int, keys: Sequence[UUID]) -> dict[int, Rules]:
    found: defaultdict[int, list[Rule]] = defaultdict(list)
    for uin, rule in (*_policies(who, subject), *_grants(who, subject, keys)):
        found[uin].append(rule)
    return {uin: tuple(rules) for uin, rules in found.items()}


def _grants(who: str, subject: int, keys: Sequence[UUID]) -> Iterable[tuple[int, Rule]]:
    rows = _grants_on(who, len(keys)).all(_grants_parameters(subject, keys))
    for right, until, request, group, key, uin in rows:
        ends = aware(until) if until is not None else None
        where = _uuid(key) if key is not None else None
        yield uin, granted(right, ends, where, group=group, request=request)


def _grants_parameters(subject: int, keys: Sequence[UUID]) -> list[Any]:
    on_account: list[Any] = [subject, subject]
    on_keys = [subject, *(key.hex for key in keys)]
    return [*on_keys, *on_keys, *on_account] if keys else on_account


@lru_cache(maxsize=256)
def _grants_on(who: str, keys: int) -> statements.Statement:
    query, types = _ON_ACCOUNT.format(who=who), _WHOSE
    if keys:
        # First, so that PostgreSQL takes the type of the last column from here.
        query = _ON_KEYS.format(who=who, keys=", ".join(["%s"] * keys)) + query
        types = ("bigint", *("uuid",) * keys) * 2 + types
    return statements.Statement(query, types)


@lru_cache(maxsize=2)
def _policies_of(who: str) -> statements.Statement:
    return statements.Statement(_POLICIES.format(who=who), _WHOSE)


def _uuid(stored: Any) -> UUID:
    return stored if isinstance(stored, UUID) else UUID(stored)


def _policies(who: str, subject: int) -> Iterable[tuple[int, Rule]]:
    rows = _policies_of(who).all([subject, subject])
    for predefined, name, document, group, account_uin, uin in rows:
        for rule in _attached(predefined, name, document, group, account_uin):
            yield uin, rule


def _attached(
    predefined: str, name: str, document: str, group: str, account_uin: int
) -> Iterable[Rule]:
    known = PREDEFINED.get(predefined)
    text = known.document if known else document or ""
    for number, statement in enumerate(_statements(text, account_uin), 1):
        yield Rule(statement, Source("policy", predefined or name, group, number))


def _statements(document: str, account_uin: int) -> Sequence[Statement]:
    try:
        return parse(document, account_uin)
    except PolicyRefused:
        # Stored once and understood no more: nobody knows what it denied.
        return (Statement(allow=False, operations=frozenset(nameable().values())),)


def granted_on_key(uin: int, permission: str) -> Q:
    """Return the keys that somebody was granted this permission on, one by one."""
    rights = rights_with(permission)
    unexpired = Q(expires_at__isnull=True) | Q(expires_at__gt=clock.now())
    own = UserKeyGrant.objects.filter(
        unexpired, user__uin=uin, permission__codename__in=rights
    ).values("content_object")
    shared = GroupKeyGrant.objects.filter(
        unexpired,
        group__owner__membership__user__uin=uin,
        permission__codename__in=rights,
    ).values("content_object")
    # Few are looked up by ID; asked row by row, they would cost a walk over all keys.
    few = own.union(shared, all=True)[: _MOST_NAMED_KEYS + 1]
    named = {row["content_object"] for row in few}
    if len(few) <= _MOST_NAMED_KEYS:
        return Q(pk__in=named)
    return Q(pk__in=own) | Q(pk__in=shared)
