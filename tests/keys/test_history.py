"""What a key's history says: events, uses, names, and two people editing at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from keys import usage
from keys.errors import CmkNotFound
from keys.models import CustomerMasterKey
from keys.operations import (
    OPERATIONS,
    SYSTEM_OPERATIONS,
    CreateCloudKey,
    DescribeKey,
    DescribeKeyUsage,
    DisableKey,
    Encrypt,
    ListKeyEvents,
    ScheduleKeyDeletion,
    UpdateAlias,
    UpdateKeyDescription,
)
from keys.operations.base import KeyOperation
from keys.operations.history import CHANGES
from keys.views.happenings import DEEDS
from kmsconsole import clock
from kmsconsole.audit.models import AuditEvent
from kmsconsole.errors import InvalidParameterValue, KMSError
from kmsconsole.principals import Kind, Principal, names_of
from tests.console import signed_in, words
from tests.personas import ACCOUNT, FOREIGN_ROOT, SUB, create_key, execute

pytestmark = pytest.mark.django_db

SYSTEM = Principal(Kind.SYSTEM, ACCOUNT, 0, "scheduler", "task")


@pytest.fixture
def client() -> Client:
    return signed_in()


@contextmanager
def later(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> Iterator[None]:
    with monkeypatch.context() as patch:
        moment = clock.now() + by
        patch.setattr(clock, "now", lambda: moment)
        yield


def activity(key_id: str) -> str:
    return reverse("keys:operation", args=[key_id, "activity"])


def names(key_id: str, **more: object) -> list[str]:
    events = execute(ListKeyEvents, KeyId=key_id, **more).output["Events"]
    return [event.operation for event in events]


def refuse(operation: type, principal: Principal, **data: object) -> None:
    with pytest.raises(KMSError):
        execute(operation, principal, **data)


def test_each_filter_shows_its_own_events_newest_first() -> None:
    key_id, other = create_key(), create_key("other")
    execute(UpdateAlias, KeyId=key_id, Alias="renamed")
    execute(Encrypt, KeyId=key_id, Plaintext="YQ==")
    execute(Encrypt, KeyId=other, Plaintext="YQ==")
    execute(DescribeKey, KeyId=key_id)
    execute(DisableKey, KeyId=key_id)
    refuse(Encrypt, SUB, KeyId=key_id, Plaintext="YQ==")
    execute(ScheduleKeyDeletion, KeyId=key_id, PendingWindowInDays=7)
    changes = ["ScheduleKeyDeletion", "DisableKey", "UpdateAlias", "CreateKey"]
    assert names(key_id, Only="changes") == changes
    assert names(key_id, Only="uses") == ["Encrypt", "Encrypt"]
    assert names(key_id, Only="refused") == ["Encrypt"]
    assert names(key_id, Only="deletion") == ["ScheduleKeyDeletion"]
    assert "DescribeKey" in names(key_id)
    with pytest.raises(InvalidParameterValue):
        names(key_id, Only="everything")


@pytest.mark.parametrize(
    ("only", "index"),
    [
        ("changes", "audit_key_rare"),
        ("refused", "audit_key_rare"),
        ("deletion", "audit_key_rare"),
        ("uses", "audit_key"),
        ("", "audit_key"),
    ],
)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="the plans of SQLite")
def test_events_are_found_without_reading_others(only: str, index: str) -> None:
    key_id = create_key()
    with CaptureQueriesContext(connection) as asked:
        names(key_id, Only=only)
    statement = next(q["sql"] for q in asked if "audit_auditevent" in q["sql"])
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
        plan = " ".join(str(row) for row in cursor.fetchall())
    assert f"{index} (key_id=?" in plan
    assert "TEMP B-TREE" not in plan


def test_the_index_of_rare_events_knows_every_change() -> None:
    migration = import_module(
        "kmsconsole.audit.migrations.0005_rare_events_of_held_deletions"
    )
    assert migration.NAMES == CHANGES


def test_pages_follow_each_other_without_gap_or_repeat() -> None:
    key_id = create_key()
    for number in range(5):
        execute(UpdateKeyDescription, KeyId=key_id, Description=str(number))
    asked = {"KeyId": key_id, "Only": "changes", "Limit": 4}
    first = execute(ListKeyEvents, **asked).output
    second = execute(ListKeyEvents, **asked, Before=first["Events"][-1].sequence).output
    assert (first["More"], second["More"]) == (True, False)
    sequences = [event.sequence for event in first["Events"] + second["Events"]]
    assert sequences == sorted(set(sequences), reverse=True)
    assert len(sequences) == 6
    for limit in (0, 101):
        with pytest.raises(InvalidParameterValue):
            names(key_id, Limit=limit)


def test_nobody_reads_another_accounts_history() -> None:
    key_id = create_key()
    with pytest.raises(CmkNotFound):
        execute(ListKeyEvents, FOREIGN_ROOT, KeyId=key_id)
    refuse(ListKeyEvents, SUB, KeyId=key_id)


def test_usage_tells_last_use_number_and_users(monkeypatch) -> None:
    key_id = create_key()
    nothing = execute(DescribeKeyUsage, KeyId=key_id).output
    assert (nothing["LastUse"], nothing["Uses"]) == (None, 0)
    for _ in range(3):
        execute(Encrypt, KeyId=key_id, Plaintext="YQ==")
    at_once = execute(DescribeKeyUsage, KeyId=key_id).output
    assert at_once["LastUse"].principal_name == "admin"
    with later(monkeypatch, timedelta(minutes=5)):
        usage.roll_up()
        told = execute(DescribeKeyUsage, KeyId=key_id).output
    assert told["Uses"] == 3
    assert [(row["name"], row["uses"]) for row in told["Users"]] == [("admin", 3)]
    assert told["TrackedSince"] is not None


def test_every_operation_on_a_key_has_words_of_its_own() -> None:
    on_keys = {
        operation.__name__
        for operation in OPERATIONS + SYSTEM_OPERATIONS
        if issubclass(operation, KeyOperation)
    }
    assert on_keys <= set(DEEDS)


def test_names_come_from_where_people_are_known() -> None:
    signed_in()
    assert names_of([ACCOUNT, 0, 999]) == {ACCOUNT: "admin", 0: "the service itself"}
    assert names_of([]) == {}


def test_activity_shows_who_did_what_from_where(client: Client) -> None:
    key_id = create_key()
    execute(UpdateAlias, KeyId=key_id, Alias="renamed")
    refuse(DisableKey, SUB, KeyId=key_id)
    page = words(client.get(activity(key_id)))
    assert "Rename UpdateAlias" in page
    assert "Name: renamed" in page
    assert "admin root user" in page
    assert "127.0.0.1" in page
    refused = words(client.get(activity(key_id) + "?only=refused"))
    assert "Disable DisableKey" in refused
    assert "UnauthorizedOperation Nothing grants this operation." in refused
    assert "ann sub-account" in refused
    empty = words(client.get(activity(key_id) + "?only=uses"))
    assert "Nobody has used this key yet" in empty


@pytest.mark.parametrize(
    "query", ["only=nonsense", "before=x", "before=%D9%A7", "before=-1"]
)
def test_addresses_nobody_would_write_show_the_usual(client: Client, query) -> None:
    answer = client.get(f"{activity(create_key())}?{query}")
    assert answer.status_code == 200
    assert "Create key" in words(answer)


def test_activity_pages_by_its_links(client: Client) -> None:
    key_id = create_key()
    for number in range(30):
        execute(UpdateKeyDescription, KeyId=key_id, Description=f"text {number}")
    page = client.get(activity(key_id)).content.decode()
    link = page.split('rel="next"')[1].split('href="')[1].split('"')[0]
    older = words(client.get(activity(key_id) + link.replace("&amp;", "&")))
    assert "Create key" in older
    assert "text 29" not in older
    assert "Newest" in older


@pytest.mark.parametrize(
    ("slug", "field", "mine"),
    [
        ("update-alias", "Alias", "mine"),
        ("update-key-description", "Description", "my"),
    ],
)
def test_two_people_editing_lose_nothing(client: Client, slug, field, mine) -> None:
    key_id = create_key()
    url = reverse("keys:operation", args=[key_id, slug])
    seen = client.get(url).context["revision"]
    execute(UpdateKeyDescription, KeyId=key_id, Description="theirs")
    execute(UpdateAlias, KeyId=key_id, Alias="theirs")
    form = {field: mine, "ExpectedRevision": seen}
    stale = client.post(url, form)
    page = words(stale)
    assert stale.status_code == 409
    assert "admin · Rename" in page
    assert "admin · Change description" in page
    assert "Create key" not in page
    assert "What it says now theirs" in page
    assert "Save mine anyway" in page
    assert stale.context["form"][field].value() == mine
    assert getattr(CustomerMasterKey.objects.get(id=key_id), field.lower()) == "theirs"
    client.post(url, form | {"ExpectedRevision": stale.context["revision"]})
    assert getattr(CustomerMasterKey.objects.get(id=key_id), field.lower()) == mine


def test_another_refusal_keeps_the_revision_that_was_seen(client: Client) -> None:
    key_id = create_key()
    url = reverse("keys:operation", args=[key_id, "update-alias"])
    execute(UpdateKeyDescription, KeyId=key_id, Description="theirs")
    bad = client.post(url, {"Alias": "not a name", "ExpectedRevision": 1})
    assert bad.context["revision"] == "1"
    assert "The key name is not allowed." in words(bad)


def test_opening_a_tombstone_is_one_event_and_no_refusal(client: Client) -> None:
    key_id = create_key()
    CustomerMasterKey.objects.filter(id=key_id).update(state="Destroyed")
    for address in (reverse("keys:details", args=[key_id]), activity(key_id)):
        before = AuditEvent.objects.latest("sequence").sequence
        assert client.get(address).status_code == 200
        seen = AuditEvent.objects.filter(sequence__gt=before)
        assert list(seen.values_list("operation", "outcome")) == [
            ("DescribeDestroyedKey", "success"),
            ("ListKeyEvents", "success"),
        ]


def test_a_cloud_products_key_says_what_people_may_do(client: Client) -> None:
    execute(CreateCloudKey, SYSTEM, Product="cos")
    key = CustomerMasterKey.objects.get(owner="cos")
    page = client.get(reverse("keys:details", args=[key.id]))
    assert "The cloud product “cos” manages this key." in words(page)
    assert "by the service itself" in words(page)
    assert "/schedule-key-deletion/" not in page.content.decode()


def test_the_overview_costs_a_fixed_number_of_statements(client: Client) -> None:
    key_id = create_key()
    url = reverse("keys:details", args=[key_id])
    client.get(url)
    with CaptureQueriesContext(connection) as few:
        client.get(url)
    for _ in range(5):
        execute(Encrypt, KeyId=key_id, Plaintext="YQ==")
    with CaptureQueriesContext(connection) as more:
        client.get(url)
    assert len(more) <= len(few) <= 20
