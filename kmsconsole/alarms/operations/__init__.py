"""Operations on alarms: reading them, and saying where one wants them."""

from kmsconsole.alarms.operations.reading import ListAlarms, MarkAlarmsRead
from kmsconsole.alarms.operations.scheduled import ListScheduled
from kmsconsole.alarms.operations.subscribing import (
    ConfirmAlarmAddress,
    DescribeAlarmSettings,
    SetAlarmAddress,
    SetAlarmSubscriptions,
)
from kmsconsole.alarms.operations.webhooks import (
    CreateWebhook,
    DeleteWebhook,
    TryWebhook,
)
from kmsconsole.operations import Operation

OPERATIONS: tuple[type[Operation], ...] = (
    ListAlarms,
    MarkAlarmsRead,
    DescribeAlarmSettings,
    SetAlarmSubscriptions,
    SetAlarmAddress,
    ConfirmAlarmAddress,
    CreateWebhook,
    TryWebhook,
    DeleteWebhook,
    ListScheduled,
)

__all__ = [
    "OPERATIONS",
    "ConfirmAlarmAddress",
    "CreateWebhook",
    "DeleteWebhook",
    "DescribeAlarmSettings",
    "ListAlarms",
    "ListScheduled",
    "MarkAlarmsRead",
    "SetAlarmAddress",
    "SetAlarmSubscriptions",
    "TryWebhook",
]
