"""A clock that a test puts forward, and sweeps that run when it says so."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from kmsconsole import clock
from kmsconsole.schedule import clock_guard, database_time
from kmsconsole.schedule.running import run
from kmsconsole.schedule.sweeps import sweeps

Later = Callable[..., None]
Sweeping = Callable[[str], dict[str, int]]


@pytest.fixture
def later(db: None, monkeypatch: pytest.MonkeyPatch) -> Later:
    """Put the clock forward, and let the service see that time pass."""
    passed = timedelta()
    real, since_start = clock.now, clock.elapsed
    monkeypatch.setattr(clock_guard, "_last", None)
    monkeypatch.setattr(
        clock, "elapsed", lambda: since_start() + passed.total_seconds()
    )
    for module in (clock, database_time):
        monkeypatch.setattr(module, "now", lambda: real() + passed)

    def put(**span: float) -> None:
        nonlocal passed
        passed += timedelta(**span)

    clock_guard.observe()
    return put


@pytest.fixture
def sweep() -> Sweeping:
    """Run a sweep to its end; returns its figures."""

    def once(name: str) -> dict[str, int]:
        tally, more = run(sweeps()[name])
        assert not more
        assert not tally.failed, tally.failure
        return tally.figures()

    return once
