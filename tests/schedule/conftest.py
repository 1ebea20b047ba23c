"""A clock that stands still until a test moves it, for the process and the database."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from kmsconsole import clock
from kmsconsole.schedule import database_time

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
Travel = Callable[..., datetime]


def seconds(moment: datetime) -> float:
    """Return a moment as seconds, for a clock that runs with it."""
    return moment.timestamp()


@pytest.fixture
def travel(monkeypatch: pytest.MonkeyPatch) -> Travel:
    """Stop the clock at NOW; the returned function moves it and says the time.

    This process sees that time pass: it is no step.
    """
    hands = {"now": NOW}
    monkeypatch.setattr(clock, "elapsed", lambda: seconds(hands["now"]))
    for module in (clock, database_time):
        monkeypatch.setattr(module, "now", lambda: hands["now"])

    def move(**span: float) -> datetime:
        hands["now"] += timedelta(**span)
        return hands["now"]

    return move
