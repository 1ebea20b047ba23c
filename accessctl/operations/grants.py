"""Giving rights and taking them away, on one key or on the whole account."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from pydantic import Field, model_validator

from accessctl import evaluator
from accessctl.errors import (
    NotOneself,
    PrincipalNotFound,
    RightNotDelegable,
    RightNotForKeys,
    UnknownRight,
)
from accessctl.models import (
    Group,
    GroupAccountGrant,
    GroupKeyGrant,
    User,
    UserAccountGrant,
    UserKeyGrant,
)
from accessctl.roles import delegable, operations_of
from accessctl.whatif import Wish, differences
from keys.errors import CmkNotFound
from keys.models import CustomerMasterKey
from keys.operations.base import KeyId
from kmsconsole import clock
from kmsconsole.errors import InvalidParameterValue, MissingParameter
from kmsconsole.inputs import OperationInput
from kmsconsole.operations import Effect, Operation, Scope
from kmsconsole.principals import Kind

MOST_NAMED = 100

Names = Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=100)]


class AccessInput(OperationInput):
    """Whose rights, which, and where; without a key on the whole account."""

    users: Names = Field(default_factory=list)
    groups: Names = Field(default_factory=list)
    rights: Annotated[Names, Field(min_length=1)]
    key_id: KeyId | None = None

    @model_validator(mode="after")
    def _somebody(self) -> "AccessInput":
        if not self.users and not self.groups:
            raise MissingParameter("Users")
        return self


class GrantAccessInput(AccessInput):
    """`Until` is when the rights end by themselves; they stay without it."""

    until: datetime | None = None


class PreviewAccessInput(GrantAccessInput):
    """The same; `Taken` where the rights would be taken away."""

    taken: bool = False


class _Access(Operation):
    """An operation on other people's rights."""

    effect = Effect.CHANGE
    scope = Scope.KEY
    api = False
    step_up = True
    for_operator = True
    audited_fields = ("users", "groups", "rights")

    key: CustomerMasterKey | None
    holders: list[User | Group]

    def locate(self, data: AccessInput) -> Sequence[CustomerMasterKey | None]:
        """Find the key in the caller's account, whatever its region."""
        self.key = None
        if data.key_id is None:
            return ()
        self.details["KeyId"] = str(data.key_id)
        self.key = find_key(self.call.principal.account_uin, data.key_id)
        return [self.key]

    def event_key(self, resource: Any) -> tuple[str | None, int | None]:
        """Name the key in its event."""
        return (str(resource.id), None) if resource is not None else (None, None)

    def check(self, data: Any) -> None:
        """Refuse unknown keys, rights, people, and what isn't the caller's to give."""
        if data.key_id is not None and self.key is None:
            raise CmkNotFound("KeyId")
        for right in data.rights:
            self._check_right(right, on_key=data.key_id is not None)
        self.holders = find_holders(
            self.call.principal.account_uin, data.users, data.groups
        )

    def check_giving(self, data: GrantAccessInput) -> None:
        """Refuse an end that has passed, and giving to oneself."""
        if data.until is not None and _ends(data.until) <= clock.now():
            raise InvalidParameterValue("Until")
        refuse_oneself(self.call.principal, self.holders)

    def _check_right(self, right: str, *, on_key: bool) -> None:
        check_right(right, on_key=on_key)
        if not delegable(right) and not evaluator.has_full_access(self.call):
            raise RightNotDelegable("Rights")


class GrantAccess(_Access):
    """Give people and groups rights, for good or until a time."""

    Input = GrantAccessInput

    def check(self, data: Any) -> None:
        """Refuse an end that has passed, and granting to oneself."""
        super().check(data)
        self.check_giving(data)

    def perform(self, data: GrantAccessInput) -> dict[str, Any]:
        """Return whether anything is different now."""
        until = _ends(data.until) if data.until is not None else None
        if until is not None:
            self.details["Until"] = until.isoformat()
        who = self.call.principal
        changed = False
        for holder in self.holders:
            for right in data.rights:
                changed |= give(
                    holder,
                    right,
                    self.key,
                    until=until,
                    granted_by_uin=who.uin,
                    granted_by_name=who.name,
                )
        return {"Changed": changed}


class RevokeAccess(_Access):
    """Take rights away; from its answer on they are gone in every process."""

    permission = "GrantAccess"
    Input = AccessInput

    def perform(self, data: AccessInput) -> dict[str, Any]:
        """Return whether there was anything to take."""
        changed = False
        for holder in self.holders:
            rows = _rows(holder, self.key)
            deleted, _by_model = rows.filter(
                permission__codename__in=data.rights
            ).delete()
            changed |= deleted > 0
        return {"Changed": changed}


class PreviewAccess(_Access):
    """What giving or taking these rights would change for whom; nothing is stored."""

    effect = Effect.READ
    permission = "GrantAccess"
    step_up = False
    Input = PreviewAccessInput

    def check(self, data: Any) -> None:
        """Refuse what would be refused then."""
        super().check(data)
        if not data.taken:
            self.check_giving(data)

    def perform(self, data: PreviewAccessInput) -> dict[str, Any]:
        """Return the differences, a person each, and the key or None."""
        wish = Wish(tuple(data.rights), self.key, data.until, data.taken)
        region = self.key.region if self.key is not None else self.call.region
        account_uin = self.call.principal.account_uin
        return {
            "Key": self.key,
            "Differences": differences(account_uin, region, self.holders, wish),
        }


def check_right(right: str, *, on_key: bool) -> None:
    """Refuse what is no right, or none on a key; UnknownRight, RightNotForKeys."""
    if not operations_of(right):
        raise UnknownRight("Rights")
    if on_key and not _permission(right, CustomerMasterKey):
        raise RightNotForKeys("Rights")


def find_key(account_uin: int, key_id: Any) -> CustomerMasterKey | None:
    """Return a key of the account that was not destroyed, in whatever region."""
    for region in CustomerMasterKey.objects.filter(
        id=key_id, account_uin=account_uin
    ).values_list("region", flat=True):
        keys = CustomerMasterKey.objects.in_region(account_uin, region)
        return keys.filter(id=key_id).first()
    return None


def find_holders(
    account_uin: int, users: Iterable[str], groups: Iterable[str]
) -> list[User | Group]:
    """Return sub-accounts and groups by name; raises PrincipalNotFound."""
    found: list[User | Group] = []
    for name in dict.fromkeys(users):
        user = User.objects.filter(
            account_id=account_uin,
            name__iexact=name,
            is_root=False,
            deleted_at__isnull=True,
        ).first()
        if user is None:
            raise PrincipalNotFound("Users")
        found.append(user)
    for name in dict.fromkeys(groups):
        group = Group.objects.filter(account_id=account_uin, name__iexact=name).first()
        if group is None:
            raise PrincipalNotFound("Groups")
        found.append(group)
    return found


def refuse_oneself(principal: Any, holders: Iterable[User | Group]) -> None:
    """Refuse a sub-account that would give itself or its own group something."""
    if principal.kind is not Kind.SUB:
        return
    for holder in holders:
        own = (
            holder.uin == principal.uin
            if isinstance(holder, User)
            else holder.members.filter(uin=principal.uin).exists()
        )
        if own:
            raise NotOneself


def present_right(holder: User | Group, right: str, key: CustomerMasterKey) -> Any:
    """Return the row of a right somebody has on a key itself, or None."""
    return _rows(holder, key).filter(permission__codename=right).first()


def give(
    holder: User | Group, right: str, key: CustomerMasterKey | None, **more: Any
) -> bool:
    """Give one right, or set its end anew; return whether anything is different."""
    target = key if key is not None else holder.account
    permission = _permission(right, type(target))
    if permission is None:
        raise UnknownRight("Rights")
    rows = _rows(holder, key)
    present = rows.filter(permission=permission).first()
    if present is not None and present.expires_at == more["until"]:
        return False
    holding = (
        {"user": holder} if isinstance(holder, User) else {"group": holder.auth_group}
    )
    values = {"expires_at": more.pop("until"), "granted_at": clock.now(), **more}
    rows.model.objects.update_or_create(
        permission=permission, content_object=target, **holding, defaults=values
    )
    return True


def _rows(holder: User | Group, key: CustomerMasterKey | None) -> Any:
    if isinstance(holder, User):
        rows: Any = UserAccountGrant if key is None else UserKeyGrant
        rows = rows.objects.filter(user=holder)
    else:
        rows = GroupAccountGrant if key is None else GroupKeyGrant
        rows = rows.objects.filter(group=holder.auth_group)
    return rows if key is None else rows.filter(content_object=key)


def _permission(right: str, model: type[Model]) -> Permission | None:
    content_type = ContentType.objects.get_for_model(model)
    return Permission.objects.filter(codename=right, content_type=content_type).first()


def _ends(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise InvalidParameterValue("Until")
    return moment
