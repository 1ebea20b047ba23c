"""What is noticed, from rows that are there; looking twice raises nothing twice."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.formats import date_format
from django.utils.translation import override

from keys import budget
from keys.custody import keyring
from keys.hsm.token import TokenStatus
from keys.models import CustomerMasterKey, KeyVersion
from keys.operations import (
    CancelKeyDeletion,
    ConfirmKeyDeletion,
    Decrypt,
    DescribeKey,
    DisableKey,
    EnableKey,
    EnableKeyRotation,
    Encrypt,
    ScheduleKeyDeletion,
)
from keys.operations.metadata import unix
from kmsconsole import clock
from kmsconsole.alarms import watching
from kmsconsole.alarms.kinds import AlarmKind
from kmsconsole.alarms.models import Alarm, DeletionHold, Watch
from kmsconsole.alarms.raising import raise_alarm
from kmsconsole.alarms.words import told
from kmsconsole.errors import KMSError
from kmsconsole.schedule.models import ClockState, Doubt
from kmsconsole.schedule.stint import Stint
from tests.accessctl.people import acting, grant, sub_account
from tests.alarms.conftest import Later, Sweeping
from tests.personas import ROOT, create_key, execute

pytestmark = pytest.mark.django_db
KEY = "orders"


def raised(kind: AlarmKind | None = None) -> Any:
    rows = Alarm.objects.order_by("id")
    return rows.filter(kind=kind) if kind else Counter(rows.values_list("kind", flat=1))


def pending(days: int = 7, *, used: bool = False) -> str:
    key_id = create_key()
    if used:
        execute(Encrypt, KeyId=key_id, Plaintext="YQ==")
    execute(DisableKey, KeyId=key_id)
    execute(ScheduleKeyDeletion, KeyId=key_id, PendingWindowInDays=days)
    return key_id


def tried(key_id: str, principal: Any = ROOT) -> None:
    with pytest.raises(KMSError):
        execute(Encrypt, principal, KeyId=key_id, Plaintext="YQ==")


def test_attempts_are_told_once_a_caller_and_day(later: Later, sweep: Sweeping) -> None:
    ann, nobody = sub_account("ann"), sub_account("nobody")
    key_id = pending()
    grant(ann, "role.key-user", key=key_id)
    for _ in range(5):
        tried(key_id, acting(ann))
        tried(key_id, acting(nobody))
    execute(DescribeKey, KeyId=key_id)
    sweep("attempts")
    # Too young: what is still being committed must not be passed over.
    assert not raised()
    later(minutes=2)
    for _ in range(3):
        sweep("attempts")
    told = {(a.account_uin, a.details) for a in raised(AlarmKind.PENDING_KEY_USED)}
    assert len(told) == 2
    assert any('"Caller": "nobody"' in d and "Unauthorized" in d for _, d in told)
    later(days=1)
    tried(key_id, acting(ann))
    later(minutes=2)
    sweep("attempts")
    assert raised()[AlarmKind.PENDING_KEY_USED] == 3


def test_other_refusals_are_no_attempts(later: Later, sweep: Sweeping) -> None:
    key_id = create_key()
    execute(DisableKey, KeyId=key_id)
    # Before its waiting period, and after a cancelled one.
    tried(key_id)
    execute(ScheduleKeyDeletion, KeyId=key_id, PendingWindowInDays=7)
    later(minutes=2)
    sweep("attempts")
    execute(CancelKeyDeletion, KeyId=key_id)
    tried(key_id)
    with pytest.raises(KMSError):
        execute(Decrypt, CiphertextBlob="nothing")
    later(minutes=2)
    sweep("attempts")
    assert not raised()


def test_an_attempt_holds_what_the_account_wants_held(
    later: Later, sweep: Sweeping
) -> None:
    used, unused = pending(used=True), None
    tried(used)
    later(minutes=2)
    sweep("attempts")
    assert str(DeletionHold.objects.get().key_id) == used
    assert raised()[AlarmKind.DELETION_HELD] == 1
    execute(CancelKeyDeletion, KeyId=used)
    later(days=40)
    execute(ScheduleKeyDeletion, KeyId=used, PendingWindowInDays=7)
    tried(used)
    later(minutes=2)
    sweep("attempts")
    assert unused is None
    assert not DeletionHold.objects.exists()
    assert raised()[AlarmKind.PENDING_KEY_USED] == 2


def test_a_sweep_that_died_goes_on_where_it_was(later: Later) -> None:
    key_id = pending()
    tried(key_id)
    later(minutes=2)
    watching.attempts(Stint())
    first = Watch.objects.get(name="attempts").number
    # What a run did before it died is done again and changes nothing.
    Watch.objects.filter(name="attempts").update(number=0)
    watching.attempts(Stint())
    assert raised()[AlarmKind.PENDING_KEY_USED] == 1
    assert Watch.objects.get(name="attempts").number == first
    # A run that has no time does nothing, and forgets nothing.
    tried(key_id, acting(sub_account("ann")))
    later(minutes=2)
    watching.attempts(Stint(seconds=0.0))
    assert raised()[AlarmKind.PENDING_KEY_USED] == 1
    watching.attempts(Stint())
    assert raised()[AlarmKind.PENDING_KEY_USED] == 2


def test_each_of_the_last_three_days_once(later: Later, sweep: Sweeping) -> None:
    pending(days=7)
    seen = []
    for _ in range(8 * 4):
        sweep("dates")
        sweep("dates")
        seen.append(raised()[AlarmKind.DELETION_NEAR])
        later(hours=6)
    # Nothing for four days, then one a day; none after the date.
    assert seen[15] == 0
    assert seen[17] == 1
    assert seen[21] == 2
    assert seen[25] == seen[-1] == 3
    days = [
        a.details.partition('"Days": ')[2][0] for a in raised(AlarmKind.DELETION_NEAR)
    ]
    assert days == ["3", "2", "1"]


def test_many_dates_cost_a_statement_for_many(later: Later, sweep: Sweeping) -> None:
    for number in range(30):
        key_id = create_key(f"key-{number}")
        execute(DisableKey, KeyId=key_id)
        execute(ScheduleKeyDeletion, KeyId=key_id, PendingWindowInDays=7)
    later(days=5)
    for _ in range(2):
        with CaptureQueriesContext(connection) as asked:
            watching.dates(Stint())
        assert len(raised(AlarmKind.DELETION_NEAR)) == 30
        assert len([q for q in asked if "INSERT" in q["sql"]]) == 1


def test_after_a_long_stop_only_what_is_true_now_is_told(
    later: Later, sweep: Sweeping
) -> None:
    pending(days=7)
    later(days=6, hours=12)
    sweep("dates")
    (alarm,) = raised(AlarmKind.DELETION_NEAR)
    assert '"Days": 1' in alarm.details


def near() -> list[tuple[str, str]]:
    """Return what was said of deletions that are near, and what to do."""
    some = [told(alarm) for alarm in raised(AlarmKind.DELETION_NEAR)]
    return [(one.sentence, one.mend) for one in some]


def held() -> list[tuple[str, str]]:
    """Return what was said of deletions that are held, and what to do."""
    some = [told(alarm) for alarm in raised(AlarmKind.DELETION_HELD)]
    return [(one.sentence, one.mend) for one in some]


def test_a_held_deletion_is_not_told_as_one_that_happens(
    later: Later, sweep: Sweeping
) -> None:
    key_id = pending(days=7, used=True)
    tried(key_id)
    attempted, due = clock.now(), CustomerMasterKey.objects.get().deletion_date
    later(minutes=2)
    sweep("attempts")
    hold = DeletionHold.objects.get()
    for day in range(9):
        for _ in range(2):
            sweep("dates")
        # When it is held, then in each of the last three days and after the date.
        assert len(held()) == 1 + max(0, day - 3)
        later(days=1)
    assert near() == []
    when = [date_format(at, "j M Y, H:i") + " UTC" for at in (due, hold.at, attempted)]
    for sentence, mend in held()[1:]:
        assert sentence == (
            f"The deletion of {KEY}, due on {when[0]}, has been held since {when[1]}, "
            f"and nobody has decided: admin tried “Encrypt” with it on {when[2]}."
        )
        assert mend.startswith("Decide: cancel the deletion, or confirm it.")
    with override("zh-hans"):
        for sentence, mend in held()[1:]:
            assert f"{KEY} 原定于" in sentence
            assert "尚无人决定" in sentence
            assert mend == held()[0][1]
    # Once confirmed, it is told of for its last day instead.
    execute(ConfirmKeyDeletion, KeyId=key_id)
    reminders = len(held())
    for _ in range(2):
        sweep("dates")
    runs = date_format(DeletionHold.objects.get().runs_at, "j M Y, H:i")
    ((sentence, mend),) = near()
    assert sentence == f"{KEY} will be destroyed in less than a day, on {runs} UTC."
    assert mend.startswith("After that nobody can decrypt")
    later(days=1, seconds=1)
    assert sweep("destruction")["done"] == 1
    sweep("dates")
    assert (len(near()), len(held())) == (1, reminders)


def test_who_has_just_been_told_of_a_hold_is_not_reminded_before_a_day(
    later: Later, sweep: Sweeping
) -> None:
    key_id = pending(days=7, used=True)
    later(days=4, hours=12)
    sweep("dates")
    assert (len(near()), len(held())) == (1, 0)
    tried(key_id)
    later(minutes=2)
    sweep("attempts")
    for hours in (1, 22):
        later(hours=hours)
        sweep("dates")
        assert (len(near()), len(held())) == (1, 1)
    later(hours=1)
    sweep("dates")
    assert (len(near()), len(held())) == (1, 2)


def test_the_reminders_of_a_decision_come_every_week_after_the_first(
    later: Later, sweep: Sweeping
) -> None:
    key_id = pending(days=7, used=True)
    tried(key_id)
    later(days=8, minutes=1)
    assert sweep("destruction")["held"] == 1
    days = []
    # Half a day behind the date's hour, so that its days are those counted here.
    later(hours=12)
    for day in range(1, 31):
        before = len(held())
        sweep("dates")
        days += [day] * (len(held()) - before)
        later(days=1)
    # Found a day late and told then; reminded from the next day on.
    assert days == [2, 3, 4, 5, 6, 7, 14, 21, 28]
    execute(CancelKeyDeletion, KeyId=key_id)
    later(days=30)
    sweep("dates")
    assert len(held()) == 1 + len(days)
    # A hold of another waiting period is another occasion.
    execute(EnableKey, KeyId=key_id)
    execute(Encrypt, KeyId=key_id, Plaintext="YQ==")
    execute(DisableKey, KeyId=key_id)
    execute(ScheduleKeyDeletion, KeyId=key_id, PendingWindowInDays=7)
    tried(key_id)
    later(days=5)
    sweep("attempts")
    later(days=1, minutes=1)
    sweep("dates")
    assert len(held()) == 3 + len(days)


def test_after_a_long_stop_one_reminder_is_enough(
    later: Later, sweep: Sweeping
) -> None:
    key_id = pending(days=7, used=True)
    tried(key_id)
    later(minutes=2)
    sweep("attempts")
    later(days=40)
    for _ in range(2):
        sweep("dates")
    assert len(held()) == 2


def test_a_deletion_confirmed_before_its_date_is_news_once(
    later: Later, sweep: Sweeping
) -> None:
    key_id = pending(days=7, used=True)
    tried(key_id)
    later(days=3)
    sweep("attempts")
    later(days=2)
    sweep("dates")
    assert (len(near()), len(held())) == (0, 2)
    execute(ConfirmKeyDeletion, KeyId=key_id)
    for _ in range(2):
        sweep("dates")
    ((confirmed, _),) = near()
    assert f"{KEY} will be destroyed in less than 2 days" in confirmed
    later(days=1, hours=1)
    sweep("dates")
    assert (len(near()), len(held())) == (2, 2)


def test_what_was_told_of_a_held_deletion_before_reminders_stays_true() -> None:
    key = CustomerMasterKey.objects.get(pk=pending())
    said = {"Date": unix(clock.now()), "Days": 2, "Held": True}
    raise_alarm(AlarmKind.DELETION_NEAR, "1|2", key=key, details=said)
    ((sentence, mend),) = near()
    assert "is held: the key is not destroyed before somebody" in sentence
    assert mend.startswith("Decide: cancel the deletion, or confirm it.")


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="reads SQLite's plans")
def test_reminders_are_found_among_the_deletions_that_are_near(later: Later) -> None:
    with CaptureQueriesContext(connection) as asked:
        watching.dates(Stint())
    (query,) = [q["sql"] for q in asked if "caller_name" in q["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {query}")
        plan = [str(row[3]) for row in cursor.fetchall()]
    assert " INDEX keys_deletion_due (deletion_date<?)" in plan[0]
    holds = [step for step in plan if "alarms_deletionhold" in step or " U0 " in step]
    assert holds
    assert all("(key_id=?)" in step for step in holds), plan


def test_material_of_a_key_pending_deletion_does_not_expire(
    later: Later, sweep: Sweeping
) -> None:
    key_id = pending(days=30)
    ends = clock.now() + timedelta(days=2)
    CustomerMasterKey.objects.filter(id=key_id).update(material_valid_to=ends)
    sweep("dates")
    assert not raised()
    execute(CancelKeyDeletion, KeyId=key_id)
    sweep("dates")
    assert raised() == {AlarmKind.MATERIAL_EXPIRES: 1}


def test_material_that_expires_is_told_three_days_before(
    later: Later, sweep: Sweeping
) -> None:
    key_id = create_key()
    ends = clock.now() + timedelta(days=5)
    CustomerMasterKey.objects.filter(id=key_id).update(material_valid_to=ends)
    sweep("dates")
    assert not raised()
    later(days=2, seconds=5)
    sweep("dates")
    later(days=2)
    sweep("dates")
    assert raised() == {AlarmKind.MATERIAL_EXPIRES: 1}
    # Imported again with a later end: another occasion.
    ends += timedelta(days=30)
    CustomerMasterKey.objects.filter(id=key_id).update(material_valid_to=ends)
    later(days=29)
    sweep("dates")
    assert raised() == {AlarmKind.MATERIAL_EXPIRES: 2}


def test_a_rotation_that_was_not_made_is_told(later: Later, sweep: Sweeping) -> None:
    key_id = create_key()
    execute(EnableKeyRotation, KeyId=key_id, RotateDays=7)
    later(days=7, minutes=50)
    sweep("dates")
    assert not raised()
    later(minutes=20)
    sweep("dates")
    sweep("dates")
    assert raised() == {AlarmKind.ROTATION_MISSED: 1}


def test_an_imported_key_is_told_of_its_limit_twice(
    later: Later, sweep: Sweeping
) -> None:
    key_id, generated = create_key("imported"), create_key("generated")
    CustomerMasterKey.objects.filter(id=key_id).update(origin="EXTERNAL")
    for number, times in ((budget.ROTATE_AT - 1, 0), (budget.ROTATE_AT, 1)):
        KeyVersion.objects.update(encryptions=number)
        sweep("dates")
        assert raised()[AlarmKind.ENCRYPTION_BUDGET] == times
    KeyVersion.objects.update(encryptions=budget.MOST)
    sweep("dates")
    sweep("dates")
    assert raised()[AlarmKind.ENCRYPTION_BUDGET] == 2
    assert not Alarm.objects.filter(key_id=generated).exists()


def test_an_outage_of_the_hsm_is_one_alarm(
    later: Later, sweep: Sweeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep("condition")
    assert not raised()
    down = TokenStatus(ready=False, detail="the token does not answer")
    with monkeypatch.context() as away:
        away.setattr(type(keyring()), "status", lambda _: down)
        for _ in range(3):
            sweep("condition")
            later(minutes=1)
    sweep("condition")
    assert raised()[AlarmKind.HSM_DOWN] == 1
    with monkeypatch.context() as away:
        away.setattr(type(keyring()), "status", lambda _: down)
        sweep("condition")
    assert raised()[AlarmKind.HSM_DOWN] == 2


def test_events_that_nobody_counts_are_told(later: Later, sweep: Sweeping) -> None:
    create_key()
    later(minutes=14)
    sweep("condition")
    assert not raised()
    later(minutes=2)
    sweep("condition")
    assert raised() == {AlarmKind.AUDIT_BACKLOG: 1}
    sweep("usage")
    sweep("condition")
    assert Watch.objects.get(name="audit").number == 0


def test_a_clock_in_doubt_is_told_once_a_doubt(later: Later, sweep: Sweeping) -> None:
    doubt = {"doubt": Doubt.AHEAD, "doubt_since": clock.now(), "seconds": 7200}
    ClockState.objects.update_or_create(pk=1, defaults=doubt)
    sweep("condition")
    later(minutes=1)
    sweep("condition")
    assert raised() == {AlarmKind.CLOCK_HELD: 1}
    ClockState.objects.filter(pk=1).update(doubt_since=clock.now())
    sweep("condition")
    assert raised() == {AlarmKind.CLOCK_HELD: 2}
