"""Counts of what happened in a short span, shared by all processes.

A row a subject and action: the count of its newest span. One statement adds to it and
says how many there were, so no two processes count the same one.
"""

from django.db import connection, models

from kmsconsole import clock
from kmsconsole.audit.turns import turn

_ADD = (
    "INSERT INTO keys_rate (subject, action, span, count) VALUES (%s, %s, %s, 1) "
    "ON CONFLICT (subject, action) DO UPDATE SET "
    "count = CASE WHEN keys_rate.span >= excluded.span "
    "THEN keys_rate.count + 1 ELSE 1 END, "
    "span = CASE WHEN keys_rate.span >= excluded.span "
    "THEN keys_rate.span ELSE excluded.span END "
    "RETURNING count"
)


class Rate(models.Model):
    """How often something happened in the span that `span` numbers since 1970."""

    subject = models.CharField(max_length=64)
    action = models.CharField(max_length=64)
    span = models.PositiveBigIntegerField()
    count = models.PositiveBigIntegerField()

    class Meta:
        """A newer span overwrites the row: their number follows that of subjects."""

        default_permissions = ()
        constraints = (
            models.UniqueConstraint(
                fields=["subject", "action"], name="keys_rate_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.subject} {self.action} {self.count}"


def _span(seconds: int) -> int:
    return int(clock.now().timestamp()) // seconds


def add(subject: str, action: str, seconds: int) -> int:
    """Count one more in this span of so many seconds; returns how many there are."""
    with turn(), connection.cursor() as cursor:
        cursor.execute(_ADD, (subject, action, _span(seconds)))
        count: int = cursor.fetchone()[0]
    return count


def seen(subject: str, action: str, seconds: int) -> int:
    """Return how many there were in this span so far."""
    row = Rate.objects.filter(subject=subject, action=action).first()
    return row.count if row is not None and row.span >= _span(seconds) else 0
