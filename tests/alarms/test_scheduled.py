"""What is to come and what was, of what somebody may see, a page at a time."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from keys.models import CustomerMasterKey
from keys.operations import (
    ConfirmKeyDeletion,
    DisableKey,
    EnableKeyRotation,
    Encrypt,
    HoldKeyDeletion,
    ScheduleKeyDeletion,
)
from kmsconsole import clock
from kmsconsole.alarms.models import DeletionHold
from kmsconsole.alarms.operations import ListScheduled
from kmsconsole.audit.models import AuditEvent
from kmsconsole.errors import KMSError
from kmsconsole.principals import Kind, Principal
from kmsconsole.schedule.models import ClockState, SweepRun
from tests.accessctl.people import acting, grant, group, sub_account
from tests.alarms.conftest import Later, Sweeping
from tests.console import signed_in, words
from tests.personas import ACCOUNT, FOREIGN_ROOT, ROOT, create_key, execute

pytestmark = pytest.mark.django_db
SYSTEM = Principal(Kind.SYSTEM, ACCOUNT, 0, "service", "sweep")


def listed(principal: Principal = ROOT, **asked: Any) -> dict[str, Any]:
    return execute(ListScheduled, principal, **asked).output


def coming(principal: Principal = ROOT, **asked: Any) -> list[tuple[str, str]]:
    return [(one.sort, one.key_name) for one in listed(principal, **asked)["Coming"]]


def rotating(alias: str, days: int) -> str:
    key_id = create_key(alias)
    execute(EnableKeyRotation, KeyId=key_id, RotateDays=days)
    return key_id


def dying(alias: str, days: int) -> str:
    key_id = create_key(alias)
    execute(Encrypt, KeyId=key_id, Plaintext="YQ==")
    execute(DisableKey, KeyId=key_id)
    execute(ScheduleKeyDeletion, KeyId=key_id, PendingWindowInDays=days)
    return key_id


def test_the_next_thirty_days_in_order() -> None:
    rotating("often", 10)
    rotating("seldom", 60)
    dying("dying", 8)
    expiring = create_key("expiring")
    CustomerMasterKey.objects.filter(id=expiring).update(
        material_valid_to=clock.now() + timedelta(days=9)
    )
    ann = sub_account("ann")
    soon = (clock.now() + timedelta(days=1)).isoformat()
    grant(ann, "role.key-user", key=expiring, Until=soon)
    grant(group("team", ann), "role.read-only", Until=soon)
    found = listed()["Coming"]
    assert [(one.sort.partition("-")[0], one.key_name) for one in found] == [
        ("grant", "expiring"),
        ("grant", ""),
        ("deletion", "dying"),
        ("expiry", "expiring"),
        ("rotation", "often"),
    ]
    assert {one.holder for one in found if one.holder} == {"ann", "team"}


def test_everybody_sees_their_own_share() -> None:
    seen, unseen = rotating("seen", 10), rotating("unseen", 10)
    ann, ben = sub_account("ann"), sub_account("ben")
    soon = (clock.now() + timedelta(days=2)).isoformat()
    grant(ann, "role.read-only", key=seen, Until=soon)
    grant(ben, "role.read-only", key=unseen, Until=soon)
    assert coming(acting(ann)) == [("grant-1", "seen"), ("rotation", "seen")]
    assert coming(FOREIGN_ROOT) == []
    assert coming(acting(sub_account("nobody"))) == []
    assert len(coming()) == 4


def test_pages_hold_everything_once_also_at_one_moment() -> None:
    date = clock.now() + timedelta(days=3)
    for number in range(7):
        dying(f"d{number}", 7)
        rotating(f"r{number}", 7)
    CustomerMasterKey.objects.filter(alias__startswith="d").update(deletion_date=date)
    rows = CustomerMasterKey.objects.filter(alias__startswith="r")
    rows.update(next_rotation_at=date)
    found: list[tuple[str, str]] = []
    after = ""
    for _ in range(20):
        output = listed(After=after, Limit=3)
        found += [(one.sort, one.key_name) for one in output["Coming"]]
        after = output["Later"]
        if not after:
            break
    assert len(found) == len(set(found)) == 14
    for wrong in (
        "soon",
        "2026-01-01T00:00:00 deletion x",
        f"{date.isoformat()} deletion x",
    ):
        with pytest.raises(KMSError):
            listed(After=wrong)


def test_what_happened_by_itself_and_who_may_know(
    later: Later, sweep: Sweeping
) -> None:
    key_id, other = rotating("orders", 7), rotating("other", 7)
    later(days=7, minutes=1)
    sweep("rotation")
    ann, ben = sub_account("ann"), sub_account("ben")
    grant(ann, "role.auditor", key=key_id)
    grant(ben, "role.read-only", key=key_id)
    events = listed()["Happened"]
    assert {event.key_id for event in events} == {key_id, other}
    assert {event.key_id for event in listed(acting(ann))["Happened"]} == {key_id}
    assert listed(acting(ben))["Happened"] == []
    first = listed(Limit=1)
    assert [e.operation for e in first["Happened"]] == ["RotateDueKey"]
    second = listed(Limit=1, Before=first["Older"])
    assert second["Happened"][0].key_id != first["Happened"][0].key_id


def test_finding_what_the_service_did_reads_nothing_else() -> None:
    create_key()
    with CaptureQueriesContext(connection) as statements:
        listed()
    (asked,) = [
        s["sql"]
        for s in statements
        if "audit_auditevent" in s["sql"] and "SELECT" in s["sql"]
    ]
    if connection.vendor != "sqlite":
        pytest.skip("the plan is SQLite's")
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {asked}")
        plan = " ".join(str(row) for row in cursor.fetchall())
    assert "audit_service" in plan
    assert "TEMP B-TREE" not in plan


def test_figures_of_the_installation_are_for_its_operator() -> None:
    client = signed_in()
    failure = "DestroyKey 11111111-1111-4111-8111-111111111111: Failed"
    SweepRun.objects.create(
        name="destruction",
        due=3,
        done=2,
        failed=1,
        failure=failure,
        ended_at=clock.now(),
    )
    assert failure in words(client.get("/alarms/scheduled/"))
    stranger = sub_account("stranger", FOREIGN_ROOT.account_uin)
    grant(stranger, "role.full-access", by=FOREIGN_ROOT)
    client.force_login(stranger)
    page = words(client.get("/alarms/scheduled/"))
    assert failure not in page
    assert "Last runs" not in page
    assert "Does it run?" in page


def test_a_confirmed_deletion_stands_where_it_happens(later: Later) -> None:
    held, confirmed = dying("held", 7), dying("confirmed", 7)
    later(days=8)
    for key_id in (held, confirmed):
        with pytest.raises(KMSError):
            execute(Encrypt, KeyId=key_id, Plaintext="YQ==")
        execute(HoldKeyDeletion, SYSTEM, KeyId=key_id)
    rotating("soon", 7)
    execute(ConfirmKeyDeletion, KeyId=confirmed)
    dying("later", 8)
    found = listed()["Coming"]
    assert [(one.key_name, one.held) for one in found] == [
        ("held", True),
        ("confirmed", False),
        ("soon", False),
        ("later", False),
    ]
    assert found[1].at == DeletionHold.objects.get(key_id=confirmed).runs_at
    pages, after = [], ""
    for _ in range(4):
        output = listed(After=after, Limit=1)
        pages += [one.key_name for one in output["Coming"]]
        after = output["Later"]
    assert (pages, after) == (["held", "confirmed", "soon", "later"], "")
    page = words(signed_in().get("/alarms/scheduled/"))
    assert "Key is destroyed Held held" in page
    assert "Key is destroyed confirmed" in page
    later(days=1, seconds=1)
    assert "Key is destroyed Late confirmed" in words(
        signed_in().get("/alarms/scheduled/")
    )


def test_material_of_a_key_pending_deletion_does_not_expire() -> None:
    CustomerMasterKey.objects.filter(id=dying("dying", 8)).update(
        material_valid_to=clock.now() + timedelta(days=9)
    )
    assert coming() == [("deletion", "dying")]


def test_the_page_shows_held_late_and_doubt() -> None:
    client = signed_in()
    key_id = dying("mail-gateway", 7)
    with pytest.raises(KMSError):
        execute(Encrypt, KeyId=key_id, Plaintext="YQ==")
    execute(HoldKeyDeletion, SYSTEM, KeyId=key_id)
    rotating("orders", 7)
    page = words(client.get("/alarms/scheduled/"))
    assert "Key is destroyed Held mail-gateway" in page
    assert "Late orders" not in page
    assert "The clock is in doubt" not in page
    past = clock.now() - timedelta(hours=1)
    CustomerMasterKey.objects.filter(alias="orders").update(next_rotation_at=past)
    doubt = {"doubt": "ahead", "seen_at": clock.now()}
    ClockState.objects.update_or_create(pk=1, defaults=doubt)
    page = words(client.get("/alarms/scheduled/"))
    assert "Key is rotated Late orders" in page
    assert "The clock is in doubt" in page
    assert AuditEvent.objects.filter(operation="ListScheduled").count() == 2
