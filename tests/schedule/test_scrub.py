"""Every stored version is tried once a day, and what can't be used is told."""

import pytest

from keys import custody, scrubbing
from keys.hsm.errors import HsmDown
from keys.models import KeyVersion
from keys.operations import DisableKey, EnableKeyRotation, RotateKey
from kmsconsole.alarms.models import Alarm
from kmsconsole.audit.models import AuditEvent
from kmsconsole.schedule import running
from kmsconsole.schedule.models import SweepRun
from kmsconsole.schedule.sweeps import sweeps
from tests.personas import FOREIGN_ROOT, create_key, execute
from tests.schedule.test_sweeps import NOTHING, all_done, sweep

pytestmark = pytest.mark.django_db


def nudged() -> dict[str, int]:
    """Run as the worker does: a while, and only when it is time."""
    tally, _ = running.run(sweeps()["scrub"], seconds=60)
    return tally.figures()


def failures() -> set[tuple[str, int]]:
    events = AuditEvent.objects.filter(operation="VerifyKeyVersion", outcome="failed")
    return set(events.values_list("key_id", "key_version"))


def some_keys() -> list[str]:
    ids = [create_key("a"), create_key("b"), create_key("c", FOREIGN_ROOT)]
    execute(EnableKeyRotation, KeyId=ids[0])
    execute(RotateKey, KeyId=ids[0])
    execute(DisableKey, KeyId=ids[1])
    return ids


def test_every_version_of_every_account_and_state_is_tried_once_a_day(travel) -> None:
    some_keys()
    custody.keyring()._handles.discard(lambda _: True)
    assert nudged() == all_done(4)
    travel(hours=23)
    assert nudged() == NOTHING
    assert sweep("scrub") == all_done(4)
    travel(hours=23, minutes=59)
    assert nudged() == NOTHING
    travel(minutes=1)
    assert nudged() == all_done(4)
    events = AuditEvent.objects.filter(operation="VerifyKeyVersions", account_uin=0)
    assert '"Verified":4' in events.first().details
    assert not failures()
    assert custody.keyring().cached_handles <= 4


def test_blocks_go_on_where_the_last_run_stopped(travel, monkeypatch) -> None:
    some_keys()
    monkeypatch.setattr(scrubbing, "BLOCK", 3)
    left = iter([True, False])
    with monkeypatch.context() as short:
        short.setattr(running.Stint, "goes_on", lambda self: next(left, False))
        assert running.run(sweeps()["scrub"], seconds=10)[1] is True
    assert SweepRun.objects.get(name="scrub").completed_at is None
    total = SweepRun.objects.get(name="scrub").done + nudged()["done"]
    assert total == 4
    assert SweepRun.objects.get(name="scrub").completed_at is not None


@pytest.mark.parametrize("damage", ["blob", "check value", "swapped", "epoch"])
def test_what_can_not_be_used_is_an_event_an_alarm_and_a_failure(travel, damage):
    ids = some_keys()
    version = KeyVersion.objects.get(key_id=ids[1])
    if damage == "blob":
        version.wrapped_material = bytes(version.wrapped_material)[:-1] + b"\x00"
    elif damage == "check value":
        version.check_value = b"\x00" * 8
    elif damage == "swapped":
        other = KeyVersion.objects.get(key_id=ids[2])
        version.wrapped_material, version.binding = (
            other.wrapped_material,
            other.binding,
        )
    else:
        version.root_epoch = 77
    version.save()
    assert nudged() == {"due": 4, "done": 3, "held": 0, "failed": 1}
    assert failures() == {(ids[1], 1)}
    row = SweepRun.objects.get(name="scrub")
    assert row.failure.startswith(f"VerifyKeyVersion {ids[1]} version 1")
    assert row.completed_at is not None
    (alarm,) = Alarm.objects.filter(kind="scrub-failed")
    assert str(alarm.key_id) == ids[1]
    sweep("scrub")
    assert Alarm.objects.filter(kind="scrub-failed").count() == 1


def test_without_the_hsm_it_is_tried_again_from_there(travel, monkeypatch) -> None:
    some_keys()

    def gone(*_):
        raise HsmDown

    with monkeypatch.context() as away:
        away.setattr(custody.keyring(), "verify", gone)
        assert nudged() == NOTHING | {"due": 1, "failed": 1}
    assert not failures()
    assert nudged() == all_done(4)
