"""What a main account asks of its people and programs."""

from typing import Annotated, Any, Literal

from pydantic import Field

from accessctl.models import Account
from accessctl.passwords import LONGEST_MINIMUM, SHORTEST
from kmsconsole.inputs import OperationInput, WholeNumber
from kmsconsole.operations import Effect, Operation, Scope

IDLE_MINUTES = (5, 480)
SESSION_HOURS = (1, 24)
_FIELDS = (
    "require_second_factor",
    "shortest_password",
    "idle_minutes",
    "session_hours",
    "require_signed_action",
    "hold_deletions",
)


class AccountSettingsInput(OperationInput):
    """What to change; what is absent stays."""

    require_second_factor: bool | None = None
    shortest_password: (
        Annotated[WholeNumber, Field(ge=SHORTEST, le=LONGEST_MINIMUM)] | None
    ) = None
    idle_minutes: (
        Annotated[WholeNumber, Field(ge=IDLE_MINUTES[0], le=IDLE_MINUTES[1])] | None
    ) = None
    session_hours: (
        Annotated[WholeNumber, Field(ge=SESSION_HOURS[0], le=SESSION_HOURS[1])] | None
    ) = None
    require_signed_action: bool | None = None
    hold_deletions: Literal["recently-used", "always", "never"] | None = None


class DescribeAccountSettings(Operation):
    """Show what the account asks of its people and programs."""

    effect = Effect.READ
    scope = Scope.ADMINISTRATION
    api = False

    def perform(self, data: OperationInput) -> dict[str, Any]:
        """Return the settings, with the account's number and name."""
        return _described(Account.objects.get(uin=self.call.principal.account_uin))


class UpdateAccountSettings(Operation):
    """Change what the account asks; it holds from everybody's next request on."""

    effect = Effect.CHANGE
    scope = Scope.ADMINISTRATION
    api = False
    step_up = True
    audited_fields = _FIELDS
    Input = AccountSettingsInput

    def perform(self, data: AccountSettingsInput) -> dict[str, Any]:
        """Store what was given."""
        accounts = Account.objects.select_for_update()
        account = accounts.get(uin=self.call.principal.account_uin)
        given = [name for name in _FIELDS if getattr(data, name) is not None]
        for name in given:
            setattr(account, name, getattr(data, name))
        account.save(update_fields=given)
        return _described(account)


def _described(account: Account) -> dict[str, Any]:
    return {
        "AccountId": account.uin,
        "Name": account.name,
        "RequireSecondFactor": account.require_second_factor,
        "ShortestPassword": account.shortest_password,
        "IdleMinutes": account.idle_minutes,
        "SessionHours": account.session_hours,
        "RequireSignedAction": account.require_signed_action,
        "HoldDeletions": account.hold_deletions,
    }
