"""How long a session lasts: since when it is idle, since when it is there at all."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, cast

from allauth.account.authentication import get_authentication_records
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.http import HttpRequest

from accessctl.factors import has_factor
from accessctl.models import Account, User
from kmsconsole import clock

# When the session began, and when it was last used, in seconds; the second is noted at
# most once a minute.
_BEGAN, _SEEN = "accessctl_began", "accessctl_seen"
_NOTED_EVERY = 60
_HOUR, _MINUTE = 3600, 60


def begin(request: HttpRequest) -> None:
    """Count from now on, after somebody signed in."""
    now = clock.now().timestamp()
    request.session[_BEGAN] = request.session[_SEEN] = now


def go_on(request: HttpRequest) -> bool:
    """Say whether the session may go on, and note that it is used."""
    session = request.session
    if _BEGAN not in session:
        begin(request)
        return True
    if _is_over(session, cast(User, request.user).account):
        return False
    now = clock.now().timestamp()
    if now - session[_SEEN] >= _NOTED_EVERY:
        session[_SEEN] = now
    return True


def _is_over(session: Any, account: Account) -> bool:
    now = clock.now().timestamp()
    return bool(
        now - session.get(_SEEN, now) >= account.idle_minutes * _MINUTE
        or now - session.get(_BEGAN, now) >= account.session_hours * _HOUR
    )


def open_sessions(user: User) -> list[UserSession]:
    """Return the sessions of a person that still open the console, newest first.

    Each has `seen`, the time of its last use, or None where that is unknown.
    """
    listed = list(UserSession.objects.filter(user=user).order_by("-created_at"))
    rows = Session.objects.filter(
        session_key__in=[entry.session_key for entry in listed],
        expire_date__gt=clock.now(),
    )
    stored = {row.session_key: row.get_decoded() for row in rows}
    valid = user.get_session_auth_hash()
    found = []
    for entry in listed:
        data = stored.get(entry.session_key)
        if not data or data.get("_auth_user_hash") != valid:
            continue
        if not _is_over(data, user.account):
            seen = data.get(_SEEN)
            entry.seen = entry.created_at if seen is None else _moment(seen)
            found.append(entry)
    return found


def _moment(seconds: float) -> Any:
    now = clock.now()
    return now - timedelta(seconds=now.timestamp() - seconds)


def end(sessions: Iterable[UserSession]) -> None:
    """End these sessions, in every process, at their next request."""
    keys = [entry.session_key for entry in sessions]
    Session.objects.filter(session_key__in=keys).delete()
    UserSession.objects.filter(session_key__in=keys).delete()


def proved_recently(request: HttpRequest) -> bool:
    """Say whether the person proved within the last minutes that it is them.

    Who signed in with a second factor, or proved one since, proves it with a second
    factor; but who has none any more proves it with the password.
    """
    user = cast(User, request.user)
    records = get_authentication_records(request, user)
    factors = [record for record in records if record["method"] == "mfa"]
    if _recent(factors or records):
        return True
    return bool(factors) and _recent(records) and not has_factor(user)


def _recent(records: list[dict[str, Any]]) -> bool:
    if not records:
        return False
    age = clock.now().timestamp() - records[-1]["at"]
    return bool(age < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT)


def date_newest_proof(request: HttpRequest, user: User) -> None:
    """Date the newest proof by the clock that its age is later read from."""
    records = get_authentication_records(request, user)
    if records:
        records[-1]["at"] = clock.now().timestamp()
        request.session.modified = True
