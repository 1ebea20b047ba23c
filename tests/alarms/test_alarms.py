"""Raising once, seeing only what one may see, reading without touching others."""

from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accessctl.models import User
from keys.models import CustomerMasterKey
from kmsconsole.alarms import audience
from kmsconsole.alarms.kinds import AlarmKind
from kmsconsole.alarms.models import Alarm, AlarmRead, ReadUntil
from kmsconsole.alarms.operations import ListAlarms, MarkAlarmsRead
from kmsconsole.alarms.raising import raise_alarm
from kmsconsole.alarms.words import told
from kmsconsole.errors import KMSError
from tests.accessctl.people import acting, grant, revoke, sub_account
from tests.console import signed_in, words
from tests.personas import (
    FOREIGN_ROOT,
    OTHER_REGION,
    ROOT,
    call,
    create_key,
    execute,
)

pytestmark = pytest.mark.django_db


def key_named(alias: str, **more: Any) -> CustomerMasterKey:
    return CustomerMasterKey.objects.get(id=create_key(alias, **more))


def near(key: CustomerMasterKey, day: str = "2026-11-28") -> None:
    details = {"Date": 1_800_000_000, "Days": 3}
    raise_alarm(AlarmKind.DELETION_NEAR, day, key=key, details=details)


def numbers(principal: Any = ROOT, **asked: Any) -> list[int]:
    rows = execute(ListAlarms, principal, **asked).output["Alarms"]
    return [row.pk for row in rows]


def test_an_occasion_is_raised_once() -> None:
    one, other = key_named("one"), key_named("other")
    for _ in range(3):
        near(one)
        near(other)
    near(one, "2026-11-29")
    raise_alarm(AlarmKind.HSM_DOWN, "2026-11-28", details={"Reason": "gone"})
    raise_alarm(AlarmKind.HSM_DOWN, "2026-11-28", details={"Reason": "still gone"})
    assert Alarm.objects.count() == 4


def test_what_is_rolled_back_was_not_raised() -> None:
    key = key_named("one")
    with transaction.atomic():
        near(key)
        transaction.set_rollback(True)
    assert not Alarm.objects.exists()


def test_everybody_sees_the_alarms_of_their_keys_only() -> None:
    seen, unseen = key_named("seen"), key_named("unseen")
    elsewhere = key_named("seen", region=OTHER_REGION)
    foreign = key_named("foreign", principal=FOREIGN_ROOT)
    for key in (seen, unseen, elsewhere, foreign):
        near(key)
    raise_alarm(AlarmKind.HSM_DOWN, "today", details={"Reason": "gone"})
    ann = sub_account("ann")
    assert numbers(acting(ann)) == []
    grant(ann, "role.read-only", key=str(seen.id))
    first = Alarm.objects.get(key_id=seen.id)
    assert numbers(acting(ann)) == [first.pk]
    assert audience.unread_count(call(acting(ann))) == 1
    # Of every region, but not of another account; the installation's for root.
    assert len(numbers()) == 4
    assert audience.unread_count(call()) == 4
    assert len(numbers(FOREIGN_ROOT)) == 2
    revoke(ann, "role.read-only", key=str(seen.id))
    assert numbers(acting(ann)) == []
    assert audience.unread_count(call(acting(ann))) == 0


def test_who_is_told_is_who_may_look() -> None:
    key = key_named("seen")
    near(key)
    raise_alarm(AlarmKind.HSM_DOWN, "today", details={"Reason": "gone"})
    about_key, about_all = Alarm.objects.order_by("id")
    ann = sub_account("ann")
    root = User.objects.get(account_id=ROOT.account_uin, is_root=True)
    stranger = sub_account("stranger", FOREIGN_ROOT.account_uin)
    grant(stranger, "role.full-access", by=FOREIGN_ROOT)
    assert audience.may_see(root, about_key)
    assert audience.may_see(root, about_all)
    assert not audience.may_see(stranger, about_key)
    assert not audience.may_see(ann, about_key)
    grant(ann, "role.read-only")
    assert audience.may_see(ann, about_key)
    assert not audience.may_see(ann, about_all)
    ann.is_active = False
    assert not audience.may_see(ann, about_key)


def test_reading_is_everybodys_own() -> None:
    key = key_named("one")
    for day in range(5):
        near(key, str(day))
    newest, *older = numbers()
    ann = sub_account("ann")
    grant(ann, "role.read-only")
    execute(MarkAlarmsRead, Alarms=[newest, newest])
    assert numbers(Unread=True) == older
    assert len(numbers(acting(ann), Unread=True)) == 5
    execute(MarkAlarmsRead, Until=newest)
    assert numbers(Unread=True) == []
    assert not AlarmRead.objects.exists()
    # What was shown is marked, not what came meanwhile; and never counted back.
    near(key, "later")
    execute(MarkAlarmsRead, Until=older[-1])
    assert len(numbers(Unread=True)) == 1
    assert ReadUntil.objects.get(person_uin=ROOT.uin).alarm_number == newest
    assert len(numbers(acting(ann), Unread=True)) == 6


def test_marking_what_one_does_not_see_changes_nothing() -> None:
    near(key_named("one"))
    (number,) = numbers()
    ann = sub_account("ann")
    execute(MarkAlarmsRead, acting(ann), Alarms=[number, 999])
    execute(MarkAlarmsRead, FOREIGN_ROOT, Until=number)
    assert not AlarmRead.objects.exists()
    assert not ReadUntil.objects.exists()
    for wrong in ({}, {"Alarms": [number], "Until": number}, {"Alarms": [1] * 101}):
        with pytest.raises(KMSError):
            execute(MarkAlarmsRead, **wrong)


def test_pages_go_on_behind_an_alarm() -> None:
    one, other = key_named("one"), key_named("other")
    for day in range(7):
        near(one, str(day))
        raise_alarm(AlarmKind.ROTATION_MISSED, str(day), key=other, details={"Date": 1})
    found: list[int] = []
    before: dict[str, int] = {}
    while True:
        asked = {"Kind": "deletion-near", "Limit": 3} | before
        output = execute(ListAlarms, **asked).output
        found += [row.pk for row in output["Alarms"]]
        if output["Older"] is None:
            break
        before = {"Before": output["Older"]}
    assert len(found) == len(set(found)) == 7
    assert found == sorted(found, reverse=True)


def test_the_bell_costs_one_statement_however_many_there_are() -> None:
    key = key_named("one")
    ann = sub_account("ann")
    grant(ann, "role.read-only", key=str(key.id))
    counted = []
    for number in (1, 700):
        for at in range(number):
            near(key, f"{number} {at}")
        costs = []
        for principal in (ROOT, acting(ann)):
            with CaptureQueriesContext(connection) as statements:
                audience.unread_count(call(principal))
            costs.append(len(statements))
        counted.append(costs)
    # A sub-account's rules are read too: its policies, its grants, its keys.
    assert counted == [[1, 4], [1, 4]]


def test_every_kind_has_words() -> None:
    key = key_named("orders")
    details = {
        "Caller": "ann",
        "Operation": "Decrypt",
        "Error": "ResourceUnavailable.CmkDisabled",
        "Date": 1_800_000_000,
        "Days": 1,
        "Number": 7,
        "Reason": "no answer",
        "Doubt": "back",
    }
    for kind in AlarmKind:
        raise_alarm(kind, "once", key=key, details=details)
    for alarm in Alarm.objects.all():
        said = told(alarm)
        assert said.title
        assert said.mend
        assert "%(" not in said.sentence
        assert "orders" in said.sentence or alarm.kind in (
            AlarmKind.HSM_DOWN,
            AlarmKind.AUDIT_BACKLOG,
            AlarmKind.CLOCK_HELD,
        )


def test_the_page_shows_marks_and_counts() -> None:
    client = signed_in()
    key = key_named("orders")
    assert "Alarms: none unread" in words(client.get("/keys/"))
    near(key)
    raise_alarm(AlarmKind.CLOCK_HELD, "x", details={"Doubt": "ahead"})
    assert "Alarms: 2 unread" in words(client.get("/keys/"))
    page = words(client.get("/alarms/"))
    assert "orders will be destroyed in less than 3 days" in page
    assert "it was put forward" in page
    assert "Alarms: 2 unread" in words(client.get("/alarms/"))
    newest, _older = numbers()
    sent = client.post("/alarms/?unread=1", {"Alarms": newest})
    assert sent.headers["Location"] == "/alarms/?unread=1"
    page = words(client.get("/alarms/?unread=1"))
    assert "it was put forward" not in page
    assert "Alarms: 1 unread" in page
    client.post("/alarms/", {"Until": newest})
    assert "No alarm fits" in words(client.get("/alarms/?unread=1"))
    assert "Alarms: none unread" in words(client.get("/keys/"))
