"""What a supervisor, a proxy and a person may ask without signing in: does it run?

`/healthz` speaks for the process alone. `/readyz` answers 503 where the database or the
token can't be used and names the part; beat, worker and sweeps are reported, but a late
one doesn't take the service away from its users.
"""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import structlog
from django.contrib.auth.decorators import login_not_required
from django.db import Error as DatabaseFailure
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from keys.custody import keyring
from keys.hsm.token import TokenStatus
from keys.models import Heartbeat
from kmsconsole import clock
from kmsconsole.schedule.lateness import late

_log = structlog.get_logger(__name__)

OK: Final = "ok"
LATE: Final = "late"
UNAVAILABLE: Final = "unavailable"

# Beat writes every 15 s; the worker's row also crosses the broker, every 30 s.
_LATE_AFTER: Final = {"beat": timedelta(seconds=60), "worker": timedelta(seconds=100)}


class _TokenProbe:
    """The token's status, asked of the HSM at most once a second per process."""

    KEPT_SECONDS: Final = 1.0

    def __init__(
        self, ask: Callable[[], TokenStatus], monotonic: Callable[[], float]
    ) -> None:
        self._ask = ask
        self._monotonic = monotonic
        self._asked_at = float("-inf")
        self._status = TokenStatus(ready=False, detail="not asked yet")

    def status(self) -> TokenStatus:
        """Return what the token said, at most a second ago."""
        moment = self._monotonic()
        if moment - self._asked_at >= self.KEPT_SECONDS:
            status = self._ask()
            if status.ready != self._status.ready:
                _log.info("token status", ready=status.ready, detail=status.detail)
            self._status, self._asked_at = status, moment
        return self._status


# An interval inside one process: unlike the wall clock it never goes back.
_token = _TokenProbe(lambda: keyring().status(), time.monotonic)


@login_not_required
@never_cache
@require_safe
def healthz(_request: HttpRequest) -> JsonResponse:
    """Answer 200 whenever this process handles requests at all."""
    return JsonResponse({"status": OK})


@login_not_required
@never_cache
@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    """Answer 200, or 503 where keys can't be used; each part with its own word."""
    beats = heartbeats()
    database = UNAVAILABLE if beats is None else OK
    token = OK if _token.status().ready else UNAVAILABLE
    ready = database == token == OK
    parts = {"database": database, "token": token, **(beats or {})}
    if beats is not None:
        parts["sweeps"] = LATE if late_sweeps() else OK
    return JsonResponse(
        {"status": OK if ready else UNAVAILABLE, **parts}, status=200 if ready else 503
    )


def heartbeats() -> dict[str, str] | None:
    """Return `ok` or `late` for beat and worker; None where the database fails."""
    try:
        seen = dict(Heartbeat.objects.values_list("name", "at"))
    except DatabaseFailure:
        _log.warning("database check failed", exc_info=True)
        return None
    moment = clock.now()
    return {
        name: OK if name in seen and moment - seen[name] <= limit else LATE
        for name, limit in _LATE_AFTER.items()
    }


def late_sweeps() -> list[str]:
    """Return the sweeps that haven't run for too long; none where nobody can tell."""
    try:
        return late()
    except DatabaseFailure:
        _log.warning("sweeps not checked", exc_info=True)
        return []
