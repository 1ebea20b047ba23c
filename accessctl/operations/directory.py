"""Reading: sub-accounts and groups of an account, in lists and one by one."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Literal

from allauth.mfa.models import Authenticator
from django.db.models import Count, F, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accessctl.errors import GroupNotFound, SubAccountNotFound
from accessctl.models import (
    AccessKey,
    Group,
    Membership,
    PolicyAttachment,
    User,
)
from accessctl.operations.base import (
    AdministrationOperation,
    Known,
    NoneOrMore,
    PageInput,
    page_of,
    person_details,
)
from kmsconsole.inputs import OperationInput
from kmsconsole.operations import Effect

ENABLED, DISABLED = "enabled", "disabled"


def state_of(user: User) -> str:
    """Return what answers call it."""
    return ENABLED if user.is_active else DISABLED


def number_of(rows: QuerySet[Any], column: str) -> Coalesce:
    """Return how many rows refer to each found row, as a column of its query."""
    counted = (
        rows.filter(**{column: OuterRef("pk")})
        .order_by()
        .values(column)
        .annotate(n=Count("pk"))
        .values("n")
    )
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


def containing(words: str) -> Q:
    """Return the condition that these words stand in name or remark."""
    return Q(name__icontains=words) | Q(remark__icontains=words) if words else Q()


def attached(attachments: QuerySet[PolicyAttachment]) -> list[dict[str, Any]]:
    """Return policies of somebody by name, and the group they came through."""
    rows = attachments.select_related("policy", "group")
    found = [
        {
            "PolicyName": row.policy.name if row.policy else row.predefined,
            "Predefined": row.policy is None,
            "GroupName": row.group.name if row.group else "",
            "AttachedAt": row.attached_at,
            "AttachedBy": row.attached_by_name,
        }
        for row in rows
    ]
    return sorted(found, key=lambda row: (row["GroupName"], row["PolicyName"].lower()))


class ListSubAccountsInput(PageInput):
    """Of which state; or just these names."""

    state: Literal["enabled", "disabled", ""] = ""
    users: NoneOrMore


class ListSubAccounts(AdministrationOperation):
    """One page of the account's sub-accounts, by name."""

    effect = Effect.READ
    Input = ListSubAccountsInput

    def perform(self, data: ListSubAccountsInput) -> dict[str, Any]:
        """Return rows and where to go on."""
        found = User.objects.filter(
            containing(data.words),
            account_id=self.call.principal.account_uin,
            is_root=False,
            deleted_at__isnull=True,
        )
        if data.state:
            found = found.filter(is_active=data.state == ENABLED)
        if data.users:
            named = [user for user in self.users_named(data.users) if user]
            found = found.filter(pk__in=[user.pk for user in named])
        found = found.annotate(
            groups_number=number_of(Membership.objects.all(), "user"),
            keys_number=number_of(AccessKey.objects.all(), "user"),
        )
        page = page_of(found, data)
        return {"SubAccounts": [_row(user) for user in page.rows]} | page.wire()


def _row(user: Any) -> dict[str, Any]:
    return person(user) | {
        "Groups": user.groups_number,
        "AccessKeys": user.keys_number,
    }


def person(user: User) -> dict[str, Any]:
    """Return what every answer says of a person."""
    return {
        "User": user.name,
        "Uin": user.uin,
        "Remark": user.remark,
        "State": state_of(user),
        "Console": user.console_access,
        "Api": user.api_access,
        "CreatedAt": user.created_at,
        "LastSignIn": user.last_login,
    }


class DescribeSubAccountInput(OperationInput):
    """One sub-account."""

    user_name: Known


class DescribeSubAccount(AdministrationOperation):
    """One sub-account with its groups and policies; `resources` holds the user."""

    effect = Effect.READ
    Input: ClassVar[type[OperationInput]] = DescribeSubAccountInput

    def locate(self, data: DescribeSubAccountInput) -> Sequence[User | None]:
        """Find it."""
        self.names = [data.user_name]
        return self.users_named(self.names)

    def check(self, data: DescribeSubAccountInput) -> None:
        """Refuse an unknown name; the root user is no sub-account."""
        (self.user,) = self.resources
        if self.user is None or self.user.is_root:
            raise SubAccountNotFound("UserName")

    def perform(self, data: DescribeSubAccountInput) -> dict[str, Any]:
        """Return all there is to show of it."""
        user = self.user
        groups = Group.objects.filter(membership__user=user).order_by("name")
        held = PolicyAttachment.objects.filter(
            Q(user=user) | Q(group__membership__user=user)
        )
        return person(user) | {
            "MustChangePassword": user.must_change_password,
            "Factors": Authenticator.objects.filter(user=user).count(),
            "AccessKeys": user.access_keys.count(),
            "Groups": [_group(group) for group in groups],
            "Policies": attached(held),
        }

    def event_details(self, at: int) -> dict[str, Any]:
        """Name the person, as asked for where there is none."""
        return person_details(self.names, self.resources, at)


def _group(group: Group) -> dict[str, Any]:
    return {
        "GroupName": group.name,
        "Remark": group.remark,
        "CreatedAt": group.created_at,
    }


class ListGroups(AdministrationOperation):
    """One page of the account's groups, by name."""

    effect = Effect.READ
    Input = PageInput

    def perform(self, data: PageInput) -> dict[str, Any]:
        """Return rows and where to go on."""
        found = Group.objects.filter(
            containing(data.words), account_id=self.call.principal.account_uin
        ).annotate(
            members_number=number_of(Membership.objects.all(), "group"),
            policies_number=number_of(PolicyAttachment.objects.all(), "group"),
        )
        page = page_of(found, data)
        rows: Iterable[Any] = page.rows
        groups = [
            _group(group)
            | {"Members": group.members_number, "Policies": group.policies_number}
            for group in rows
        ]
        return {"Groups": groups} | page.wire()


class DescribeGroupInput(OperationInput):
    """One group."""

    group_name: Known


class DescribeGroup(AdministrationOperation):
    """One group with its members and policies; `resources` holds the group."""

    effect = Effect.READ
    audited_fields = ("group_name",)
    Input = DescribeGroupInput

    def locate(self, data: DescribeGroupInput) -> Sequence[Group | None]:
        """Find it."""
        return [self.group_named(data.group_name)]

    def check(self, data: DescribeGroupInput) -> None:
        """Refuse an unknown name."""
        (self.group,) = self.resources
        if self.group is None:
            raise GroupNotFound("GroupName")

    def perform(self, data: DescribeGroupInput) -> dict[str, Any]:
        """Return all there is to show of it."""
        members = User.objects.filter(membership__group=self.group)
        policies = PolicyAttachment.objects.filter(group=self.group)
        return _group(self.group) | {
            "Members": [person(user) for user in members.order_by(F("name").asc())],
            "Policies": attached(policies),
        }
