"""No operation without its record, and no record without its operation."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction

from keys.errors import CmkNotFound
from keys.models import CustomerMasterKey
from keys.operations import (
    CreateKey,
    DescribeKey,
    DisableKey,
    DisableKeys,
    Encrypt,
    ListKeys,
)
from kmsconsole import clock
from kmsconsole.audit import recorder
from kmsconsole.audit.models import AuditEvent, RefusalCount
from kmsconsole.errors import (
    AuthFailure,
    KMSError,
    ServiceTemporaryUnavailable,
    SignatureFailure,
    UnauthorizedOperation,
)
from kmsconsole.operations import (
    record_finished_refusal_counts,
    record_unauthenticated_refusal,
)
from kmsconsole.schedule import running
from kmsconsole.schedule.sweeps import sweeps
from tests.personas import OTHER_REGION, REGION, ROOT, SUB, call, create_key, execute

pytestmark = pytest.mark.django_db


def last() -> AuditEvent:
    return AuditEvent.objects.latest("sequence")


def test_a_success_says_who_did_what_to_which_key_and_why_it_was_allowed() -> None:
    key_id = create_key()
    execute(Encrypt, KeyId=key_id, Plaintext="YQ==")
    event = last()
    assert (event.operation, event.outcome, event.error_code) == (
        "Encrypt",
        "success",
        "",
    )
    assert (event.key_id, event.key_version) == (key_id, 1)
    assert (event.principal_uin, event.principal_name) == (ROOT.uin, "admin")
    assert event.rule == "root"
    assert event.rule_text
    assert event.source_address == "127.0.0.1"


def test_refusals_are_recorded_with_key_and_reason() -> None:
    key_id = create_key()
    with pytest.raises(UnauthorizedOperation):
        execute(DisableKey, SUB, KeyId=key_id)
    event = last()
    assert (event.outcome, event.error_code) == ("refused", "UnauthorizedOperation")
    assert (event.key_id, event.rule) == (key_id, "no-grant")
    absent = str(uuid4())
    with pytest.raises(CmkNotFound):
        execute(DescribeKey, KeyId=absent)
    assert last().key_id is None
    assert absent in last().details


def test_a_batch_is_one_event_a_key() -> None:
    keys = [create_key(name) for name in "abc"]
    execute(DisableKeys, KeyIds=keys)
    events = AuditEvent.objects.filter(operation="DisableKeys")
    assert {event.key_id for event in events} == set(keys)


def test_what_cannot_be_recorded_does_not_happen(monkeypatch) -> None:
    key_id = create_key()

    def broken(*_: object) -> None:
        raise DatabaseError

    monkeypatch.setattr(recorder, "_insert", broken)
    with pytest.raises(ServiceTemporaryUnavailable):
        execute(CreateKey, Alias="unrecorded")
    with pytest.raises(ServiceTemporaryUnavailable):
        execute(DisableKey, KeyId=key_id)
    with pytest.raises(ServiceTemporaryUnavailable):
        execute(Encrypt, KeyId=key_id, Plaintext="YQ==")
    keys = CustomerMasterKey.objects.values_list("alias", "state")
    assert list(keys) == [("orders", "Enabled")]


def test_an_unforeseen_fault_is_recorded_as_failure(monkeypatch) -> None:
    def explode(*_: object) -> None:
        message = "CANARY"
        raise RuntimeError(message)

    monkeypatch.setattr(DescribeKey, "perform", explode)
    key_id = create_key()
    with pytest.raises(KMSError) as caught:
        execute(DescribeKey, KeyId=key_id)
    assert caught.value.code == "InternalError"
    assert "CANARY" not in caught.value.message
    assert (last().outcome, last().key_id) == ("failed", key_id)


@pytest.mark.parametrize("statement", ["DELETE FROM", "UPDATE"])
def test_events_can_only_be_added(statement: str) -> None:
    create_key()
    tail = " SET rule = 'x'" if statement == "UPDATE" else ""
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"{statement} audit_auditevent{tail}")


def test_numbers_of_a_writer_have_no_gaps_even_after_rollbacks() -> None:
    create_key("a")
    with pytest.raises(KMSError):
        create_key("A")
    create_key("b")
    rows = list(
        AuditEvent.objects.order_by("sequence").values("writer", "writer_number")
    )
    assert len({row["writer"] for row in rows}) == 1
    numbers = [row["writer_number"] for row in rows]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_the_digest_can_be_computed_again_from_the_row() -> None:
    create_key()
    event = last()
    fields = [
        getattr(event, column) for column in recorder._COLUMNS if column != "digest"
    ]
    assert recorder.canonical_digest(fields) == bytes(event.digest)
    fields[-1] = '{"alias":"other"}'
    assert recorder.canonical_digest(fields) != bytes(event.digest)


def test_counts_of_a_flood_that_ended_become_events_by_themselves(monkeypatch) -> None:
    refused_many(15)
    assert last().operation == "Encrypt"
    later = clock.now() + timedelta(minutes=2)
    monkeypatch.setattr(clock, "now", lambda: later)
    running.run(sweeps()["refusals"])
    assert (last().operation, last().details.count('"count":5')) == (
        "Unauthenticated",
        1,
    )


def refused_many(times: int, address: str = "10.0.0.1") -> None:
    for _ in range(times):
        record_unauthenticated_refusal(
            "Encrypt",
            SignatureFailure(),
            source_address=address,
            request_id=str(uuid4()),
        )


def test_unauthenticated_refusals_are_counted_beyond_the_tenth(monkeypatch) -> None:
    moment = datetime(2026, 5, 1, 12, 0, 30, tzinfo=UTC)
    monkeypatch.setattr("kmsconsole.clock.now", lambda: moment)
    refused_many(25)
    refused_many(3, "10.0.0.2")
    assert AuditEvent.objects.filter(source_address="10.0.0.1").count() == 10
    assert AuditEvent.objects.filter(source_address="10.0.0.2").count() == 3
    later = moment + timedelta(minutes=1)
    monkeypatch.setattr("kmsconsole.clock.now", lambda: later)
    record_finished_refusal_counts()
    record_finished_refusal_counts()
    summary = AuditEvent.objects.get(operation="Unauthenticated")
    assert summary.source_address == "10.0.0.1"
    assert '"count":15' in summary.details
    assert not RefusalCount.objects.exists()


def test_such_a_refusal_stands_even_if_it_can_not_be_written(monkeypatch) -> None:
    def broken(*_: object) -> None:
        raise DatabaseError

    monkeypatch.setattr(recorder, "_insert", broken)
    refused_many(1)
    assert not AuditEvent.objects.exists()


class TestReplay:
    """A signature may repeat a read; soon after its first sight also other things."""

    hash = sha256(b"signature").digest()

    def send(self, operation, key_id: str) -> None:
        operation.execute(call(signature_hash=self.hash), {"KeyId": key_id})

    def later(self, monkeypatch, seconds: float) -> None:
        moment = datetime.now(UTC) + timedelta(seconds=seconds)
        monkeypatch.setattr("kmsconsole.clock.now", lambda: moment)

    def test_a_read_may_be_repeated_for_as_long_as_it_is_valid(
        self, monkeypatch
    ) -> None:
        key_id = create_key()
        self.send(DescribeKey, key_id)
        self.later(monkeypatch, 200)
        self.send(DescribeKey, key_id)

    def test_other_actions_are_accepted_for_two_seconds_only(self, monkeypatch) -> None:
        key_id = create_key()
        self.send(DescribeKey, key_id)
        self.later(monkeypatch, 1.5)
        self.send(DisableKey, key_id)
        self.later(monkeypatch, 3)
        with pytest.raises(AuthFailure):
            self.send(DisableKey, key_id)
        assert last().error_code == "AuthFailure"

    def test_another_region_is_another_request(self, monkeypatch) -> None:
        self.list_keys(REGION)
        self.list_keys(OTHER_REGION)
        self.later(monkeypatch, 3)
        self.list_keys(REGION)
        with pytest.raises(AuthFailure):
            self.list_keys(OTHER_REGION)

    def list_keys(self, region: str) -> None:
        ListKeys.execute(call(region=region, signature_hash=self.hash), {})

    def test_a_change_is_not_repeated_later(self, monkeypatch) -> None:
        key_id = create_key()
        self.send(DisableKey, key_id)
        self.send(DisableKey, key_id)
        self.later(monkeypatch, 3)
        with pytest.raises(AuthFailure):
            self.send(DisableKey, key_id)
