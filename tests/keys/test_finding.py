"""Keys as operations find them are those the ORM reads, on every database."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.db.transaction import atomic
from django.test.utils import CaptureQueriesContext

from keys import finding
from keys.models import CustomerMasterKey
from keys.states import KeyState
from tests.personas import ACCOUNT, FOREIGN_ACCOUNT, OTHER_REGION, REGION

pytestmark = pytest.mark.django_db


def stored(**more: Any) -> CustomerMasterKey:
    """Store the row of a key without material."""
    facts: dict[str, Any] = {
        "account_uin": ACCOUNT,
        "region": REGION,
        "alias": f"k-{uuid4().hex[:12]}",
        "usage": "ENCRYPT_DECRYPT",
        "origin": "TENCENT_KMS",
        "creator_uin": ACCOUNT,
        "state": KeyState.ENABLED,
        "created_at": datetime(2026, 3, 1, 12, 0, 0, 1, tzinfo=UTC),
    }
    return CustomerMasterKey.objects.create(**facts | more)


def columns(key: CustomerMasterKey) -> dict[str, Any]:
    return {field.attname: getattr(key, field.attname) for field in key._meta.fields}


def found(*ids: UUID, lock: bool = False) -> dict[UUID, CustomerMasterKey]:
    return finding.find(ids, ACCOUNT, REGION, lock=lock)


def test_every_column_is_what_the_orm_reads() -> None:
    moment = datetime(2026, 4, 5, 6, 7, 8, 900_000, tzinfo=UTC)
    times = (
        *("next_rotation_at", "last_rotated_at", "deletion_date", "destroyed_at"),
        "material_valid_to",
    )
    empty = stored(primary_version=None)
    full = stored(
        **dict.fromkeys(times, moment),
        description="für Aufträge 订单",
        owner="cos",
        primary_version=7,
        rotation_enabled=True,
        rotate_days=30,
        revision=2**40,
    )
    for key in (empty, full):
        read = found(key.id)[key.id]
        expected = CustomerMasterKey.objects.get(id=key.id)
        assert columns(read) == columns(expected)
        kinds = {name: type(value) for name, value in columns(expected).items()}
        assert {name: type(value) for name, value in columns(read).items()} == kinds
        assert read == expected
        assert not read.get_deferred_fields()


def test_what_was_found_is_changed_in_its_row() -> None:
    key = stored()
    read = found(key.id)[key.id]
    read.state = KeyState.DISABLED
    with CaptureQueriesContext(connection) as queries:
        read.save(update_fields=["state"])
    assert [query["sql"][:6] for query in queries] == ["UPDATE"]
    key.refresh_from_db()
    assert key.state == KeyState.DISABLED


def test_nothing_else_is_found() -> None:
    elsewhere = stored(region=OTHER_REGION)
    foreign = stored(account_uin=FOREIGN_ACCOUNT)
    gone = stored(state=KeyState.DESTROYED)
    assert not found(elsewhere.id, foreign.id, gone.id, uuid4())


def test_many_are_locked_in_one_order() -> None:
    ids = [stored().id for _ in range(5)]
    with atomic(), CaptureQueriesContext(connection) as queries:
        assert list(found(*ids[::-1], lock=True)) == sorted(ids)
    (statement,) = (query["sql"] for query in queries if "SELECT" in query["sql"])
    assert ("FOR UPDATE" in statement) is connection.features.has_select_for_update
