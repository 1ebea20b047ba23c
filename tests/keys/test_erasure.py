"""What was destroyed leaves the HSM in every process; files: tests/schedule."""

import time
from datetime import timedelta

import pytest
from django.db import connection, connections

from keys import custody, erasure
from keys.operations import Encrypt
from kmsconsole import clock
from tests.personas import create_key, execute

pytestmark = pytest.mark.django_db


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="a setting of SQLite's")
def test_every_connection_overwrites_what_it_erases() -> None:
    fresh = connections.create_connection("default")
    with fresh.cursor() as cursor:
        cursor.execute("PRAGMA secure_delete")
        assert cursor.fetchone() == (1,)
    fresh.close()


def test_inside_a_transaction_wiping_has_to_wait() -> None:
    assert connection.in_atomic_block
    assert erasure.wipe() is False


def test_a_handle_is_gone_within_a_minute_also_where_nobody_asks(monkeypatch) -> None:
    monkeypatch.setattr("keys.hsm.handles._WATCHED_EVERY_SECONDS", 0.1)
    handles = custody.keyring()._handles
    handles.discard(lambda _: True)
    if handles._watch is not None:
        handles._watch.cancel()
        handles._watch = None
    execute(Encrypt, KeyId=create_key(), Plaintext="YQ==")
    (lease,) = handles._leases.values()
    destroyed = []
    destroy = handles._token.destroy
    monkeypatch.setattr(
        handles._token, "destroy", lambda one: destroyed.append(one) or destroy(one)
    )
    time.sleep(0.5)
    assert len(handles) == 1
    later = clock.now() + timedelta(seconds=56)
    monkeypatch.setattr(clock, "now", lambda: later)
    time.sleep(0.5)
    assert len(handles) == 0
    assert destroyed == [lease.handle]
