"""Groups: people who are given rights together."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from django.contrib.auth.models import Group as DjangoGroup
from django.db.models import Count

from accessctl.errors import (
    GroupNotFound,
    LimitReached,
    NameTaken,
    RootUserUntouchable,
    SubAccountNotFound,
)
from accessctl.models import (
    Group,
    GroupAccountGrant,
    GroupKeyGrant,
    Membership,
    User,
)
from accessctl.operations.base import (
    AdministrationOperation,
    Known,
    Name,
    Remark,
    Users,
    person_details,
)
from kmsconsole import clock, randomness
from kmsconsole.inputs import OperationInput
from kmsconsole.operations import Effect

MOST_GROUPS = 300
MOST_MEMBERS = 100
MOST_GROUPS_OF_ONE = 10


class CreateGroupInput(OperationInput):
    """A name that the account has no group of."""

    name: Name
    remark: Remark = ""


class CreateGroup(AdministrationOperation):
    """Make a group without members and rights."""

    effect = Effect.CHANGE
    audited_fields = ("name", "remark")
    Input = CreateGroupInput

    def check(self, data: CreateGroupInput) -> None:
        """Refuse a name in use and one group too many."""
        groups = Group.objects.filter(account=self.account())
        if groups.filter(name__iexact=data.name).exists():
            raise NameTaken("Name")
        if groups.count() >= MOST_GROUPS:
            raise LimitReached(most=MOST_GROUPS)

    def perform(self, data: CreateGroupInput) -> dict[str, Any]:
        """Store it with the group of Django's that rights refer to."""
        group = Group.objects.create(
            account_id=self.call.principal.account_uin,
            auth_group=DjangoGroup.objects.create(name=str(randomness.uuid4())),
            name=data.name,
            remark=data.remark,
            created_at=clock.now(),
        )
        return {"GroupName": group.name}


class GroupInput(OperationInput):
    """One group."""

    group_name: Known


class GroupOperation(AdministrationOperation):
    """A change of one group."""

    effect = Effect.CHANGE
    audited_fields: ClassVar[tuple[str, ...]] = ("group_name",)
    Input: ClassVar[type[OperationInput]] = GroupInput

    group: Group

    def locate(self, data: Any) -> Sequence[Any]:
        """Find and lock the group."""
        self.found = self.group_named(data.group_name)
        return [self.found]

    def check(self, data: Any) -> None:
        """Refuse an unknown name."""
        if self.found is None:
            raise GroupNotFound("GroupName")
        self.group = self.found


class UpdateGroupInput(GroupInput):
    """What shall be otherwise; what is left out stays."""

    name: Name | None = None
    remark: Remark | None = None


class UpdateGroup(GroupOperation):
    """Change a group's name and remark; rights and members stay."""

    audited_fields = ("group_name", "name", "remark")
    Input = UpdateGroupInput

    def check(self, data: UpdateGroupInput) -> None:
        """Refuse a name that another group has."""
        super().check(data)
        if data.name is None:
            return
        others = Group.objects.filter(account=self.account())
        if others.exclude(pk=self.group.pk).filter(name__iexact=data.name).exists():
            raise NameTaken("Name")

    def perform(self, data: UpdateGroupInput) -> dict[str, Any]:
        """Store it."""
        group = self.group
        group.name = data.name or group.name
        group.remark = group.remark if data.remark is None else data.remark
        group.save(update_fields=["name", "remark"])
        return {"GroupName": group.name}


class DeleteGroup(GroupOperation):
    """Delete a group: its members lose at once what they had through it."""

    step_up = True

    def check(self, data: Any) -> None:
        """Refuse members themselves."""
        super().check(data)
        self.refuse_own(members_of([self.group]))

    def perform(self, data: Any) -> dict[str, Any]:
        """Delete it with memberships, attachments and grants."""
        group = self.group
        members = list(group.members.order_by("name").values_list("name", flat=True))
        self.details["Members"] = members
        auth_group = group.auth_group
        for grants in (GroupKeyGrant, GroupAccountGrant):
            grants.objects.filter(group=auth_group).delete()
        group.delete()
        auth_group.delete()
        return {}


def members_of(groups: Iterable[Group]) -> list[int]:
    """Return the uins of everybody in these groups."""
    found = User.objects.filter(membership__group__in=list(groups))
    return list(found.values_list("uin", flat=True))


class MembersInput(GroupInput):
    """One group and up to 100 sub-accounts."""

    users: Users


class MembersOperation(GroupOperation):
    """A change of who is in a group: all of them or none, one event for each."""

    step_up = True
    Input = MembersInput

    users: list[User]

    def locate(self, data: MembersInput) -> Sequence[Any]:
        """Find group and people; it is about the people."""
        super().locate(data)
        self.names = data.users
        return self.users_named(data.users)

    def check(self, data: MembersInput) -> None:
        """Refuse unknown names, the root user and oneself."""
        super().check(data)
        self.users = []
        for user in self.resources:
            if user is None:
                raise SubAccountNotFound("Users")
            if user.is_root:
                raise RootUserUntouchable("Users")
            self.users.append(user)
        self.refuse_own(user.uin for user in self.users)

    def event_details(self, at: int) -> dict[str, Any]:
        """Name the person, as asked for where there is none."""
        return person_details(self.names, self.resources, at)


class AddGroupMembers(MembersOperation):
    """Put sub-accounts into a group; they get its rights at once."""

    def check(self, data: MembersInput) -> None:
        """Refuse too many in a group, and too many groups of one."""
        super().check(data)
        self.account()
        inside = set(members_of([self.group]))
        self.new = [user for user in self.users if user.uin not in inside]
        if len(inside) + len(self.new) > MOST_MEMBERS:
            raise LimitReached("Users", most=MOST_MEMBERS)
        numbers = Membership.objects.filter(user__in=self.new).values_list("user")
        full = numbers.annotate(n=Count("pk")).filter(n__gte=MOST_GROUPS_OF_ONE)
        if full.exists():
            raise LimitReached("Users", most=MOST_GROUPS_OF_ONE)

    def perform(self, data: MembersInput) -> dict[str, Any]:
        """Store it; who is in the group already stays."""
        Membership.objects.bulk_create(
            Membership(group=self.group, user=user) for user in self.new
        )
        return {"Added": len(self.new)}


class RemoveGroupMembers(MembersOperation):
    """Take sub-accounts out of a group; they lose its rights at once."""

    def perform(self, data: MembersInput) -> dict[str, Any]:
        """Store it; who isn't in the group stays out."""
        inside = Membership.objects.filter(group=self.group, user__in=self.users)
        removed, _ = inside.delete()
        return {"Removed": removed}
