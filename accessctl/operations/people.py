"""What concerns one person: signing in and access keys."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from accessctl.credentials import secret_binding
from accessctl.errors import AccessKeyLimitExceeded, UserNotFound
from accessctl.models import AccessKey, User
from keys import custody
from keys.hsm.errors import HsmError
from kmsconsole import clock, randomness
from kmsconsole.errors import KMSError, ServiceTemporaryUnavailable
from kmsconsole.inputs import OperationInput
from kmsconsole.operations import Effect, Operation, Scope

MOST_ACCESS_KEYS = 2
_ALPHANUMERIC = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_SECRET_LENGTH = 32


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


class CreateAccessKey(UserOperation):
    """Make a SecretId and SecretKey for a person; the secret is shown this once."""

    def check(self, data: UserInput) -> None:
        """Refuse a third one."""
        super().check(data)
        if self.user.access_keys.count() >= MOST_ACCESS_KEYS:
            raise AccessKeyLimitExceeded

    def perform(self, data: UserInput) -> dict[str, Any]:
        """Draw both and store the secret sealed."""
        secret_id = "AKID" + randomness.token_string(_SECRET_LENGTH, _ALPHANUMERIC)
        secret_key = randomness.token_string(_SECRET_LENGTH, _ALPHANUMERIC)
        epoch, sealed = custody.keyring().seal_secret(
            secret_key.encode("ascii"), secret_binding(secret_id, self.user.uin)
        )
        AccessKey.objects.create(
            secret_id=secret_id,
            user=self.user,
            sealed_secret=sealed,
            data_key_epoch=epoch,
            created_at=clock.now(),
        )
        self.details["SecretId"] = secret_id
        return {"SecretId": secret_id, "SecretKey": secret_key}

    def translate(self, error: Exception) -> KMSError | None:
        """Without the HSM nothing can be sealed."""
        return ServiceTemporaryUnavailable() if isinstance(error, HsmError) else None
