"""What alarms say: a title, a sentence and what to do, in the reader's language."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.template.defaultfilters import date as date_text
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy, ngettext, pgettext

from keys.views.happenings import deed
from kmsconsole.alarms.kinds import URGENT, AlarmKind
from kmsconsole.alarms.models import Alarm
from kmsconsole.schedule.models import Doubt

DEEDS: dict[str, str | Promise] = {
    "ListAlarms": gettext_lazy("List alarms"),
    "ListScheduled": gettext_lazy("View what is scheduled"),
    "MarkAlarmsRead": gettext_lazy("Mark alarms as read"),
    "DescribeAlarmSettings": gettext_lazy("View where alarms go"),
    "SetAlarmSubscriptions": gettext_lazy("Choose alarms"),
    "SetAlarmAddress": gettext_lazy("Set address for alarms"),
    "ConfirmAlarmAddress": gettext_lazy("Confirm address for alarms"),
    "CreateWebhook": gettext_lazy("Create webhook"),
    "TryWebhook": gettext_lazy("Try webhook"),
    "DeleteWebhook": gettext_lazy("Delete webhook"),
}
_FAILURES: dict[str, str | Promise] = {
    "unresolved": gettext_lazy("The name has no address."),
    "address": gettext_lazy("The address is not public, and not listed."),
    "connection": gettext_lazy("No connection."),
    "certificate": gettext_lazy("The certificate is not valid for the name."),
    "timeout": gettext_lazy("No answer in time."),
    "hsm": gettext_lazy("The HSM did not answer."),
}
_MEND: dict[str, str | Promise] = {
    AlarmKind.PENDING_KEY_USED: gettext_lazy(
        "Find out what still depends on the key before it is destroyed. Cancel the "
        "deletion if it is needed."
    ),
    AlarmKind.DELETION_HELD: gettext_lazy(
        "Decide: cancel the deletion, or confirm it. Until then the key is kept."
    ),
    AlarmKind.DELETION_NEAR: gettext_lazy(
        "After that nobody can decrypt what only this key can. Until then you can "
        "cancel the deletion."
    ),
    AlarmKind.MATERIAL_EXPIRES: gettext_lazy(
        "Import the same material again with a later end; without it the key can't be "
        "used."
    ),
    AlarmKind.ROTATION_MISSED: gettext_lazy(
        "It is made up for by itself. If this repeats, look whether the worker runs "
        "and the HSM answers."
    ),
    AlarmKind.ENCRYPTION_BUDGET: gettext_lazy(
        "A key with imported material can't rotate: create another one and move to it."
    ),
    AlarmKind.HSM_DOWN: gettext_lazy(
        "No key can be used until the HSM answers again. Check it and its connection."
    ),
    AlarmKind.AUDIT_BACKLOG: gettext_lazy(
        "Nothing is lost. Check whether worker and beat run."
    ),
    AlarmKind.CLOCK_HELD: gettext_lazy(
        "Check the clock of the machines, then confirm it with the command “manage.py "
        "clock confirm”. Nothing is destroyed before."
    ),
    AlarmKind.SCRUB_FAILED: gettext_lazy(
        "Don't delete anything. Restore the row from a backup, and find out who could "
        "write to the database."
    ),
}


_DOUBTS: dict[str, str | Promise] = {
    Doubt.STOPPED: gettext_lazy("everything was stopped for a while"),
    Doubt.LONG_STOPPED: gettext_lazy("everything was stopped for very long"),
    Doubt.AHEAD: gettext_lazy("it was put forward"),
    Doubt.BACK: gettext_lazy("it was put back"),
    Doubt.DIFFERS: gettext_lazy("the clocks of two processes differ"),
}


@dataclass(frozen=True, slots=True)
class Told:
    """An alarm in words. `url` leads to what it is about, or is empty."""

    alarm: Alarm
    title: str
    sentence: str
    mend: str
    urgent: bool
    url: str
    unread: bool = False


def told(alarm: Alarm, *, unread: bool = False) -> Told:
    """Put an alarm into the words of the active language."""
    kind = AlarmKind(alarm.kind)
    said = json.loads(alarm.details)
    mend = AlarmKind.DELETION_HELD if said.get("Held") else kind
    url = reverse("keys:details", args=[alarm.key_id]) if alarm.key_id else ""
    return Told(
        alarm,
        str(kind.label),
        _sentence(kind, alarm, said),
        str(_MEND[mend]),
        kind in URGENT,
        url,
        unread,
    )


def failure(code: str) -> str:
    """Say why a message didn't arrive; codes of the other side stand as they are."""
    if not code:
        return ""
    sort, _, number = code.partition(" ")
    if number:
        words = gettext("The other side answered %(number)s.")
        return words % {"number": number}
    return str(_FAILURES.get(sort, code))


def absolute(path: str) -> str:
    """Return the address of a page for people who are elsewhere."""
    return f"{settings.KMS_PUBLIC_URL.rstrip('/')}{path}"


def _sentence(kind: AlarmKind, alarm: Alarm, said: dict[str, Any]) -> str:
    known = {
        "key": alarm.key_name,
        "who": said.get("Caller", ""),
        "what": deed(str(said.get("Operation", ""))),
        "code": said.get("Error", ""),
        "then": _time(said.get("Date")),
        "since": _time(said.get("Since")),
        "due": _time(said.get("Due")),
        "number": said.get("Number", ""),
        "reason": said.get("Reason", ""),
    }
    if kind is AlarmKind.CLOCK_HELD:
        known["reason"] = str(_DOUBTS.get(said.get("Doubt", ""), ""))
    if said.get("Held"):
        # Raised before there were reminders.
        text = gettext(
            "The deletion of %(key)s, due on %(then)s, is held: the key is not "
            "destroyed before somebody confirms that."
        )
        return text % known
    if said.get("Since"):
        text = gettext(
            "The deletion of %(key)s, due on %(due)s, has been held since %(since)s, "
            "and nobody has decided: %(who)s tried “%(what)s” with it on %(then)s."
        )
        return text % known
    if kind is AlarmKind.DELETION_NEAR:
        days = int(said.get("Days", 0))
        text = ngettext(
            "%(key)s will be destroyed in less than a day, on %(then)s.",
            "%(key)s will be destroyed in less than %(days)s days, on %(then)s.",
            days,
        )
        return text % (known | {"days": days})
    return _sentences()[kind] % known


def _sentences() -> dict[AlarmKind, str]:
    return {
        AlarmKind.PENDING_KEY_USED: gettext(
            "%(who)s tried “%(what)s” with %(key)s, which is pending deletion, and was "
            "refused (%(code)s)."
        ),
        AlarmKind.DELETION_HELD: gettext(
            "The deletion of %(key)s is held: %(who)s tried “%(what)s” with it on "
            "%(then)s, which would have been allowed on an enabled key."
        ),
        AlarmKind.MATERIAL_EXPIRES: gettext(
            "The imported material of %(key)s expires on %(then)s."
        ),
        AlarmKind.ROTATION_MISSED: gettext(
            "%(key)s was to be rotated on %(then)s, and has not been."
        ),
        AlarmKind.ENCRYPTION_BUDGET: gettext(
            "%(key)s has encrypted %(number)s times with its version."
        ),
        AlarmKind.HSM_DOWN: gettext("The HSM did not answer: %(reason)s."),
        AlarmKind.AUDIT_BACKLOG: gettext(
            "Events since %(then)s are not processed yet."
        ),
        AlarmKind.CLOCK_HELD: gettext(
            "The clock can't be trusted: %(reason)s. Destruction and expiry wait."
        ),
        AlarmKind.SCRUB_FAILED: gettext(
            "Version %(number)s of %(key)s could not be unwrapped and verified: "
            "%(reason)s."
        ),
    }


def _time(stamp: Any) -> str:
    if not stamp:
        return ""
    time = datetime.fromtimestamp(int(stamp), UTC)
    return date_text(time, pgettext("date and time", "j M Y, H:i")) + " UTC"
