"""What access control does by itself, and how often it is looked for."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session

from accessctl.models import (
    GroupAccountGrant,
    GroupKeyGrant,
    UserAccountGrant,
    UserKeyGrant,
)
from accessctl.operations import EndAccess
from kmsconsole import clock
from kmsconsole.schedule.stint import Stint
from kmsconsole.schedule.sweeps import Calendar, Chore, Due, RowSweep, Sweep


def _ends(table: Any, holder: str) -> Calendar:
    def data(due: Due) -> dict[str, Any]:
        return {"Table": table.__name__, "Number": int(due.id)}

    on_key = table in (UserKeyGrant, GroupKeyGrant)
    return Calendar(
        kind="end of a right",
        operation=EndAccess,
        rows=lambda: table.objects.filter(expires_at__isnull=False),
        column="expires_at",
        data=data,
        account=f"{holder}__account_id",
        region="content_object__region" if on_key else "",
        key="content_object_id" if on_key else "",
    )


def _calendars() -> Iterator[Calendar]:
    yield _ends(UserKeyGrant, "user")
    yield _ends(UserAccountGrant, "user")
    yield _ends(GroupKeyGrant, "group__owner")
    yield _ends(GroupAccountGrant, "group__owner")


def _forget_sessions(stint: Stint) -> None:
    """Remove sessions that are over: nobody can come back to them."""
    gone, _ = Session.objects.filter(expire_date__lt=clock.now()).delete()
    UserSession.objects.exclude(
        session_key__in=Session.objects.values("session_key")
    ).delete()
    stint.tally.due = stint.tally.done = gone


SWEEPS: tuple[Sweep, ...] = (
    RowSweep("rights", *_calendars()),
    Chore("sessions", timedelta(hours=1), _forget_sessions),
)
