"""Who may do what, and why."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from accessctl import rulebook
from accessctl.errors import NoSuchOperation, UserNotFound
from accessctl.explanation import explain
from accessctl.models import User
from accessctl.operations.grants import find_key
from keys.errors import CmkNotFound
from keys.models import CustomerMasterKey
from keys.operations.base import KeyId
from kmsconsole.inputs import OperationInput
from kmsconsole.operations import Effect, Operation, Scope, registry


class ExplainAccessInput(OperationInput):
    """Who, what and where; `Address` is where the person would come from."""

    user_name: Annotated[str, Field(min_length=1, max_length=64)]
    operation: Annotated[str, Field(min_length=1, max_length=64)]
    key_id: KeyId | None = None
    address: Annotated[str, Field(max_length=45)] = ""


class ExplainAccess(Operation):
    """Say whether somebody may do something, and why."""

    effect = Effect.READ
    scope = Scope.KEY
    api = False
    for_operator = True
    audited_fields = ("user_name", "operation")
    Input = ExplainAccessInput

    def locate(self, data: ExplainAccessInput) -> Sequence[CustomerMasterKey | None]:
        """Find the key in the caller's account."""
        self.key: CustomerMasterKey | None = None
        if data.key_id is None:
            return ()
        self.details["KeyId"] = str(data.key_id)
        self.key = find_key(self.call.principal.account_uin, data.key_id)
        return [self.key]

    def event_key(self, resource: Any) -> tuple[str | None, int | None]:
        """Name the key in its event."""
        return (str(resource.id), None) if resource is not None else (None, None)

    def check(self, data: ExplainAccessInput) -> None:
        """Refuse unknown keys, people and operations."""
        if data.key_id is not None and self.key is None:
            raise CmkNotFound("KeyId")
        self.user = find_person(self.call.principal.account_uin, data.user_name)
        if data.operation not in registry():
            raise NoSuchOperation("Operation")

    def perform(self, data: ExplainAccessInput) -> dict[str, Any]:
        """Return the decision and its steps, in the reader's language."""
        operation = registry()[data.operation]
        explained = explain(
            self.user, operation, self.key, self.call.region, data.address
        )
        return {
            "Allowed": explained.decision.allowed,
            "Rule": explained.decision.rule,
            "Steps": list(explained.steps),
        }


class ListKeyAccess(Operation):
    """Everybody who has any rule about a key, with their rules."""

    effect = Effect.READ
    scope = Scope.KEY
    api = False
    permission = "ExplainAccess"

    class Input(OperationInput):
        """One key."""

        key_id: KeyId

    def locate(self, data: Any) -> Sequence[CustomerMasterKey | None]:
        """Find the key in the caller's account."""
        self.details["KeyId"] = str(data.key_id)
        return [find_key(self.call.principal.account_uin, data.key_id)]

    def event_key(self, resource: Any) -> tuple[str | None, int | None]:
        """Name the key in its event."""
        return (str(resource.id), None) if resource is not None else (None, None)

    def check(self, data: Any) -> None:
        """Refuse a key that doesn't exist."""
        if self.resources[0] is None:
            raise CmkNotFound("KeyId")

    def perform(self, data: Any) -> dict[str, Any]:
        """Return (user, rules) by name, the root user first and without rules."""
        account_uin = self.call.principal.account_uin
        rules = rulebook.rules_of_all(account_uin, [data.key_id])
        people = User.objects.filter(
            account_id=account_uin, deleted_at__isnull=True
        ).order_by("-is_root", "name")
        return {
            "Access": [
                (user, rules.get(user.uin, ()))
                for user in people
                if user.is_root or user.uin in rules
            ]
        }


def find_person(account_uin: int, name: str) -> User:
    """Return somebody of the account by name; raises UserNotFound."""
    user = User.objects.filter(
        account_id=account_uin, name__iexact=name, deleted_at__isnull=True
    ).first()
    if user is None:
        raise UserNotFound("UserName")
    return user
