"""`make bench ARGS=growth`: whether a request costs more where there is much already.

The same requests of one sub-account, once with few keys, grants and events and once
with many: BENCH_KEYS (1,000,000), BENCH_GRANTS (10,000) and BENCH_EVENTS (10,000,000)
say how many; a tenth of each takes a tenth of the time and disk. SQLite with NORMAL, so
that the disk does not hide the rest; PostgreSQL (BENCH_DATABASE=postgresql) as it is
after ANALYZE. Both services run; they are measured in turns.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from benchmarks import load, postgresql, servers
from benchmarks.list import ACCOUNT, fill
from benchmarks.load import Signer

# ruff: noqa: PLC0415, SLF001 - Django is set up first; columns are asked of the model

SECONDS = int(os.environ.get("BENCH_SECONDS", "10"))
TURNS = int(os.environ.get("BENCH_TURNS", "3"))
FEW = (100, 10, 0)
MANY = (
    int(os.environ.get("BENCH_KEYS", "1000000")),
    int(os.environ.get("BENCH_GRANTS", "10000")),
    int(os.environ.get("BENCH_EVENTS", "10000000")),
)
ALLOWED = 0.85
ON_POSTGRESQL = os.environ.get("BENCH_DATABASE", "") == "postgresql"
_SUB = 300_000_000_000
# So many keys are as varied as the list's own benchmark has them.
_LIKE_THE_LIST = 20_000
# One transaction counts keys again and again in one row, each time behind all that it
# was before.
_KEYS_AT_ONCE, _EVENTS_AT_ONCE = 2_000, 1_000_000


class _Dialect(NamedTuple):
    """What filling is in one database's words.

    `copies` inserts copies of the newest row, with `key` or `event` as expressions for
    some columns; their digests don't hold, and nobody asks. `before` lets commits go
    (all of it is thrown away), `afterwards` makes it as where nothing was just filled.
    """

    copies: str
    key: dict[str, str]
    event: dict[str, str]
    before: tuple[str, ...]
    afterwards: tuple[str, ...]
    size: str


_DIALECTS = {
    "sqlite": _Dialect(
        """
WITH RECURSIVE numbers(n) AS (
    SELECT %s UNION ALL SELECT n + 1 FROM numbers WHERE n < %s
)
INSERT INTO {table} ({columns})
SELECT {values} FROM numbers
JOIN (SELECT * FROM {table} ORDER BY rowid DESC LIMIT 1) e
""",
        {"id": "lower(hex(randomblob(16)))", "alias": "'more-' || numbers.n"},
        {
            "writer_number": "1000000 + numbers.n",
            "signature_hash": "randomblob(32)",
            "key_id": "lower(hex(randomblob(2)))",
        },
        ("PRAGMA synchronous=OFF", "PRAGMA cache_size=-400000"),
        ("PRAGMA wal_checkpoint(TRUNCATE)",),
        "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
    ),
    "postgresql": _Dialect(
        """
INSERT INTO {table} ({columns})
SELECT {values} FROM generate_series(%s, %s) AS numbers(n)
CROSS JOIN (SELECT * FROM {table} ORDER BY ctid DESC LIMIT 1) e
""",
        {"id": "gen_random_uuid()", "alias": "'more-' || numbers.n"},
        {
            "writer_number": "1000000 + numbers.n",
            "signature_hash": "sha256(numbers.n::text::bytea)",
            "key_id": "left(md5(numbers.n::text), 4)",
        },
        ("SET synchronous_commit = off",),
        ("VACUUM (ANALYZE)", "CHECKPOINT"),
        "SELECT pg_database_size(current_database())",
    ),
}


def add_grants(number: int, key_id: str) -> None:
    """Give a sub-account a right on the measured key and on others."""
    from django.contrib.auth.models import Permission
    from django.contrib.contenttypes.models import ContentType

    from accessctl.models import Account, User, UserKeyGrant
    from keys.models import CustomerMasterKey

    account = Account.objects.get(uin=ACCOUNT)
    user = User.objects.create(
        uin=_SUB, account=account, name="program", api_access=True
    )
    kind = ContentType.objects.get_for_model(CustomerMasterKey)
    role = Permission.objects.get(codename="role.key-user", content_type=kind)
    others = CustomerMasterKey.objects.exclude(pk=key_id).values_list("pk", flat=True)
    UserKeyGrant.objects.bulk_create(
        [
            UserKeyGrant(
                user=user,
                permission=role,
                content_object_id=key,
                granted_by_uin=ACCOUNT,
                granted_by_name="admin",
            )
            for key in [key_id, *others[: number - 1]]
        ],
        batch_size=5_000,
    )


def multiply(model: Any, changed: dict[str, str], number: int, bunch: int) -> None:
    """Copy the newest row so many times, with these expressions for some columns.

    Each bunch of so many is committed by itself.
    """
    from django.db import connection

    meta = model._meta
    columns = [f.column for f in meta.concrete_fields if f.column != "sequence"]
    statement = _DIALECTS[connection.vendor].copies.format(
        table=meta.db_table,
        columns=", ".join(columns),
        values=", ".join(changed.get(column, f"e.{column}") for column in columns),
    )
    with connection.cursor() as cursor:
        for first in range(1, number + 1, bunch):
            cursor.execute(statement, [first, min(first + bunch - 1, number)])


def fill_all(keys: int, grants: int, events: int) -> None:
    """Fill this process's database; print the measured key's ID and bytes as JSON."""
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "kmsconsole.settings"
    django.setup()
    from django.conf import settings
    from django.db import connection

    from keys.models import CustomerMasterKey
    from keys.operations import CreateKey
    from kmsconsole import randomness
    from kmsconsole.audit.models import AuditEvent
    from kmsconsole.principals import Call, Kind, Principal

    root = Principal(Kind.ROOT, ACCOUNT, ACCOUNT, "admin", "session")
    call = Call(root, settings.KMS_REGIONS[0], str(randomness.uuid4()), "127.0.0.1")
    key_id = CreateKey.execute(call, {"Alias": "measured"}).output["KeyId"]
    fill(min(keys, _LIKE_THE_LIST))
    dialect = _DIALECTS[connection.vendor]
    with connection.cursor() as cursor:
        for statement in dialect.before:
            cursor.execute(statement)
        if keys > _LIKE_THE_LIST:
            more = keys - _LIKE_THE_LIST
            multiply(CustomerMasterKey, dialect.key, more, _KEYS_AT_ONCE)
        add_grants(grants, key_id)
        if events:
            multiply(AuditEvent, dialect.event, events, _EVENTS_AT_ONCE)
        for statement in dialect.afterwards:
            cursor.execute(statement)
        cursor.execute(dialect.size)
        (size,) = cursor.fetchone()
    sys.stdout.write(json.dumps([key_id, size]) + "\n")


def filled(env: dict[str, str], sizes: tuple[int, int, int]) -> tuple[str, Any]:
    """Fill a data folder; return the measured key and the sub-account's access key."""
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.growth", *map(str, sizes)],
        cwd=servers.ROOT,
        env=env,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    key_id, size = json.loads(done.stdout.splitlines()[-1])
    print(
        f"{sizes[0]:,} keys, {sizes[1]:,} grants, {sizes[2]:,} events: filled in "
        f"{time.monotonic() - begun:.0f} s, {size / 2**20:,.0f} MiB",
        flush=True,
    )
    return key_id, servers.access_key(env, "program")


@contextmanager
def prepared() -> Iterator[dict[str, str]]:
    """Make a data folder with nothing in it; yield the environment that names it."""
    with ExitStack() as stack:
        if not ON_POSTGRESQL:
            home = stack.enter_context(servers.prepared_home())
            url = servers.sqlite(home, "NORMAL")
        else:
            found = stack.enter_context(postgresql.cluster())
            if found is None:
                raise SystemExit(postgresql.MISSING)
            url = found
            home = stack.enter_context(servers.prepared_home(DATABASE_URL=url))
        yield servers.environment(home, DATABASE_URL=url)


def main() -> int:
    """Print the throughput with few and with many; exit code 1 below 0.85 of it."""
    with ExitStack() as stack:
        targets = []
        for sizes in (FEW, MANY):
            env = stack.enter_context(prepared())
            key_id, key = filled(env, sizes)
            port = stack.enter_context(servers.service(env, 2))
            signer = Signer(key["SecretId"], key["SecretKey"], f"127.0.0.1:{port}")
            targets.append((port, signer, key_id, []))
        failures = 0
        for port, signer, key_id, _ in targets:
            # Workers that have only begun would be measured with what they begin with.
            warming = load.encrypt_requests(signer, key_id, 10_000)
            failures += load.run(f"http://127.0.0.1:{port}", warming, 2).failures
        for _ in range(TURNS):
            for port, signer, key_id, found in targets:
                requests = load.encrypt_requests(signer, key_id, 20_000)
                measured = load.run(f"http://127.0.0.1:{port}", requests, SECONDS)
                failures += measured.failures
                found.append(measured.per_second)
                name = "few " if found is targets[0][3] else "many"
                print(f"Encrypt, {name}  {measured}", flush=True)
    few, many = (statistics.median(found) for *_, found in targets)
    print(f"many / few, medians: {many / few:.2f}")
    return 1 if failures or many < few * ALLOWED else 0


if __name__ == "__main__":
    if len(sys.argv) > 1:
        fill_all(*map(int, sys.argv[1:]))
    else:
        sys.exit(main())
