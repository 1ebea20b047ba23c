"""What `make test-services` hands to the tests: a database and a broker.

Without them tests run on SQLite and on files, which need nothing. Tests that say so
themselves, and those named here (whole modules, or one test), run on both.
"""

import os
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg.sql import SQL, Identifier

# Where a database can differ: locks, uniqueness, time, search, counts, triggers, plans;
# and one whole way through the API and through the worker.
NAMED = (
    "tests/accessctl/test_access_keys.py",
    "tests/accessctl/test_access_requests.py",
    "tests/accessctl/test_agreement.py",
    "tests/accessctl/test_events.py",
    "tests/accessctl/test_grants.py",
    "tests/accessctl/test_groups_and_policies.py",
    "tests/accessctl/test_query_counts.py",
    "tests/accessctl/test_revocation.py",
    "tests/accessctl/test_sessions.py",
    "tests/accessctl/test_sign_in.py",
    "tests/alarms/test_alarms.py",
    "tests/alarms/test_outbox.py",
    "tests/alarms/test_watching.py",
    "tests/api/test_dispatch.py",
    "tests/api/test_foresight.py",
    "tests/api/test_lane.py",
    "tests/api/test_replay.py",
    "tests/audit/test_events.py",
    "tests/clients/test_life_of_a_key.py",
    "tests/keys/test_browsing.py",
    "tests/keys/test_creation.py",
    "tests/keys/test_cryptography.py",
    "tests/keys/test_deletion.py",
    "tests/keys/test_finding.py",
    "tests/keys/test_history.py",
    "tests/keys/test_importing.py",
    "tests/keys/test_lifecycle.py",
    "tests/keys/test_query_counts.py",
    "tests/keys/test_rotation.py",
    "tests/keys/test_tags.py",
    "tests/keys/test_usage.py",
    "tests/schedule/test_clock_guard.py",
    "tests/schedule/test_due.py",
    "tests/schedule/test_endings.py",
    "tests/schedule/test_scrub.py",
    "tests/schedule/test_sweeps.py",
    "tests/schedule/test_together.py::test_a_killed_sweep_loses_nothing_and_the_next_one_ends_it",
    "tests/schedule/test_together.py::test_two_processes_at_once_do_each_row_once",
    "tests/schedule/test_worn_versions.py",
)
DATABASE, BROKER = "TEST_DATABASE_URL", "TEST_BROKER_URL"

_numbers = count(int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) * 16)
_spaces: dict[Path, int] = {}


def database() -> str | None:
    """Return the URL of a PostgreSQL server's own database, or None for SQLite."""
    return os.environ.get(DATABASE)


def broker() -> str | None:
    """Return the URL of the broker's first space, or None for files."""
    return os.environ.get(BROKER)


def environment(home: Path) -> dict[str, str]:
    """Return what a service with this data folder uses: its own part of each."""
    found = {}
    if url := database():
        found["DATABASE_URL"] = _database_of(home, url)
    if url := broker():
        space = _spaces.setdefault(home, next(_numbers))
        name = f"kms{space}" if url.startswith("amqp") else str(space)
        found["CELERY_BROKER_URL"] = urlsplit(url)._replace(path=f"/{name}").geturl()
    return found


def _database_of(home: Path, server: str) -> str:
    name = home.name.replace("-", "_")
    with psycopg.connect(server, autocommit=True) as connection:
        known = "SELECT 1 FROM pg_database WHERE datname = %s"
        if connection.execute(known, (name,)).fetchone() is None:
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    return urlsplit(server)._replace(path=f"/{name}").geturl()
