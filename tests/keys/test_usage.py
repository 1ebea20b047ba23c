"""How keys are used: counted from the audit, each event once, off the hot path."""

from datetime import timedelta
from uuid import UUID

import pytest

from keys import usage
from keys.models import KeyUsage
from keys.operations import (
    OPERATIONS,
    Decrypt,
    DescribeKey,
    EnableKeyRotation,
    Encrypt,
    GenerateRandom,
    ReEncrypt,
    RotateKey,
)
from kmsconsole import clock
from kmsconsole.errors import KMSError
from kmsconsole.operations import Effect
from tests.personas import ROOT, SUB, create_key, execute

pytestmark = pytest.mark.django_db


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch):
    """Let time pass, as far as the service can tell."""

    def pass_time(**span: float) -> None:
        moment = clock.now() + timedelta(**span)
        monkeypatch.setattr(clock, "now", lambda: moment)

    return pass_time


def encrypt(key_id: str) -> str:
    answer = execute(Encrypt, KeyId=key_id, Plaintext="YQ==").output
    return answer["CiphertextBlob"]


def counted(key_id: str) -> dict[tuple[int, str], int]:
    rows = KeyUsage.objects.filter(key_id=key_id)
    return {(row.version, row.operation): row.count for row in rows}


def test_what_counts_as_use_is_every_cryptographic_operation_on_a_key() -> None:
    cryptographic = {o.__name__ for o in OPERATIONS if o.effect is Effect.CRYPTOGRAPHY}
    without_private_half = {GenerateRandom.__name__, "GetPublicKey"}
    # Refused for every key; and changes that encrypt or decrypt before they store.
    never, storing = (
        {"AsymmetricSm2Decrypt"},
        {"GenerateHostedDataKey", "ImportDataKey"},
    )
    used = cryptographic - without_private_half - never
    assert set(usage.USES) == used | storing


def test_uses_are_counted_by_version_operation_person_and_day(later) -> None:
    key_id = create_key()
    blobs = [encrypt(key_id) for _ in range(3)]
    execute(Decrypt, CiphertextBlob=blobs[0])
    execute(DescribeKey, KeyId=key_id)
    with pytest.raises(KMSError):
        execute(Encrypt, SUB, KeyId=key_id, Plaintext="YQ==")
    execute(EnableKeyRotation, KeyId=key_id)
    execute(RotateKey, KeyId=key_id)
    execute(ReEncrypt, CiphertextBlob=blobs[1])
    later(minutes=2)
    usage.roll_up()
    assert counted(key_id) == {
        (1, "Encrypt"): 3,
        (1, "Decrypt"): 1,
        (1, "ReEncrypt"): 1,
        (2, "ReEncrypt"): 1,
    }
    row = KeyUsage.objects.filter(key_id=key_id).first()
    assert (row.principal_uin, row.principal_name) == (ROOT.uin, ROOT.name)
    assert usage.by_version(UUID(key_id)) == {1: 5, 2: 1}
    assert usage.uses(UUID(key_id), 90) == 6
    (user,) = usage.users(UUID(key_id), 90)
    assert (user["name"], user["uses"]) == (ROOT.name, 6)


def test_rolling_up_twice_and_later_counts_nothing_twice(later) -> None:
    key_id = create_key()
    encrypt(key_id)
    later(minutes=2)
    assert usage.roll_up() > 0
    assert usage.roll_up() == 0
    encrypt(key_id)
    assert usage.roll_up() == 0
    later(minutes=2)
    usage.roll_up()
    assert counted(key_id) == {(1, "Encrypt"): 2}


def test_many_events_are_passed_in_steps(later, monkeypatch) -> None:
    monkeypatch.setattr(usage, "_BATCH", 2)
    key_id = create_key()
    for _ in range(5):
        encrypt(key_id)
    later(minutes=2)
    assert usage.roll_up() == 6
    assert counted(key_id) == {(1, "Encrypt"): 5}


def test_the_last_use_is_known_at_once_and_stays_known(later) -> None:
    key_id = create_key()
    assert usage.last_use(UUID(key_id)) is None
    assert usage.tracked_since() is None
    encrypt(key_id)
    last = usage.last_use(UUID(key_id))
    assert (last.operation, last.principal_name) == ("Encrypt", ROOT.name)
    later(minutes=2)
    usage.roll_up()
    assert usage.last_use(UUID(key_id)) == last
    assert usage.tracked_since() <= last.at


def test_old_uses_leave_the_window(later) -> None:
    key_id = create_key()
    encrypt(key_id)
    later(days=91)
    usage.roll_up()
    assert usage.uses(UUID(key_id), 90) == 0
    assert usage.by_version(UUID(key_id)) == {1: 1}
