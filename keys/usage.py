"""How keys are used: counted from the audit's events, off the hot path.

Events become rows a minute after they happened, so that none that is still being
committed is passed over. What a page needs of the last minute it reads from the events.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, Max, Min, Sum
from django.db.models.functions import TruncDate
from django.db.transaction import atomic

from keys.models import KeyUsage, UsageProgress
from kmsconsole import clock
from kmsconsole.audit.models import AuditEvent, Outcome

USES = (
    "Encrypt",
    "Decrypt",
    "ReEncrypt",
    "GenerateDataKey",
    "GenerateHostedDataKey",
    "GetDataKeyPlaintext",
    "ImportDataKey",
    "SignByAsymmetricKey",
    "VerifyByAsymmetricKey",
    "AsymmetricRsaDecrypt",
)
# What draws a nonce of a version, and so comes nearer to its limit (keys/budget.py).
# Of ReEncrypt the version that decrypts is counted, too: rather too many than too few.
ENCRYPTIONS = (
    "Encrypt",
    "ReEncrypt",
    "GenerateDataKey",
    "GenerateHostedDataKey",
    "ImportDataKey",
)
SETTLED = timedelta(seconds=60)
_BATCH = 20_000
_ADD = (
    "INSERT INTO keys_keyusage (key_id, version, operation, principal_uin, "
    "principal_name, day, count, last_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) "
    "ON CONFLICT (key_id, version, operation, principal_uin, day) DO UPDATE SET "
    "count = keys_keyusage.count + excluded.count, last_at = excluded.last_at, "
    "principal_name = excluded.principal_name"
)

_COUNT = (
    "UPDATE keys_keyversion SET encryptions = encryptions + %s "
    "WHERE key_id = %s AND number = %s"
)


@dataclass(frozen=True, slots=True)
class LastUse:
    """The latest use of a key that the audit knows."""

    at: datetime
    operation: str
    principal_uin: int
    principal_name: str


def roll_up() -> int:
    """Count every settled event once; returns how many events were passed."""
    passed = 0
    while step := _roll_up_some():
        passed += step
    return passed


def _roll_up_some() -> int:
    progress = _progress()
    numbers = AuditEvent.objects.filter(
        time__lt=clock.now() - SETTLED, sequence__gt=progress.sequence
    ).order_by("sequence")
    batch = list(numbers.values_list("sequence", flat=True)[:_BATCH])
    if not batch:
        return 0
    # Read before the transaction, so that writers wait for the writing alone.
    groups = list(_used(progress.sequence, batch[-1]))
    with atomic():
        mine = UsageProgress.objects.filter(pk=1, sequence=progress.sequence)
        if mine.update(sequence=batch[-1]):
            _add(groups)
    return len(batch)


def _progress() -> UsageProgress:
    progress = UsageProgress.objects.filter(pk=1).first()
    if progress is None:
        first = AuditEvent.objects.aggregate(at=Min("time"))["at"]
        begun = {"sequence": 0, "since": first or clock.now()}
        progress, _ = UsageProgress.objects.get_or_create(pk=1, defaults=begun)
    return progress


def _used(after: int, until: int) -> Iterable[Any]:
    return (
        AuditEvent.objects.filter(
            sequence__gt=after,
            sequence__lte=until,
            outcome=Outcome.SUCCESS,
            operation__in=USES,
            key_version__isnull=False,
        )
        .annotate(day=TruncDate("time", tzinfo=UTC))
        .values("key_id", "key_version", "operation", "principal_uin", "day")
        .annotate(
            name=Max("principal_name"), number=Count("sequence"), last=Max("time")
        )
        .order_by("key_id")
    )


def _add(groups: Iterable[Any]) -> None:
    encryptions: Counter[tuple[str, int]] = Counter()
    rows = []
    for group in groups:
        key_id, version = _stored(group["key_id"]), group["key_version"]
        rows.append(
            (
                key_id,
                version,
                group["operation"],
                group["principal_uin"],
                group["name"],
                group["day"].isoformat(),
                group["number"],
                connection.ops.adapt_datetimefield_value(group["last"]),
            )
        )
        if group["operation"] in ENCRYPTIONS:
            encryptions[key_id, version] += group["number"]
    counts = [(number, *version) for version, number in encryptions.items()]
    with connection.cursor() as cursor:
        cursor.executemany(_ADD, rows)
        cursor.executemany(_COUNT, counts)


def _stored(key_id: str) -> str:
    # On SQLite an ID is stored as hex without hyphens.
    native = connection.features.has_native_uuid_field
    return key_id if native else UUID(key_id).hex


def tracked_since() -> datetime | None:
    """Return when counting began; None before the first roll-up."""
    progress = UsageProgress.objects.filter(pk=1).first()
    return progress.since if progress else None


def last_use(key_id: UUID) -> LastUse | None:
    """Return the latest use: of the last events, or else of what was rolled up."""
    progress = UsageProgress.objects.filter(pk=1).first()
    event = (
        AuditEvent.objects.filter(
            key_id=str(key_id),
            sequence__gt=progress.sequence if progress else 0,
            outcome=Outcome.SUCCESS,
            operation__in=USES,
        )
        .order_by("-sequence")
        .first()
    )
    if event is not None:
        return LastUse(
            event.time, event.operation, event.principal_uin, event.principal_name
        )
    row = KeyUsage.objects.filter(key_id=key_id).order_by("-last_at").first()
    if row is None:
        return None
    return LastUse(row.last_at, row.operation, row.principal_uin, row.principal_name)


def uses(key_id: UUID, days: int) -> int:
    """Return how often a key was used in the last so many days (UTC)."""
    since = clock.now().date() - timedelta(days=days)
    rows = KeyUsage.objects.filter(key_id=key_id, day__gt=since)
    return int(rows.aggregate(total=Sum("count"))["total"] or 0)


def users(key_id: UUID, days: int) -> list[Any]:
    """Return who used a key in the last so many days, most often first."""
    since = clock.now().date() - timedelta(days=days)
    return list(
        KeyUsage.objects.filter(key_id=key_id, day__gt=since)
        .values("principal_uin")
        .annotate(name=Max("principal_name"), uses=Sum("count"), last=Max("last_at"))
        .order_by("-uses")
    )


def by_version(key_id: UUID) -> dict[int, int]:
    """Return how often each version was used since counting began."""
    rows = KeyUsage.objects.filter(key_id=key_id).values_list("version")
    return dict(rows.annotate(total=Sum("count")))
