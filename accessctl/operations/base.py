"""What operations on people, groups and policies share: names, finding, refusing.

Everything is looked for inside the caller's account only, so that what belongs to
another one is exactly like what doesn't exist.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, TypeVar

from django.db.models import Model, QuerySet
from django.db.models.functions import Lower
from pydantic import AfterValidator, Field

from accessctl.errors import (
    AccountNotFound,
    InvalidName,
    InvalidRemark,
    RootUserUntouchable,
    SubAccountNotFound,
    YourOwnAccount,
)
from accessctl.models import Account, Group, User
from kmsconsole.errors import InvalidParameterValue
from kmsconsole.inputs import OperationInput, WholeNumber
from kmsconsole.operations import Operation, Scope

LONGEST_NAME, LONGEST_REMARK = 64, 255
MOST_AT_ONCE = 100
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")

_Row = TypeVar("_Row", bound=Model)


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise InvalidName("Name")
    return value


def _remark(value: str) -> str:
    if len(value) > LONGEST_REMARK or not value.isprintable():
        raise InvalidRemark("Remark")
    return value.strip()


def _printable(value: str) -> str:
    if not value.isprintable():
        raise InvalidParameterValue
    return value


def _once(names: list[str]) -> list[str]:
    """Drop what is named twice; upper and lower case are the same."""
    return list({name.lower(): name for name in names}.values())


# A name to be given, and one that is looked for.
Name = Annotated[str, AfterValidator(_name)]
Known = Annotated[str, Field(min_length=1, max_length=256)]
Remark = Annotated[str, AfterValidator(_remark)]
KnownNames = Annotated[
    list[Known], Field(max_length=MOST_AT_ONCE), AfterValidator(_once)
]
Words = Annotated[str, Field(max_length=LONGEST_NAME), AfterValidator(_printable)]
NoneOrMore = Annotated[KnownNames, Field(default_factory=list)]
Users = Annotated[KnownNames, Field(min_length=1)]


class UsersInput(OperationInput):
    """Up to 100 sub-accounts by name; a name that stands twice counts once."""

    users: Users


class PageInput(OperationInput):
    """Words in name or remark, and a page: it begins behind a name or ends before."""

    words: Words = ""
    limit: Annotated[WholeNumber, Field(ge=1, le=MOST_AT_ONCE)] = 20
    after: Words = ""
    before: Words = ""


@dataclass(frozen=True, slots=True)
class NamePage:
    """Rows by name; `before` and `after` are names to go on from, or empty."""

    rows: list[Any]
    total: int
    before: str
    after: str

    def wire(self) -> dict[str, Any]:
        """Return what answers say beside the rows."""
        return {"Total": self.total, "Before": self.before, "After": self.after}


def page_of(found: QuerySet[Any], data: PageInput) -> NamePage:
    """Return one page of rows with names, and how many there are on all pages."""
    total = found.count()
    found = found.alias(low=Lower("name"))
    backwards = bool(data.before)
    if backwards:
        found = found.filter(low__lt=data.before.lower()).order_by("-low")
    elif data.after:
        found = found.filter(low__gt=data.after.lower()).order_by("low")
    else:
        found = found.order_by("low")
    rows = list(found[: data.limit + 1])
    surplus = len(rows) > data.limit
    rows = rows[: data.limit]
    if backwards:
        rows.reverse()
    newer = bool(rows) and (bool(data.after) or (backwards and surplus))
    older = bool(rows) and (backwards or surplus)
    return NamePage(
        rows,
        total,
        before=rows[0].name if newer else "",
        after=rows[-1].name if older else "",
    )


class AdministrationOperation(Operation):
    """Something that root, the operator and full-access holders do in an account.

    `names` are those asked for, in the order of what was located.
    """

    scope: ClassVar[Scope] = Scope.ADMINISTRATION
    api = False

    names: Sequence[str] = ()
    locked: tuple[Account | None, ...] = ()

    def lock(self) -> Account | None:
        """Return the account, locked while something is changed.

        Changes of its people, groups and policies follow one another: no two pass a
        limit together, and none waits for a row that the other one holds.
        """
        if not self.locked:
            accounts = Account.objects.filter(uin=self.call.principal.account_uin)
            if self.changing:
                accounts = accounts.select_for_update()
            self.locked = (accounts.first(),)
        return self.locked[0]

    def by_names(self, rows: QuerySet[_Row], names: Iterable[str]) -> list[_Row | None]:
        """Return the account's rows with these names in order, None for no row.

        They are locked while something is changed, the account before them.
        """
        if self.changing:
            self.lock()
        wanted = [name.lower() for name in names]
        known = [name for name in wanted if _NAME.fullmatch(name)]
        own = rows.filter(account_id=self.call.principal.account_uin)
        found: QuerySet[Any] = own.alias(low=Lower("name")).filter(low__in=known)
        found = found.order_by("pk")
        if self.changing:
            found = found.select_for_update()
        by_name = {row.name.lower(): row for row in found}
        return [by_name.get(name) for name in wanted]

    def users_named(self, names: Iterable[str]) -> list[User | None]:
        """Return people, the root user and disabled ones too, deleted ones not."""
        return self.by_names(User.objects.filter(deleted_at__isnull=True), names)

    def group_named(self, name: str) -> Group | None:
        """Return one group."""
        return self.by_names(Group.objects.all(), [name])[0]

    def account(self) -> Account:
        """Return the account; refuses where there is none."""
        account = self.lock()
        if account is None:
            raise AccountNotFound
        return account

    def refuse_own(self, uins: Iterable[int]) -> None:
        """Refuse callers who would change what they may do themselves."""
        if self.call.principal.uin in set(uins):
            raise YourOwnAccount


class UsersOperation(AdministrationOperation):
    """A change of several sub-accounts: all of them or none, one event each."""

    Input: ClassVar[type[OperationInput]] = UsersInput

    users: list[User]

    def locate(self, data: Any) -> Sequence[User | None]:
        """Find everybody; order and number as asked for."""
        self.names = data.users
        return self.users_named(data.users)

    def check(self, data: Any) -> None:
        """Refuse unknown names, the root user and oneself."""
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


def person_details(
    names: Sequence[str], resources: Sequence[Any], at: int
) -> dict[str, Any]:
    """Return what an event says of the person at this place; nothing before that."""
    if at >= len(resources):
        return {}
    user = resources[at]
    if user is None:
        return {"UserName": names[at]}
    return {"UserName": user.name, "Uin": user.uin}
