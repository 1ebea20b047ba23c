"""Sub-accounts: made, switched off, deleted; and what nobody may do with them."""

import json
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.test import Client

from accessctl import operations as o
from accessctl.credentials import find, operator, principal_of
from accessctl.models import (
    AccessKey,
    Account,
    Membership,
    PolicyAttachment,
    User,
    UserAccountGrant,
)
from accessctl.operations import sub_accounts
from keys.operations import Encrypt
from kmsconsole import clock
from kmsconsole.audit.models import AuditEvent
from kmsconsole.errors import KMSError, StepUpRequired, UnauthorizedOperation
from kmsconsole.operations import Operation, Scope
from tests.console import enter
from tests.people import (
    PASSWORD,
    ROOTS,
    accounts,
    full_access,
    furnish,
    group,
    sub_account,
)
from tests.personas import ACCOUNT, FOREIGN_ACCOUNT, ROOT, create_key, execute

pytestmark = pytest.mark.django_db
MINE = [
    operation
    for operation in o.OPERATIONS
    if operation.scope is Scope.ADMINISTRATION
    # Those have tests of their own: test_access_keys.py and test_settings.py.
    and operation.__module__.rpartition(".")[2] not in ("access_keys", "settings")
]


@pytest.fixture(autouse=True)
def two_accounts() -> None:
    accounts()


def refused(operation: type[Operation], principal: Any = ROOT, **data: Any) -> str:
    """Return the name of the refusal, and check that it was recorded."""
    with pytest.raises(KMSError) as refusal:
        execute(operation, principal, **data)
    event = AuditEvent.objects.latest("sequence")
    assert (event.operation, event.outcome) == (operation.__name__, "refused")
    return type(refusal.value).__name__


def event_of(operation: type[Operation]) -> dict[str, Any]:
    row = AuditEvent.objects.filter(operation=operation.__name__).latest("sequence")
    details: dict[str, Any] = json.loads(row.details)
    return details


# --- making ---------------------------------------------------------------------------
def test_a_new_sub_account_has_its_ways_in_and_no_right() -> None:
    program = sub_account("billing")
    assert (program.console_access, program.api_access) == (False, True)
    assert (program.is_root, program.is_staff, program.is_active) == (
        False,
        False,
        True,
    )
    assert not program.has_usable_password()
    assert not program.must_change_password
    assert 10**11 <= program.uin < 10**12
    with pytest.raises(UnauthorizedOperation):
        execute(Encrypt, principal_of(program), KeyId=create_key(), Plaintext="YQ==")


def test_console_sign_in_comes_with_a_password_that_is_shown_once() -> None:
    made = execute(o.CreateSubAccount, Name="ann", Console=True, Api=False).output
    assert set(made) == {"AccountId", "Uin", "User", "Password"}
    ann = User.objects.get(uin=made["Uin"])
    assert ann.check_password(made["Password"])
    assert ann.must_change_password
    assert (ann.console_access, ann.api_access) == (True, False)
    assert made["Password"] not in str(list(AuditEvent.objects.values()))
    assert event_of(o.CreateSubAccount)["Uin"] == ann.uin


def test_a_password_may_be_chosen_and_is_not_given_back() -> None:
    chosen = {"Console": True, "Password": PASSWORD}
    made = execute(o.CreateSubAccount, Name="ann", **chosen).output
    assert "Password" not in made
    ann = User.objects.get(uin=made["Uin"])
    assert ann.check_password(PASSWORD)
    assert ann.must_change_password
    weak = {"Console": True, "Password": "password"}
    assert refused(o.CreateSubAccount, Name="bob", **weak) == "WeakPassword"
    assert not User.objects.filter(name="bob").exists()


@pytest.mark.parametrize(
    "name", ["", "-ann", "a b", "ann\n", "Änn", "x" * 65, "a/b", "."]
)
def test_names_that_are_no_names(name: str) -> None:
    assert refused(o.CreateSubAccount, Name=name) == "InvalidName"


@pytest.mark.parametrize("remark", ["x" * 256, "two\nlines", "\x00"])
def test_remarks_that_can_not_be_stored(remark: str) -> None:
    data = {"Name": "ann", "Remark": remark}
    assert refused(o.CreateSubAccount, **data) == "InvalidRemark"


def test_a_name_belongs_to_one_person_of_an_account() -> None:
    sub_account("ann")
    for taken in ("ann", "ANN", "admin"):
        assert refused(o.CreateSubAccount, Name=taken) == "NameTaken"
    sub_account("ann", FOREIGN_ACCOUNT)
    sub_account("foreign")


def test_there_is_a_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sub_accounts, "MOST_SUB_ACCOUNTS", 2)
    sub_account("ann")
    sub_account("bob")
    assert refused(o.CreateSubAccount, Name="cid") == "LimitReached"
    execute(o.DeleteSubAccount, Users=["ann"])
    sub_account("cid")


# --- changing -------------------------------------------------------------------------
def test_the_ways_in_are_switches() -> None:
    ann = sub_account("ann")
    change = {"UserName": "ANN", "Console": True, "Api": False, "Remark": "Payroll"}
    made = execute(o.UpdateSubAccount, **change).output
    ann.refresh_from_db()
    assert ann.check_password(made["Password"])
    assert ann.must_change_password
    assert (ann.console_access, ann.api_access, ann.remark) == (True, False, "Payroll")
    # Off and on again keeps the password, and what isn't named stays.
    execute(o.UpdateSubAccount, UserName="ann", Console=False)
    again = execute(o.UpdateSubAccount, UserName="ann", Console=True).output
    assert "Password" not in again
    ann.refresh_from_db()
    assert (ann.console_access, ann.api_access, ann.remark) == (True, False, "Payroll")


@pytest.mark.parametrize(
    ("operation", "data"),
    [
        (o.DisableSubAccount, {"Users": ["ann"]}),
        (o.DeleteSubAccount, {"Users": ["ann"]}),
        (o.EndSubAccountSessions, {"Users": ["ann"]}),
        (o.UpdateSubAccount, {"UserName": "ann", "Console": False}),
        (o.ResetPassword, {"UserName": "ann"}),
        (o.ResetFactors, {"UserName": "ann"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_sessions_end_at_once(operation: type[Operation], data: dict[str, Any]) -> None:
    client = Client()
    enter(client, sub_account("ann", Console=True))
    assert client.get("/keys/").status_code == 200
    execute(operation, **data)
    assert client.get("/keys/").status_code == 302


def test_disabled_is_out_and_enabled_is_back_with_its_rights() -> None:
    ann = sub_account("ann", Console=True, Password=PASSWORD)
    group("shop", "ann")
    secret_id = execute(o.CreateAccessKey, UserName="ann").output["SecretId"]
    assert find(secret_id) is not None
    for _ in range(2):
        execute(o.DisableSubAccount, Users=["ann"])
    assert find(secret_id) is None
    form = {"account": ACCOUNT, "login": "ann", "password": PASSWORD}
    assert Client().post("/account/login/", form).status_code == 200
    execute(o.EnableSubAccount, Users=["ann"])
    assert find(secret_id) is not None
    assert Membership.objects.filter(user=ann).exists()


def test_deleting_leaves_a_name_in_the_audit_and_nothing_else() -> None:
    ann = sub_account("ann", Console=True)
    furnish_ann(ann)
    secret_id = execute(o.CreateAccessKey, UserName="ann").output["SecretId"]
    execute(o.DeleteSubAccount, Users=["ann"])
    ann.refresh_from_db()
    assert ann.deleted_at is not None
    assert (ann.is_active, ann.console_access, ann.api_access) == (False,) * 3
    assert not ann.has_usable_password()
    assert find(secret_id) is None
    for rows in (AccessKey, Authenticator, Membership, PolicyAttachment):
        assert not rows.objects.filter(user=ann).exists()
    assert not UserAccountGrant.objects.filter(user=ann).exists()
    assert event_of(o.DeleteSubAccount) == {"UserName": "ann", "Uin": ann.uin}
    # The name is free, and the new one is somebody else without rights.
    again = sub_account("ann")
    assert again.uin != ann.uin
    described = execute(o.DescribeSubAccount, UserName="ann").output
    assert (described["Uin"], described["Policies"]) == (again.uin, [])


def furnish_ann(ann: User) -> None:
    group("shop", "ann")
    execute(o.AttachPolicy, PolicyName="QcloudKMSReadOnlyAccess", Users=["ann"])
    Authenticator.objects.create(user=ann, type="totp", data={"secret": "x"})
    UserAccountGrant.objects.create(
        user=ann,
        permission=Permission.objects.get(
            codename="Encrypt", content_type__model="account"
        ),
        content_object=Account.objects.get(uin=ACCOUNT),
        granted_by_uin=ACCOUNT,
        granted_by_name="admin",
    )


def test_a_deleted_one_is_like_none() -> None:
    sub_account("ann")
    execute(o.DeleteSubAccount, Users=["ann"])
    assert refused(o.DescribeSubAccount, UserName="ann") == "SubAccountNotFound"
    assert refused(o.EnableSubAccount, Users=["ann"]) == "SubAccountNotFound"
    assert refused(o.ResetPassword, UserName="ann") == "UserNotFound"
    assert execute(o.ListSubAccounts).output["SubAccounts"] == []


def test_a_new_password_is_drawn_and_must_be_changed() -> None:
    ann = sub_account("ann", Console=True, Password=PASSWORD)
    User.objects.update(must_change_password=False)
    answer = execute(o.ResetPassword, UserName="ann").output
    ann.refresh_from_db()
    assert set(answer) == {"User", "Password"}
    assert ann.check_password(answer["Password"])
    assert ann.must_change_password
    sub_account("program")
    assert refused(o.ResetPassword, UserName="program") == "NoConsoleAccess"


# --- several at once ------------------------------------------------------------------
@pytest.mark.parametrize("operation", [o.DisableSubAccount, o.DeleteSubAccount])
def test_a_batch_is_all_or_nothing_with_one_event_each(
    operation: type[Operation],
) -> None:
    for name in ("ann", "bob", "cid"):
        sub_account(name)
    asked = ["cid", "Ann", "ann", "bob"]
    assert refused(operation, Users=[*asked, "nobody"]) == "SubAccountNotFound"
    assert User.objects.filter(is_active=False).count() == 0
    execute(operation, Users=asked)
    assert User.objects.filter(is_active=False).count() == 3
    rows = AuditEvent.objects.filter(operation=operation.__name__, outcome="success")
    names = [json.loads(row.details)["UserName"] for row in rows.order_by("sequence")]
    assert names == ["cid", "ann", "bob"]
    unknown = AuditEvent.objects.filter(
        operation=operation.__name__, outcome="refused"
    ).latest("sequence")
    assert json.loads(unknown.details) == {"UserName": "nobody"}


def test_how_many_a_batch_may_have() -> None:
    for users in ([], [f"u{n}" for n in range(101)]):
        assert refused(o.DisableSubAccount, Users=users) == "InvalidParameterValue"


# --- who may --------------------------------------------------------------------------
ASKED: dict[type[Operation], dict[str, Any]] = {
    o.CreateSubAccount: {"Name": "new"},
    o.UpdateSubAccount: {"UserName": "NAME", "Api": True},
    o.DisableSubAccount: {"Users": ["NAME"]},
    o.EnableSubAccount: {"Users": ["NAME"]},
    o.DeleteSubAccount: {"Users": ["NAME"]},
    o.EndSubAccountSessions: {"Users": ["NAME"]},
    o.ListSubAccounts: {"Users": ["NAME"]},
    o.DescribeSubAccount: {"UserName": "NAME"},
    o.ResetPassword: {"UserName": "NAME"},
    o.ResetFactors: {"UserName": "NAME"},
    o.CreateGroup: {"Name": "new"},
    o.UpdateGroup: {"GroupName": "NAME", "Remark": "x"},
    o.DeleteGroup: {"GroupName": "NAME"},
    o.AddGroupMembers: {"GroupName": "mine", "Users": ["NAME"]},
    o.RemoveGroupMembers: {"GroupName": "NAME", "Users": ["mine"]},
    o.ListGroups: {"Words": "NAME"},
    o.DescribeGroup: {"GroupName": "NAME"},
    o.CreatePolicy: {"Name": "new", "Document": "{}"},
    o.UpdatePolicy: {"PolicyName": "NAME", "Remark": "x"},
    o.DeletePolicy: {"PolicyName": "NAME"},
    o.AttachPolicy: {"PolicyName": "mine", "Users": ["NAME"]},
    o.DetachPolicy: {"PolicyName": "mine", "Groups": ["NAME"]},
    o.ListPolicies: {"Words": "NAME"},
    o.DescribePolicy: {"PolicyName": "NAME"},
    # Its products are the installation's; it names nobody.
    o.ListProducts: {},
}


def asked(operation: type[Operation], name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(
        json.dumps(ASKED[operation]).replace("NAME", name)
    )
    return data


def test_every_operation_is_asked_for() -> None:
    assert set(ASKED) == set(MINE)


@pytest.mark.parametrize("operation", MINE, ids=lambda each: each.__name__)
def test_who_has_no_right_learns_nothing(operation: type[Operation]) -> None:
    ann = principal_of(sub_account("ann"))
    furnish(ACCOUNT, "mine")
    for name in ("mine", "foreign", "nobody", "admin"):
        reason = refused(operation, ann, **asked(operation, name))
        assert reason == "UnauthorizedOperation"


@pytest.mark.parametrize("operation", MINE, ids=lambda each: each.__name__)
def test_what_is_of_another_account_is_like_nothing(
    operation: type[Operation],
) -> None:
    """Every name replaced by a foreign and by a random one: the same answer."""
    furnish(ACCOUNT, "mine")
    answers = []
    for name in ("foreign", "nobody"):
        try:
            answers.append(execute(operation, **asked(operation, name)).output)
        except KMSError as refusal:
            answers.append({"refused": (refusal.code, refusal.message)})
    if operation in (o.CreateSubAccount, o.CreateGroup, o.CreatePolicy):
        return
    assert answers[0] == answers[1]
    lists = (o.ListSubAccounts, o.ListGroups, o.ListPolicies, o.ListProducts)
    assert (operation in lists) is ("refused" not in answers[0])
    assert "foreign" not in str(answers)


@pytest.mark.parametrize("operation", MINE, ids=lambda each: each.__name__)
def test_full_access_and_the_operator_may(operation: type[Operation]) -> None:
    deputy = full_access()
    furnish(ACCOUNT, "mine")
    reads_or_denies = (o.CreatePolicy, o.ResetPassword)
    for principal in (operator(ACCOUNT), deputy):
        data = asked(operation, "mine")
        if operation in reads_or_denies:
            expected = {"InvalidPolicy", "NoConsoleAccess"}
            assert refused(operation, principal, **data) in expected
        elif principal is deputy and operation.__name__.startswith(
            ("Create", "Delete")
        ):
            continue
        else:
            execute(operation, principal, **data)


def test_changes_of_rights_want_a_fresh_proof() -> None:
    furnish(ACCOUNT, "mine")
    stale = replace(ROOT, fresh=False)
    without = set()
    for operation in MINE:
        try:
            execute(operation, stale, **asked(operation, "mine"))
            without.add(operation)
        except StepUpRequired:
            pass
        except KMSError:
            without.add(operation)
    assert without == {
        *(o.ListSubAccounts, o.DescribeSubAccount, o.EndSubAccountSessions),
        *(o.ListGroups, o.DescribeGroup, o.CreateGroup, o.UpdateGroup),
        *(o.ListPolicies, o.DescribePolicy, o.CreatePolicy, o.ListProducts),
    }


@pytest.mark.parametrize(
    ("operation", "data"),
    [
        (o.DisableSubAccount, {"Users": ["admin"]}),
        (o.EnableSubAccount, {"Users": ["admin"]}),
        (o.DeleteSubAccount, {"Users": ["admin"]}),
        (o.EndSubAccountSessions, {"Users": ["admin"]}),
        (o.UpdateSubAccount, {"UserName": "admin", "Api": False}),
        (o.ResetPassword, {"UserName": "admin"}),
        (o.ResetFactors, {"UserName": "admin"}),
        (o.AddGroupMembers, {"GroupName": "shop", "Users": ["admin"]}),
        (o.AttachPolicy, {"PolicyName": "QcloudKMSFullAccess", "Users": ["admin"]}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_root_user_stays_as_it_is(
    operation: type[Operation], data: dict[str, Any]
) -> None:
    group("shop")
    before = User.objects.filter(uin=ACCOUNT).values().get()
    assert refused(operation, full_access(), **data) == "RootUserUntouchable"
    assert refused(operation, **data) in {"RootUserUntouchable", "YourOwnAccount"}
    assert User.objects.filter(uin=ACCOUNT).values().get() == before


def test_the_operator_helps_a_root_user_who_lost_the_password() -> None:
    answer = execute(o.ResetPassword, operator(ACCOUNT), UserName="admin").output
    assert User.objects.get(uin=ACCOUNT).check_password(answer["Password"])
    execute(o.ResetFactors, operator(ACCOUNT), UserName="admin")


def test_nobody_changes_themselves() -> None:
    deputy = full_access()
    group("shop", "deputy")
    group("other")
    one, many = {"UserName": "deputy"}, {"Users": ["deputy"]}
    name = {"PolicyName": "QcloudKMSReadOnlyAccess"}
    for operation, data in (
        (o.DisableSubAccount, many),
        (o.EnableSubAccount, many),
        (o.DeleteSubAccount, many),
        (o.EndSubAccountSessions, many),
        (o.UpdateSubAccount, {**one, "Console": True}),
        (o.ResetPassword, one),
        (o.ResetFactors, one),
        (o.AddGroupMembers, {"GroupName": "other", **many}),
        (o.RemoveGroupMembers, {"GroupName": "shop", **many}),
        (o.DeleteGroup, {"GroupName": "shop"}),
        (o.AttachPolicy, {**name, **many}),
        (o.AttachPolicy, {**name, "Groups": ["shop"]}),
        (o.DetachPolicy, {"PolicyName": "QcloudKMSFullAccess", **many}),
    ):
        assert refused(operation, deputy, **data) == "YourOwnAccount", operation


# --- listing --------------------------------------------------------------------------
def names_on(**data: Any) -> list[str]:
    rows = execute(o.ListSubAccounts, **data).output["SubAccounts"]
    return [row["User"] for row in rows]


def test_the_list_is_searched_filtered_and_paged() -> None:
    for name in ("dora", "Ann", "bob", "cid"):
        sub_account(name, Remark="payroll" if name == "cid" else "")
    execute(o.DisableSubAccount, Users=["bob"])
    assert names_on() == ["Ann", "bob", "cid", "dora"]
    assert names_on(Words="O") == ["bob", "cid", "dora"]
    assert names_on(Words="%") == []
    assert names_on(State="disabled") == ["bob"]
    assert names_on(State="enabled", Words="pay") == ["cid"]
    assert names_on(Users=["CID", "nobody", "admin", "foreign"]) == ["cid"]
    first = execute(o.ListSubAccounts, Limit=3).output
    assert (first["Total"], first["Before"], first["After"]) == (4, "", "cid")
    last = execute(o.ListSubAccounts, Limit=3, After=first["After"]).output
    assert [row["User"] for row in last["SubAccounts"]] == ["dora"]
    assert (last["Before"], last["After"]) == ("dora", "")
    back = execute(o.ListSubAccounts, Limit=2, Before=last["Before"]).output
    assert [row["User"] for row in back["SubAccounts"]] == ["bob", "cid"]
    assert (back["Before"], back["After"]) == ("bob", "cid")


def test_a_description_holds_groups_and_policies() -> None:
    sub_account("ann", Remark="Payroll")
    group("shop", "ann")
    for held in ({"Users": ["ann"]}, {"Groups": ["shop"]}):
        execute(o.AttachPolicy, PolicyName="QcloudKMSReadOnlyAccess", **held)
    found = execute(o.DescribeSubAccount, UserName="ann").output
    assert (found["State"], found["Remark"], found["Factors"]) == (
        *("enabled", "Payroll"),
        0,
    )
    assert [each["GroupName"] for each in found["Groups"]] == ["shop"]
    assert [each["GroupName"] for each in found["Policies"]] == ["", "shop"]
    assert refused(o.DescribeSubAccount, UserName="admin") == "SubAccountNotFound"


# --- by command -----------------------------------------------------------------------
def printed(*command: str) -> dict[str, Any]:
    out = StringIO()
    call_command(*command, "--json", stdout=out)
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


def test_further_accounts_by_command() -> None:
    made = printed("create_account", "Shop Ltd")
    assert set(made) == {"AccountId", "User", "Password"}
    root = User.objects.get(uin=made["AccountId"])
    assert root.is_root
    assert not root.is_staff
    assert root.check_password(made["Password"])
    event = AuditEvent.objects.filter(operation="CreateAccount").latest("sequence")
    assert event.account_uin == made["AccountId"]
    assert made["AccountId"] not in ROOTS
    sub = sub_account("ann")
    for taken in (ACCOUNT, sub.uin):
        with pytest.raises(CommandError, match="exists already") as refusal:
            printed("create_account", "x", "--account", str(taken))
        assert refusal.value.returncode == 1


def test_sub_accounts_by_command() -> None:
    program = printed("create_sub_account", "billing")
    assert set(program) == {"AccountId", "Uin", "User"}
    other = ("create_sub_account", "ann", "--account", str(FOREIGN_ACCOUNT))
    person = printed(*other, "--console")
    assert set(person) == {"AccountId", "Uin", "User", "Password"}
    assert person["AccountId"] == FOREIGN_ACCOUNT
    with pytest.raises(CommandError, match="already in use"):
        printed(*other)
    with pytest.raises(CommandError, match="no account with this ID"):
        printed("create_sub_account", "ann", "--account", "42")


def test_times_are_the_servers() -> None:
    before = clock.now()
    sub_account("ann")
    execute(o.DeleteSubAccount, Users=["ann"])
    deleted = User.objects.get(name="ann").deleted_at
    assert deleted is not None
    assert before <= deleted <= clock.now()
