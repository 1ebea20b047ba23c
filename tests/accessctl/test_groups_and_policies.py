"""Groups and policies: what they hold, their limits, and what they do at once."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import Group as DjangoGroup
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accessctl import operations as o
from accessctl.credentials import principal_of
from accessctl.models import (
    Account,
    Group,
    GroupAccountGrant,
    Membership,
    Policy,
    PolicyAttachment,
)
from accessctl.operations import attachments, groups, policies
from keys.operations import DescribeKey, Encrypt
from kmsconsole.audit.models import AuditEvent
from kmsconsole.errors import KMSError, UnauthorizedOperation
from kmsconsole.operations import Operation
from kmsconsole.principals import Principal
from tests.people import (
    DOCUMENT,
    accounts,
    full_access,
    furnish,
    group,
    policy,
    sub_account,
)
from tests.personas import ACCOUNT, FOREIGN_ACCOUNT, ROOT, call, create_key, execute

pytestmark = pytest.mark.django_db
READ_ONLY = "QcloudKMSReadOnlyAccess"


@pytest.fixture(autouse=True)
def people() -> None:
    accounts()
    for name in ("ann", "bob", "cid"):
        sub_account(name)


def refused(operation: type[Operation], principal: Any = ROOT, **data: Any) -> str:
    with pytest.raises(KMSError) as refusal:
        execute(operation, principal, **data)
    return type(refusal.value).__name__


def events(operation: type[Operation], outcome: str = "success") -> list[Any]:
    rows = AuditEvent.objects.filter(operation=operation.__name__, outcome=outcome)
    return [json.loads(row.details) for row in rows.order_by("sequence")]


def person(name: str) -> Principal:
    return principal_of(
        Account.objects.get(uin=ACCOUNT).users.get(name=name, deleted_at=None)
    )


def may(name: str, operation: type[Operation], key_id: str, **data: Any) -> bool:
    try:
        execute(operation, person(name), KeyId=key_id, **data)
    except UnauthorizedOperation:
        return False
    return True


def members(name: str) -> list[str]:
    found = execute(o.DescribeGroup, GroupName=name).output["Members"]
    return [row["User"] for row in found]


# --- groups ---------------------------------------------------------------------------
def test_a_group_owns_a_group_of_djangos_with_no_telling_name() -> None:
    group("shop")
    group("shop", account=FOREIGN_ACCOUNT)
    ours = Group.objects.get(name="shop", account_id=ACCOUNT)
    assert len(ours.auth_group.name) == 36
    assert "shop" not in ours.auth_group.name
    for taken in ("shop", "SHOP"):
        assert refused(o.CreateGroup, Name=taken) == "NameTaken"
    assert refused(o.CreateGroup, Name="a b") == "InvalidName"


def test_members_come_and_go_all_or_none() -> None:
    group("shop")
    asked = {"GroupName": "SHOP", "Users": ["bob", "ANN"]}
    assert execute(o.AddGroupMembers, **asked).output == {"Added": 2}
    assert execute(o.AddGroupMembers, **asked).output == {"Added": 0}
    assert members("shop") == ["ann", "bob"]
    more = {"GroupName": "shop", "Users": ["cid", "foreign"]}
    for change in (o.AddGroupMembers, o.RemoveGroupMembers):
        assert refused(change, **more) == "SubAccountNotFound"
    assert members("shop") == ["ann", "bob"]
    out = {"GroupName": "shop", "Users": ["ann", "cid"]}
    assert execute(o.RemoveGroupMembers, **out).output == {"Removed": 1}
    assert members("shop") == ["bob"]
    added = [each["UserName"] for each in events(o.AddGroupMembers)]
    assert added == ["foreign", "bob", "ann", "bob", "ann"]
    assert {each["group_name"] for each in events(o.RemoveGroupMembers)} == {"shop"}


def test_groups_have_their_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "MOST_GROUPS", 2)
    monkeypatch.setattr(groups, "MOST_MEMBERS", 2)
    monkeypatch.setattr(groups, "MOST_GROUPS_OF_ONE", 1)
    group("one", "ann")
    group("two")
    assert refused(o.CreateGroup, Name="three") == "LimitReached"
    both = {"GroupName": "two", "Users": ["ann", "bob"]}
    assert refused(o.AddGroupMembers, **both) == "LimitReached"
    execute(o.AddGroupMembers, GroupName="one", Users=["ann", "bob"])
    three = {"GroupName": "one", "Users": ["ann", "bob", "cid"]}
    assert refused(o.AddGroupMembers, **three) == "LimitReached"


def test_a_group_is_renamed_and_keeps_what_it_has() -> None:
    group("shop", "ann")
    group("other")
    for taken in ("other", "OTHER"):
        assert refused(o.UpdateGroup, GroupName="shop", Name=taken) == "NameTaken"
    renamed = execute(o.UpdateGroup, GroupName="shop", Name="Shop", Remark="x").output
    assert renamed == {"GroupName": "Shop"}
    assert members("shop") == ["ann"]


def test_deleting_a_group_takes_everything_of_it() -> None:
    group("shop", "ann")
    execute(o.AttachPolicy, PolicyName=READ_ONLY, Groups=["shop"])
    ours = Group.objects.get(name="shop", account_id=ACCOUNT)
    grant = Permission.objects.get(codename="Encrypt", content_type__model="account")
    GroupAccountGrant.objects.create(
        group=ours.auth_group,
        permission=grant,
        content_object=Account.objects.get(uin=ACCOUNT),
        granted_by_uin=ACCOUNT,
        granted_by_name="admin",
    )
    key_id = create_key()
    assert may("ann", Encrypt, key_id, Plaintext="YQ==")
    execute(o.DeleteGroup, GroupName="shop")
    assert not may("ann", Encrypt, key_id, Plaintext="YQ==")
    assert not DjangoGroup.objects.filter(pk=ours.auth_group_id).exists()
    assert not Membership.objects.filter(user__name="ann").exists()
    assert events(o.DeleteGroup) == [{"group_name": "shop", "Members": ["ann"]}]


# --- policies -------------------------------------------------------------------------
def test_a_policy_holds_at_once_and_ends_at_once() -> None:
    key_id = create_key()
    group("shop", "bob")
    policy("mine")
    assert not may("ann", Encrypt, key_id, Plaintext="YQ==")
    execute(o.AttachPolicy, PolicyName="Mine", Users=["ann"], Groups=["shop"])
    for name in ("ann", "bob"):
        assert may(name, Encrypt, key_id, Plaintext="YQ==")
        assert not may(name, DescribeKey, key_id)
    denied = DOCUMENT.replace("allow", "deny")
    execute(o.UpdatePolicy, PolicyName="mine", Document=denied)
    assert not may("ann", Encrypt, key_id, Plaintext="YQ==")
    execute(o.UpdatePolicy, PolicyName="mine", Document=DOCUMENT)
    execute(o.DetachPolicy, PolicyName="mine", Groups=["shop"])
    assert may("ann", Encrypt, key_id, Plaintext="YQ==")
    assert not may("bob", Encrypt, key_id, Plaintext="YQ==")
    execute(o.DeletePolicy, PolicyName="mine")
    assert not may("ann", Encrypt, key_id, Plaintext="YQ==")
    (event,) = events(o.DeletePolicy)
    assert (event["Users"], event["Groups"]) == (["ann"], [])
    assert event["Document"] == DOCUMENT


def test_a_foreign_policy_of_the_same_name_is_another() -> None:
    policy("foreign")
    execute(o.DeletePolicy, PolicyName="foreign")
    assert Policy.objects.get(name="foreign").account_id == FOREIGN_ACCOUNT
    assert PolicyAttachment.objects.count() == 2


@pytest.mark.parametrize("name", ["mine", "MINE", READ_ONLY, READ_ONLY.lower()])
def test_policy_names_are_taken_once(name: str) -> None:
    policy("mine")
    assert refused(o.CreatePolicy, Name=name, Document=DOCUMENT) == "NameTaken"


def test_a_document_is_refused_with_place_and_reason() -> None:
    document = DOCUMENT.replace("kms:Encrypt", "kms:Encrpyt")
    with pytest.raises(KMSError) as refusal:
        execute(o.CreatePolicy, Name="mine", Document=document)
    assert refusal.value.parameter == "Document"
    assert refusal.value.message == (
        "The policy was not accepted. At statement[0].action: No action has this name."
    )
    policy("mine")
    assert refused(o.UpdatePolicy, PolicyName="mine", Document="{") == "InvalidPolicy"
    long = DOCUMENT + " " * 6144
    assert refused(o.CreatePolicy, Name="long", Document=long) == "InvalidPolicy"
    foreign = DOCUMENT.replace('"*"', f'"qcs::kms::uin/{FOREIGN_ACCOUNT}:key/*"')
    assert refused(o.CreatePolicy, Name="f", Document=foreign) == "InvalidPolicy"


def test_two_editors_lose_nothing() -> None:
    policy("mine")
    one = {"PolicyName": "mine", "ExpectedRevision": 1}
    assert execute(o.UpdatePolicy, **one, Remark="first").output["Revision"] == 2
    assert refused(o.UpdatePolicy, **one, Remark="second") == "PolicyChanged"
    found = execute(o.DescribePolicy, PolicyName="mine").output
    assert (found["Remark"], found["Revision"]) == ("first", 2)
    assert found["Document"] == DOCUMENT


def test_predefined_policies_are_attached_and_nothing_else() -> None:
    for operation in (o.UpdatePolicy, o.DeletePolicy):
        assert refused(operation, PolicyName=READ_ONLY.lower()) == "PolicyIsPredefined"
    execute(o.AttachPolicy, PolicyName=READ_ONLY.lower(), Users=["ann"])
    assert may("ann", DescribeKey, create_key())
    found = execute(o.DescribePolicy, PolicyName=READ_ONLY).output
    assert (found["Predefined"], found["Users"]) == (True, ["ann"])
    # Another account's holders of the same policy are nobody's business.
    furnish(FOREIGN_ACCOUNT, "theirs")
    foreign = principal_of(
        Account.objects.get(uin=FOREIGN_ACCOUNT).users.get(name="admin")
    )
    execute(o.AttachPolicy, foreign, PolicyName=READ_ONLY, Users=["theirs"])
    found = execute(o.DescribePolicy, PolicyName=READ_ONLY).output
    assert (found["Users"], found["Groups"]) == (["ann"], [])
    listed = execute(o.ListPolicies, Kind="predefined").output["Policies"]
    assert [row["Holders"] for row in listed] == [0, 1]


def test_attaching_is_all_or_none_and_harmless_twice() -> None:
    policy("mine")
    group("shop")
    asked = {"PolicyName": "mine", "Users": ["ann", "bob"], "Groups": ["shop"]}
    for users, holders, reason in (
        (["ann", "foreign"], ["shop"], "SubAccountNotFound"),
        (["ann"], ["shop", "foreign"], "GroupNotFound"),
        ([], [], "MissingParameter"),
    ):
        data = {"PolicyName": "mine", "Users": users, "Groups": holders}
        assert refused(o.AttachPolicy, **data) == reason
        assert refused(o.DetachPolicy, **data) == reason
    assert execute(o.AttachPolicy, **asked).output == {"Attached": 3}
    assert execute(o.AttachPolicy, **asked).output == {"Attached": 0}
    assert execute(o.DetachPolicy, **asked).output == {"Detached": 3}
    assert execute(o.DetachPolicy, **asked).output == {"Detached": 0}
    named = [{**each, "policy_name": ""} for each in events(o.DetachPolicy)[:3]]
    assert named == [
        {"policy_name": "", "UserName": "ann"},
        {"policy_name": "", "UserName": "bob"},
        {"policy_name": "", "GroupName": "shop"},
    ]


def test_policies_have_their_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policies, "MOST_POLICIES", 1)
    monkeypatch.setattr(attachments, "MOST_POLICIES_OF_ONE", 1)
    policy("mine")
    assert refused(o.CreatePolicy, Name="more", Document=DOCUMENT) == "LimitReached"
    execute(o.AttachPolicy, PolicyName="mine", Users=["ann"])
    execute(o.AttachPolicy, PolicyName="mine", Users=["ann", "bob"])
    second = {"PolicyName": READ_ONLY, "Users": ["bob", "cid"]}
    assert refused(o.AttachPolicy, **second) == "LimitReached"
    execute(o.AttachPolicy, PolicyName=READ_ONLY, Users=["cid"])


def test_nobody_rewrites_or_deletes_what_holds_for_them() -> None:
    deputy = full_access()
    group("shop", "deputy")
    policy("direct")
    policy("through")
    policy("other")
    execute(o.AttachPolicy, PolicyName="direct", Users=["deputy"])
    execute(o.AttachPolicy, PolicyName="through", Groups=["shop"])
    for name in ("direct", "through"):
        for operation in (o.UpdatePolicy, o.DeletePolicy):
            assert refused(operation, deputy, PolicyName=name) == "YourOwnAccount"
    execute(o.UpdatePolicy, deputy, PolicyName="other", Remark="x")


def test_policies_are_listed_with_predefined_ones_first() -> None:
    for number in range(3):
        policy(f"p{number}")
    first = execute(o.ListPolicies, Limit=2).output
    names = [row["PolicyName"] for row in first["Policies"]]
    assert names == ["QcloudKMSFullAccess", READ_ONLY, "p0", "p1"]
    assert (first["Total"], first["After"]) == (5, "p1")
    second = execute(o.ListPolicies, Limit=2, After="p1").output
    assert [row["PolicyName"] for row in second["Policies"]] == ["p2"]
    back = execute(o.ListPolicies, Limit=2, Before="p2").output
    assert [row["PolicyName"] for row in back["Policies"]] == names
    found = execute(o.ListPolicies, Words="readonly").output
    assert [row["PolicyName"] for row in found["Policies"]] == [READ_ONLY]


# --- cost -----------------------------------------------------------------------------
PINNED = {
    (o.ListSubAccounts, ()): 4,
    (o.ListGroups, ()): 4,
    (o.ListPolicies, ()): 6,
    (o.DescribeSubAccount, ("UserName", "ann")): 7,
    (o.DescribeGroup, ("GroupName", "shop")): 5,
    (o.DescribePolicy, ("PolicyName", "mine")): 4,
}


def test_what_reading_costs_does_not_grow() -> None:
    group("shop", "ann")
    policy("mine")

    def counted() -> dict[Any, int]:
        found = {}
        for at, (operation, asked) in enumerate(PINNED):
            fresh = call(signature_hash=bytes([at, len(seen)]) * 16)
            with CaptureQueriesContext(connection) as statements:
                operation.execute(fresh, dict([asked]) if asked else {})
            found[(operation, asked)] = len(statements)
        return found

    seen: list[Any] = []
    seen.append(counted())
    for number in range(8):
        sub_account(f"u{number}")
        group(f"g{number}", "ann")
        policy(f"p{number}")
        execute(o.AttachPolicy, PolicyName=f"p{number}", Users=["ann"], Groups=["shop"])
    execute(o.AddGroupMembers, GroupName="shop", Users=[f"u{n}" for n in range(8)])
    execute(o.AttachPolicy, PolicyName="mine", Users=["ann"], Groups=["shop"])
    seen.append(counted())
    assert seen[0] == seen[1] == PINNED
