"""How the sweeps went. What is due stands in the rows that are due, not here."""

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
