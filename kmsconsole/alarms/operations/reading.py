"""Reading alarms: everybody those of the keys they may see."""

from typing import Annotated, Any

from django.db import connection
from pydantic import Field, model_validator

from kmsconsole.alarms import audience
from kmsconsole.alarms.kinds import AlarmKind
from kmsconsole.alarms.models import Alarm, AlarmRead
from kmsconsole.errors import InvalidParameter
from kmsconsole.inputs import OperationInput, WholeNumber
from kmsconsole.operations import Effect, Operation, Scope

MOST_AT_ONCE = 100
# A single statement, so that two windows of one person can't count it back.
_READ_UNTIL = (
    "INSERT INTO alarms_readuntil (person_uin, alarm_number) VALUES (%s, %s) "
    "ON CONFLICT (person_uin) DO UPDATE SET alarm_number = excluded.alarm_number "
    "WHERE alarms_readuntil.alarm_number < excluded.alarm_number"
)


class ListAlarmsInput(OperationInput):
    """Which alarms; `before` is the number of one: older ones are asked for."""

    kind: AlarmKind | None = None
    unread: bool = False
    before: WholeNumber | None = None
    limit: Annotated[WholeNumber, Field(ge=1, le=MOST_AT_ONCE)] = 25


class ListAlarms(Operation):
    """Alarms that the caller may see, newest first, of every region."""

    effect = Effect.READ
    scope = Scope.LISTING
    permission = "DescribeKey"
    api = False
    Input = ListAlarmsInput

    def perform(self, data: ListAlarmsInput) -> dict[str, Any]:
        """Return a page, the numbers of those not read, and where to go on."""
        found = audience.of_account(self.call)
        if data.kind is not None:
            found = found.filter(kind=data.kind)
        if data.before is not None:
            found = found.filter(id__lt=data.before)
        if data.unread:
            found = audience.unread(self.call, found)
        found = audience.visible(self.call, found).order_by("-id")
        rows = list(found[: data.limit + 1])
        page = rows[: data.limit]
        numbers = Alarm.objects.filter(id__in=[row.pk for row in page])
        unread = audience.unread(self.call, numbers).values_list("id", flat=True)
        return {
            "Alarms": page,
            "Unread": set(unread),
            "Older": page[-1].pk if len(rows) > data.limit else None,
        }


class MarkAlarmsReadInput(OperationInput):
    """Up to 100 alarms by number, or everything up to one."""

    alarms: Annotated[list[WholeNumber], Field(max_length=MOST_AT_ONCE)] | None = None
    until: WholeNumber | None = None

    @model_validator(mode="after")
    def _names_some(self) -> "MarkAlarmsReadInput":
        if (self.alarms is None) == (self.until is None):
            raise InvalidParameter("Alarms")
        return self


class MarkAlarmsRead(Operation):
    """Note what the caller has read; for nobody else it changes anything."""

    effect = Effect.CHANGE
    scope = Scope.CALLER
    api = False
    audited_fields = ("alarms", "until")
    Input = MarkAlarmsReadInput

    def perform(self, data: MarkAlarmsReadInput) -> dict[str, Any]:
        """Mark them; numbers of no alarm that the caller sees change nothing."""
        uin = self.call.principal.uin
        own = audience.of_account(self.call)
        if data.until is not None:
            last = own.filter(id__lte=data.until).order_by("-id").first()
            if last is not None:
                with connection.cursor() as cursor:
                    cursor.execute(_READ_UNTIL, (uin, last.pk))
                read = AlarmRead.objects.filter(person_uin=uin)
                read.filter(alarm_id__lte=last.pk).delete()
            return {}
        seen = audience.visible(self.call, own.filter(id__in=data.alarms or []))
        rows = [AlarmRead(person_uin=uin, alarm=alarm) for alarm in seen]
        AlarmRead.objects.bulk_create(rows, ignore_conflicts=True)
        return {}
