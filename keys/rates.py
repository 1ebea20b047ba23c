"""Counts of what happened in a short span, shared by all processes.

A row a subject and action: the count of its newest span. One statement adds to it and
says how many there were, so no two processes count the same one. Counts that a power
cut takes back harm nobody: nothing waits for the disk on their account.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError, connection, models

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


# In a write-ahead log this level waits for the disk only when the log is copied back.
_NORMAL = 1


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
    with turn(), connection.cursor() as cursor, _not_waiting(cursor):
        cursor.execute(_ADD, (subject, action, _span(seconds)))
        count: int = cursor.fetchone()[0]
    return count


@contextmanager
def _not_waiting(cursor: Any) -> Iterator[None]:
    """Let SQLite commit without an fsync; what is committed next waits for both."""
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        yield
        return
    (level,) = cursor.execute("PRAGMA synchronous").fetchone()
    cursor.execute(f"PRAGMA synchronous={min(level, _NORMAL)}")
    try:
        yield
    finally:
        try:
            cursor.execute(f"PRAGMA synchronous={level}")
        except DatabaseError:
            # Nothing else may be committed on a connection that doesn't wait.
            connection.close()
            raise


def seen(subject: str, action: str, seconds: int) -> int:
    """Return how many there were in this span so far."""
    row = Rate.objects.filter(subject=subject, action=action).first()
    return row.count if row is not None and row.span >= _span(seconds) else 0
