"""Rights given directly: who may give what, on what, until when."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accessctl.errors import (
    NotOneself,
    PrincipalNotFound,
    RightNotDelegable,
    RightNotForKeys,
    UnknownRight,
)
from accessctl.models import UserKeyGrant
from accessctl.operations import GrantAccess
from keys.errors import CmkNotFound
from keys.operations import (
    CreateKey,
    Decrypt,
    DescribeKey,
    DisableKey,
    Encrypt,
    ListKeyDetail,
    ListKeys,
    ReEncrypt,
)
from kmsconsole import clock, randomness
from kmsconsole.audit.models import AuditEvent
from kmsconsole.errors import InvalidParameterValue, UnauthorizedOperation
from tests.accessctl.people import acting, grant, group, revoke, sub_account
from tests.personas import FOREIGN_ROOT, ROOT, create_key, execute

pytestmark = pytest.mark.django_db

TEXT = "YQ=="


def listed(principal) -> set[str]:
    output = execute(ListKeys, principal).output
    detailed = execute(ListKeyDetail, principal).output
    ids = {key["KeyId"] for key in output["Keys"]}
    assert ids == {key["KeyId"] for key in detailed["KeyMetadatas"]}
    assert output["TotalCount"] == detailed["TotalCount"] == len(ids)
    return ids


def test_a_new_sub_account_can_do_nothing_not_even_with_its_own_key() -> None:
    key = create_key()
    user = acting(sub_account())
    for operation, data in ((Encrypt, {"Plaintext": TEXT}), (DescribeKey, {})):
        with pytest.raises(UnauthorizedOperation):
            execute(operation, user, KeyId=key, **data)
    with pytest.raises(UnauthorizedOperation):
        execute(CreateKey, user, Alias="x")
    assert listed(user) == set()


def test_who_may_create_gets_no_right_on_what_it_made() -> None:
    user = sub_account()
    grant(user, "CreateKey")
    key = create_key("own", acting(user))
    with pytest.raises(UnauthorizedOperation):
        execute(Encrypt, acting(user), KeyId=key, Plaintext=TEXT)


@pytest.mark.parametrize("through", ["user", "group"])
@pytest.mark.parametrize("whole", [False, True])
def test_a_role_holds_on_its_key_or_on_all(through: str, whole: bool) -> None:
    key, other = create_key("one"), create_key("two")
    user = sub_account()
    holder = user if through == "user" else group("ops", user)
    where = {} if whole else {"key": key}
    assert grant(holder, "role.key-user", **where)
    assert not grant(holder, "role.key-user", **where)
    me = acting(user)
    blob = execute(Encrypt, me, KeyId=key, Plaintext=TEXT).output["CiphertextBlob"]
    assert execute(Decrypt, me, CiphertextBlob=blob).output["Plaintext"] == TEXT
    with pytest.raises(UnauthorizedOperation):
        execute(DisableKey, me, KeyId=key)
    assert listed(me) == ({key, other} if whole else {key})

    assert revoke(holder, "role.key-user", **where)
    assert not revoke(holder, "role.key-user", **where)
    with pytest.raises(UnauthorizedOperation):
        execute(Encrypt, me, KeyId=key, Plaintext=TEXT)
    assert listed(me) == set()


def test_a_right_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    key = create_key()
    user = sub_account()
    end = clock.now() + timedelta(hours=2)
    grant(user, "role.encrypt-only", key=key, Until=end.isoformat())
    execute(Encrypt, acting(user), KeyId=key, Plaintext=TEXT)
    assert listed(acting(user)) == {key}
    monkeypatch.setattr(clock, "now", lambda: end)
    with pytest.raises(UnauthorizedOperation):
        execute(Encrypt, acting(user), KeyId=key, Plaintext=TEXT)
    assert listed(acting(user)) == set()


def test_an_end_that_has_passed_or_has_no_zone_is_refused() -> None:
    user = sub_account()
    past = (clock.now() - timedelta(seconds=1)).isoformat()
    for until in (past, "2099-01-01T00:00:00"):
        with pytest.raises(InvalidParameterValue):
            grant(user, "role.key-user", Until=until)


def test_reencrypting_needs_both_keys() -> None:
    here, there = create_key("here"), create_key("there")
    user = sub_account()
    grant(user, "role.key-user", key=here)
    blob = execute(Encrypt, KeyId=here, Plaintext=TEXT).output["CiphertextBlob"]
    move = {"CiphertextBlob": blob, "DestinationKeyId": there}
    with pytest.raises(UnauthorizedOperation):
        execute(ReEncrypt, acting(user), **move)
    grant(user, "ReEncrypt", key=there)
    execute(ReEncrypt, acting(user), **move)


def test_a_key_administrator_lets_others_encrypt_without_being_able_to() -> None:
    key, other = create_key("mine"), create_key("other")
    boss, worker = sub_account("boss"), sub_account("worker")
    team = group("team", boss, worker)
    grant(boss, "role.key-administrator", key=key)
    me = acting(boss)
    with pytest.raises(UnauthorizedOperation):
        execute(Encrypt, me, KeyId=key, Plaintext=TEXT)
    assert grant(worker, "role.encrypt-only", key=key, by=me)
    execute(Encrypt, acting(worker), KeyId=key, Plaintext=TEXT)
    for holder, right, where, refusal in (
        (boss, "role.encrypt-only", key, NotOneself),
        (team, "role.encrypt-only", key, NotOneself),
        (worker, "role.key-administrator", key, RightNotDelegable),
        (worker, "role.full-access", key, RightNotDelegable),
        (worker, "DisableKey", key, RightNotDelegable),
        (worker, "role.encrypt-only", other, UnauthorizedOperation),
        (worker, "role.encrypt-only", "", UnauthorizedOperation),
    ):
        with pytest.raises(refusal):
            grant(holder, right, key=where, by=me)
    assert revoke(worker, "role.encrypt-only", key=key, by=me)


def test_unknown_people_keys_and_rights_are_refused_and_change_nothing() -> None:
    key = create_key()
    user = sub_account()
    for data, refusal in (
        ({"Users": ["nobody"], "Rights": ["role.key-user"]}, PrincipalNotFound),
        ({"Users": ["admin"], "Rights": ["role.key-user"]}, PrincipalNotFound),
        ({"Groups": ["none"], "Rights": ["role.key-user"]}, PrincipalNotFound),
        ({"Users": [user.name], "Rights": ["role.king"]}, UnknownRight),
        ({"Users": [user.name], "Rights": ["CreateAccount"]}, UnknownRight),
        ({"Users": [user.name], "Rights": ["DestroyKey"]}, UnknownRight),
        ({"Users": [user.name], "Rights": ["CreateKey"]}, RightNotForKeys),
    ):
        with pytest.raises(refusal):
            execute(GrantAccess, KeyId=key, **data)
    with pytest.raises(CmkNotFound):
        grant(user, "role.key-user", key=str(randomness.uuid4()))
    assert not UserKeyGrant.objects.exists()


def test_nothing_crosses_accounts() -> None:
    key = create_key()
    foreign = sub_account("fred", FOREIGN_ROOT.account_uin)
    with pytest.raises(PrincipalNotFound):
        grant(foreign, "role.key-user", key=key)
    with pytest.raises(CmkNotFound):
        grant(foreign, "role.key-user", key=key, by=FOREIGN_ROOT)
    grant(foreign, "role.full-access", by=FOREIGN_ROOT)
    for number in (key, str(randomness.uuid4())):
        with pytest.raises(CmkNotFound):
            execute(DescribeKey, acting(foreign), KeyId=number)
    assert listed(acting(foreign)) == set()


def test_events_say_whose_right_which_and_until_when() -> None:
    key = create_key()
    user = sub_account()
    until = (clock.now() + timedelta(days=1)).isoformat()
    grant(user, "role.key-user", key=key, Until=until)
    event = AuditEvent.objects.get(operation="GrantAccess")
    details = json.loads(event.details)
    assert event.key_id == key
    assert details["users"] == ["ann"]
    assert details["rights"] == ["role.key-user"]
    assert details["Until"] == until
    execute(Encrypt, acting(user), KeyId=key, Plaintext=TEXT)
    used = AuditEvent.objects.get(operation="Encrypt")
    assert used.rule == "grant:role.key-user"
    assert "role.key-user" in used.rule_text


def output_of(*command: str) -> dict:
    out = StringIO()
    call_command(*command, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_the_commands_grant_explain_and_revoke() -> None:
    key = create_key()
    sub_account()
    asked = ("explain", "ann", "Encrypt", "--key", key)
    refused = output_of(*asked)
    assert (refused["Allowed"], refused["Rule"]) == (False, "no-grant")
    assert output_of("grant", "ann", "key-user", "--key", key) == {"Changed": True}
    assert output_of("grant", "ann", "key-user", "--key", key) == {"Changed": False}
    allowed = output_of(*asked)
    assert (allowed["Allowed"], allowed["Rule"]) == (True, "grant:role.key-user")
    assert "Key user" in allowed["Steps"][0]
    assert output_of("revoke", "ann", "key-user", "--key", key) == {"Changed": True}
    assert output_of("revoke", "ann", "key-user", "--key", key) == {"Changed": False}
    assert not output_of(*asked)["Allowed"]
    for words in (
        ("grant", "ann", "nonsense"),
        ("grant", "nobody", "key-user"),
        ("grant", "ann", "key-user", "--until", "soon"),
        ("grant", "ann", "key-user", "--until", "2001-01-01T00:00:00Z"),
        ("explain", "ann", "Nonsense"),
        ("explain", "nobody", "Encrypt"),
    ):
        with pytest.raises(CommandError) as refusal:
            call_command(*words)
        assert refusal.value.returncode == 1


def test_the_root_user_is_never_refused_and_needs_no_grant() -> None:
    key = create_key()
    assert execute(DescribeKey, ROOT, KeyId=key).output["KeyMetadata"]["KeyId"] == key
