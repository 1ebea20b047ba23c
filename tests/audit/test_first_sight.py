"""Whether a signature was seen is one look into an index, whatever the audit holds."""

from hashlib import sha256

import pytest
from django.db import connection

from keys.operations import Encrypt
from kmsconsole import clock, statements
from kmsconsole.audit import queries
from kmsconsole.audit.models import AuditEvent
from kmsconsole.statements import Statement
from tests.personas import call, create_key

pytestmark = [pytest.mark.django_db, pytest.mark.services]

INDEX = "audit_first_sight"
EVENTS = 4_000
_COLUMNS = (
    "writer, writer_number, digest, signature_hash, request_id, time, account_uin, "
    "region, principal_kind, principal_uin, principal_name, credential, "
    "source_address, operation, outcome, error_code, rule, rule_text, details"
)
_OTHERS = (
    1,
    "local",
    "root",
    1,
    "root",
    "c",
    "a",
    "Encrypt",
    "success",
    *[""] * 3,
    "{}",
)


def fill() -> None:
    """Record that many events, each with a signature of its own."""
    row = f"({', '.join(['%s'] * (_COLUMNS.count(',') + 1))})"
    stored = connection.ops.adapt_datetimefield_value(clock.now())
    with connection.cursor() as cursor:
        for first in range(0, EVENTS, 1_000):
            rows = [
                ("w", at, b"d", sha256(b"%d" % at).digest(), "r", stored, *_OTHERS)
                for at in range(first, first + 1_000)
            ]
            cursor.execute(
                f"INSERT INTO audit_auditevent ({_COLUMNS}) VALUES "
                + ", ".join([row] * len(rows)),
                [value for each in rows for value in each],
            )


def plan(statement: Statement) -> str:
    """Return how the database finds it, whatever its parameters are."""
    given = [b"x"] * statement.text.count("%s")
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {statement.text}", given)
        else:
            cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
            cursor.execute(f"PREPARE asked AS {statement.numbered}")
            nothing = ", ".join(["NULL"] * len(given))
            cursor.execute(f"EXPLAIN EXECUTE asked({nothing})")
        found = "\n".join(str(row) for row in cursor.fetchall())
        if connection.vendor != "sqlite":
            cursor.execute("DEALLOCATE asked")
        return found


def asked() -> list[Statement]:
    """Return it as it is asked alone, and for many requests at one go."""
    alone, _ = queries.sight_question(b"x")
    together = statements._for_each(alone)
    return [alone] if connection.vendor == "sqlite" else [alone, together]


@pytest.mark.parametrize("known", ["nothing", "all alike", "all different"])
def test_it_is_found_in_its_index_whatever_the_statistics_say(known: str) -> None:
    fill()
    if connection.vendor != "sqlite":
        with connection.cursor() as cursor:
            if known == "all alike":
                # As after a load that sent one request again and again.
                cursor.execute(
                    "ALTER TABLE audit_auditevent "
                    "ALTER signature_hash SET (n_distinct = 2)"
                )
            if known != "nothing":
                cursor.execute("ANALYZE audit_auditevent")
    for statement in asked():
        found = plan(statement)
        assert INDEX in found
        assert "Sort" not in found
        assert "TEMP B-TREE" not in found
        assert "pkey" not in found


def test_of_many_events_with_one_signature_the_first_counts() -> None:
    key_id = create_key()
    signature_hash = sha256(b"signed once").digest()
    for _ in range(40):
        asked_again = call(signature_hash=signature_hash)
        Encrypt.execute(asked_again, {"KeyId": key_id, "Plaintext": "YQ=="})
    events = AuditEvent.objects.filter(signature_hash=signature_hash)
    assert events.count() == 40
    first = events.earliest("sequence")
    assert queries.first_sight(signature_hash) == (
        first.operation,
        first.region,
        first.time,
    )
    assert queries.first_sight(sha256(b"never").digest()) is None
