"""Reads the rules that hold for somebody, fresh, in two queries."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q

from accessctl.models import GroupKeyGrant, UserKeyGrant
from accessctl.policy_language import PolicyRefused, nameable, parse
from accessctl.predefined import PREDEFINED
from accessctl.roles import operations_of, rights_with
from accessctl.rules import EVERYTHING, Reach, Rule, Source, Statement
from kmsconsole import clock
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
    f"SELECT {_COLUMNS}, '' AS team, 1 AS whole, u.uin "
    f"FROM accessctl_useraccountgrant g {_PERMISSION} "
    "JOIN accessctl_user u ON u.id = g.user_id WHERE {who} "
    f"UNION ALL SELECT {_COLUMNS}, o.name, 1, u.uin "
    f"FROM accessctl_groupaccountgrant g {_PERMISSION} {_OURS} WHERE {{who}}"
)
_ON_KEY = (
    f" UNION ALL SELECT {_COLUMNS}, '', 0, u.uin "
    f"FROM accessctl_userkeygrant g {_PERMISSION} "
    "JOIN accessctl_user u ON u.id = g.user_id "
    "WHERE {who} AND g.content_object_id = %s "
    f"UNION ALL SELECT {_COLUMNS}, o.name, 0, u.uin "
    f"FROM accessctl_groupkeygrant g {_PERMISSION} {_OURS} "
    "WHERE {who} AND g.content_object_id = %s"
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
_ALL = "u.account_id = %s AND u.deleted_at IS NULL AND NOT u.is_root"

# So many IDs may stand in a statement; more are left to the database.
_MOST_NAMED_KEYS = 1_000

Rules = tuple[Rule, ...]


def rules_of(uin: int, key_id: UUID | None) -> Rules:
    """Return what holds for one person, on the account and on one key."""
    return _read(_ONE, uin, key_id).get(uin, ())


def rules_of_all(account_uin: int, key_id: UUID | None) -> dict[int, Rules]:
    """Return what holds for everybody of an account that anything holds for, by uin."""
    return _read(_ALL, account_uin, key_id)


def _read(who: str, subject: int, key_id: UUID | None) -> dict[int, Rules]:
    found: defaultdict[int, list[Rule]] = defaultdict(list)
    for uin, rule in (*_policies(who, subject), *_grants(who, subject, key_id)):
        found[uin].append(rule)
    return {uin: tuple(rules) for uin, rules in found.items()}


def _grants(who: str, subject: int, key_id: UUID | None) -> Iterable[tuple[int, Rule]]:
    query = _ON_ACCOUNT.format(who=who)
    parameters: list[Any] = [subject, subject]
    if key_id is not None:
        query += _ON_KEY.format(who=who)
        parameters += [subject, key_id.hex, subject, key_id.hex]
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        rows = cursor.fetchall()
    for right, until, request, group, whole, uin in rows:
        reaches = EVERYTHING if whole else (Reach(key_id=key_id),)
        statement = Statement(
            allow=True, operations=operations_of(right), reaches=reaches
        )
        ends = aware(until) if until is not None else None
        yield uin, Rule(statement, Source("grant", right, group, 0, request), ends)


def _policies(who: str, subject: int) -> Iterable[tuple[int, Rule]]:
    with connection.cursor() as cursor:
        cursor.execute(_POLICIES.format(who=who), [subject, subject])
        rows = cursor.fetchall()
    for predefined, name, document, group, account_uin, uin in rows:
        known = PREDEFINED.get(predefined)
        text = known.document if known else document or ""
        for number, statement in enumerate(_statements(text, account_uin), 1):
            source = Source("policy", predefined or name, group, number)
            yield uin, Rule(statement, source)


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
