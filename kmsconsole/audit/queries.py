"""What operations ask of the audit."""

from collections.abc import Iterable
from datetime import datetime

from django.db import connection
from django.db.models import BooleanField, Func

from kmsconsole.audit.models import Outcome, RefusalCount
from kmsconsole.moments import aware
from kmsconsole.statements import Question, Statement

# A range of one, in the order of the index `audit_first_sight`. For an equation
# PostgreSQL would also take the order by `sequence` alone: where its statistics are
# behind, that is a walk through the whole audit (docs/performance.md).
_FIRST_SIGHT = Statement(
    "SELECT operation, region, time FROM audit_auditevent "
    "WHERE signature_hash BETWEEN %s AND %s ORDER BY signature_hash, sequence LIMIT 1",
    ("bytea", "bytea"),
)
_COUNT = (
    "INSERT INTO audit_refusalcount (source_address, minute, count) VALUES (%s, %s, 1) "
    "ON CONFLICT (source_address, minute) "
    "DO UPDATE SET count = audit_refusalcount.count + 1 RETURNING count"
)


def sight_question(signature_hash: bytes) -> Question:
    """Return what `first_sight` will read, to be read ahead."""
    return _FIRST_SIGHT, (signature_hash, signature_hash)


def first_sight(signature_hash: bytes) -> tuple[str, str, datetime] | None:
    """Return the operation and region that first carried this signature, and when."""
    row = _FIRST_SIGHT.one((signature_hash, signature_hash))
    if row is None:
        return None
    operation, region, time = row
    return operation, region, aware(time)


def count_refusal(source_address: str, moment: datetime) -> int:
    """Count one refusal of this address in this minute; return how many there were."""
    minute = moment.replace(second=0, microsecond=0)
    stored = connection.ops.adapt_datetimefield_value(minute)
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, (source_address, stored))
        return int(cursor.fetchone()[0])


def finished_counts(moment: datetime) -> list[RefusalCount]:
    """Return the counts of minutes that are over."""
    minute = moment.replace(second=0, microsecond=0)
    return list(RefusalCount.objects.filter(minute__lt=minute).order_by("minute")[:100])


def forget_count(row: RefusalCount) -> bool:
    """Remove a finished count; False where another process was first."""
    deleted, _ = RefusalCount.objects.filter(pk=row.pk).delete()
    return deleted == 1


def named(operations: Iterable[str]) -> Func:
    """Return the filter for events of these operations.

    The names, which are constants, stand in the statement itself: SQLite matches a
    partial index (`audit_key_rare`) with nothing else.
    """
    names = ", ".join(f"'{name}'" for name in operations if name.isidentifier())
    return _literal(f"operation IN ({names})")


def not_done() -> Func:
    """Return the filter for what was refused or failed."""
    return _literal(f"outcome <> '{Outcome.SUCCESS}'")


def by_the_service() -> Func:
    """Return the filter for what the service did by itself (index `audit_service`)."""
    return _literal("principal_kind = 'system'")


def _literal(condition: str) -> Func:
    return Func(template=condition, output_field=BooleanField())
