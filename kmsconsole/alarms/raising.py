"""Raises alarms: one statement, also inside somebody else's transaction."""

import json
from collections.abc import Sequence
from typing import Any, Protocol
from uuid import UUID

from kmsconsole import clock
from kmsconsole.alarms.kinds import AlarmKind
from kmsconsole.alarms.models import Alarm


class KeyLike(Protocol):
    """A key, as far as alarms name it."""

    id: UUID
    account_uin: int
    region: str
    alias: str


def raise_alarm(
    kind: AlarmKind,
    once: str,
    *,
    key: KeyLike | None = None,
    account_uin: int | None = None,
    details: dict[str, Any] | None = None,
) -> None:
    """Raise an alarm about a key, an account or, without both, the installation.

    `once` names the occasion within the kind and key, such as a day: the same one
    again does nothing. `details` are small, JSON, and never a secret. Who gets it by
    which way is decided later, from the row.
    """
    alarm = alarm_about(kind, once, key=key, account_uin=account_uin, details=details)
    raise_alarms([alarm])


def alarm_about(
    kind: AlarmKind,
    once: str,
    *,
    key: KeyLike | None = None,
    account_uin: int | None = None,
    details: dict[str, Any] | None = None,
) -> Alarm:
    """Return an alarm as `raise_alarm` takes it, not raised yet."""
    place: dict[str, Any] = {"key_id": None, "region": "", "key_name": ""}
    if key is not None:
        account_uin = key.account_uin
        place = {"key_id": key.id, "region": key.region, "key_name": key.alias}
    owner = key.id if key is not None else account_uin or ""
    return Alarm(
        once=f"{kind}|{owner}|{once}",
        kind=kind,
        account_uin=account_uin,
        at=clock.now(),
        details=json.dumps(details or {}, sort_keys=True),
        **place,
    )


def raise_alarms(alarms: Sequence[Alarm]) -> None:
    """Raise several in one statement, leaving out occasions that were told already."""
    Alarm.objects.bulk_create(alarms, ignore_conflicts=True)
