"""The sweeps of the alarms, and how often each one looks."""

from datetime import timedelta

from kmsconsole.alarms import outbox, watching
from kmsconsole.schedule.sweeps import EVERY_MINUTE, Chore, Sweep

SWEEPS: tuple[Sweep, ...] = (
    Chore("attempts", EVERY_MINUTE, watching.attempts),
    Chore("dates", timedelta(minutes=10), watching.dates),
    Chore("condition", EVERY_MINUTE, watching.condition),
    Chore("outbox", EVERY_MINUTE, outbox.work),
    Chore("old messages", timedelta(hours=6), outbox.forget),
)
