"""How the sweeps went. What is due stands in the rows that are due, not here."""

from datetime import datetime

from django.db import models


class SweepRun(models.Model):
    """The last run of one sweep.

    The lease keeps two workers from doing the same work twice for nothing; nothing
    depends on it, as every row is read again under its lock. `resume` is where a run
    stopped because its time was up, `unfinished` that erased bytes may still be in the
    database's files. `completed_at` is when a run last reached the end of what is due.
    """

    name = models.CharField(primary_key=True, max_length=32)
    begun_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    due = models.PositiveBigIntegerField(default=0)
    done = models.PositiveBigIntegerField(default=0)
    held = models.PositiveBigIntegerField(default=0)
    failed = models.PositiveBigIntegerField(default=0)
    failure = models.CharField(max_length=255, default="", blank=True)
    failed_at = models.DateTimeField(null=True)
    resume = models.CharField(max_length=128, default="", blank=True)
    unfinished = models.BooleanField(default=False)
    lease_holder = models.CharField(max_length=32, default="", blank=True)
    lease_until = models.DateTimeField(null=True)

    class Meta:
        """One row a sweep."""

        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.name}: {self.done} of {self.due}"


class Doubt(models.TextChoices):
    """Why the clock is not believed."""

    NONE = "", "none"
    # Everything stood still; ends by itself after a steady time.
    STOPPED = "stopped", "everything was stopped"
    LONG_STOPPED = "long-stopped", "everything was stopped for very long"
    AHEAD = "ahead", "the clock was put forward"
    BACK = "back", "the clock was put back"
    DIFFERS = "differs", "the clocks of two processes differ"


class ClockState(models.Model):
    """What the processes know of the clock together: one row, with the ID 1.

    `seen_at` is the latest time that any of them saw. While there is a `doubt`, since
    `doubt_since`, nothing is destroyed; it ends at `doubt_until`, or without one when
    the operator confirms the clock. `seconds` is how far it stepped, or how long
    everything stood still. `confirmations` counts up with each confirmation.
    """

    seen_at = models.DateTimeField()
    doubt = models.CharField(
        max_length=16, choices=Doubt.choices, default=Doubt.NONE, blank=True
    )
    doubt_since = models.DateTimeField(null=True)
    doubt_until = models.DateTimeField(null=True)
    seconds = models.BigIntegerField(default=0)
    confirmed_at = models.DateTimeField(null=True)
    confirmations = models.PositiveIntegerField(default=0)

    class Meta:
        """A single row."""

        default_permissions = ()

    def __str__(self) -> str:
        return self.doubt or "believed"

    def doubtful(self, moment: datetime) -> bool:
        """Say whether the clock is in doubt at a moment."""
        if not self.doubt:
            return False
        return self.doubt_until is None or moment < self.doubt_until
