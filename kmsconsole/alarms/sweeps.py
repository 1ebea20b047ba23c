"""The sweeps of the alarms, and how often each one looks."""

from datetime import timedelta

from kmsconsole.alarms import watching
from kmsconsole.schedule.sweeps import EVERY_MINUTE, Chore, Sweep

SWEEPS: tuple[Sweep, ...] = (
    Chore("attempts", EVERY_MINUTE, watching.attempts),
    Chore("dates", timedelta(minutes=10), watching.dates),
    Chore("condition", EVERY_MINUTE, watching.condition),
)
