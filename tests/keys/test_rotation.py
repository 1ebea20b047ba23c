"""Rotation: what changes, what doesn't, and who is refused."""

import base64
from datetime import timedelta
from typing import Any

import pytest

from keys.crypto import ciphertext
from keys.errors import (
    CmkStateNotSupport,
    ExternalCmkCanNotRotate,
    KeyChanged,
    RotateNotSupported,
    RotateRateLimited,
    RotateTaskRunning,
    RotationIsOff,
)
from keys.models import CustomerMasterKey, KeyVersion
from keys.operations import (
    CreateCloudKey,
    CreateKey,
    Decrypt,
    DisableKey,
    DisableKeyRotation,
    EnableKeyRotation,
    Encrypt,
    GetKeyRotationStatus,
    ReEncrypt,
    RotateKey,
)
from kmsconsole import clock
from kmsconsole.errors import InvalidParameterValue, UnauthorizedOperation
from kmsconsole.principals import Kind, Principal
from tests.personas import ACCOUNT, SUB, create_key, execute

pytestmark = pytest.mark.django_db

SYSTEM = Principal(Kind.SYSTEM, ACCOUNT, 0, "kms", "scheduler")
PLAINTEXT = base64.b64encode(b"before").decode()


def key_of(key_id: str) -> CustomerMasterKey:
    return CustomerMasterKey.objects.get(id=key_id)


def rotating(days: int = 365, alias: str = "orders") -> str:
    key_id = create_key(alias)
    execute(EnableKeyRotation, KeyId=key_id, RotateDays=days)
    return key_id


def encrypt(key_id: str) -> str:
    answer = execute(Encrypt, KeyId=key_id, Plaintext=PLAINTEXT).output
    blob: str = answer["CiphertextBlob"]
    return blob


def at(monkeypatch: pytest.MonkeyPatch, **later: float) -> None:
    moment = clock.now() + timedelta(**later)
    monkeypatch.setattr("kmsconsole.clock.now", lambda: moment)


def test_a_period_begins_when_it_is_asked_for_and_only_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key_id = rotating(30)
    first = key_of(key_id)
    assert first.next_rotation_at == first.rotation_after(
        first.next_rotation_at - timedelta(days=30)
    )
    assert execute(GetKeyRotationStatus, KeyId=key_id).output["KeyRotationEnabled"]

    at(monkeypatch, days=3)
    execute(EnableKeyRotation, KeyId=key_id, RotateDays=30)
    again = key_of(key_id)
    assert again.next_rotation_at == first.next_rotation_at
    assert again.revision == first.revision

    execute(EnableKeyRotation, KeyId=key_id, RotateDays=7)
    assert key_of(key_id).next_rotation_at == clock.now() + timedelta(days=7)
    execute(DisableKeyRotation, KeyId=key_id)
    execute(DisableKeyRotation, KeyId=key_id)
    stopped = key_of(key_id)
    assert (stopped.rotation_enabled, stopped.next_rotation_at) == (False, None)
    assert stopped.rotate_days == 7


@pytest.mark.parametrize("days", [6, 0, 366, -1, 10**18])
def test_the_period_has_limits(days: int) -> None:
    key_id = create_key()
    with pytest.raises(InvalidParameterValue):
        execute(EnableKeyRotation, KeyId=key_id, RotateDays=days)
    assert not key_of(key_id).rotation_enabled


def test_nobody_overwrites_a_change_they_did_not_see() -> None:
    key_id = rotating(30)
    with pytest.raises(KeyChanged):
        execute(EnableKeyRotation, KeyId=key_id, RotateDays=60, ExpectedRevision=1)
    assert key_of(key_id).rotate_days == 30
    execute(EnableKeyRotation, KeyId=key_id, RotateDays=60, ExpectedRevision=2)
    assert key_of(key_id).rotate_days == 60


def test_after_a_rotation_the_new_version_encrypts_and_the_old_one_decrypts() -> None:
    key_id = rotating(30)
    old = encrypt(key_id)
    before = key_of(key_id)
    execute(RotateKey, KeyId=key_id)
    new = encrypt(key_id)
    assert ciphertext.decode(old).version == 1
    assert ciphertext.decode(new).version == 2
    for blob in (old, new):
        answer = execute(Decrypt, CiphertextBlob=blob).output
        assert answer["Plaintext"] == PLAINTEXT
    after = key_of(key_id)
    made = KeyVersion.objects.get(key_id=key_id, number=2)
    assert after.last_rotated_at == made.created_at
    assert after.next_rotation_at == made.created_at + timedelta(days=30)
    assert (after.id, after.alias, after.state) == (before.id, before.alias, "Enabled")

    moved = execute(ReEncrypt, CiphertextBlob=old).output
    assert moved["ReEncrypted"]
    assert ciphertext.decode(moved["CiphertextBlob"]).version == 2
    assert not execute(ReEncrypt, CiphertextBlob=new).output["ReEncrypted"]


def test_by_hand_a_key_rotates_once_in_the_hours_the_operator_set(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.KMS_MANUAL_ROTATION_HOURS = 5
    key_id = rotating()
    execute(RotateKey, KeyId=key_id)
    with pytest.raises(RotateRateLimited, match="RotateRateLimited") as refused:
        execute(RotateKey, KeyId=key_id)
    assert "5 hours" in refused.value.message
    at(monkeypatch, hours=4.9)
    with pytest.raises(RotateRateLimited):
        execute(RotateKey, KeyId=key_id)
    at(monkeypatch, hours=0.2)
    execute(RotateKey, KeyId=key_id)
    settings.KMS_MANUAL_ROTATION_HOURS = 0
    execute(RotateKey, KeyId=key_id)
    assert key_of(key_id).primary_version == 4


def test_a_rotation_by_the_service_does_not_count_as_one_by_hand() -> None:
    key_id = rotating()
    execute(RotateKey, KeyId=key_id)
    KeyVersion.objects.filter(key_id=key_id, number=2).update(creator_uin=SYSTEM.uin)
    execute(RotateKey, KeyId=key_id)
    makers = KeyVersion.objects.filter(key_id=key_id).order_by("number")
    assert [version.creator_uin for version in makers] == [ACCOUNT, 0, ACCOUNT]


def test_of_two_rotations_at_once_one_is_told_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key_id = rotating()
    prepare = RotateKey.prepare

    def overtaken(self: RotateKey, data: Any) -> None:
        prepare(self, data)
        monkeypatch.setattr(RotateKey, "prepare", prepare)
        execute(RotateKey, KeyId=key_id)

    monkeypatch.setattr(RotateKey, "prepare", overtaken)
    with pytest.raises(RotateTaskRunning):
        execute(RotateKey, KeyId=key_id)
    assert KeyVersion.objects.filter(key_id=key_id).count() == 2
    assert key_of(key_id).primary_version == 2


def test_rotation_must_be_on_and_the_key_enabled() -> None:
    key_id = create_key()
    with pytest.raises(RotationIsOff):
        execute(RotateKey, KeyId=key_id)
    execute(EnableKeyRotation, KeyId=key_id)
    execute(DisableKey, KeyId=key_id)
    with pytest.raises(CmkStateNotSupport):
        execute(RotateKey, KeyId=key_id)
    execute(EnableKeyRotation, KeyId=key_id, RotateDays=90)
    with pytest.raises(UnauthorizedOperation):
        execute(RotateKey, SUB, KeyId=key_id)
    assert key_of(key_id).primary_version == 1


def test_imported_keys_never_rotate_and_cloud_keys_do() -> None:
    imported = execute(CreateKey, Alias="mine", Type=2).output["KeyId"]
    for operation in (EnableKeyRotation, DisableKeyRotation):
        with pytest.raises(ExternalCmkCanNotRotate):
            execute(operation, KeyId=imported)
    with pytest.raises(RotateNotSupported):
        execute(RotateKey, KeyId=imported)
    cloud = execute(CreateCloudKey, SYSTEM, Product="cos").output["KeyId"]
    assert key_of(cloud).rotation_enabled
    execute(RotateKey, KeyId=cloud)
    execute(EnableKeyRotation, KeyId=cloud, RotateDays=30)
    assert key_of(cloud).primary_version == 2
