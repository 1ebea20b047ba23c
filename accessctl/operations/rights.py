"""What somebody, or a group, was given: rights, on what, until when, through whom."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q
from pydantic import model_validator

from accessctl.errors import PrincipalNotFound
from accessctl.models import (
    Group,
    GroupAccountGrant,
    GroupKeyGrant,
    PolicyAttachment,
    User,
    UserAccountGrant,
    UserKeyGrant,
)
from accessctl.operations.explaining import OnOneKey
from keys.models import CustomerMasterKey
from keys.operations import DescribeKey
from keys.operations.base import KeyId
from kmsconsole import clock
from kmsconsole.errors import MissingParameter
from kmsconsole.inputs import OperationInput, WholeNumber
from kmsconsole.operations import Effect, Operation, Scope
from kmsconsole.principals import Kind

MOST_SHOWN = 200
MOST_NAMES = 100
_WHERE = "content_object_id"
_COLUMNS = (
    "permission__codename",
    "expires_at",
    "source",
    "granted_at",
    "granted_by_name",
)


@dataclass(frozen=True, slots=True)
class KeyName:
    """A key that a right is on; its name is empty where the reader may not see it."""

    id: UUID
    alias: str = ""
    region: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class Given:
    """A right on one key, or without one on the account; `group` where it is shared."""

    right: str
    key: KeyName | None
    group: str
    until: datetime | None
    request: str
    given_at: datetime
    given_by: str

    @property
    def ended(self) -> bool:
        """Whether its time is over."""
        return self.until is not None and self.until <= clock.now()


@dataclass(frozen=True, slots=True)
class Attached:
    """A policy; `id` is empty for a predefined one, `group` where it is shared."""

    name: str
    id: int | None
    group: str


class ListRightsInput(OperationInput):
    """A person by uin, or a group by its number."""

    uin: WholeNumber | None = None
    group_id: WholeNumber | None = None

    @model_validator(mode="after")
    def _somebody(self) -> "ListRightsInput":
        if (self.uin is None) is (self.group_id is None):
            raise MissingParameter("Uin")
        return self


class ListRights(Operation):
    """What a person or a group was given, directly, by policies and through groups."""

    effect = Effect.READ
    scope = Scope.ACCOUNT
    api = False
    permission = "ExplainAccess"
    for_oneself = True
    audited_fields = ("uin", "group_id")
    Input = ListRightsInput

    def locate(self, data: ListRightsInput) -> Sequence[User | Group | None]:
        """Find the person or the group in the caller's account."""
        account_uin = self.call.principal.account_uin
        if data.group_id is not None:
            groups = Group.objects.filter(account_id=account_uin, id=data.group_id)
            return [groups.first()]
        users = User.objects.filter(account_id=account_uin, deleted_at__isnull=True)
        return [users.filter(uin=data.uin or 0).first()]

    def check(self, data: ListRightsInput) -> None:
        """Refuse somebody who isn't there."""
        if self.resources[0] is None:
            raise PrincipalNotFound("Uin")

    def perform(self, data: ListRightsInput) -> dict[str, Any]:
        """Return the holder, rights on the account, rights on keys, and policies."""
        holder = self.resources[0]
        whole = list(_grants(holder, UserAccountGrant, GroupAccountGrant))
        on_keys = list(_grants(holder, UserKeyGrant, GroupKeyGrant))
        names = self._names({row[0] for row in on_keys if row[0]})
        keyed = [_given(row, names) for row in on_keys[:MOST_SHOWN]]
        return {
            "Holder": holder,
            "Account": [_given(row, names) for row in whole],
            "Keys": sorted(keyed, key=_order),
            "More": len(on_keys) > MOST_SHOWN,
            "Policies": list(_attached(holder)),
            "Groups": _groups(holder),
        }

    def _names(self, ids: Iterable[UUID]) -> Mapping[UUID, KeyName]:
        keys = CustomerMasterKey.objects.filter(
            id__in=ids, account_uin=self.call.principal.account_uin
        )
        shown = self.call.visible(DescribeKey, keys)
        rows = shown.values_list("id", "alias", "region", "state")
        return {row[0]: KeyName(*row) for row in rows}


def _order(given: Given) -> tuple[str, str, str]:
    assert given.key is not None
    return (given.key.alias.lower() or "~", str(given.key.id), given.right)


def _grants(holder: User | Group, own: Any, shared: Any) -> Iterable[tuple[Any, ...]]:
    """Yield the key's ID or None, the group's name, and the columns."""
    keyed = own is UserKeyGrant
    if isinstance(holder, User):
        mine = own.objects.filter(user=holder).order_by("id")
        for key_id, *row in mine.values_list(_WHERE, *_COLUMNS)[: MOST_SHOWN + 1]:
            yield key_id if keyed else None, "", *row
        through = shared.objects.filter(group__owner__membership__user=holder)
    else:
        through = shared.objects.filter(group__owner=holder)
    columns = (_WHERE, "group__owner__name", *_COLUMNS)
    rows = through.order_by("id").values_list(*columns)[: MOST_SHOWN + 1]
    for key_id, name, *row in rows:
        yield key_id if keyed else None, name, *row


def _given(row: Sequence[Any], names: Mapping[UUID, KeyName]) -> Given:
    key_id, group, right, until, request, given_at, given_by = row
    key = names.get(key_id, KeyName(key_id)) if key_id is not None else None
    return Given(right, key, group, until, request, given_at, given_by)


def _attached(holder: User | Group) -> Iterable[Attached]:
    mine = (
        Q(user=holder) | Q(group__membership__user=holder)
        if isinstance(holder, User)
        else Q(group=holder)
    )
    rows = PolicyAttachment.objects.filter(mine).order_by("group__name", "id")
    columns = ("predefined", "policy__name", "policy_id", "group__name")
    for predefined, name, number, group in rows.distinct().values_list(*columns):
        yield Attached(predefined or name, number, group or "")


def _groups(holder: User | Group) -> list[tuple[int, str]]:
    if isinstance(holder, Group):
        return []
    rows = Group.objects.filter(membership__user=holder).order_by("name")
    return list(rows.values_list("id", "name"))


class ListGranteesInput(OperationInput):
    """Without a key it is about rights on the whole account."""

    key_id: KeyId | None = None


class ListGrantees(OnOneKey):
    """Names of people and groups that the caller may give rights to."""

    permission = "GrantAccess"
    Input = ListGranteesInput

    def locate(self, data: ListGranteesInput) -> Sequence[CustomerMasterKey | None]:
        """Find the key, if it is about one."""
        return super().locate(data) if data.key_id is not None else ()

    def check(self, data: ListGranteesInput) -> None:
        """Refuse a key that doesn't exist."""
        if data.key_id is not None:
            super().check(data)

    def perform(self, data: ListGranteesInput) -> dict[str, Any]:
        """Return the first names of each, and the key or None."""
        who = self.call.principal
        people = User.objects.filter(
            account_id=who.account_uin, is_root=False, deleted_at__isnull=True
        ).order_by("name")
        groups = Group.objects.filter(account_id=who.account_uin).order_by("name")
        if who.kind is Kind.SUB:
            people = people.exclude(uin=who.uin)
            groups = groups.exclude(membership__user__uin=who.uin)
        return {
            "Key": self.resources[0] if self.resources else None,
            "Users": list(people.values_list("name", flat=True)[:MOST_NAMES]),
            "Groups": list(groups.values_list("name", flat=True)[:MOST_NAMES]),
        }
