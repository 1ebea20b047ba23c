"""Sub-accounts: people and programs that an administrator makes."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from allauth.mfa.models import Authenticator
from pydantic import Field

from accessctl.errors import (
    LimitReached,
    NameTaken,
    NoConsoleAccess,
    RootUserUntouchable,
    UserNotFound,
    YourOwnAccount,
)
from accessctl.models import (
    AccessKey,
    AccessRequest,
    Membership,
    PolicyAttachment,
    User,
    UserAccountGrant,
    UserKeyGrant,
)
from accessctl.models.requests import RequestState
from accessctl.operations.base import (
    AdministrationOperation,
    Known,
    Name,
    Remark,
    UsersOperation,
    person_details,
)
from accessctl.passwords import give_password
from accessctl.uins import new_uin
from kmsconsole import clock
from kmsconsole.inputs import OperationInput
from kmsconsole.operations import Effect
from kmsconsole.principals import Kind

MOST_SUB_ACCOUNTS = 1000


class CreateSubAccountInput(OperationInput):
    """Name and ways in; with console sign-in a password, drawn unless it is given."""

    name: Name
    console: bool = False
    api: bool = True
    remark: Remark = ""
    password: Annotated[str, Field(min_length=1, max_length=256)] | None = Field(
        default=None, repr=False
    )


class CreateSubAccount(AdministrationOperation):
    """Make a sub-account, which may do nothing until it is given rights."""

    effect = Effect.CHANGE
    step_up = True
    audited_fields = ("name", "console", "api", "remark")
    Input = CreateSubAccountInput

    def check(self, data: CreateSubAccountInput) -> None:
        """Refuse a name in use and one sub-account too many."""
        account = self.account()
        people = User.objects.filter(account=account, deleted_at__isnull=True)
        if people.filter(name__iexact=data.name).exists():
            raise NameTaken("Name")
        if people.filter(is_root=False).count() >= MOST_SUB_ACCOUNTS:
            raise LimitReached(most=MOST_SUB_ACCOUNTS)

    def perform(self, data: CreateSubAccountInput) -> dict[str, Any]:
        """Store it; a drawn password is in the answer, this once."""
        user = User(
            uin=new_uin(),
            account_id=self.call.principal.account_uin,
            name=data.name,
            remark=data.remark,
            console_access=data.console,
            api_access=data.api,
            must_change_password=data.console,
            created_at=clock.now(),
        )
        drawn = None
        if data.console:
            drawn = give_password(user, data.password)
        else:
            user.set_unusable_password()
        user.save(force_insert=True)
        self.details["Uin"] = user.uin
        return _answer(user, drawn)


def _answer(user: User, drawn: str | None) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "AccountId": user.account_id,
        "Uin": user.uin,
        "User": user.name,
    }
    return answer if drawn is None else {**answer, "Password": drawn}


class PersonInput(OperationInput):
    """A person of the account, by name."""

    user_name: Known


class PersonOperation(AdministrationOperation):
    """A change of one person."""

    effect = Effect.CHANGE
    step_up = True
    Input: ClassVar[type[OperationInput]] = PersonInput

    user: User

    def locate(self, data: Any) -> Sequence[User | None]:
        """Find and lock the person."""
        self.names = [data.user_name]
        return self.users_named(self.names)

    def check(self, data: Any) -> None:
        """Refuse an unknown name, and the root user to all but the operator."""
        (user,) = self.resources
        if user is None:
            raise UserNotFound("UserName")
        if self.call.principal.uin == user.uin:
            raise YourOwnAccount
        if user.is_root and not self._may_root():
            raise RootUserUntouchable("UserName")
        self.user = user

    def _may_root(self) -> bool:
        return self.call.principal.kind is Kind.OPERATOR

    def event_details(self, at: int) -> dict[str, Any]:
        """Name the person, as asked for where there is none."""
        return person_details(self.names, self.resources, at)


class UpdateSubAccountInput(PersonInput):
    """What shall be otherwise; what is left out stays."""

    remark: Remark | None = None
    console: bool | None = None
    api: bool | None = None


class UpdateSubAccount(PersonOperation):
    """Change a sub-account's remark and its two ways in."""

    audited_fields = ("remark", "console", "api")
    Input = UpdateSubAccountInput

    def _may_root(self) -> bool:
        return False

    def perform(self, data: UpdateSubAccountInput) -> dict[str, Any]:
        """Store it; console sign-in without a password draws one, shown this once."""
        user = self.user
        drawn = None
        user.remark = user.remark if data.remark is None else data.remark
        user.api_access = user.api_access if data.api is None else data.api
        if data.console is False and user.console_access:
            user.end_sessions()
        if data.console and not user.has_usable_password():
            drawn = give_password(user, None)
            user.must_change_password = True
        if data.console is not None:
            user.console_access = data.console
        user.save()
        return _answer(user, drawn)


class DisableSubAccount(UsersOperation):
    """Shut sub-accounts out: no sign-in, no API, sessions ended, from now on."""

    effect = Effect.CHANGE
    step_up = True

    def perform(self, data: Any) -> dict[str, Any]:
        """Store it; one that is disabled already stays so."""
        for user in self.users:
            user.is_active = False
            user.end_sessions()
            user.save(update_fields=["is_active", "session_epoch"])
        return {}


class EnableSubAccount(UsersOperation):
    """Let disabled sub-accounts in again, with the rights they had."""

    effect = Effect.CHANGE
    step_up = True

    def perform(self, data: Any) -> dict[str, Any]:
        """Store it; one that is enabled already stays so."""
        for user in self.users:
            user.is_active = True
            user.save(update_fields=["is_active"])
        return {}


class EndSubAccountSessions(UsersOperation):
    """Sign sub-accounts out everywhere; they may sign in again."""

    effect = Effect.CHANGE

    def perform(self, data: Any) -> dict[str, Any]:
        """Make every session invalid, in every process."""
        for user in self.users:
            user.end_sessions()
            user.save(update_fields=["session_epoch"])
        return {}


class DeleteSubAccount(UsersOperation):
    """Delete sub-accounts with their access keys and rights; the audit names them."""

    effect = Effect.CHANGE
    step_up = True

    def perform(self, data: Any) -> dict[str, Any]:
        """Keep the row alone, so that events stay legible; the name is free again."""
        users = self.users
        for rows in (AccessKey, Authenticator, Membership, PolicyAttachment):
            rows.objects.filter(user__in=users).delete()
        for grants in (UserKeyGrant, UserAccountGrant):
            grants.objects.filter(user__in=users).delete()
        AccessRequest.objects.filter(
            requester__in=users, state=RequestState.OPEN
        ).update(state=RequestState.WITHDRAWN, decided_at=clock.now())
        for user in users:
            user.deleted_at = clock.now()
            user.is_active = user.console_access = user.api_access = False
            user.set_unusable_password()
            user.end_sessions()
            user.save()
        return {}


class ResetPassword(PersonOperation):
    """Give a person a new password and end their sessions."""

    def check(self, data: Any) -> None:
        """Refuse somebody who has no use for a password."""
        super().check(data)
        if not self.user.console_access:
            raise NoConsoleAccess

    def perform(self, data: Any) -> dict[str, Any]:
        """Store a drawn password; it must be changed at the next sign-in."""
        drawn = give_password(self.user, None)
        self.user.must_change_password = True
        self.user.end_sessions()
        self.user.save(
            update_fields=["password", "must_change_password", "session_epoch"]
        )
        return {"User": self.user.name, "Password": drawn}


class ResetFactors(PersonOperation):
    """Remove a person's second factors and end their sessions."""

    def perform(self, data: Any) -> dict[str, Any]:
        """Delete every factor."""
        removed, _ = Authenticator.objects.filter(user=self.user).delete()
        self.user.end_sessions()
        self.user.save(update_fields=["session_epoch"])
        return {"User": self.user.name, "Removed": removed}
