"""What somebody was given, what a change would do, and why something was refused."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accessctl.capabilities import CAPABILITIES
from accessctl.errors import (
    EventNotFound,
    NotOneself,
    PrincipalNotFound,
    RightNotDelegable,
)
from accessctl.matrix import Answer, cells
from accessctl.models import PolicyAttachment, UserKeyGrant
from accessctl.operations import (
    ExplainOwnAccess,
    ListGrantees,
    ListKeyAccess,
    ListKeyHolders,
    ListRights,
    PreviewAccess,
    RecallEvent,
)
from accessctl.roles import grantable
from keys.models import CustomerMasterKey
from keys.operations import Encrypt
from kmsconsole import clock, randomness
from kmsconsole.audit.models import AuditEvent
from kmsconsole.errors import UnauthorizedOperation
from kmsconsole.operations import Scope
from tests.accessctl.people import account, acting, grant, group, sub_account
from tests.personas import FOREIGN_ROOT, create_key, execute

pytestmark = pytest.mark.django_db


def test_every_operation_on_keys_stands_in_one_column() -> None:
    named = [name for column in CAPABILITIES for name in column.operations]
    on_keys = {n for n, each in grantable().items() if each.scope is Scope.KEY}
    assert len(named) == len(set(named))
    assert set(named) == on_keys


def answers(holder, rules, key: str) -> dict[str, Answer]:
    row = CustomerMasterKey.objects.get(id=key)
    return {cell.capability.name: cell.answer for cell in cells(holder, rules, row)}


def test_the_matrix_shows_people_and_groups_that_have_anything_on_the_key() -> None:
    account()
    key, other = create_key("one"), create_key("two")
    ann, bob, eve = (sub_account(name) for name in ("ann", "bob", "eve"))
    team = group("team", bob)
    grant(ann, "role.encrypt-only", key=key)
    grant(team, "role.decrypt-only", key=key)
    grant(eve, "role.key-user", key=other)
    output = execute(ListKeyAccess, KeyId=key).output
    names = [holder.name for holder, _rules in output["Access"]]
    assert names == ["admin", "team", "ann", "bob"]
    assert output["Total"] == 4
    said = {h.name: answers(h, rules, key) for h, rules in output["Access"]}
    assert set(said["admin"].values()) == {Answer.YES}
    assert said["ann"]["encrypt"] is Answer.SOME
    assert said["ann"]["decrypt"] is Answer.NO
    assert said["bob"]["decrypt"] is said["team"]["decrypt"] is Answer.YES
    assert "sign" not in said["ann"]
    found = execute(ListKeyAccess, KeyId=key, Words="A", Offset=1, Limit=2).output
    assert [holder.name for holder, _ in found["Access"]] == ["team", "ann"]


def test_the_matrix_knows_denies_ends_and_addresses() -> None:
    key = create_key()
    ann, bob, eve = (sub_account(name) for name in ("ann", "bob", "eve"))
    grant(ann, "role.key-user", key=key)
    attach(ann, "deny", ["name/kms:Decrypt"], "deny")
    attach(bob, "office", ["name/kms:Encrypt"], "allow", "10.0.0.0/8")
    grant(eve, "role.key-user", key=key)
    UserKeyGrant.objects.filter(user=eve).update(expires_at=clock.now())
    output = execute(ListKeyAccess, KeyId=key).output
    said = {h.name: answers(h, rules, key) for h, rules in output["Access"]}
    assert said["ann"]["decrypt"] is Answer.DENIED
    assert said["bob"]["encrypt"] is Answer.DEPENDS
    assert "eve" not in said


def attach(user, name: str, actions: list[str], effect: str, ip: str = "") -> None:
    import json  # noqa: PLC0415

    from accessctl.models import Policy  # noqa: PLC0415

    statement = {"effect": effect, "action": actions, "resource": "*"}
    if ip:
        statement["condition"] = {"ip_equal": {"qcs:ip": [ip]}}
    document = json.dumps({"version": "2.0", "statement": [statement]})
    policy = Policy.objects.create(
        account_id=user.account_id, name=name, document=document
    )
    PolicyAttachment.objects.create(
        policy=policy, user=user, attached_by_uin=1, attached_by_name="admin"
    )


def queries(key: str) -> int:
    with CaptureQueriesContext(connection) as statements:
        execute(ListKeyAccess, KeyId=key)
    return len(statements)


def test_the_cost_of_the_matrix_does_not_grow_with_people() -> None:
    key = create_key()
    grant(group("first", sub_account("first")), "role.key-user", key=key)
    before = queries(key)
    for number in range(30):
        user = sub_account(f"user{number}")
        grant(user, "role.key-user", key=key)
        group(f"group{number}", user)
    assert queries(key) == before


def preview(who=None, **data):
    key = data.get("KeyId")
    wanted = {"Rights": ["role.key-user"], **data}
    more = {"principal": who} if who else {}
    output = execute(PreviewAccess, **more, **wanted).output
    assert (output["Key"] is None) is (key is None)
    return {one.user.name: one for one in output["Differences"]}


def test_a_preview_says_what_changes_for_whom_and_stores_nothing() -> None:
    key = create_key()
    ann, bob = sub_account("ann"), sub_account("bob")
    group("team", ann, bob)
    grant(ann, "role.encrypt-only", key=key)
    found = preview(KeyId=key, Groups=["team"])
    assert "Decrypt" in found["ann"].gained
    assert "Encrypt" in found["ann"].kept
    assert "Encrypt" in found["bob"].gained
    assert UserKeyGrant.objects.count() == 1
    lost = preview(KeyId=key, Users=["ann"], Rights=["role.encrypt-only"], Taken=True)[
        "ann"
    ]
    assert "Encrypt" in lost.lost
    assert not lost.gained
    again = preview(KeyId=key, Users=["ann"], Rights=["role.encrypt-only"])["ann"]
    assert again.none
    until = (clock.now() + timedelta(days=1)).isoformat()
    moved = preview(
        KeyId=key, Users=["ann"], Rights=["role.encrypt-only"], Until=until
    )["ann"]
    assert [(right, was) for right, was, _ in moved.ends] == [
        ("role.encrypt-only", None)
    ]
    whole = preview(Users=["bob"], Rights=["CreateKey"])["bob"]
    assert whole.gained == ("CreateKey",)


def test_a_preview_refuses_what_giving_refuses() -> None:
    key = create_key()
    boss = sub_account("boss")
    sub_account("ann")
    grant(boss, "role.key-administrator", key=key)
    me = acting(boss)
    assert preview(me, KeyId=key, Users=["ann"])["ann"].gained
    for data, refusal in (
        ({"KeyId": key, "Users": ["boss"]}, NotOneself),
        ({"KeyId": key, "Users": ["ann"], "Rights": ["DisableKey"]}, RightNotDelegable),
        ({"KeyId": key, "Users": ["none"]}, PrincipalNotFound),
        ({"Users": ["ann"]}, UnauthorizedOperation),
    ):
        with pytest.raises(refusal):
            preview(me, **data)
    listed = execute(ListGrantees, me, KeyId=key).output
    assert listed["Users"] == ["ann"]


def test_rights_are_listed_for_oneself_and_by_those_who_may() -> None:
    key, hidden = create_key("one"), create_key("two")
    ann, bob = sub_account("ann"), sub_account("bob")
    team = group("team", ann)
    grant(ann, "role.key-user", key=key)
    grant(ann, "Encrypt", key=hidden)
    grant(team, "role.auditor")
    PolicyAttachment.objects.create(
        predefined="QcloudKMSFullAccess",
        group=team,
        attached_by_uin=1,
        attached_by_name="admin",
    )
    for who in (None, acting(ann)):
        more = {"principal": who} if who else {}
        output = execute(ListRights, **more, Uin=ann.uin).output
        assert [(g.right, g.group) for g in output["Account"]] == [
            ("role.auditor", "team")
        ]
        assert {g.right for g in output["Keys"]} == {"role.key-user", "Encrypt"}
        assert [(p.name, p.group) for p in output["Policies"]] == [
            ("QcloudKMSFullAccess", "team")
        ]
    shared = execute(ListRights, GroupId=team.id).output
    assert [g.right for g in shared["Account"]] == ["role.auditor"]
    assert shared["Keys"] == []
    me = acting(bob)
    execute(ListRights, me, Uin=bob.uin)
    for asked in ({"Uin": ann.uin}, {"Uin": 1}, {"GroupId": team.id}):
        with pytest.raises(UnauthorizedOperation):
            execute(ListRights, me, **asked)
    with pytest.raises(PrincipalNotFound):
        execute(ListRights, FOREIGN_ROOT, Uin=ann.uin)


def test_names_of_keys_one_may_not_see_stay_hidden() -> None:
    key = create_key("secret-project")
    ann = sub_account()
    grant(ann, "Encrypt", key=key)
    (given,) = execute(ListRights, acting(ann), Uin=ann.uin).output["Keys"]
    assert (str(given.key.id), given.key.alias) == (key, "")


def test_who_can_use_a_key() -> None:
    account()
    key = create_key()
    ann, off = sub_account("ann"), sub_account("off", is_active=False)
    grant(ann, "role.decrypt-only", key=key)
    grant(off, "role.decrypt-only", key=key)
    asked = {"KeyId": key, "Operation": "Decrypt"}
    found = execute(ListKeyHolders, **asked).output["Holders"]
    assert [one.user.name for one in found] == ["admin", "ann"]
    with pytest.raises(UnauthorizedOperation):
        execute(ListKeyHolders, acting(ann), **asked)


def test_one_s_own_refusal_is_explained_without_telling_of_keys() -> None:
    own, foreign = create_key(), create_key("theirs", FOREIGN_ROOT)
    ann = sub_account()
    attach(ann, "deny", ["name/kms:Decrypt"], "deny")
    me = acting(ann)
    said = {
        str(execute(ExplainOwnAccess, me, Operation="Decrypt", KeyId=key).output)
        for key in (own, foreign, str(randomness.uuid4()))
    }
    assert len(said) == 1
    assert "isn't told" in said.pop()
    grant(ann, "role.read-only", key=own)
    output = execute(ExplainOwnAccess, me, Operation="Decrypt", KeyId=own).output
    assert not output["Allowed"]
    assert "denies it" in output["Steps"][0]


def test_an_event_is_recalled_by_its_own_actor_and_by_those_who_may() -> None:
    key = create_key()
    ann, bob = sub_account("ann"), sub_account("bob")
    with pytest.raises(UnauthorizedOperation):
        execute(Encrypt, acting(ann), KeyId=key, Plaintext="YQ==")
    number = AuditEvent.objects.filter(operation="Encrypt").get().sequence
    asked = {"Sequence": number}
    for output in (
        execute(RecallEvent, acting(ann), **asked).output,
        execute(RecallEvent, **asked).output,
    ):
        assert output["Event"].rule == "no-grant"
        assert output["KeyId"] == key
    with pytest.raises(UnauthorizedOperation):
        execute(RecallEvent, acting(bob), **asked)
    with pytest.raises(EventNotFound):
        execute(RecallEvent, FOREIGN_ROOT, **asked)
