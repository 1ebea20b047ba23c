"""Everything a principal can do is an operation, and every one runs through `execute`.

The steps are always the same: read the input, refuse a replay, locate what it is
about, authorise, check state, perform, record. What cannot be recorded does not
happen: a change shares its transaction with its event, and a result leaves only after
its event was committed.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar, final

from django.conf import settings
from django.db import Error as DatabaseError
from django.utils.module_loading import import_string
from pydantic import ValidationError

from kmsconsole import clock
from kmsconsole.audit import queries, recorder
from kmsconsole.audit.models import Outcome
from kmsconsole.audit.recorder import Gathered
from kmsconsole.errors import (
    AuthFailure,
    InternalError,
    KMSError,
    ServiceTemporaryUnavailable,
    StepUpRequired,
    UnauthorizedOperation,
)
from kmsconsole.inputs import OperationInput, refusal_of
from kmsconsole.principals import Call, Decision, Kind, Principal

__all__ = [
    "Effect",
    "Gathered",
    "Operation",
    "Result",
    "Scope",
    "operation_named",
    "record_finished_refusal_counts",
    "record_refusal",
    "record_unauthenticated_refusal",
    "registry",
]

log = logging.getLogger(__name__)

REPLAY_WINDOW = timedelta(seconds=2)
SINGLE_REFUSALS_PER_MINUTE = 10


class Effect(StrEnum):
    """What an operation does to the world; replay and transaction follow from it."""

    READ = "read"
    CRYPTOGRAPHY = "cryptography"
    CHANGE = "change"


class Scope(StrEnum):
    """Whose an operation is to do, and on what a right to it can be given."""

    # On a key: the right is given on one key or on the whole account.
    KEY = "key"
    # On the account: the right can only be given on the whole account.
    ACCOUNT = "account"
    # Everybody's of the account: the answer holds only what the caller may see.
    LISTING = "listing"
    # Everybody's, for themselves.
    CALLER = "caller"
    # Root's, the operator's, and theirs who have full access.
    ADMINISTRATION = "administration"
    # Only done at the machine, by command.
    OPERATOR = "operator"
    # Only done by the service itself.
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Result:
    """`output` holds the answer by wire names; `resources` what it was about."""

    output: dict[str, Any]
    resources: tuple[Any, ...]


class Operation:
    """One thing a principal can do; subclasses declare facts and fill in the steps.

    The class name is the API action, the audit name and the permission codename,
    unless `permission` names the operation whose right it goes with. One with `step_up`
    wants a person who proved themselves within the last minutes. `for_operator` lets
    the operator do it by command, `for_oneself` everybody about themselves. `changing`
    is true once the transaction of a change is open, so that rows are locked only then.
    What is `quick` takes a fraction of a millisecond and changes nothing: it needs no
    thread of its own, and its event may be committed with those of others.
    """

    effect: ClassVar[Effect]
    scope: ClassVar[Scope]
    api: ClassVar[bool] = True
    permission: ClassVar[str] = ""
    step_up: ClassVar[bool] = False
    quick: ClassVar[bool] = False
    for_operator: ClassVar[bool] = False
    for_oneself: ClassVar[bool] = False
    audited_fields: ClassVar[tuple[str, ...]] = ()
    Input: ClassVar[type[OperationInput]] = OperationInput

    def __init__(self, call: Call) -> None:
        self.call = call
        self.resources: tuple[Any, ...] = ()
        self.decision: Decision | None = None
        self.changing = False
        self.details: dict[str, Any] = {}

    @classmethod
    def needs(cls) -> str:
        """Return the name of the permission that allows this."""
        return cls.permission or cls.__name__

    @classmethod
    def variant(cls, data: Mapping[str, Any]) -> "type[Operation]":  # noqa: ARG003
        """Return the operation that these raw parameters ask for, if not this one."""
        return cls

    @classmethod
    def is_quick(cls, content: bytes) -> bool:  # noqa: ARG003
        """Say whether it is, with these parameters as they came over the wire."""
        return cls.quick

    def locate(self, data: Any) -> Sequence[Any]:
        """Return what this is about; None in it stands for what doesn't exist.

        An operation on the account as a whole returns nothing.
        """
        return ()

    def check(self, data: Any) -> None:
        """Refuse what state, kind or limits forbid, after permission was given."""

    def prepare(self, data: Any) -> None:
        """Do what is slow before a change takes its locks, such as work in the HSM.

        Locating, permission and check come before it, and once more after it.
        """

    def perform(self, data: Any) -> dict[str, Any]:
        """Do it and return the answer by wire names."""
        raise NotImplementedError

    def translate(self, error: Exception) -> KMSError | None:
        """Name the refusal that a lower layer's error stands for, if it is one."""
        return None

    def event_key(self, resource: Any) -> tuple[str | None, int | None]:
        """Return key ID and version of one located resource, for its event."""
        return None, None

    def event_details(self, at: int) -> dict[str, Any]:
        """Return what only the event of the resource at this place says."""
        return {}

    @final
    @classmethod
    def execute(cls, call: Call, data: Mapping[str, Any]) -> Result:
        """Run the operation; raises nothing but `KMSError`."""
        wanted = cls.variant(data)
        if wanted is not cls:
            return wanted.execute(call, data)
        operation = cls(
            replace(call, gathered=None) if call.gathered is not None else call
        )
        try:
            return operation._run(data)
        except Exception as error:  # noqa: BLE001 - the boundary for all of them
            refusal = operation._classify(error)
        operation._record_refusal(refusal)
        raise refusal

    @final
    @classmethod
    def refuse_forbidden(cls, call: Call, resources: Sequence[Any] = ()) -> None:
        """Refuse, and record, a caller who may not do this, before anything is sent.

        For pages that lead to the operation: without resources it is about the account.
        """
        operation = cls(call)
        operation.resources = tuple(resources)
        for resource in operation.resources or (None,):
            operation.decision = call.decide(cls, resource)
            if not operation.decision.allowed:
                refusal = UnauthorizedOperation(operation=cls.needs())
                operation._record_refusal(refusal)
                raise refusal

    def _run(self, data: Mapping[str, Any]) -> Result:
        self._refuse_replay()
        try:
            parsed = self.Input.model_validate(data)
        except ValidationError as error:
            raise refusal_of(error) from None
        self.details = {
            field: getattr(parsed, field)
            for field in self.audited_fields
            if getattr(parsed, field) is not None
        }
        if self.effect is Effect.CHANGE:
            if type(self).prepare is not Operation.prepare:
                self._authorise(parsed)
                self.prepare(parsed)
            with recorder.transaction() as events:
                self.changing = True
                self._authorise(parsed)
                output = self.perform(parsed)
                events.extend(self._events(Outcome.SUCCESS))
        else:
            self._authorise(parsed)
            output = self.perform(parsed)
            recorder.write(self._events(Outcome.SUCCESS))
        return Result(output, self.resources)

    def _authorise(self, data: OperationInput) -> None:
        self.resources = tuple(self.locate(data))
        call = self.call
        if len(self.resources) > 1:
            call = call.glance(self.resources)
        for resource in self.resources or (None,):
            self.decision = call.decide(type(self), resource)
            if not self.decision.allowed:
                raise UnauthorizedOperation(operation=self.needs())
        if self.step_up and not self.call.principal.fresh:
            raise StepUpRequired
        self.check(data)

    def _refuse_replay(self) -> None:
        signature_hash = self.call.signature_hash
        seen = signature_hash and queries.first_sight(signature_hash)
        if not seen:
            return
        operation, region, time = seen
        same = operation == type(self).__name__ and region == self.call.region
        if same and self.effect is not Effect.CHANGE:
            return
        if clock.now() - time > REPLAY_WINDOW:
            log.warning("a signature of %s came again", operation)
            raise AuthFailure

    def _classify(self, error: Exception) -> KMSError:
        if isinstance(error, KMSError):
            return error
        if isinstance(error, DatabaseError):
            log.error("database refused %s: %s", type(self).__name__, error)
            return ServiceTemporaryUnavailable()
        translated = self.translate(error)
        if translated is None:
            log.error(
                "%s failed, request %s",
                type(self).__name__,
                self.call.request_id,
                exc_info=error,
            )
            return InternalError()
        return translated

    def _events(
        self, outcome: Outcome, error: KMSError | None = None
    ) -> list[recorder.Event]:
        decision = self.decision
        events = [
            recorder.Event(
                call=self.call,
                operation=type(self).__name__,
                outcome=outcome,
                error_code=error.code if error else "",
                rule=decision.rule if decision else "",
                rule_text=decision.text if decision else "",
                details=self.details | self.event_details(at),
            )
            for at in range(len(self.resources) or 1)
        ]
        for event, resource in zip(events, self.resources, strict=False):
            event.key_id, event.key_version = self.event_key(resource)
        return events

    def _record_refusal(self, error: KMSError) -> None:
        outcome = (
            Outcome.REFUSED
            if error.http_status < InternalError.http_status
            else Outcome.FAILED
        )
        try:
            recorder.write(self._events(outcome, error))
        except DatabaseError:
            log.exception("refusal of %s could not be recorded", type(self).__name__)
            raise ServiceTemporaryUnavailable from None


@cache
def registry() -> dict[str, type[Operation]]:
    """Return every operation by name, from the lists that settings name."""
    operations: dict[str, type[Operation]] = {}
    for path in settings.KMS_OPERATIONS:
        for operation in import_string(path):
            if operation.__name__ in operations:
                message = f"Two operations are called {operation.__name__}."
                raise ValueError(message)
            operations[operation.__name__] = operation
    return operations


def operation_named(name: str) -> type[Operation] | None:
    """Return the operation behind an API action, or None."""
    operation = registry().get(name)
    return operation if operation is not None and operation.api else None


def record_refusal(call: Call, operation: str, error: KMSError) -> None:
    """Record that a known caller was refused before any operation was reached."""
    event = recorder.Event(call, operation, Outcome.REFUSED, error_code=error.code)
    try:
        recorder.write([event])
    except DatabaseError:
        log.exception("refusal of %s could not be recorded", operation)
        raise ServiceTemporaryUnavailable from None


def record_unauthenticated_refusal(
    operation: str,
    error: KMSError,
    *,
    source_address: str,
    request_id: str,
) -> None:
    """Record that somebody without valid credentials was refused.

    The first ones of an address and minute are events of their own; the rest becomes
    one event with a count. Never raises: the refusal stands in any case.
    """
    call = Call(Principal(Kind.ANONYMOUS, 0, 0, "", ""), "", request_id, source_address)
    moment = clock.now()
    try:
        record_finished_refusal_counts()
        if queries.count_refusal(source_address, moment) > SINGLE_REFUSALS_PER_MINUTE:
            return
        event = recorder.Event(call, operation, Outcome.REFUSED, error_code=error.code)
        recorder.write([event])
    except DatabaseError:
        log.exception("an unauthenticated refusal could not be recorded")


def record_finished_refusal_counts() -> None:
    """Turn the counts of past minutes into events; harmless to run twice."""
    for row in queries.finished_counts(clock.now()):
        with recorder.transaction() as events:
            beyond = row.count - SINGLE_REFUSALS_PER_MINUTE
            if not queries.forget_count(row) or beyond <= 0:
                continue
            call = Call(
                Principal(Kind.ANONYMOUS, 0, 0, "", ""), "", "", row.source_address
            )
            details = {"count": beyond, "minute": row.minute.isoformat()}
            events.append(
                recorder.Event(
                    call,
                    "Unauthenticated",
                    Outcome.REFUSED,
                    error_code="AuthFailure",
                    details=details,
                )
            )
