"""Every answer of threads that commit together has its own event, once."""

import contextlib
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from tests.server import RunningServer
from tests.services.client import TEXT, Program

pytestmark = pytest.mark.skipif(
    connection.vendor != "sqlite", reason="reads the service's own SQLite file"
)
CLIENTS, CALLS = 16, 25
_EVENTS = "SELECT request_id, outcome FROM audit_auditevent WHERE operation = 'Encrypt'"
_GAPS = (
    "SELECT writer FROM audit_auditevent GROUP BY writer "
    "HAVING MIN(writer_number) <> 1 OR MAX(writer_number) <> COUNT(*) "
    "OR COUNT(DISTINCT writer_number) <> COUNT(*)"
)


def test_each_answer_has_one_event_and_no_number_is_missing(
    server: RunningServer,
) -> None:
    program = Program(server)
    key_id = program.create_key("under-threads")

    def client(_: int) -> list[tuple[str, str]]:
        answers = []
        for at in range(CALLS):
            # Every fifth is refused, so that groups hold refusals, too.
            more: dict[str, Any] = {} if at % 5 else {"EncryptionContext": "no JSON"}
            reply = program.ask("Encrypt", KeyId=key_id, Plaintext=TEXT, **more)
            answers.append((reply.response["RequestId"], reply.code))
        return answers

    with ThreadPoolExecutor(CLIENTS) as pool:
        told = [each for some in pool.map(client, range(CLIENTS)) for each in some]
    refused = {number for number, code in told if code}
    assert len(told) == CLIENTS * CALLS
    assert len(refused) == CLIENTS * CALLS // 5
    file = f"file:{server.home / 'kms.sqlite3'}?mode=ro"
    with contextlib.closing(sqlite3.connect(file, uri=True)) as database:
        events = database.execute(_EVENTS).fetchall()
        gaps = database.execute(_GAPS).fetchall()
    ours = {number for number, _ in told}
    recorded = sorted(event for event in events if event[0] in ours)
    assert recorded == sorted(
        (number, "refused" if number in refused else "success") for number, _ in told
    )
    assert gaps == []
