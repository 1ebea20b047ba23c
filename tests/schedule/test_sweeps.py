"""What is due is found, done once, row by row, and told in figures."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from accessctl.models import UserKeyGrant
from keys import custody
from keys.hsm.errors import HsmDown
from keys.models import CustomerMasterKey, KeyVersion
from keys.operations import (
    CancelKeyDeletion,
    DestroyKey,
    DisableKey,
    EnableKey,
    EnableKeyRotation,
    RotateDueKey,
    ScheduleKeyDeletion,
)
from kmsconsole import celery, clock
from kmsconsole.audit.models import AuditEvent
from kmsconsole.principals import SERVICE_UIN, Kind
from kmsconsole.schedule import database_time, running
from kmsconsole.schedule.models import SweepRun
from kmsconsole.schedule.sweeps import RowSweep, sweeps
from tests.accessctl.people import grant, sub_account
from tests.personas import create_key, execute
from tests.schedule.conftest import NOW, Travel

pytestmark = pytest.mark.django_db

NOTHING = {"due": 0, "done": 0, "held": 0, "failed": 0}


def sweep(name: str, **more: Any) -> dict[str, int]:
    tally, _ = running.run(sweeps()[name], **more)
    return tally.figures()


def all_done(number: int) -> dict[str, int]:
    return NOTHING | {"due": number, "done": number}


def key(key_id: str) -> CustomerMasterKey:
    return CustomerMasterKey.objects.get(id=key_id)


def rotating(alias: str, days: int = 30) -> str:
    key_id = create_key(alias)
    execute(EnableKeyRotation, KeyId=key_id, RotateDays=days)
    return key_id


def pending(alias: str, days: int = 7) -> str:
    key_id = create_key(alias)
    execute(DisableKey, KeyId=key_id)
    execute(ScheduleKeyDeletion, KeyId=key_id, PendingWindowInDays=days)
    return key_id


def succeeded(operation: str) -> int:
    return AuditEvent.objects.filter(operation=operation, outcome="success").count()


def test_a_due_key_rotates_once_and_keeps_its_calendar(travel: Travel) -> None:
    key_id = rotating("orders")
    travel(days=30, seconds=-1)
    assert sweep("rotation") == NOTHING
    travel(seconds=1)
    assert sweep("rotation") == all_done(1)
    assert sweep("rotation") == NOTHING
    rotated = key(key_id)
    assert rotated.primary_version == 2
    assert rotated.next_rotation_at == NOW + timedelta(days=60)
    version = KeyVersion.objects.get(key_id=key_id, number=2)
    assert version.creator_uin == SERVICE_UIN
    event = AuditEvent.objects.get(operation="RotateDueKey")
    assert (event.key_id, event.key_version) == (key_id, 2)
    assert event.principal_kind == Kind.SYSTEM


def test_after_a_long_stop_a_key_rotates_once_and_on_its_old_days(travel) -> None:
    key_id = rotating("orders")
    travel(days=30 * 8 + 5, hours=3)
    assert sweep("rotation") == all_done(1)
    assert key(key_id).primary_version == 2
    assert key(key_id).next_rotation_at == NOW + timedelta(days=30 * 9)
    assert sweep("rotation") == NOTHING


def test_a_disabled_key_keeps_its_date_and_rotates_once_it_is_enabled(travel) -> None:
    key_id = rotating("orders")
    execute(DisableKey, KeyId=key_id)
    travel(days=70)
    assert sweep("rotation") == NOTHING
    assert key(key_id).rotation_enabled
    execute(EnableKey, KeyId=key_id)
    assert sweep("rotation") == all_done(1)
    assert key(key_id).next_rotation_at == NOW + timedelta(days=90)


def test_a_key_is_destroyed_on_its_day_and_not_before(travel: Travel) -> None:
    early, late = pending("early"), pending("late", 8)
    cancelled = pending("cancelled")
    execute(CancelKeyDeletion, KeyId=cancelled)
    travel(days=7, seconds=-1)
    assert sweep("destruction") == NOTHING
    travel(seconds=1)
    assert sweep("destruction") == all_done(1)
    assert sweep("destruction") == NOTHING
    states = [key(key_id).state for key_id in (early, late, cancelled)]
    assert states == ["Destroyed", "PendingDelete", "Disabled"]
    assert succeeded("DestroyKey") == 1


def test_the_database_has_to_agree_that_the_day_has_come(travel, monkeypatch) -> None:
    key_id = pending("orders")
    monkeypatch.setattr(database_time, "now", lambda: NOW + timedelta(days=6))
    travel(days=8)
    assert sweep("destruction") == NOTHING | {"due": 1, "failed": 1}
    assert key(key_id).state == "PendingDelete"
    monkeypatch.setattr(database_time, "now", clock.now)
    assert sweep("destruction") == all_done(1)


def test_the_database_tells_the_time() -> None:
    assert abs(database_time.now() - clock.now()) < timedelta(seconds=5)


def test_rights_on_a_destroyed_key_go_with_it(travel: Travel) -> None:
    kept, gone = create_key("kept"), create_key("gone")
    user = sub_account()
    for key_id in (kept, gone):
        grant(user, "role.key-user", key=key_id)
    execute(DisableKey, KeyId=gone)
    execute(ScheduleKeyDeletion, KeyId=gone, PendingWindowInDays=7)
    travel(days=7)
    sweep("destruction")
    left = UserKeyGrant.objects.values_list("content_object_id", flat=True)
    assert [str(key_id) for key_id in left] == [kept]


def test_a_row_that_fails_leaves_the_others_alone(travel, monkeypatch) -> None:
    ids = [rotating(name) for name in "abcde"]
    travel(days=31)
    perform = RotateDueKey.perform

    def broken(self: RotateDueKey, data: Any) -> dict[str, Any]:
        if str(self.key.id) == ids[2]:
            message = "a bad row"
            raise RuntimeError(message)
        return perform(self, data)

    monkeypatch.setattr(RotateDueKey, "perform", broken)
    assert sweep("rotation") == {"due": 5, "done": 4, "held": 0, "failed": 1}
    assert [key(key_id).primary_version for key_id in ids] == [2, 2, 1, 2, 2]
    row = SweepRun.objects.get(name="rotation")
    assert row.failure == f"RotateDueKey {ids[2]}: InternalError"
    assert "bad row" not in row.failure
    monkeypatch.undo()


def test_without_the_hsm_nothing_is_made_and_nothing_is_lost(travel, monkeypatch):
    for number in range(6):
        rotating(f"key-{number}")
    travel(days=31)
    ring = custody.keyring()

    def gone(*_: Any) -> None:
        raise HsmDown

    with monkeypatch.context() as away:
        away.setattr(ring, "generate", gone)
        assert sweep("rotation") == NOTHING | {"due": 6, "failed": 6}
    # Three were tried; that the rest would fail, too, was clear then.
    assert AuditEvent.objects.filter(operation="RotateDueKey").count() == 3
    assert KeyVersion.objects.exclude(number=1).count() == 0
    assert sweep("rotation") == all_done(6)


def test_rows_that_always_fail_keep_none_behind_them_from_its_turn(
    travel, monkeypatch
) -> None:
    # In the order in which rows of one moment are looked at.
    ids = sorted(rotating(name) for name in "abcdef")
    travel(days=31)
    perform = RotateDueKey.perform

    def broken(self: RotateDueKey, data: Any) -> dict[str, Any]:
        if str(self.key.id) in ids[:3]:
            raise IntegrityError
        return perform(self, data)

    monkeypatch.setattr(RotateDueKey, "perform", broken)
    sweeping = sweeps()["rotation"]
    first, more = running.run(sweeping, seconds=10)
    # It looks as if the database were away: not at once again, but behind them.
    assert (first.figures(), more) == (NOTHING | {"due": 6, "failed": 6}, False)
    second, more = running.run(sweeping, seconds=10)
    assert (second.figures(), more) == (all_done(3), False)
    assert [key(key_id).primary_version for key_id in ids] == [1, 1, 1, 2, 2, 2]
    third, _ = running.run(sweeping, seconds=10)
    assert third.figures() == NOTHING | {"due": 3, "failed": 3}
    monkeypatch.undo()


def test_where_the_database_refuses_it_is_told_and_done_later(travel, monkeypatch):
    rotating("orders")
    travel(days=31)

    def broken(*_: Any) -> None:
        raise DatabaseError

    with monkeypatch.context() as away:
        away.setattr(RowSweep, "pending", broken)
        assert sweep("rotation") == NOTHING | {"due": 1, "failed": 1}
    assert sweep("rotation") == all_done(1)


def test_a_run_whose_time_is_up_goes_on_where_it_stopped(travel, monkeypatch) -> None:
    for number in range(5):
        rotating(f"key-{number}")
    travel(days=31)
    monkeypatch.setattr(RowSweep, "PAGE", 2)
    left = iter([True, True, True, False])
    stint = running.Stint
    monkeypatch.setattr(stint, "goes_on", lambda self: next(left, True))
    tally, more = running.run(sweeps()["rotation"], seconds=10)
    assert (tally.done, more) == (3, True)
    assert SweepRun.objects.get(name="rotation").completed_at is None
    tally, more = running.run(sweeps()["rotation"], seconds=10)
    assert (tally.done, more) == (2, False)
    assert SweepRun.objects.get(name="rotation").completed_at == clock.now()


def test_a_lease_keeps_a_second_worker_away_for_a_while(travel: Travel) -> None:
    rotating("orders")
    travel(days=31)
    rotation = sweeps()["rotation"]
    SweepRun.objects.create(
        name="rotation", lease_holder="other", lease_until=clock.now() + running.LEASE
    )
    assert running.run_leased(rotation) is False
    assert succeeded("RotateDueKey") == 0
    travel(seconds=61)
    running.run_leased(rotation)
    assert succeeded("RotateDueKey") == 1
    row = SweepRun.objects.get(name="rotation")
    assert (row.lease_holder, row.lease_until) == ("", None)


def test_a_lease_of_another_clock_does_not_last_for_days(travel: Travel) -> None:
    SweepRun.objects.create(
        name="rotation", lease_holder="x", lease_until=clock.now() + timedelta(days=9)
    )
    rotating("orders")
    travel(days=1)
    running.run_leased(sweeps()["rotation"])
    assert SweepRun.objects.get(name="rotation").ended_at == clock.now()


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="reads SQLite's plans")
@pytest.mark.parametrize(
    ("name", "indexes"),
    [
        ("rotation", ["keys_rotation_due", "keys_version_worn"]),
        ("material", ["keys_material_due"]),
        ("parameters", ["keys_parameters_due"]),
        (
            "destruction",
            ["keys_deletion_due", "keys_data_key_deletion_due", "alarms_hold_runs"],
        ),
        (
            "rights",
            [
                "accessctl_user_key_ends",
                "accessctl_user_ends",
                "accessctl_group_key_ends",
                "accessctl_group_ends",
            ],
        ),
    ],
)
def test_nothing_due_costs_one_look_at_each_index(name, indexes, travel) -> None:
    with CaptureQueriesContext(connection) as statements:
        assert not sweeps()[name].pending()
    assert len(statements.captured_queries) == len(indexes)
    for query, index in zip(statements.captured_queries, indexes, strict=True):
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
            plan = [row[3] for row in cursor.fetchall()]
        assert f" INDEX {index}" in plan[0], plan


def test_every_sweep_of_rows_is_in_the_list_above() -> None:
    rows = {name for name, sweep in sweeps().items() if isinstance(sweep, RowSweep)}
    assert rows == {"rotation", "material", "parameters", "destruction", "rights"}


def command(*arguments: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("sweep", *arguments, stdout=out)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue()
    return 0, out.getvalue()


def test_the_command_prints_one_line_and_fails_where_anything_did(travel, monkeypatch):
    pending("orders")
    travel(days=8)
    code, text = command("--json")
    assert code == 0
    figures = json.loads(text)
    assert set(figures) == set(sweeps())
    assert figures["destruction"] == all_done(1)
    code, text = command("rotation", "--json")
    assert (code, json.loads(text)) == (0, {"rotation": NOTHING})
    pending("other")
    travel(days=8)
    monkeypatch.setattr(DestroyKey, "perform", lambda *_: 1 / 0)
    code, text = command("destruction")
    assert code == 1
    assert text.startswith("destruction: 1 due, 0 done, 0 held, 1 failed DestroyKey")


def test_beat_nudges_every_sweep_by_name_and_with_nothing_else() -> None:
    entries = celery.beat_schedule()
    assert set(entries) == {"heartbeat", *sweeps()}
    for name, found in sweeps().items():
        entry = entries[name]
        assert entry["task"] == "schedule.sweep"
        assert tuple(entry["args"]) == (name,)
        assert entry["schedule"] == entry["options"]["expires"]
        assert timedelta(seconds=entry["schedule"]) == found.period


def test_a_beat_that_just_started_nudges_what_is_seldom_at_once() -> None:
    scheduler = celery.BeatingScheduler(app=celery.app)
    due = {name for name, entry in scheduler.schedule.items() if entry.is_due()[0]}
    seldom = {
        name for name, one in sweeps().items() if one.period > timedelta(minutes=1)
    }
    assert due == seldom
    assert {"scrub", "dates", "parameters", "sessions", "old messages"} <= seldom
