"""Who may do what, and why."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from accessctl import evaluator, rulebook
from accessctl.errors import NoSuchOperation, UserNotFound
from accessctl.explanation import explain
from accessctl.matrix import concerns
from accessctl.models import Group, User
from accessctl.operations.grants import find_key
from accessctl.rules import Rule
from keys.errors import CmkNotFound
from keys.models import CustomerMasterKey
from keys.operations.base import KeyId
from kmsconsole import clock
from kmsconsole.inputs import OperationInput, WholeNumber
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


class OnOneKey(Operation):
    """Reads who may do what with one key of the account, whatever its region."""

    effect = Effect.READ
    scope = Scope.KEY
    api = False
    permission = "ExplainAccess"

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


class ListKeyAccessInput(OperationInput):
    """One key; `Words` are part of a name, `Offset` rows are left out."""

    key_id: KeyId
    words: Annotated[str, Field(max_length=64)] = ""
    offset: Annotated[WholeNumber, Field(ge=0)] = 0
    limit: Annotated[WholeNumber, Field(ge=1, le=100)] = 25


class ListKeyAccess(OnOneKey):
    """The people and groups that any rule about a key holds for, with their rules."""

    Input = ListKeyAccessInput

    def perform(self, data: ListKeyAccessInput) -> dict[str, Any]:
        """Return (holder, rules): the root user first, then groups, then people."""
        account_uin = self.call.principal.account_uin
        key = self.resources[0]
        people = rulebook.rules_of_all(account_uin, [data.key_id])
        groups = rulebook.rules_of_groups(account_uin, data.key_id)
        moment = clock.now()

        def affected(rules: Sequence[Rule]) -> bool:
            return any(concerns(rule, key, moment) for rule in rules)

        users = User.objects.filter(account_id=account_uin, deleted_at__isnull=True)
        named = {"name__icontains": data.words} if data.words else {}
        # Names alone are read of everybody, rows of those on the page only.
        rows: list[tuple[type[User | Group], int, Sequence[Rule]]] = [
            (User, number, people.get(uin, ()))
            for number, uin, root in users.filter(**named)
            .order_by("-is_root", "name")
            .values_list("id", "uin", "is_root")
            if root or affected(people.get(uin, ()))
        ]
        first = 1 if users.filter(**named, is_root=True).exists() else 0
        rows[first:first] = [
            (Group, number, groups[number])
            for number in Group.objects.filter(account_id=account_uin, **named)
            .order_by("name")
            .values_list("id", flat=True)
            if affected(groups.get(number, ()))
        ]
        page = rows[data.offset : data.offset + data.limit]
        found = {
            model: model.objects.in_bulk([row[1] for row in page if row[0] is model])
            for model in (User, Group)
        }
        return {
            "Access": [(found[model][number], rules) for model, number, rules in page],
            "Total": len(rows),
        }


class ListKeyHoldersInput(OperationInput):
    """One key and one operation."""

    key_id: KeyId
    operation: Annotated[str, Field(min_length=1, max_length=64)]


class ListKeyHolders(OnOneKey):
    """Everybody who may do one operation with a key, and why."""

    audited_fields = ("operation",)
    Input = ListKeyHoldersInput

    def check(self, data: ListKeyHoldersInput) -> None:
        """Refuse unknown keys and operations."""
        super().check(data)
        if data.operation not in registry():
            raise NoSuchOperation("Operation")

    def perform(self, data: ListKeyHoldersInput) -> dict[str, Any]:
        """Return the holders, the root user first, then by name."""
        key = self.resources[0]
        account_uin = self.call.principal.account_uin
        operation = registry()[data.operation]
        return {
            "Key": key,
            "Holders": evaluator.holders(account_uin, key.region, operation, key),
        }


def find_person(account_uin: int, name: str) -> User:
    """Return somebody of the account by name; raises UserNotFound."""
    user = User.objects.filter(
        account_id=account_uin, name__iexact=name, deleted_at__isnull=True
    ).first()
    if user is None:
        raise UserNotFound("UserName")
    return user
