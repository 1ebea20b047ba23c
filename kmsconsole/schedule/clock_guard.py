"""Keeps a wrong clock from destroying keys.

Every process that sweeps or beats observes the clock. Two things put it in doubt: a
step, seen by one process against the time since the machine was started or between two
processes, which waits for the operator; and a gap in which nobody observed anything,
which ends by itself after a steady time. A process that lags behind a confirmed clock
only doubts itself.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.conf import settings
from django.db.models import Q

from kmsconsole import clock
from kmsconsole.schedule.errors import ClockDoubtful
from kmsconsole.schedule.models import ClockState, Doubt

_log = structlog.get_logger(__name__)

AHEAD: Final = timedelta(hours=1)
BACK: Final = timedelta(minutes=5)
LONGEST_STOP: Final = timedelta(days=30)
_WRITTEN_EVERY: Final = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class _Glimpse:
    """Both clocks as this process saw them together."""

    wall: datetime
    elapsed: float
    confirmations: int


_last: _Glimpse | None = None


def observe() -> bool:
    """Look at the clock; return whether it may be believed now."""
    global _last  # noqa: PLW0603 - what one process saw is the process's
    wall, elapsed = clock.now(), clock.elapsed()
    state = _state(wall)
    last = _last if _last and _last.confirmations == state.confirmations else None
    _last = _Glimpse(wall, elapsed, state.confirmations)
    step = _step(last, wall, elapsed)
    if step > AHEAD or step < -BACK:
        _hold(state, wall, Doubt.AHEAD if step > AHEAD else Doubt.BACK, step)
        return False
    gap = wall - state.seen_at
    if gap < -BACK:
        if not state.confirmed_at or wall >= state.confirmed_at - BACK:
            _hold(state, wall, Doubt.DIFFERS, gap)
        return False
    # Whoever saw the whole gap pass knows that it was time.
    if gap > AHEAD and last is None:
        _doubt_after_stop(state, wall, gap)
    if gap >= _WRITTEN_EVERY:
        ClockState.objects.filter(pk=1, seen_at__lt=wall).update(seen_at=wall)
    return _settle(wall)


def steady() -> bool:
    """Return False where the clock stepped since this process last observed it."""
    step = _step(_last, clock.now(), clock.elapsed())
    return -BACK <= step <= AHEAD or observe()


def require_belief() -> None:
    """Raise ClockDoubtful while the clock is in doubt, as the row says now."""
    state = ClockState.objects.filter(pk=1).first()
    if state is not None and state.doubtful(clock.now()):
        raise ClockDoubtful


def confirm() -> ClockState:
    """Believe the clock as this process has it; return the state as it was before."""
    global _last  # noqa: PLW0603 - as above
    wall = clock.now()
    _state(wall)
    before = ClockState.objects.select_for_update().get(pk=1)
    ClockState.objects.filter(pk=1).update(
        seen_at=wall,
        confirmed_at=wall,
        confirmations=before.confirmations + 1,
        **_believed(),
    )
    _last = None
    return before


def _believed() -> dict[str, object]:
    return {"doubt": "", "doubt_since": None, "doubt_until": None, "seconds": 0}


def _state(wall: datetime) -> ClockState:
    state = ClockState.objects.filter(pk=1).first()
    if state is None:
        state, _ = ClockState.objects.get_or_create(pk=1, defaults={"seen_at": wall})
    return state


def _step(last: _Glimpse | None, wall: datetime, elapsed: float) -> timedelta:
    if last is None:
        return timedelta()
    return wall - last.wall - timedelta(seconds=elapsed - last.elapsed)


def _doubt_after_stop(state: ClockState, wall: datetime, gap: timedelta) -> None:
    if gap > LONGEST_STOP:
        _hold(state, wall, Doubt.LONG_STOPPED, gap)
        return
    until = wall + timedelta(seconds=settings.KMS_CLOCK_STEADY_SECONDS)
    passing = Q(doubt="") | Q(doubt=Doubt.STOPPED)
    begun = ClockState.objects.filter(
        passing, pk=1, confirmations=state.confirmations
    ).update(
        doubt=Doubt.STOPPED,
        doubt_since=wall,
        doubt_until=until,
        seconds=int(gap.total_seconds()),
    )
    if begun:
        _log.warning("nothing ran for a while", gap=str(gap), steady_at=str(until))


def _hold(state: ClockState, wall: datetime, doubt: Doubt, by: timedelta) -> None:
    """Wait for the operator, unless that is so already or was just confirmed."""
    passing = Q(doubt="") | Q(doubt=Doubt.STOPPED)
    held = ClockState.objects.filter(
        passing, pk=1, confirmations=state.confirmations
    ).update(
        doubt=doubt,
        doubt_since=wall,
        doubt_until=None,
        seconds=int(by.total_seconds()),
    )
    if held:
        _log.critical("the clock is in doubt", why=str(doubt), by=str(by))


def _settle(wall: datetime) -> bool:
    """End a doubt whose time is up; return whether there is none now."""
    over = ClockState.objects.filter(pk=1, doubt_until__lte=wall)
    state = ClockState.objects.get(pk=1)
    if state.doubt and not state.doubtful(wall):
        over.update(**_believed())
        return True
    return not state.doubt
