"""The operator sees what is due when, and which sweeps are late."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from accessctl.models import Account
from keys.operations import ConfirmKeyDeletion, Encrypt, HoldKeyDeletion
from kmsconsole import clock, diagnosis, health
from kmsconsole.errors import KMSError
from kmsconsole.schedule import clock_guard
from kmsconsole.schedule.sweeps import sweeps
from tests.accessctl.people import account, grant, sub_account
from tests.personas import ACCOUNT, REGION, execute
from tests.schedule.conftest import NOW
from tests.schedule.test_clock_guard import SYSTEM
from tests.schedule.test_endings import imported
from tests.schedule.test_sweeps import NOTHING, all_done, pending, rotating, sweep

pytestmark = pytest.mark.django_db


def due(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command("due", "--json", *arguments, stdout=out)
    (line,) = out.getvalue().splitlines()
    said: dict[str, Any] = json.loads(line)
    return said


def test_what_falls_due_is_listed_oldest_first_with_account_and_key(travel) -> None:
    user = sub_account()
    rotated, gone = rotating("rotated"), pending("gone")
    brought = imported("brought")
    until = (clock.now() + timedelta(days=8)).isoformat()
    grant(user, "role.key-user", key=rotated, Until=until)
    travel(days=1)
    rows = due()["Due"]
    assert [(row["Kind"], row["KeyId"]) for row in rows] == [
        ("end of import parameters", brought),
        ("destruction", gone),
        ("end of a right", rotated),
        ("expiry of material", brought),
        ("rotation", rotated),
    ]
    assert rows[1] == {
        "Kind": "destruction",
        "At": (NOW + timedelta(days=7)).isoformat(),
        "Account": ACCOUNT,
        "Region": REGION,
        "KeyId": gone,
    }
    assert due("--days", "6") == {"Due": rows[:2], "More": False}
    assert due("--days", "0") == {"Due": rows[:1], "More": False}
    assert sweep("parameters") == all_done(1)
    assert due("--days", "0") == {"Due": [], "More": False}
    travel(days=7)
    assert [row["KeyId"] for row in due("--days", "0")["Due"]] == [gone, rotated]


def test_the_text_names_region_and_key(travel) -> None:
    key_id = pending("gone")
    out = StringIO()
    call_command("due", stdout=out)
    at = (NOW + timedelta(days=7)).isoformat()
    expected = f"{at}  destruction  {ACCOUNT}  {REGION}  {key_id}"
    assert out.getvalue().splitlines() == [expected]


def test_a_held_deletion_is_due_once_it_was_confirmed(travel) -> None:
    gone, kept = pending("gone"), pending("kept")
    account()
    Account.objects.update(hold_deletions="always")
    for key_id in (gone, kept):
        with pytest.raises(KMSError):
            execute(Encrypt, KeyId=key_id, Plaintext="YQ==")
        execute(HoldKeyDeletion, SYSTEM, KeyId=key_id)
    assert due()["Due"] == []
    travel(days=8)
    execute(ConfirmKeyDeletion, KeyId=gone)
    (row,) = due()["Due"]
    assert row["KeyId"] == gone
    assert row["Kind"] == "destruction"
    assert row["At"] == (NOW + timedelta(days=9)).isoformat()
    travel(days=1, seconds=-1)
    assert sweep("destruction") == NOTHING
    travel(seconds=1)
    assert sweep("destruction") == all_done(1)
    assert due()["Due"] == []


def test_a_sweep_that_does_not_run_is_late(travel, client: Client) -> None:
    for name in sweeps():
        sweep(name)
    assert health.late_sweeps() == []
    assert client.get("/readyz").json()["sweeps"] == "ok"
    travel(minutes=4)
    late = set(health.late_sweeps())
    assert {"rotation", "destruction", "usage"} <= late
    assert not {"scrub", "sessions"} & late
    assert client.get("/readyz").json()["sweeps"] == "late"
    assert client.get("/readyz").status_code == 200
    travel(minutes=12)
    assert "scrub" in health.late_sweeps()


def test_doctor_tells_of_a_doubtful_clock(travel, monkeypatch) -> None:
    clock_guard.observe()
    assert [one.level for one in diagnosis._doubt()] == []
    travel(days=2)
    monkeypatch.setattr(clock, "elapsed", lambda: 0.0)
    clock_guard.observe()
    (finding,) = diagnosis._doubt()
    assert finding.level == "mend"
    assert "clock confirm" in finding.mend
