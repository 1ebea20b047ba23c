"""Looks for what people have to know: attempts, dates, and how the service is.

Everything is derived from rows that are there anyway, and raised under the name of its
occasion, so that looking again, or two at once, raises nothing twice.
"""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet

from keys import budget
from keys.custody import keyring
from keys.models import CustomerMasterKey, KeyVersion, UsageProgress
from keys.operations import HoldKeyDeletion
from keys.operations.holding import (
    USES,
    attempt_on,
    confirmed_deletions,
    hold_of,
    undecided_deletions,
    waiting_since,
    with_holds,
)
from keys.operations.metadata import unix
from keys.states import KeyKind
from kmsconsole import clock
from kmsconsole.alarms.kinds import AlarmKind
from kmsconsole.alarms.models import Alarm, Watch
from kmsconsole.alarms.raising import alarm_about, raise_alarm, raise_alarms
from kmsconsole.audit import queries
from kmsconsole.audit.models import AuditEvent
from kmsconsole.errors import UnauthorizedOperation
from kmsconsole.schedule.models import ClockState
from kmsconsole.schedule.stint import Stint
from kmsconsole.schedule.sweeps import service_call

SETTLED: Final = timedelta(seconds=60)
LAST_DAYS: Final = timedelta(days=3)
# A rotation is made within minutes of its time; after that long it was missed.
MISSED_AFTER: Final = timedelta(hours=1)
BEHIND_AFTER: Final = timedelta(minutes=15)
_DAY: Final = timedelta(days=1)
_WEEK: Final = 7
_BATCH: Final = 20_000
_PAGE: Final = 200


def attempts(stint: Stint) -> None:
    """Raise alarms about uses of keys pending deletion, and hold those deletions.

    Events are read once, in order, when they are a minute old: none that is still
    being committed is passed over.
    """
    watch, _ = Watch.objects.get_or_create(name="attempts")
    while stint.goes_on():
        numbers = AuditEvent.objects.filter(
            sequence__gt=watch.number, time__lt=clock.now() - SETTLED
        ).order_by("sequence")
        some = list(numbers.values_list("sequence", flat=True)[:_BATCH])
        if not some:
            return
        _attempts_between(stint, watch.number, some[-1])
        ahead = Watch.objects.filter(name="attempts", number__lt=some[-1])
        ahead.update(number=some[-1])
        watch.number = some[-1]


def _attempts_between(stint: Stint, after: int, until: int) -> None:
    refused = AuditEvent.objects.filter(
        queries.not_done(),
        sequence__gt=after,
        sequence__lte=until,
        operation__in=USES,
        key_id__isnull=False,
    )
    by_key: dict[str, list[AuditEvent]] = {}
    for event in refused.order_by("sequence").iterator(chunk_size=_PAGE):
        by_key.setdefault(str(event.key_id), []).append(event)
    for key in _pending(by_key):
        with stint.counting("watching", str(key.id)) as one:
            one.still_due = lambda: False
            _tell_attempts(key, by_key[str(key.id)])


def _pending(ids: Iterable[str]) -> Iterable[CustomerMasterKey]:
    named = [UUID(key_id) for key_id in ids]
    for at in range(0, len(named), _PAGE):
        keys = CustomerMasterKey.objects.pending_deletion()
        yield from keys.filter(pk__in=named[at : at + _PAGE])


def _tell_attempts(key: CustomerMasterKey, events: list[AuditEvent]) -> None:
    """Raise one alarm a caller, day and sort of refusal: for rights, or for state."""
    begun, _ = waiting_since(key)
    for event in events:
        if event.sequence <= begun:
            continue
        allowed = event.error_code != UnauthorizedOperation.code
        caller = f"{event.principal_uin}|{event.time:%Y-%m-%d}|{allowed:d}"
        said = {
            "Caller": event.principal_name,
            "Operation": event.operation,
            "Error": event.error_code,
            "Event": event.sequence,
        }
        raise_alarm(AlarmKind.PENDING_KEY_USED, caller, key=key, details=said)
    if hold_of(key) is None and attempt_on(key) is not None:
        call = service_call(key.account_uin, key.region)
        HoldKeyDeletion.execute(call, {"KeyId": str(key.id)})


def dates(stint: Stint) -> None:
    """Raise alarms about dates that are near, and about one that passed unused."""
    now = clock.now()
    keys = CustomerMasterKey.objects
    soon = {"gt": now, "lte": now + LAST_DAYS}
    pending = with_holds(keys.pending_deletion())
    _raise_for(stint, _within(pending, "deletion_date", **soon), _deletion_near)
    # Their own date is past, as somebody confirmed them late.
    confirmed = confirmed_deletions().filter(deletion_date__lte=now)
    _raise_for(stint, _within(confirmed, "runs_at", **soon), _deletion_near)
    expiring = _within(keys.expiring(), "material_valid_to", **soon)
    _raise_for(stint, expiring, _material_expires)
    late = _within(keys.rotating(), "next_rotation_at", lte=now - MISSED_AFTER)
    _raise_for(stint, late, _rotation_missed)
    worn = KeyVersion.objects.worn().select_related("key").order_by("pk")
    _raise_for(stint, worn, _budget_near)
    # Whoever was told less than a day ago that it is held needs no reminder.
    held = undecided_deletions(until=now - _DAY)
    near = _within(held, "deletion_date", lte=now + LAST_DAYS)
    _raise_for(stint, near, _deletion_held)


def _within(rows: "QuerySet[Any]", column: str, **bounds: Any) -> "QuerySet[Any]":
    """Return the rows between two moments, oldest first."""
    found = rows.filter(**{f"{column}__{how}": at for how, at in bounds.items()})
    return found.order_by(column, "pk")


def _raise_for(
    stint: Stint, rows: "QuerySet[Any]", about: Callable[[Any], Alarm | None]
) -> None:
    """Raise what there is to say of each row, as long as there is time."""
    some: list[Alarm] = []
    for row in rows.iterator(chunk_size=_PAGE):
        if not stint.goes_on():
            break
        alarm = about(row)
        if alarm is not None:
            stint.tally.due += 1
            stint.tally.done += 1
            some.append(alarm)
        if len(some) == _PAGE:
            raise_alarms(some)
            some = []
    raise_alarms(some)


def _deletion_near(key: Any) -> Alarm | None:
    """Say when the key goes, unless it is held; once more when that was confirmed."""
    if key.held:
        return None
    date = key.runs_at or key.deletion_date
    days = -((clock.now() - date) // _DAY)
    said = {"Date": unix(date), "Days": days}
    once = f"{unix(date)}|{days}" + ("|confirmed" if key.runs_at else "")
    return alarm_about(AlarmKind.DELETION_NEAR, once, key=key, details=said)


def _deletion_held(key: Any) -> Alarm:
    """Remind of a decision: every day before and after the date, later every week."""
    past = (clock.now() - key.deletion_date) // _DAY
    if past > _WEEK:
        past -= past % _WEEK
    said = {
        "Caller": key.attempted_by,
        "Operation": key.attempted,
        "Date": unix(key.attempted_at),
        "Since": unix(key.held_since),
        "Due": unix(key.deletion_date),
    }
    once = f"{key.attempt_number}|{past}"
    return alarm_about(AlarmKind.DELETION_HELD, once, key=key, details=said)


def _material_expires(key: CustomerMasterKey) -> Alarm:
    said = {"Date": unix(key.material_valid_to)}
    once = str(unix(key.material_valid_to))
    return alarm_about(AlarmKind.MATERIAL_EXPIRES, once, key=key, details=said)


def _rotation_missed(key: CustomerMasterKey) -> Alarm:
    said = {"Date": unix(key.next_rotation_at)}
    once = str(unix(key.next_rotation_at))
    return alarm_about(AlarmKind.ROTATION_MISSED, once, key=key, details=said)


def _budget_near(version: KeyVersion) -> Alarm | None:
    """Say that an imported key nears its limit, and once more when it refuses."""
    if version.key.kind is not KeyKind.IMPORTED:
        return None
    last = version.encryptions >= budget.MOST
    said = {"Number": version.encryptions}
    once = f"{version.number}|{last:d}"
    return alarm_about(AlarmKind.ENCRYPTION_BUDGET, once, key=version.key, details=said)


def condition(_stint: Stint) -> None:
    """Raise alarms about HSM, audit and clock; once an outage."""
    status = keyring().status()
    since = _trouble("hsm", there=not status.ready)
    if since:
        said: dict[str, Any] = {"Reason": status.detail[:200]}
        raise_alarm(AlarmKind.HSM_DOWN, str(since), details=said)
    oldest = _oldest_unprocessed()
    behind = oldest is not None and oldest < clock.now() - BEHIND_AFTER
    since = _trouble("audit", there=behind)
    if since and oldest is not None:
        said = {"Date": unix(oldest)}
        raise_alarm(AlarmKind.AUDIT_BACKLOG, str(since), details=said)
    state = ClockState.objects.filter(pk=1).first()
    if state is not None and state.doubt and state.doubt_since is not None:
        said = {"Doubt": state.doubt, "Seconds": state.seconds}
        raise_alarm(AlarmKind.CLOCK_HELD, str(unix(state.doubt_since)), details=said)


def _oldest_unprocessed() -> Any:
    progress = UsageProgress.objects.filter(pk=1).first()
    after = progress.sequence if progress else 0
    waiting = AuditEvent.objects.filter(sequence__gt=after).order_by("sequence")
    return waiting.values_list("time", flat=True).first()


def _trouble(name: str, *, there: bool) -> int:
    """Return since when there is trouble, in Unix seconds; 0 where there is none."""
    watch, _ = Watch.objects.get_or_create(name=name)
    if there and not watch.number:
        # Whoever sees it first says when it began.
        unseen = Watch.objects.filter(name=name, number=0)
        unseen.update(number=unix(clock.now()))
        watch.refresh_from_db()
    elif not there and watch.number:
        Watch.objects.filter(name=name).update(number=0)
        return 0
    return watch.number
