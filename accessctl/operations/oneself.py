"""What everybody does about themselves: signing in, password, factors, sessions."""

from collections.abc import Callable
from typing import Annotated, Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.auth.hashers import make_password
from pydantic import Field

from accessctl import sessions
from accessctl.errors import SamePassword, WrongPassword
from accessctl.models import User
from accessctl.passwords import refuse_weak
from kmsconsole.inputs import OperationInput, WholeNumber
from kmsconsole.operations import Effect, Operation, Scope

Password = Annotated[str, Field(min_length=1, max_length=256, repr=False)]


class SignIn(Operation):
    """A person proved who they are and begins a session."""

    effect = Effect.READ
    scope = Scope.CALLER
    api = False

    def perform(self, data: Any) -> dict[str, Any]:
        """Nothing to do: the session is the caller's, the event is ours."""
        return {}


class ChangePasswordInput(OperationInput):
    """The present password and the new one."""

    old_password: Password
    new_password: Password


class ChangePassword(Operation):
    """Give oneself another password; every session of the old one ends."""

    effect = Effect.CHANGE
    scope = Scope.CALLER
    api = False
    Input = ChangePasswordInput

    def prepare(self, data: ChangePasswordInput) -> None:
        """Do what is slow on purpose: both passwords pass the hash function."""
        user = self._caller()
        self.known = user.password
        if not user.check_password(data.old_password):
            raise WrongPassword("OldPassword")
        if data.new_password == data.old_password:
            raise SamePassword("NewPassword")
        refuse_weak(data.new_password, user, "NewPassword")
        self.encoded = make_password(data.new_password)

    def perform(self, data: ChangePasswordInput) -> dict[str, Any]:
        """Store it, unless somebody else was faster."""
        user = self._caller()
        if user.password != self.known:
            raise WrongPassword("OldPassword")
        user.password = self.encoded
        user.must_change_password = False
        user.save(update_fields=["password", "must_change_password"])
        return {}

    def _caller(self) -> User:
        people = User.objects.select_related("account")
        if self.changing:
            people = people.select_for_update(of=("self",))
        return people.get(uin=self.call.principal.uin)


class FactorInput(OperationInput):
    """Which kind of factor: totp, webauthn or recovery_codes.

    `change` is what stores or removes it, and runs inside the operation's transaction.
    """

    kind: Annotated[str, Field(max_length=20)]
    change: Annotated[Callable[[], Any], Field(exclude=True, repr=False)]


class AddFactor(Operation):
    """Set up an authenticator app, a security key or recovery codes of one's own."""

    effect = Effect.CHANGE
    scope = Scope.CALLER
    api = False
    step_up = True
    audited_fields = ("kind",)
    Input = FactorInput

    def perform(self, data: FactorInput) -> dict[str, Any]:
        """Change them, and note what came and went with the one that was meant."""
        own = Authenticator.objects.filter(user__uin=self.call.principal.uin)
        before = dict(own.values_list("pk", "type"))
        data.change()
        after = dict(own.values_list("pk", "type"))
        changes = {
            "Added": [kind for pk, kind in after.items() if pk not in before],
            "Removed": [kind for pk, kind in before.items() if pk not in after],
        }
        self.details |= {name: kinds for name, kinds in changes.items() if kinds}
        return {}


class RemoveFactor(AddFactor):
    """Remove a second factor of one's own."""


class RenameFactor(AddFactor):
    """Call a security key of one's own otherwise."""


class ListSessions(Operation):
    """Show where somebody is signed in."""

    effect = Effect.READ
    scope = Scope.CALLER
    api = False

    def perform(self, data: OperationInput) -> dict[str, Any]:
        """Return those that still open the console, the newest first."""
        people = User.objects.select_related("account")
        user = people.get(uin=self.call.principal.uin)
        return {"Sessions": sessions.open_sessions(user)}


class EndSessionsInput(OperationInput):
    """One session by its number, or all others than the one to keep."""

    number: WholeNumber | None = None
    keep: Annotated[str, Field(max_length=64, repr=False)] = ""


class EndSessions(Operation):
    """Sign oneself out elsewhere."""

    effect = Effect.CHANGE
    scope = Scope.CALLER
    api = False
    audited_fields = ("number",)
    Input = EndSessionsInput

    def perform(self, data: EndSessionsInput) -> dict[str, Any]:
        """End them; what has ended already is no error."""
        own = UserSession.objects.filter(user__uin=self.call.principal.uin)
        chosen = own.exclude(session_key=data.keep)
        if data.number is not None:
            chosen = chosen.filter(pk=data.number)
        ended = list(chosen)
        sessions.end(ended)
        self.details["Ended"] = len(ended)
        return {"Ended": len(ended)}
