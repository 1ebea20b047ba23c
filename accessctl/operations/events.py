"""What happened in an account, by its audit: to search, to read, to take along."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.db.models import BigIntegerField, ExpressionWrapper, F, Q, QuerySet
from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from accessctl.errors import NoSuchOperation, UnreadableTime
from accessctl.operations.endings import EndAccess
from keys.errors import EventNotFound
from keys.operations import SYSTEM_OPERATIONS
from keys.operations.base import KeyId
from kmsconsole.audit.models import AuditEvent, Outcome
from kmsconsole.inputs import OperationInput, WholeNumber
from kmsconsole.operations import Effect, Operation, Scope, registry

# So many events are looked at for one page, however few of them fit.
EXAMINED = 50_000
EXAMINED_FOR_EXPORT = 500_000
MOST_EXPORTED = 10_000
# Groups of operations that can be asked for beside a single one.
EVERYTHING, CHANGES, USES = "all", "changes", "uses"
# Its kind has to be named, or numbers of accounts were too large for it.
_COMPUTED_ACCOUNT = ExpressionWrapper(F("account_uin") + 0, BigIntegerField())
_BEGINNING = "SignIn"
_MOST_DIGITS = 18


def _moment(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        read = datetime.fromisoformat(value)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UnreadableTime from None


def _known(value: str) -> str:
    if value and value not in (EVERYTHING, CHANGES, USES) and value not in recorded():
        raise NoSuchOperation("What")
    return value


def _printable(value: str) -> str:
    if not value.isprintable():
        code, text = "printable", "only printable characters are possible"
        raise PydanticCustomError(code, text)
    return value.strip()


Moment = Annotated[datetime, BeforeValidator(_moment)]
Words = Annotated[str, Field(max_length=64), AfterValidator(_printable)]


class EventFilter(OperationInput):
    """Which events; what is absent narrows nothing. Times without a zone are UTC.

    `what` is an operation, `changes`, `uses` or `all`; empty leaves out what was only
    looked at. `actor` is part of a name, a uin or a SecretId, `source` the beginning
    of an address. `before` is the number of an event: older ones are asked for.
    """

    since: Moment | None = None
    until: Moment | None = None
    actor: Words = ""
    what: Annotated[str, Field(max_length=64), AfterValidator(_known)] = ""
    key_id: KeyId | None = None
    outcome: Outcome | None = None
    source: Words = ""
    request_id: UUID | None = None
    before: WholeNumber | None = None


class ListEventsInput(EventFilter):
    """One page of them."""

    limit: Annotated[WholeNumber, Field(ge=1, le=100)] = 25


@cache
def recorded() -> Mapping[str, Effect]:
    """Return every operation that events name; a sign-in is more than a look."""
    effects = {name: operation.effect for name, operation in registry().items()}
    effects |= {each.__name__: each.effect for each in SYSTEM_OPERATIONS}
    effects[EndAccess.__name__] = EndAccess.effect
    return effects | {_BEGINNING: Effect.CHANGE}


def named(effect: Effect) -> list[str]:
    """Return the operations of this effect, by name."""
    return [name for name, each in recorded().items() if each is effect]


class _EventsOperation(Operation):
    """Reads events of the caller's account, of every region they may ask about."""

    effect = Effect.READ
    scope = Scope.ACCOUNT
    permission = "ListEvents"
    api = False

    def readable(self, events: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        """Leave out events of regions that the caller's right is not about."""
        allowed = [
            region
            for region in settings.KMS_REGIONS
            if region == self.call.region or self._may_in(region)
        ]
        # A right that holds everywhere also holds for regions that are gone.
        if len(allowed) == len(settings.KMS_REGIONS):
            return events
        return events.filter(region__in=allowed)

    def find(self, sequence: int) -> AuditEvent | None:
        """Return one event of the account, None where there is none to read."""
        account = self.call.principal.account_uin
        events = AuditEvent.objects.filter(account_uin=account, sequence=sequence)
        return self.readable(events).first()

    def _may_in(self, region: str) -> bool:
        return replace(self.call, region=region).decide(type(self), None).allowed


@dataclass(frozen=True, slots=True)
class _Walk:
    """Events in the order of an index, so that any number of them costs the same.

    One key's are walked by number, an account's by time: a time that is asked for is
    then found at once, and nothing is left out where a clock was set back.
    """

    events: QuerySet[AuditEvent]
    by_time: bool

    def behind(self, place: AuditEvent) -> "_Walk":
        """Return what comes behind this event."""
        older = Q(sequence__lt=place.sequence)
        if self.by_time:
            older = Q(time__lte=place.time) & (Q(time__lt=place.time) | older)
        return _Walk(self.events.filter(older), self.by_time)

    def not_behind(self, time: datetime, sequence: int) -> "_Walk":
        """Return what comes up to this event."""
        newer = Q(sequence__gte=sequence)
        if self.by_time:
            newer = Q(time__gte=time) & (Q(time__gt=time) | newer)
        return _Walk(self.events.filter(newer), self.by_time)

    def ordered(self) -> QuerySet[AuditEvent]:
        """Return the events, newest first."""
        order = ("-time", "-sequence") if self.by_time else ("-sequence",)
        return self.events.order_by(*order)


class _SearchOperation(_EventsOperation):
    """Goes back through an account's events, or through those of one key."""

    Input: ClassVar[type[OperationInput]] = EventFilter

    def locate(self, data: EventFilter) -> Sequence[Any]:
        """Note what is asked for; it is about the account as a whole."""
        asked = data.model_dump(by_alias=True, exclude_defaults=True)
        self.details.update((name, str(value)) for name, value in asked.items())
        return ()

    def check(self, data: EventFilter) -> None:
        """Refuse to go on behind an event that isn't there."""
        self.place = None
        if data.before is not None:
            self.place = self.find(data.before)
            if self.place is None:
                raise EventNotFound("Before")

    def page(self, data: EventFilter, limit: int, most: int) -> dict[str, Any]:
        """Return up to `limit` events, newest first, of the `most` next ones.

        `Older` is the event to go on behind, None at the end. `SearchedBackTo` is the
        time the search reached where it ended before the page was full, else None.
        """
        walk = self._walk(data)
        places = walk.ordered().values_list("time", "sequence")
        last = next(iter(places[most - 1 : most]), None)
        reach = walk.not_behind(*last) if last else walk
        fitting = self.readable(_narrowed(reach.ordered(), data))
        found = list(fitting[: limit + 1])
        events = found[:limit]
        end: tuple[datetime | None, int | None] = last or (None, None)
        if len(found) > limit:
            end = (None, events[-1].sequence)
        return {"Events": events, "Older": end[1], "SearchedBackTo": end[0]}

    def _walk(self, data: EventFilter) -> _Walk:
        by_time = data.key_id is None or data.until is not None
        # An expression, or SQLite would read all events of the account for a key's.
        account = F("account_uin") if by_time else _COMPUTED_ACCOUNT
        events = AuditEvent.objects.alias(account=account).filter(
            account=self.call.principal.account_uin
        )
        if not by_time:
            events = events.filter(key_id=str(data.key_id))
        elif data.until is not None:
            events = events.filter(time__lt=data.until)
        if by_time and data.since is not None:
            events = events.filter(time__gte=data.since)
        walk = _Walk(events, by_time)
        return walk.behind(self.place) if self.place is not None else walk


class ListEvents(_SearchOperation):
    """Events of the account that fit, a page at a time."""

    Input = ListEventsInput

    def perform(self, data: ListEventsInput) -> dict[str, Any]:
        """Return one page; see `page`."""
        return self.page(data, data.limit, EXAMINED)


class ExportEvents(_SearchOperation):
    """The same to take along: more of them at once, and never all without an end."""

    def perform(self, data: EventFilter) -> dict[str, Any]:
        """Return up to `MOST_EXPORTED` events; see `page`."""
        return self.page(data, MOST_EXPORTED, EXAMINED_FOR_EXPORT)


class EventInput(OperationInput):
    """One event, by its number."""

    sequence: WholeNumber


class DescribeEvent(_EventsOperation):
    """One event of the account with all that was recorded."""

    Input = EventInput

    def check(self, data: EventInput) -> None:
        """Refuse a number that is nobody's, or another account's."""
        found = self.find(data.sequence)
        if found is None:
            raise EventNotFound("Sequence")
        self.event = found

    def perform(self, data: EventInput) -> dict[str, Any]:
        """Return the event."""
        return {"Event": self.event}


def _narrowed(events: QuerySet[AuditEvent], data: EventFilter) -> QuerySet[AuditEvent]:
    """Return those that fit; what no index knows is read one by one."""
    wanted: dict[str, Any] = {
        "key_id": data.key_id and str(data.key_id),
        "outcome": data.outcome,
        "source_address__istartswith": data.source,
        "request_id": data.request_id and str(data.request_id),
        "time__gte": data.since,
    }
    events = events.filter(**{name: v for name, v in wanted.items() if v})
    if data.actor:
        events = events.filter(_actor(data.actor))
    return events.filter(_what(data.what))


def _actor(words: str) -> Q:
    known = Q(principal_name__icontains=words) | Q(credential=words)
    if words.isascii() and words.isdigit() and len(words) <= _MOST_DIGITS:
        known |= Q(principal_uin=int(words))
    return known


def _what(what: str) -> Q:
    if what == EVERYTHING:
        return Q()
    if what == CHANGES:
        return Q(operation__in=named(Effect.CHANGE))
    if what == USES:
        return Q(operation__in=named(Effect.CRYPTOGRAPHY))
    if what:
        return Q(operation=what)
    return ~Q(operation__in=named(Effect.READ), outcome=Outcome.SUCCESS)
