"""Imported material and rights end on their day; sessions that are over go."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session

from accessctl.models import (
    GroupAccountGrant,
    GroupKeyGrant,
    UserAccountGrant,
    UserKeyGrant,
)
from accessctl.operations import EndAccess
from keys import custody
from keys.errors import (
    CmkDisabled,
    CmkStateNotSupport,
    DecryptMaterialError,
    ImportTokenExpired,
)
from keys.models import CustomerMasterKey, ImportParameters, KeyVersion
from keys.operations import (
    ArchiveKey,
    CancelKeyDeletion,
    CreateKey,
    DisableKey,
    Encrypt,
    EndImportParameters,
    ExpireKeyMaterial,
    ImportKeyMaterial,
    ScheduleKeyDeletion,
)
from kmsconsole import clock
from kmsconsole.audit.models import AuditEvent
from kmsconsole.errors import KMSError
from kmsconsole.schedule import clock_guard, database_time
from tests.accessctl.people import grant, group, sub_account
from tests.keys.test_importing import bring, parameters
from tests.personas import create_key, execute
from tests.schedule.test_clock_guard import SYSTEM
from tests.schedule.test_sweeps import NOTHING, all_done, sweep

pytestmark = pytest.mark.django_db


def imported(alias: str, days: int = 9) -> str:
    key_id: str = execute(CreateKey, Alias=alias, Type=2).output["KeyId"]
    until = int((clock.now() + timedelta(days=days)).timestamp())
    bring(key_id, ValidTo=until)
    return key_id


def key(key_id: str) -> CustomerMasterKey:
    return CustomerMasterKey.objects.get(id=key_id)


def test_imported_material_is_erased_on_its_day_and_comes_back_the_same(travel) -> None:
    enabled, disabled = imported("enabled"), imported("disabled")
    archived, later = imported("archived"), imported("later", 20)
    execute(DisableKey, KeyId=disabled)
    execute(ArchiveKey, KeyId=archived)
    travel(days=9, seconds=-1)
    assert sweep("material") == NOTHING
    travel(seconds=1)
    assert sweep("material") == all_done(3)
    assert sweep("material") == NOTHING
    for key_id in (enabled, disabled, archived):
        assert key(key_id).state == "PendingImport"
        assert key(key_id).material_valid_to is None
        version = KeyVersion.objects.get(key_id=key_id)
        assert version.wrapped_material is None
        assert bytes(version.check_value)
    assert key(later).state == "Enabled"
    with pytest.raises(CmkDisabled):
        execute(Encrypt, KeyId=enabled, Plaintext="YQ==")
    bring(enabled)
    execute(Encrypt, KeyId=enabled, Plaintext="YQ==")
    events = AuditEvent.objects.filter(operation="ExpireKeyMaterial")
    assert {event.key_id for event in events} == {enabled, disabled, archived}


def test_a_key_pending_deletion_stays_and_is_caught_up_with(travel) -> None:
    key_id = imported("orders")
    execute(DisableKey, KeyId=key_id)
    execute(ScheduleKeyDeletion, KeyId=key_id, PendingWindowInDays=30)
    travel(days=10)
    assert sweep("material") == NOTHING
    execute(CancelKeyDeletion, KeyId=key_id)
    assert key(key_id).state == "Disabled"
    assert sweep("material") == all_done(1)
    assert key(key_id).state == "PendingImport"


def test_expiry_is_never_early_and_waits_for_the_clock(travel, monkeypatch) -> None:
    key_id = imported("orders")
    for problem in ("date", "database", "clock"):
        with monkeypatch.context() as patched:
            if problem == "database":
                travel(days=9)
                early = clock.now() - timedelta(seconds=1)
                patched.setattr(database_time, "now", lambda at=early: at)
            if problem == "clock":
                clock_guard.observe()
                patched.setattr(clock, "elapsed", lambda: 0.0)
                assert sweep("material") == NOTHING | {"due": 1, "held": 1}
            with pytest.raises((CmkStateNotSupport, KMSError)) as refused:
                execute(ExpireKeyMaterial, SYSTEM, KeyId=key_id)
        doubted = refused.value.code.endswith("ClockDoubtful")
        assert doubted is (problem == "clock")
        assert key(key_id).state == "Enabled"


def test_import_parameters_are_erased_a_day_later(travel) -> None:
    key_id = imported("orders")
    blob = bytes(ImportParameters.objects.get().wrapped_material)
    handles = custody.keyring()._handles
    assert any(blob in row for row in handles._leases)
    travel(hours=24, seconds=-1)
    assert sweep("parameters") == NOTHING
    with pytest.raises(CmkStateNotSupport):
        execute(EndImportParameters, SYSTEM, KeyId=key_id)
    travel(seconds=1)
    assert sweep("parameters") == all_done(1)
    assert sweep("parameters") == NOTHING
    assert not ImportParameters.objects.exists()
    assert not any(blob in row for row in handles._leases)
    # The key, its material and what was encrypted have nothing to do with it.
    assert key(key_id).state == "Enabled"
    execute(Encrypt, KeyId=key_id, Plaintext="YQ==")
    events = AuditEvent.objects.filter(operation="EndImportParameters")
    assert [(event.key_id, event.outcome) for event in events] == [
        (key_id, "refused"),
        (key_id, "success"),
    ]


def test_newer_import_parameters_begin_a_day_of_their_own(travel) -> None:
    key_id: str = execute(CreateKey, Alias="orders", Type=2).output["KeyId"]
    first = parameters(key_id)
    travel(hours=23)
    second = parameters(key_id)
    travel(hours=23)
    assert sweep("parameters") == NOTHING
    for given, error in ((first, ImportTokenExpired), (second, DecryptMaterialError)):
        with pytest.raises(error):
            execute(
                ImportKeyMaterial,
                KeyId=key_id,
                ImportToken=given["ImportToken"],
                EncryptedKeyMaterial="YQ==",
            )
    travel(hours=1)
    execute(DisableKey, KeyId=imported("other"))
    assert sweep("parameters") == all_done(1)
    assert ImportParameters.objects.get().key.alias == "other"


def test_import_parameters_end_late_where_clock_or_database_say_so(
    travel, monkeypatch
) -> None:
    key_id: str = execute(CreateKey, Alias="orders", Type=2).output["KeyId"]
    parameters(key_id)
    clock_guard.observe()
    travel(hours=24)
    with monkeypatch.context() as patched:
        early = clock.now() - timedelta(seconds=1)
        patched.setattr(database_time, "now", lambda: early)
        with pytest.raises(CmkStateNotSupport):
            execute(EndImportParameters, SYSTEM, KeyId=key_id)
    monkeypatch.setattr(clock, "elapsed", lambda: 0.0)
    assert sweep("parameters") == NOTHING | {"due": 1, "held": 1}
    with pytest.raises(KMSError, match="ClockDoubtful"):
        execute(EndImportParameters, SYSTEM, KeyId=key_id)
    assert ImportParameters.objects.count() == 1


def test_rights_end_on_their_day_whoever_has_them(travel) -> None:
    key_id = create_key()
    user, member = sub_account("ann"), sub_account("bea")
    team = group("team", member)
    until = (clock.now() + timedelta(days=3)).isoformat()
    for holder in (user, team):
        grant(holder, "role.key-user", key=key_id, Until=until)
        grant(holder, "role.auditor", Until=until)
        grant(holder, "role.read-only", key=key_id)
    tables = (UserKeyGrant, UserAccountGrant, GroupKeyGrant, GroupAccountGrant)
    travel(days=3, seconds=-1)
    assert sweep("rights") == NOTHING
    travel(seconds=1)
    assert sweep("rights") == all_done(4)
    assert sweep("rights") == NOTHING
    left = [table.objects.count() for table in tables]
    assert left == [1, 0, 1, 0]
    events = AuditEvent.objects.filter(operation="EndAccess", outcome="success")
    assert [event.key_id for event in events].count(key_id) == 2
    details = " ".join(events.values_list("details", flat=True))
    for said in ('"users":["ann"]', '"groups":["team"]', "role.key-user"):
        assert said in details


def test_a_right_that_was_prolonged_stays(travel) -> None:
    key_id, user = create_key(), sub_account("ann")
    until = (clock.now() + timedelta(days=3)).isoformat()
    grant(user, "role.key-user", key=key_id, Until=until)
    row = UserKeyGrant.objects.get()
    travel(days=4)
    later = (clock.now() + timedelta(days=3)).isoformat()
    grant(user, "role.key-user", key=key_id, Until=later)
    assert sweep("rights") == NOTHING
    with pytest.raises(KMSError) as refused:
        execute(EndAccess, SYSTEM, Table="UserKeyGrant", Number=row.pk)
    assert refused.value.code == "ResourceNotFound"
    assert UserKeyGrant.objects.count() == 1


def test_rights_end_also_while_the_clock_is_in_doubt(travel, monkeypatch) -> None:
    user = sub_account("ann")
    until = (clock.now() + timedelta(days=3)).isoformat()
    grant(user, "role.auditor", Until=until)
    clock_guard.observe()
    travel(days=3)
    monkeypatch.setattr(clock, "elapsed", lambda: 0.0)
    assert not clock_guard.observe()
    assert sweep("rights") == all_done(1)


def test_sessions_that_are_over_are_removed(travel) -> None:
    for name, days in (("over", -1), ("live", 1)):
        Session.objects.create(
            session_key=name,
            session_data="",
            expire_date=clock.now() + timedelta(days=days),
        )
    assert sweep("sessions") == all_done(1)
    assert list(Session.objects.values_list("session_key", flat=True)) == ["live"]
