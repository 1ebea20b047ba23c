"""Operations on alarms: reading them, and saying where one wants them."""

from kmsconsole.alarms.operations.reading import ListAlarms, MarkAlarmsRead
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
)

__all__ = [
    "OPERATIONS",
    "ConfirmAlarmAddress",
    "CreateWebhook",
    "DeleteWebhook",
    "DescribeAlarmSettings",
    "ListAlarms",
    "MarkAlarmsRead",
    "SetAlarmAddress",
    "SetAlarmSubscriptions",
    "TryWebhook",
]
