"""Why was this refused? Asked about oneself, or about something the audit recorded."""

import json
from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from django.utils.translation import gettext as _
from pydantic import Field

from accessctl.errors import EventNotFound, NoSuchOperation, UserNotFound
from accessctl.explanation import Explanation, explain
from accessctl.models import User
from accessctl.operations.grants import find_key
from keys.models import CustomerMasterKey
from keys.operations import DescribeKey
from keys.operations.base import KeyId
from kmsconsole.audit.models import AuditEvent
from kmsconsole.inputs import OperationInput, WholeNumber
from kmsconsole.operations import Effect, Operation, Scope, registry
from kmsconsole.principals import Decision


class ExplainOwnAccessInput(OperationInput):
    """What the caller wants to do, and with which key."""

    operation: Annotated[str, Field(min_length=1, max_length=64)]
    key_id: KeyId | None = None


class ExplainOwnAccess(Operation):
    """Say whether the caller may do something, and why.

    Of a key the caller may neither see nor use so, nothing is told, not even whether
    there is one.
    """

    effect = Effect.READ
    scope = Scope.CALLER
    api = False
    audited_fields = ("operation",)
    Input = ExplainOwnAccessInput

    def check(self, data: ExplainOwnAccessInput) -> None:
        """Refuse an unknown operation."""
        if data.operation not in registry():
            raise NoSuchOperation("Operation")

    def perform(self, data: ExplainOwnAccessInput) -> dict[str, Any]:
        """Return the decision and its steps, in the reader's language."""
        who = self.call.principal
        user = User.objects.filter(uin=who.uin).first()
        if user is None:
            raise UserNotFound
        operation = registry()[data.operation]
        key = None
        if data.key_id is not None:
            self.details["KeyId"] = str(data.key_id)
            key = find_key(who.account_uin, data.key_id)
            if key is None or not self._known(operation, key):
                return answer(_nothing_to_tell(operation))
        call = self.call
        return answer(explain(user, operation, key, call.region, call.source_address))

    def _known(self, operation: type[Operation], key: CustomerMasterKey) -> bool:
        return any(
            self.call.decide(each, key).allowed for each in (DescribeKey, operation)
        )


def _nothing_to_tell(operation: type[Operation]) -> Explanation:
    decision = Decision(allowed=False, rule="no-grant", text="")
    words = {"operation": operation.needs()}
    steps = (
        _("Nothing lets you do %(operation)s with a key of this ID: refused.") % words,
        _(
            "Whether there is such a key isn't told to people who may not see it: "
            "check the ID, or ask for access."
        ),
    )
    return Explanation(decision, steps)


def answer(explained: Explanation) -> dict[str, Any]:
    """Return an explanation by wire names."""
    return {
        "Allowed": explained.decision.allowed,
        "Rule": explained.decision.rule,
        "Steps": list(explained.steps),
    }


class EventInput(OperationInput):
    """An audit event by its number."""

    sequence: WholeNumber


class RecallEvent(Operation):
    """What was decided about an audit event of the account, for explaining it.

    Everybody may ask about what they did or tried themselves.
    """

    effect = Effect.READ
    scope = Scope.KEY
    api = False
    permission = "ExplainAccess"
    for_oneself = True
    audited_fields = ("sequence",)
    Input = EventInput

    def locate(self, data: EventInput) -> Sequence[CustomerMasterKey | User | None]:
        """Find the event in the caller's account, and the key or caller behind it."""
        who = self.call.principal
        events = AuditEvent.objects.filter(account_uin=who.account_uin)
        self.event = events.filter(sequence=data.sequence).first()
        if self.event is None:
            return ()
        if self.event.principal_uin == who.uin:
            return [User.objects.filter(uin=who.uin).first()]
        number = key_of(self.event)
        return [find_key(who.account_uin, UUID(number))] if number else ()

    def event_key(self, resource: Any) -> tuple[str | None, int | None]:
        """Name the key in its event."""
        is_key = isinstance(resource, CustomerMasterKey)
        return (str(resource.id), None) if is_key else (None, None)

    def check(self, data: EventInput) -> None:
        """Refuse an event that isn't there."""
        if self.event is None:
            raise EventNotFound

    def perform(self, data: EventInput) -> dict[str, Any]:
        """Return the event and the ID of its key, or an empty one."""
        assert self.event is not None
        return {"Event": self.event, "KeyId": key_of(self.event)}


def key_of(event: AuditEvent) -> str:
    """Return the key an event is about, also one that was only asked for."""
    return event.key_id or str(json.loads(event.details).get("KeyId") or "")
