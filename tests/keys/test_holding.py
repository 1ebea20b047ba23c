"""Whoever still needs a key holds its deletion; somebody then decides."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.formats import date_format

from accessctl.models import Account
from keys.errors import DeletionHeld, DeletionNotHeld
from keys.models import CustomerMasterKey
from keys.operations import (
    CancelKeyDeletion,
    ConfirmKeyDeletion,
    Decrypt,
    DescribeKey,
    DestroyKey,
    DisableKey,
    EnableKey,
    Encrypt,
    GenerateDataKey,
    GetPublicKey,
    HoldKeyDeletion,
    ReEncrypt,
    ScheduleKeyDeletion,
    SignByAsymmetricKey,
)
from keys.operations.holding import attempt_on, was_tried
from keys.states import KeyState
from kmsconsole import clock
from kmsconsole.alarms.models import Alarm, DeletionHold
from kmsconsole.audit.models import AuditEvent
from kmsconsole.errors import KMSError, StepUpRequired, UnauthorizedOperation
from kmsconsole.principals import Kind, Principal
from kmsconsole.schedule import clock_guard
from kmsconsole.schedule.running import run
from kmsconsole.schedule.sweeps import sweeps
from tests.accessctl.people import account, acting, grant, sub_account
from tests.console import signed_in, words
from tests.personas import ACCOUNT, ROOT, create_key, execute

pytestmark = pytest.mark.django_db
SYSTEM = Principal(Kind.SYSTEM, ACCOUNT, 0, "service", "sweep")
Later = Callable[..., None]


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    """Put the clock forward, that of the database too."""
    passed = timedelta()
    real, since_start = clock.now, clock.elapsed
    # What other tests let this process see of its clock is not of this time.
    monkeypatch.setattr(clock_guard, "_last", None)
    monkeypatch.setattr(
        clock, "elapsed", lambda: since_start() + passed.total_seconds()
    )

    def put(**more: float) -> None:
        nonlocal passed
        passed += timedelta(**more)
        monkeypatch.setattr(clock, "now", lambda: real() + passed)
        monkeypatch.setattr(
            "kmsconsole.schedule.database_time.now", lambda: real() + passed
        )

    return put


@pytest.fixture
def orders() -> str:
    """A key that was in use and is pending deletion, and a ciphertext of it."""
    return pending(used=True)


def pending(alias: str = "orders", *, used: bool) -> str:
    key_id = create_key(alias)
    if used:
        execute(Encrypt, KeyId=key_id, Plaintext="YQ==")
    execute(DisableKey, KeyId=key_id)
    execute(ScheduleKeyDeletion, KeyId=key_id, PendingWindowInDays=7)
    return key_id


def attempt(key_id: str, principal: Any = ROOT) -> None:
    with pytest.raises(KMSError):
        execute(Encrypt, principal, KeyId=key_id, Plaintext="YQ==")


@pytest.fixture(autouse=True)
def watched(db: None, later: Later) -> None:
    """Let the clock be observed from the start, as beat does."""
    clock_guard.observe()


def tally(name: str = "destruction") -> dict[str, int]:
    return run(sweeps()[name])[0].figures()


def state(key_id: str) -> str:
    return CustomerMasterKey.objects.get(id=key_id).state


def key(key_id: str) -> CustomerMasterKey:
    return CustomerMasterKey.objects.get(id=key_id)


def test_nobody_tries_and_the_key_goes_on_its_day(orders: str, later: Later) -> None:
    later(days=7, seconds=1)
    assert tally() == {"due": 1, "done": 1, "held": 0, "failed": 0}
    assert state(orders) == KeyState.DESTROYED


def test_an_attempt_holds_until_somebody_decides(orders: str, later: Later) -> None:
    ann = sub_account("ann")
    grant(ann, "role.key-user", key=orders)
    date = key(orders).deletion_date
    attempt(orders, acting(ann))
    later(days=7, seconds=1)
    # Without any sweep before: the transaction that destroys looks itself.
    with pytest.raises(DeletionHeld):
        execute(DestroyKey, SYSTEM, KeyId=orders)
    assert tally() == {"due": 1, "done": 0, "held": 1, "failed": 0}
    hold = DeletionHold.objects.get()
    assert (hold.caller_name, hold.operation) == ("ann", "Encrypt")
    assert (state(orders), key(orders).deletion_date) == (KeyState.PENDING_DELETE, date)
    alarm = Alarm.objects.get(kind="deletion-held")
    assert str(alarm.key_id) == orders
    # It waits, leaves no further events, and is nobody's work.
    events = AuditEvent.objects.count()
    for _ in range(3):
        later(days=30)
        assert tally() == {"due": 0, "done": 0, "held": 0, "failed": 0}
    assert AuditEvent.objects.count() == events
    with pytest.raises(DeletionHeld):
        execute(DestroyKey, SYSTEM, KeyId=orders)


def test_confirmed_it_runs_a_day_later_and_attempts_only_alarm(
    orders: str, later: Later
) -> None:
    attempt(orders)
    later(days=8)
    tally()
    execute(ConfirmKeyDeletion, KeyId=orders)
    assert key(orders).state == KeyState.PENDING_DELETE
    attempt(orders)
    later(hours=23, minutes=59)
    assert tally()["due"] == 0
    with pytest.raises(DeletionHeld):
        execute(DestroyKey, SYSTEM, KeyId=orders)
    later(minutes=2)
    assert tally()["done"] == 1
    assert state(orders) == KeyState.DESTROYED
    assert not DeletionHold.objects.exists()


def test_confirmed_early_it_still_waits_for_its_date(orders: str, later: Later) -> None:
    attempt(orders)
    execute(HoldKeyDeletion, SYSTEM, KeyId=orders)
    execute(ConfirmKeyDeletion, KeyId=orders)
    assert DeletionHold.objects.get().runs_at == key(orders).deletion_date
    later(days=6, hours=23)
    assert tally()["due"] == 0
    later(hours=2)
    assert tally()["done"] == 1


def test_cancelling_ends_it_and_a_new_period_begins_anew(
    orders: str, later: Later
) -> None:
    attempt(orders)
    execute(HoldKeyDeletion, SYSTEM, KeyId=orders)
    execute(CancelKeyDeletion, KeyId=orders)
    assert not DeletionHold.objects.exists()
    execute(ScheduleKeyDeletion, KeyId=orders, PendingWindowInDays=7)
    # What was tried in the first period is over.
    assert attempt_on(key(orders)) is None
    later(days=8)
    assert tally()["done"] == 1


def test_holding_twice_and_without_reason_is_refused(orders: str) -> None:
    with pytest.raises(DeletionNotHeld):
        execute(HoldKeyDeletion, SYSTEM, KeyId=orders)
    attempt(orders)
    execute(HoldKeyDeletion, SYSTEM, KeyId=orders)
    with pytest.raises(DeletionHeld):
        execute(HoldKeyDeletion, SYSTEM, KeyId=orders)
    assert Alarm.objects.filter(kind="deletion-held").count() == 1
    execute(ConfirmKeyDeletion, KeyId=orders)
    with pytest.raises(DeletionNotHeld):
        execute(ConfirmKeyDeletion, KeyId=orders)


def test_who_may_not_use_the_key_holds_nothing(orders: str, later: Later) -> None:
    nobody = sub_account("nobody")
    with pytest.raises(UnauthorizedOperation):
        execute(Encrypt, acting(nobody), KeyId=orders, Plaintext="YQ==")
    execute(DescribeKey, KeyId=orders)
    with pytest.raises(KMSError):
        execute(EnableKey, KeyId=orders)
    with pytest.raises(KMSError):
        execute(SignByAsymmetricKey, KeyId=orders, Algorithm="ECC_P256_R1", Message="")
    assert attempt_on(key(orders)) is None
    later(days=8)
    assert tally()["done"] == 1


@pytest.mark.parametrize("how", ["decrypt", "re-encrypt", "data key", "public key"])
def test_every_way_to_use_a_key_counts(how: str) -> None:
    pair = how == "public key"
    usage = {"KeyUsage": "ASYMMETRIC_SIGN_VERIFY_ECC"} if pair else {}
    from keys.operations import CreateKey  # noqa: PLC0415 - only here with a usage

    key_id = execute(CreateKey, Alias="used", **usage).output["KeyId"]
    blob = ""
    if not pair:
        made = execute(Encrypt, KeyId=key_id, Plaintext="YQ==")
        blob = made.output["CiphertextBlob"]
    execute(DisableKey, KeyId=key_id)
    execute(ScheduleKeyDeletion, KeyId=key_id, PendingWindowInDays=7)
    account().save()
    Account.objects.update(hold_deletions="always")
    ways: dict[str, tuple[Any, dict[str, Any]]] = {
        "decrypt": (Decrypt, {"CiphertextBlob": blob}),
        "re-encrypt": (ReEncrypt, {"CiphertextBlob": blob}),
        "data key": (GenerateDataKey, {"KeyId": key_id, "KeySpec": "AES_256"}),
        "public key": (GetPublicKey, {"KeyId": key_id}),
    }
    operation, data = ways[how]
    with pytest.raises(KMSError):
        execute(operation, **data)
    found = attempt_on(key(key_id))
    assert found is not None
    assert found.operation == operation.__name__


@pytest.mark.parametrize(
    ("rule", "used", "holds"),
    [
        ("recently-used", True, True),
        ("recently-used", False, False),
        ("always", False, True),
        ("never", True, False),
    ],
)
def test_the_account_says_which_deletions_are_held(
    rule: str, used: bool, holds: bool
) -> None:
    account()
    Account.objects.update(hold_deletions=rule)
    key_id = pending(used=used)
    attempt(key_id)
    assert (attempt_on(key(key_id)) is not None) is holds


def test_used_more_than_thirty_days_before_is_not_recently(later: Later) -> None:
    key_id = create_key()
    execute(Encrypt, KeyId=key_id, Plaintext="YQ==")
    later(days=31)
    execute(DisableKey, KeyId=key_id)
    execute(ScheduleKeyDeletion, KeyId=key_id, PendingWindowInDays=7)
    attempt(key_id)
    assert attempt_on(key(key_id)) is None


def test_confirming_takes_the_right_and_a_fresh_proof(orders: str) -> None:
    attempt(orders)
    execute(HoldKeyDeletion, SYSTEM, KeyId=orders)
    ann = sub_account("ann")
    grant(ann, "role.key-user", key=orders)
    with pytest.raises(UnauthorizedOperation):
        execute(ConfirmKeyDeletion, acting(ann), KeyId=orders)
    stale = Principal(Kind.ROOT, ACCOUNT, ACCOUNT, "admin", "session", fresh=False)
    with pytest.raises(StepUpRequired):
        execute(ConfirmKeyDeletion, stale, KeyId=orders)
    assert DeletionHold.objects.get().runs_at is None


def test_pages_show_that_it_is_held_by_whom_and_the_way_on() -> None:
    client = signed_in()
    key_id = pending(used=True)
    assert "Held" not in words(client.get("/keys/"))
    attempt(key_id)
    execute(HoldKeyDeletion, SYSTEM, KeyId=key_id)
    assert "Held" in words(client.get("/keys/"))
    page = words(client.get(f"/keys/{key_id}/"))
    assert "Held: the deletion waits until somebody confirms or cancels it." in page
    assert "is held." in page
    assert "will be destroyed" not in page
    assert "admin tried “Encrypt” with this key" in page
    assert "Confirm deletion" in page
    dialog = words(client.get(f"/keys/{key_id}/confirm-key-deletion/"))
    assert "Destroy orders in spite of the attempts to use it?" in dialog
    client.post(f"/keys/{key_id}/confirm-key-deletion/")
    page = words(client.get(f"/keys/{key_id}/"))
    assert "The deletion was held and is confirmed" in page
    runs = DeletionHold.objects.get().runs_at
    said = date_format(runs, "j M Y, H:i")
    assert f"This key will be destroyed on {said} UTC at the earliest." in page
    assert "Confirmed by admin." in page
    assert "Held" not in words(client.get("/keys/"))


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="reads SQLite's plans")
def test_whether_a_key_was_tried_is_found_among_its_refusals(orders: str) -> None:
    assert not was_tried(orders)
    attempt(orders)
    with CaptureQueriesContext(connection) as asked:
        assert was_tried(orders)
    (query,) = asked
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
        plan = " ".join(str(row) for row in cursor.fetchall())
    assert "audit_key_rare (key_id=?" in plan


def test_a_destruction_costs_what_it_did(orders: str, later: Later) -> None:
    others = [pending(f"other-{number}", used=True) for number in range(3)]
    later(days=8)
    with CaptureQueriesContext(connection) as asked:
        assert tally()["done"] == 1 + len(others)
    per_key = [
        query["sql"]
        for query in asked
        if "audit_auditevent" in query["sql"] and query["sql"].startswith("SELECT")
    ]
    # Nobody tried: one look before, and one in the transaction that destroys.
    assert len(per_key) == 2 * (1 + len(others))


def test_the_list_says_when_a_deletion_confirmed_late_happens(later: Later) -> None:
    key_id = pending(used=True)
    attempt(key_id)
    later(days=8)
    tally()
    client = signed_in()
    date = date_format(key(key_id).deletion_date, "j M Y")
    assert f"Held Deletion is due on {date}" in words(client.get("/keys/"))
    execute(ConfirmKeyDeletion, KeyId=key_id)
    date = date_format(clock.now() + timedelta(days=1), "j M Y")
    page = words(client.get("/keys/"))
    assert f"Will be deleted on {date}" in page
    assert "Held" not in page


def test_who_may_only_see_the_key_does_not_learn_who_tried() -> None:
    client = signed_in()
    key_id = pending(used=True)
    attempt(key_id)
    execute(HoldKeyDeletion, SYSTEM, KeyId=key_id)
    ann = sub_account("ann")
    grant(ann, "role.read-only", key=key_id)
    client.force_login(ann)
    page = words(client.get(f"/keys/{key_id}/"))
    assert "Somebody tried to use this key" in page
    assert "admin tried" not in page
