"""The end of a right that was given until a time."""

from collections.abc import Sequence
from typing import Any, Literal

from accessctl.errors import RightGone
from accessctl.models import (
    GroupAccountGrant,
    GroupKeyGrant,
    UserAccountGrant,
    UserKeyGrant,
)
from keys.models import CustomerMasterKey
from kmsconsole import clock
from kmsconsole.inputs import OperationInput, WholeNumber
from kmsconsole.operations import Effect, Operation, Scope

_TABLES: dict[str, Any] = {
    table.__name__: table
    for table in (UserKeyGrant, UserAccountGrant, GroupKeyGrant, GroupAccountGrant)
}


class EndAccessInput(OperationInput):
    """One row of one of the four tables of rights."""

    table: Literal[
        "UserKeyGrant", "UserAccountGrant", "GroupKeyGrant", "GroupAccountGrant"
    ]
    number: WholeNumber


class EndAccess(Operation):
    """Take away a right whose time is over; it has not counted since.

    The scheduler's own operation.
    """

    effect = Effect.CHANGE
    scope = Scope.SYSTEM
    api = False
    Input = EndAccessInput

    def locate(self, data: EndAccessInput) -> Sequence[CustomerMasterKey]:
        """Find the row, and the key it is about, if any."""
        rows = _TABLES[data.table].objects.filter(
            pk=data.number, expires_at__lte=clock.now()
        )
        if self.changing:
            rows = rows.select_for_update()
        self.row = rows.first()
        if self.row is None or not isinstance(
            self.row.content_object, CustomerMasterKey
        ):
            return ()
        return [self.row.content_object]

    def event_key(self, resource: Any) -> tuple[str | None, int | None]:
        """Name the key in its event."""
        return (str(resource.id), None) if resource is not None else (None, None)

    def check(self, data: EndAccessInput) -> None:
        """Refuse what is gone, and what was prolonged meanwhile."""
        if self.row is None or _account_of(self.row) != self._account():
            raise RightGone

    def _account(self) -> int:
        return self.call.principal.account_uin

    def perform(self, data: EndAccessInput) -> dict[str, Any]:
        """Remove it, and say in the event what it was."""
        row = self.row
        of_group = hasattr(row, "group")
        whose = row.group.owner.name if of_group else row.user.name
        self.details |= {
            "groups" if of_group else "users": [whose],
            "rights": [row.permission.codename],
            "Until": row.expires_at.isoformat(),
        }
        row.delete()
        return {}


def _account_of(row: Any) -> int:
    holder = row.group.owner if hasattr(row, "group") else row.user
    return int(holder.account_id)
