"""What concerns one person: signing in, lost passwords and factors."""

from collections.abc import Sequence
from typing import Annotated, Any

from allauth.mfa.models import Authenticator
from pydantic import Field

from accessctl.errors import UserNotFound
from accessctl.models import User
from accessctl.passwords import new_password
from kmsconsole.inputs import OperationInput
from kmsconsole.operations import Effect, Operation, Scope


class SignIn(Operation):
    """A person proved who they are and begins a session."""

    effect = Effect.READ
    scope = Scope.CALLER
    api = False

    def perform(self, data: Any) -> dict[str, Any]:
        """Nothing to do: the session is the caller's, the event is ours."""
        return {}


class UserInput(OperationInput):
    """A person of the account, by name."""

    user_name: Annotated[str, Field(min_length=1, max_length=64)]


class UserOperation(Operation):
    """An operation of the operator on one person."""

    effect = Effect.CHANGE
    scope = Scope.ADMINISTRATION
    api = False
    audited_fields = ("user_name",)
    Input = UserInput

    user: User

    def locate(self, data: UserInput) -> Sequence[User]:
        """Find and lock the person; the operator may know that nobody is there."""
        user = (
            User.objects.select_for_update()
            .filter(
                account_id=self.call.principal.account_uin,
                name__iexact=data.user_name,
                is_active=True,
            )
            .first()
        )
        self.found = user
        return ()

    def check(self, data: UserInput) -> None:
        """Refuse an unknown name."""
        if self.found is None:
            raise UserNotFound("UserName")
        self.user = self.found


class ResetPassword(UserOperation):
    """Give a person a new password and end their sessions."""

    def perform(self, data: UserInput) -> dict[str, Any]:
        """Store a drawn password; it must be changed at the next sign-in."""
        password = new_password(self.user.account.shortest_password)
        self.user.set_password(password)
        self.user.must_change_password = True
        self.user.end_sessions()
        self.user.save(
            update_fields=["password", "must_change_password", "session_epoch"]
        )
        return {"User": self.user.name, "Password": password}


class ResetFactors(UserOperation):
    """Remove a person's second factors and end their sessions."""

    def perform(self, data: UserInput) -> dict[str, Any]:
        """Delete every factor."""
        removed, _ = Authenticator.objects.filter(user=self.user).delete()
        self.user.end_sessions()
        self.user.save(update_fields=["session_epoch"])
        return {"User": self.user.name, "Removed": removed}
