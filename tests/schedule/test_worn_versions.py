"""No version encrypts more often than its nonces allow."""

import base64
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from keys import budget, usage
from keys.errors import EncryptionLimitReached
from keys.models import CustomerMasterKey, KeyVersion
from keys.operations import (
    ArchiveKey,
    CreateKey,
    Decrypt,
    DisableKey,
    EnableKeyRotation,
    Encrypt,
    GenerateDataKey,
    ReEncrypt,
    RotateKey,
)
from kmsconsole.audit.models import AuditEvent
from kmsconsole.schedule.sweeps import sweeps
from tests.personas import create_key, execute
from tests.schedule.conftest import NOW
from tests.schedule.test_sweeps import NOTHING, all_done, sweep

pytestmark = pytest.mark.django_db

TEXT = base64.b64encode(b"words").decode()


def version(key_id: str, number: int = 1) -> KeyVersion:
    return KeyVersion.objects.get(key_id=key_id, number=number)


def wear(key_id: str, encryptions: int, number: int = 1) -> None:
    rows = KeyVersion.objects.filter(key_id=key_id, number=number)
    rows.update(encryptions=encryptions)


def encrypt(key_id: str) -> str:
    answer = execute(Encrypt, KeyId=key_id, Plaintext=TEXT).output
    blob: str = answer["CiphertextBlob"]
    return blob


def test_the_limits_keep_their_distance() -> None:
    assert budget.ROTATE_AT < 2**31 < budget.MOST < 2**32
    assert 2**32 - budget.MOST == 2**20


def test_every_encryption_is_counted_on_its_version_and_no_other_use(travel) -> None:
    key_id = create_key()
    blobs = [encrypt(key_id) for _ in range(3)]
    execute(GenerateDataKey, KeyId=key_id, KeySpec="AES_256")
    for _ in range(5):
        execute(Decrypt, CiphertextBlob=blobs[0])
    execute(EnableKeyRotation, KeyId=key_id)
    execute(RotateKey, KeyId=key_id)
    execute(ReEncrypt, CiphertextBlob=blobs[0])
    assert version(key_id).encryptions == 0
    travel(minutes=2)
    sweep("usage")
    counted = {number: version(key_id, number).encryptions for number in (1, 2)}
    assert counted == {1: 5, 2: 1}
    encrypt(key_id)
    travel(minutes=2)
    sweep("usage")
    sweep("usage")
    assert version(key_id, 2).encryptions == 2


def test_what_counts_as_use_holds_what_counts_as_encryption() -> None:
    assert set(usage.ENCRYPTIONS) < set(usage.USES)


@pytest.mark.parametrize("rotation", [True, False])
def test_a_worn_version_is_replaced_and_the_owners_wish_stays(travel, rotation) -> None:
    key_id = create_key()
    if rotation:
        execute(EnableKeyRotation, KeyId=key_id, RotateDays=90)
    wear(key_id, budget.ROTATE_AT - 1)
    travel(days=1)
    assert sweep("rotation") == NOTHING
    wear(key_id, budget.ROTATE_AT)
    assert sweep("rotation") == all_done(1)
    assert sweep("rotation") == NOTHING
    key = CustomerMasterKey.objects.get(id=key_id)
    assert key.primary_version == 2
    assert key.rotation_enabled is rotation
    due = NOW + timedelta(days=90) if rotation else None
    assert key.next_rotation_at == due
    event = AuditEvent.objects.get(operation="RotateDueKey")
    assert '"Because":"encryptions"' in event.details
    assert version(key_id, 2).encryptions == 0


def test_what_does_not_encrypt_or_can_not_rotate_stays(travel) -> None:
    disabled, archived = create_key("disabled"), create_key("archived")
    imported = execute(CreateKey, Alias="imported", Type=2).output["KeyId"]
    execute(DisableKey, KeyId=disabled)
    execute(ArchiveKey, KeyId=archived)
    for key_id in (disabled, archived):
        wear(key_id, budget.MOST)
    row = version(disabled)
    row.pk, row.key_id = None, imported
    row.save(force_insert=True)
    CustomerMasterKey.objects.filter(id=imported).update(
        primary_version=1, state="Enabled"
    )
    travel(days=1)
    assert sweep("rotation") == NOTHING


def test_shortly_before_the_limit_nothing_is_encrypted_any_more() -> None:
    key_id, other = create_key(), create_key("other")
    blob, foreign = encrypt(key_id), encrypt(other)
    wear(key_id, budget.MOST - 1)
    encrypt(key_id)
    wear(key_id, budget.MOST)
    for refused in (
        lambda: encrypt(key_id),
        lambda: execute(GenerateDataKey, KeyId=key_id, KeySpec="AES_256"),
        lambda: execute(ReEncrypt, CiphertextBlob=foreign, DestinationKeyId=key_id),
    ):
        with pytest.raises(EncryptionLimitReached):
            refused()
    event = AuditEvent.objects.latest("sequence")
    assert event.error_code == "LimitExceeded.EncryptionLimitReached"
    assert execute(Decrypt, CiphertextBlob=blob).output["Plaintext"] == TEXT
    moved = execute(ReEncrypt, CiphertextBlob=blob, DestinationKeyId=other).output
    assert moved["ReEncrypted"]


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="reads SQLite's plans")
def test_worn_versions_are_found_by_an_index() -> None:
    calendar = sweeps()["rotation"].calendars[1]
    with CaptureQueriesContext(connection) as statements:
        list(calendar.due(NOW))
    (query,) = statements.captured_queries
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
        plan = [row[3] for row in cursor.fetchall()]
    assert "INDEX keys_version_worn" in plan[0], plan
