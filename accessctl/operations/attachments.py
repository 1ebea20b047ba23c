"""Policies attached to sub-accounts and groups."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Count, Q

from accessctl.errors import (
    GroupNotFound,
    LimitReached,
    RootUserUntouchable,
    SubAccountNotFound,
)
from accessctl.models import Group, PolicyAttachment, User
from accessctl.operations.base import NoneOrMore
from accessctl.operations.groups import members_of
from accessctl.operations.policies import OnePolicyOperation, PolicyInput
from kmsconsole import clock
from kmsconsole.errors import KMSError, MissingParameter

MOST_POLICIES_OF_ONE = 200


class HoldersInput(PolicyInput):
    """One policy, and sub-accounts and groups, at least one of them."""

    users: NoneOrMore
    groups: NoneOrMore


class HoldersOperation(OnePolicyOperation):
    """A change of who has a policy: all of them or none, one event for each."""

    step_up = True
    Input = HoldersInput

    holders: list[User | Group]

    def locate(self, data: HoldersInput) -> Sequence[User | Group | None]:
        """Find the policy, and those it is about."""
        super().locate(data)
        self.names = [*data.users, *data.groups]
        self.users_asked = len(data.users)
        users = self.users_named(data.users) if data.users else []
        groups = self.by_names(Group.objects.all(), data.groups) if data.groups else []
        return [*users, *groups]

    def check(self, data: HoldersInput) -> None:
        """Refuse unknown names, the root user, oneself and one's own groups."""
        self.refuse_unknown()
        if not self.names:
            raise MissingParameter("Users")
        self.holders = []
        for at, holder in enumerate(self.resources):
            if holder is None:
                raise self._nobody(at)
            if isinstance(holder, User) and holder.is_root:
                raise RootUserUntouchable("Users")
            self.holders.append(holder)
        groups = [holder for holder in self.holders if isinstance(holder, Group)]
        users = [holder.uin for holder in self.holders if isinstance(holder, User)]
        self.refuse_own([*users, *members_of(groups)])

    def _nobody(self, at: int) -> KMSError:
        if at < self.users_asked:
            return SubAccountNotFound("Users")
        return GroupNotFound("Groups")

    def present(self) -> Any:
        """Return where the policy is attached to one of these."""
        users = [holder for holder in self.holders if isinstance(holder, User)]
        groups = [holder for holder in self.holders if isinstance(holder, Group)]
        return self.attachments().filter(Q(user__in=users) | Q(group__in=groups))

    def event_details(self, at: int) -> dict[str, Any]:
        """Name the person or group, as asked for where there is none."""
        if at >= len(self.resources):
            return {}
        kind = "UserName" if at < self.users_asked else "GroupName"
        holder = self.resources[at]
        return {kind: self.names[at] if holder is None else holder.name}


class AttachPolicy(HoldersOperation):
    """Give a policy to sub-accounts and groups; it holds at once."""

    def check(self, data: HoldersInput) -> None:
        """Refuse too many policies of one."""
        super().check(data)
        self.account()
        there = set(self.present().values_list("user", "group"))
        self.new = [holder for holder in self.holders if _ends(holder) not in there]
        held = PolicyAttachment.objects.filter(
            Q(user__in=[holder for holder in self.new if isinstance(holder, User)])
            | Q(group__in=[holder for holder in self.new if isinstance(holder, Group)])
        ).values("user", "group")
        full = held.annotate(n=Count("pk")).filter(n__gte=MOST_POLICIES_OF_ONE)
        if full.exists():
            raise LimitReached(most=MOST_POLICIES_OF_ONE)

    def perform(self, data: HoldersInput) -> dict[str, Any]:
        """Store it; who has the policy already keeps it."""
        who = self.call.principal
        PolicyAttachment.objects.bulk_create(
            PolicyAttachment(
                policy=self.own,
                predefined=self.predefined.name if self.predefined else "",
                user=holder if isinstance(holder, User) else None,
                group=holder if isinstance(holder, Group) else None,
                attached_at=clock.now(),
                attached_by_uin=who.uin,
                attached_by_name=who.name,
            )
            for holder in self.new
        )
        return {"Attached": len(self.new)}


def _ends(holder: User | Group) -> tuple[int | None, int | None]:
    """Return the holder as the columns `user` and `group` have it."""
    return (holder.pk, None) if isinstance(holder, User) else (None, holder.pk)


class DetachPolicy(HoldersOperation):
    """Take a policy from sub-accounts and groups; what it said ends at once."""

    def perform(self, data: HoldersInput) -> dict[str, Any]:
        """Store it; who doesn't have the policy stays without."""
        removed, _ = self.present().delete()
        return {"Detached": removed}
