"""Operations on alarms: reading them, and saying where one wants them."""

from kmsconsole.alarms.operations.reading import ListAlarms, MarkAlarmsRead
from kmsconsole.operations import Operation

OPERATIONS: tuple[type[Operation], ...] = (ListAlarms, MarkAlarmsRead)

__all__ = ["OPERATIONS", "ListAlarms", "MarkAlarmsRead"]
