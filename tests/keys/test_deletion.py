"""Deleting a key: the waiting period, the way back, the end, and the pages about it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from accessctl.models import User
from keys import custody
from keys.errors import (
    CmkNotFound,
    CmkNotPendingDelete,
    CmkShouldBeDisabled,
    CmkStateNotSupport,
    CmkUsedByCloudProduct,
    InvalidPendingWindow,
    KeyPendingDelete,
)
from keys.models import CustomerMasterKey, KeyVersion, ResourceBinding
from keys.operations import (
    ArchiveKey,
    CancelKeyDeletion,
    CreateKey,
    DescribeDestroyedKey,
    DescribeKey,
    DestroyKey,
    DisableKey,
    EnableKey,
    Encrypt,
    GenerateDataKey,
    ScheduleKeyDeletion,
    ScheduleKeysDeletion,
    TagKey,
)
from kmsconsole import clock
from kmsconsole.audit.models import AuditEvent
from kmsconsole.errors import InvalidParameterValue, KMSError, UnauthorizedOperation
from kmsconsole.principals import Kind, Principal
from kmsconsole.schedule import database_time
from tests.console import enter, signed_in, words
from tests.personas import ACCOUNT, FOREIGN_ROOT, create_key, execute

pytestmark = pytest.mark.django_db

SYSTEM = Principal(Kind.SYSTEM, ACCOUNT, 0, "scheduler", "task")
NOW = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
Travel = Callable[[timedelta], None]


@pytest.fixture
def travel(monkeypatch: pytest.MonkeyPatch) -> Travel:
    """Stop the clock at NOW; the returned function moves it."""
    hands = {"now": NOW}
    for module in (clock, database_time):
        monkeypatch.setattr(module, "now", lambda: hands["now"])

    def move(by: timedelta) -> None:
        hands["now"] += by

    return move


@pytest.fixture
def client() -> Client:
    return signed_in()


def disabled_key(alias: str = "orders") -> str:
    key_id = create_key(alias)
    execute(DisableKey, KeyId=key_id)
    return key_id


def waiting_key(alias: str = "imported") -> str:
    return execute(CreateKey, Alias=alias, Type=2).output["KeyId"]


def schedule(key_id: str, days: object = 7, **more: object) -> dict:
    return execute(
        ScheduleKeyDeletion, KeyId=key_id, PendingWindowInDays=days, **more
    ).output


def key(key_id: str) -> CustomerMasterKey:
    return CustomerMasterKey.objects.get(id=key_id)


def destroy(key_id: str) -> None:
    execute(DestroyKey, SYSTEM, KeyId=key_id)


def handles() -> list[object]:
    """Return what is unwrapped in the HSM at this moment."""
    return list(custody.keyring()._handles._leases)


@pytest.mark.parametrize(
    "days", [6, 31, 0, -7, "", "x", "8.0", 7.0, True, None, "\u0667", 10**30]
)
def test_the_waiting_period_is_7_to_30_days(days: object) -> None:
    key_id = disabled_key()
    with pytest.raises(InvalidPendingWindow):
        schedule(key_id, days)
    assert key(key_id).state == "Disabled"


@pytest.mark.parametrize("days", [7, 30, "14"])
def test_the_date_is_that_many_days_ahead_to_the_second(travel, days) -> None:
    key_id = disabled_key()
    answer = schedule(key_id, days)
    date = NOW.replace(microsecond=0) + timedelta(days=int(days))
    assert answer == {"DeletionDate": int(date.timestamp()), "KeyId": key_id}
    assert key(key_id).deletion_date == date


def test_only_a_key_nobody_can_use_may_be_scheduled() -> None:
    enabled, archived, waiting = create_key("a"), create_key("b"), waiting_key()
    execute(ArchiveKey, KeyId=archived)
    with pytest.raises(CmkShouldBeDisabled):
        schedule(enabled)
    for key_id in (archived, waiting):
        schedule(key_id)
        with pytest.raises(CmkStateNotSupport):
            schedule(key_id)
    assert key(enabled).state == "Enabled"


def test_a_pending_key_does_nothing_until_the_deletion_is_cancelled() -> None:
    key_id = disabled_key()
    schedule(key_id)
    with pytest.raises(KeyPendingDelete):
        execute(GenerateDataKey, KeyId=key_id, KeySpec="AES_256")
    for operation, more in (
        (Encrypt, {"Plaintext": "YQ=="}),
        (EnableKey, {}),
        (DisableKey, {}),
        (TagKey, {"Tags": []}),
    ):
        with pytest.raises(KMSError):
            execute(operation, KeyId=key_id, **more)
    assert execute(CancelKeyDeletion, KeyId=key_id).output == {"KeyId": key_id}
    assert (key(key_id).state, key(key_id).deletion_date) == ("Disabled", None)
    execute(EnableKey, KeyId=key_id)
    execute(Encrypt, KeyId=key_id, Plaintext="YQ==")
    with pytest.raises(CmkNotPendingDelete):
        execute(CancelKeyDeletion, KeyId=key_id)


def test_a_key_without_material_returns_to_waiting_for_it() -> None:
    key_id = waiting_key()
    schedule(key_id)
    execute(CancelKeyDeletion, KeyId=key_id)
    assert key(key_id).state == "PendingImport"


def test_a_bound_key_is_refused_alone_and_in_a_batch() -> None:
    bound, free = disabled_key("a"), disabled_key("b")
    ResourceBinding.objects.create(
        key_id=bound, product="cos", resource_id="bucket-1", created_at=clock.now()
    )
    with pytest.raises(CmkUsedByCloudProduct):
        schedule(bound)
    with pytest.raises(CmkUsedByCloudProduct):
        execute(ScheduleKeysDeletion, KeyIds=[free, bound], PendingWindowInDays=7)
    assert {key(bound).state, key(free).state} == {"Disabled"}
    execute(ScheduleKeysDeletion, KeyIds=[free], PendingWindowInDays=7)
    assert key(free).state == "PendingDelete"


def test_the_reason_stands_in_the_audit_and_has_a_limit() -> None:
    key_id = disabled_key()
    with pytest.raises(InvalidParameterValue):
        schedule(key_id, Reason="x" * 257)
    schedule(key_id, Reason="moved to the new key")
    event = AuditEvent.objects.filter(operation="ScheduleKeyDeletion").latest("pk")
    assert '"reason":"moved to the new key"' in event.details
    assert '"pending_window_in_days":7' in event.details


def test_only_the_service_itself_destroys_and_never_early(travel: Travel) -> None:
    key_id = disabled_key()
    schedule(key_id)
    travel(timedelta(days=7, seconds=-1))
    with pytest.raises(CmkStateNotSupport):
        destroy(key_id)
    travel(timedelta(seconds=1))
    with pytest.raises(UnauthorizedOperation):
        execute(DestroyKey, KeyId=key_id)
    with pytest.raises(CmkNotFound):
        execute(
            DestroyKey,
            Principal(Kind.SYSTEM, FOREIGN_ROOT.account_uin, 0, "scheduler", "task"),
            KeyId=key_id,
        )
    assert key(key_id).state == "PendingDelete"
    destroy(key_id)
    assert key(key_id).state == "Destroyed"


def test_a_cancelled_deletion_does_not_come_due(travel: Travel) -> None:
    key_id = disabled_key()
    schedule(key_id)
    execute(CancelKeyDeletion, KeyId=key_id)
    travel(timedelta(days=31))
    with pytest.raises(CmkStateNotSupport):
        destroy(key_id)
    assert KeyVersion.objects.get(key_id=key_id).wrapped_material is not None


def test_nothing_of_the_material_is_left(travel: Travel) -> None:
    key_id = create_key()
    execute(TagKey, KeyId=key_id, Tags=[{"TagKey": "team", "TagValue": "shop"}])
    custody.keyring()._handles.discard(lambda _: True)
    execute(Encrypt, KeyId=key_id, Plaintext="YQ==")
    blob = bytes(KeyVersion.objects.get(key_id=key_id).wrapped_material)
    execute(DisableKey, KeyId=key_id)
    schedule(key_id)
    travel(timedelta(days=8))
    assert len(handles()) == 1
    destroy(key_id)
    assert handles() == []
    version = KeyVersion.objects.get(key_id=key_id)
    assert (version.wrapped_material, version.destroyed_at) == (None, clock.now())
    assert not bytes(version.binding)
    assert not bytes(version.check_value)
    assert not key(key_id).tags.exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM keys_keyversion")
        assert blob not in [bytes(c) for r in cursor for c in r if isinstance(c, bytes)]


def test_for_the_api_it_is_gone_and_its_name_is_free(travel: Travel) -> None:
    key_id = disabled_key("orders")
    schedule(key_id)
    with pytest.raises(KMSError):
        create_key("orders")
    travel(timedelta(days=7))
    destroy(key_id)
    for operation in (DescribeKey, EnableKey, CancelKeyDeletion):
        with pytest.raises(CmkNotFound) as caught:
            execute(operation, KeyId=key_id)
        assert caught.value.code == "ResourceUnavailable.CmkNotFound"
    assert create_key("orders") != key_id
    assert execute(DescribeDestroyedKey, KeyId=key_id).resources[0].alias == "orders"


def test_a_tombstone_is_for_the_own_account_and_the_dead() -> None:
    key_id = create_key()
    with pytest.raises(CmkStateNotSupport):
        execute(DescribeDestroyedKey, KeyId=key_id)
    CustomerMasterKey.objects.filter(id=key_id).update(state="Destroyed")
    with pytest.raises(CmkNotFound):
        execute(DescribeDestroyedKey, FOREIGN_ROOT, KeyId=key_id)


def address(key_id: str, slug: str = "") -> str:
    if not slug:
        return reverse("keys:details", args=[key_id])
    return reverse("keys:operation", args=[key_id, slug])


def test_an_enabled_keys_page_offers_disabling_and_nothing_worse(client) -> None:
    key_id = create_key()
    execute(Encrypt, KeyId=key_id, Plaintext="YQ==")
    url = address(key_id, "schedule-key-deletion")
    page = words(client.get(url))
    assert "This key is in use." in page
    assert "Encrypt by admin" in page
    assert "Type the key's name" not in page
    assert client.post(url, {"disable": "1"}).url == url
    assert key(key_id).state == "Disabled"
    assert "Type the key's name" in words(client.get(url))


def test_the_form_wants_the_name_and_says_the_date(client, travel) -> None:
    key_id = disabled_key()
    url = address(key_id, "schedule-key-deletion")
    assert "Destroyed on Tuesday 31 March 2026, 12:00 UTC" in words(client.get(url))
    form = {"PendingWindowInDays": "9", "Reason": "gone", "typed_name": "Orders"}
    wrong = client.post(url, form)
    assert "This is not the key's name." in words(wrong)
    assert 'value="gone"' in wrong.content.decode()
    assert key(key_id).state == "Disabled"
    bad = client.post(url, form | {"PendingWindowInDays": "31", "typed_name": "orders"})
    assert "must be 7 to 30 days" in words(bad)
    assert key(key_id).state == "Disabled"
    done = client.post(url, form | {"typed_name": " orders "}, follow=True)
    assert "orders will be destroyed on Tuesday 10 March 2026, 12:00 UTC" in words(done)
    again = client.post(url, form | {"typed_name": "orders"}, follow=True)
    assert "The deletion of this key is scheduled." in words(again)
    assert AuditEvent.objects.filter(operation="ScheduleKeyDeletion").count() == 2


def test_every_page_of_a_pending_key_counts_down_and_cancels(client, travel) -> None:
    key_id = disabled_key()
    schedule(key_id, 12, Reason="moved on")
    travel(timedelta(minutes=1))
    for slug in ("", "encrypt", "tag-key", "activity"):
        page = words(client.get(address(key_id, slug)))
        assert "will be destroyed on 13 Mar 2026, 12:00 UTC (in 12 days)" in page
        assert "Cancel deletion" in page
    assert "Scheduled by admin: “moved on”" in words(client.get(address(key_id)))
    travel(timedelta(days=11, hours=20))
    # No session lasts that long.
    client.logout()
    enter(client, User.objects.get(is_root=True))
    assert "(in less than a day)" in words(client.get(address(key_id)))
    done = client.post(address(key_id, "cancel-key-deletion"), follow=True)
    assert "The deletion is cancelled. The key is disabled" in words(done)
    assert "will be destroyed" not in words(done)


def test_cancelling_without_material_says_what_is_missing(client) -> None:
    key_id = waiting_key()
    url = address(key_id, "schedule-key-deletion")
    form = {"PendingWindowInDays": "30", "typed_name": "imported"}
    assert client.post(url, form).status_code == 302
    done = client.post(address(key_id, "cancel-key-deletion"), follow=True)
    assert "The key waits for its material." in words(done)


def test_a_bound_keys_page_names_what_it_protects(client) -> None:
    key_id = disabled_key()
    ResourceBinding.objects.create(
        key_id=key_id, product="cos", resource_id="bucket-1", created_at=clock.now()
    )
    url = address(key_id, "schedule-key-deletion")
    page = client.get(url)
    assert "cos bucket-1" in words(page)
    assert "data-danger" not in page.content.decode()
    refused = client.post(url, {"PendingWindowInDays": "7", "typed_name": "orders"})
    assert refused.status_code == 409
    assert key(key_id).state == "Disabled"


def test_a_destroyed_keys_address_tells_its_end(client, travel) -> None:
    key_id = disabled_key()
    schedule(key_id, Reason="<b>project</b> ended")
    travel(timedelta(days=7))
    destroy(key_id)
    answer = client.get(address(key_id))
    page = words(answer)
    assert answer.status_code == 200
    for said in (
        "This key was destroyed",
        "Deletion scheduled 1 Mar 2026, 12:00 UTC by admin",
        "Reason <b>project</b> ended",
        "Destroyed 8 Mar 2026, 12:00 UTC",
        "Versions erased 1",
    ):
        assert said in page
    for action in ("enable-key", "schedule-key-deletion", "encrypt", "tag-key"):
        assert f"/{action}/" not in answer.content.decode()
    assert "Destroy DestroyKey" in words(client.get(address(key_id, "activity")))
    assert client.get(address(key_id, "encrypt")).status_code == 404
    other = "11111111-1111-4111-8111-111111111111"
    assert client.get(address(other)).status_code == 404
