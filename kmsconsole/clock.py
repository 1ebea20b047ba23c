"""The one place clocks are read."""

import time
from datetime import UTC, datetime


def now() -> datetime:
    """Return the current time, aware and in UTC."""
    return datetime.now(UTC)


def elapsed() -> float:
    """Return the seconds since the machine was started, which nobody can set.

    Time in which the machine slept counts; of use are only differences.
    """
    return time.clock_gettime(time.CLOCK_BOOTTIME)
