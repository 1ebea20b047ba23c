"""Pages of sub-accounts, groups and policies, without a browser."""

import re
from typing import Any

import pytest
from django.test import Client

from accessctl import operations as o
from accessctl.models import Group, Policy, User
from kmsconsole.audit.models import AuditEvent
from tests.console import enter, words
from tests.people import (
    DOCUMENT,
    PASSWORD,
    accounts,
    full_access,
    furnish,
    group,
    policy,
    sub_account,
)
from tests.personas import ACCOUNT, ROOT, execute

pytestmark = pytest.mark.django_db
USERS, GROUPS, POLICIES = (
    f"/access/{part}/" for part in ("sub-accounts", "groups", "policies")
)
HTMX = {"HX-Request": "true"}


@pytest.fixture
def client() -> Client:
    """The first account's root user, with two people, a group and a policy."""
    accounts()
    sub_account("ann", Console=True, Password=PASSWORD, Remark="Payroll")
    sub_account("billing")
    group("shop", "ann")
    policy("mine")
    execute(o.AttachPolicy, PolicyName="mine", Users=["ann"], Groups=["shop"])
    browser = Client()
    enter(browser, User.objects.get(uin=ACCOUNT))
    return browser


def get(client: Client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, words(answer)
    return words(answer)


def post(client: Client, path: str, **form: Any) -> Any:
    return client.post(path, form, follow=True)


def page_of(answer: Any) -> str:
    """Return a page without what differs between any two answers."""
    text = answer.content.decode()
    text = re.sub(r'csrfmiddlewaretoken" value="\w+"', "", text)
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", text)


# --- sub-accounts ---------------------------------------------------------------------
def test_the_list_shows_searches_and_filters(client: Client) -> None:
    shown = get(client, USERS)
    assert "ann Payroll" in shown
    assert "2 of 2 sub-accounts" in shown
    assert "foreign" not in shown
    assert "billing" not in get(client, f"{USERS}?q=PAY&state=enabled")
    assert "Nothing matches" in get(client, f"{USERS}?state=disabled")
    part = client.get(f"{USERS}?q=bill&after=x&size=50", headers=HTMX)
    assert part.headers["HX-Replace-Url"] == f"{USERS}?q=bill&size=50"
    assert "<html" not in part.content.decode()
    User.objects.filter(is_root=False).delete()
    assert "No sub-accounts yet" in get(client, USERS)


def test_the_list_has_pages(client: Client) -> None:
    for number in range(20):
        sub_account(f"p{number:02}")
    assert "20 of 22 sub-accounts" in get(client, USERS)
    older = re.search(
        r'rel="next"\s+href="([^"]+)"', client.get(USERS).content.decode()
    )
    assert older is not None
    assert "2 of 22 sub-accounts" in get(client, older[1])
    assert "Previous" in get(client, older[1])


def test_a_program_is_created_without_a_password(client: Client) -> None:
    answer = post(client, "/access/create-sub-account/", Name="shop-api", Api="on")
    assert answer.redirect_chain == [(f"{USERS}shop-api/", 302)]
    assert "It may do nothing until you give rights" in words(answer)


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
def test_the_drawn_password_is_on_one_page_only(
    client: Client, headers: dict[str, str]
) -> None:
    form = {"Name": "bob", "Console": "on"}
    answer = client.post("/access/create-sub-account/", form, headers=headers)
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    drawn = re.search(r"[A-Za-z0-9]{5}(-[A-Za-z0-9]{5}){3}", words(answer))
    assert drawn is not None
    assert User.objects.get(name="bob").check_password(drawn[0])
    assert f"/login/{ACCOUNT}/" in words(answer)
    assert ("<html" in answer.content.decode()) is not bool(headers)
    kept = [dict(client.session), str(client.cookies), *answer.headers.values()]
    assert drawn[0] not in str(kept)
    assert drawn[0] not in get(client, f"{USERS}bob/")
    assert drawn[0] not in str(list(AuditEvent.objects.values()))


def test_what_is_wrong_stands_at_its_field(client: Client) -> None:
    for name, why in (("ann", "already in use"), ("a b", "can't be used")):
        answer = post(client, "/access/create-sub-account/", Name=name, Remark="kept")
        assert answer.status_code in (400, 409)
        assert why in words(answer)
        assert 'value="kept"' in answer.content.decode()
        assert 'aria-invalid="true"' in answer.content.decode()


def test_a_page_tells_everything_about_one(client: Client) -> None:
    shown = get(client, f"{USERS}ann/")
    for text in (
        "Payroll",
        "Enabled",
        "never",
        "shop",
        "mine",
        "Through the group shop",
    ):
        assert text in shown
    assert str(User.objects.get(name="ann").uin) in shown
    assert "New password" in shown
    assert "New password" not in get(client, f"{USERS}billing/")


def test_the_switches_are_edited(client: Client) -> None:
    shown = client.get(f"{USERS}billing/edit/").content.decode()
    assert re.search(r'name="Api"[^>]*checked', shown)
    answer = post(client, f"{USERS}billing/edit/", Remark="Invoices", Console="on")
    assert "Password of billing" in words(answer)
    answer = post(client, f"{USERS}billing/edit/", Remark="Invoices", Api="on")
    assert "billing was changed" in words(answer)
    billing = User.objects.get(name="billing")
    assert (billing.console_access, billing.api_access) == (False, True)


@pytest.mark.parametrize(
    ("slug", "done"),
    [
        ("disable", "2 sub-accounts are disabled"),
        ("enable", "2 sub-accounts are enabled"),
        ("end-sessions", "2 sub-accounts were signed out"),
        ("delete", "2 sub-accounts were deleted"),
    ],
)
def test_what_is_done_to_several(client: Client, slug: str, done: str) -> None:
    path = f"/access/chosen-sub-accounts/{slug}/"
    query = f"{path}?Users=ann&Users=billing&back={USERS}?q=n"
    assert "ann billing" in get(client, query)
    answer = client.post(query, {"Users": ["ann", "billing"]}, follow=True)
    assert done in words(answer)
    assert answer.redirect_chain[0][0].startswith(USERS)
    assert "Nobody was chosen" in get(client, path)


def test_several_get_a_group_and_a_policy(client: Client) -> None:
    chosen = {"Users": ["ann", "billing"]}
    path = "/access/chosen-sub-accounts/add-to-group/"
    assert 'value="shop"' in client.get(f"{path}?Users=ann").content.decode()
    answer = client.post(path, chosen | {"GroupName": "shop"}, follow=True)
    assert "2 sub-accounts are in the group" in words(answer)
    answer = client.post(path, chosen | {"GroupName": "foreign"}, follow=True)
    assert "There is no group of this name" in words(answer)
    path = "/access/chosen-sub-accounts/attach-policy/"
    data = chosen | {"PolicyName": "QcloudKMSReadOnlyAccess"}
    assert "The policy is attached" in words(client.post(path, data, follow=True))


def test_deleting_from_its_own_page_leads_to_the_list(client: Client) -> None:
    path = f"/access/chosen-sub-accounts/delete/?Users=ann&back={USERS}ann/"
    answer = post(client, path, Users="ann")
    assert answer.redirect_chain == [(USERS, 302)]
    elsewhere = "/access/chosen-sub-accounts/enable/?Users=ann&back=//evil.example/"
    assert (
        "evil"
        not in client.get(elsewhere).content.decode().split("</footer>")[0][-400:]
    )


def test_password_and_factors_are_reset(client: Client) -> None:
    assert "every session ends" in get(client, f"{USERS}ann/reset-password/")
    answer = post(client, f"{USERS}ann/reset-password/")
    assert "Password of ann" in words(answer)
    answer = post(client, f"{USERS}ann/reset-factors/")
    assert "second factors of ann were removed" in words(answer)
    answer = post(client, f"{USERS}billing/reset-password/")
    assert "no console sign-in" in words(answer)


# --- groups ---------------------------------------------------------------------------
def test_a_group_from_first_to_last(client: Client) -> None:
    answer = post(client, "/access/create-group/", Name="ops", Remark="On call")
    assert answer.redirect_chain == [(f"{GROUPS}ops/", 302)]
    assert "Nobody is in this group yet" in words(answer)
    shown = client.get(f"{GROUPS}ops/add-members/").content.decode()
    assert 'value="ann"' in shown
    answer = client.post(
        f"{GROUPS}ops/add-members/", {"Users": ["ann", "billing", ""]}, follow=True
    )
    assert "2 members were added" in words(answer)
    assert "There is nobody left to add" in get(client, f"{GROUPS}ops/add-members/")
    shown = get(client, f"{GROUPS}ops/remove-members/?Users=ann")
    assert "Remove from the group ops?" in shown
    answer = post(client, f"{GROUPS}ops/remove-members/", Users="ann")
    assert "1 member was removed" in words(answer)
    answer = post(client, f"{GROUPS}ops/edit/", Name="operations", Remark="")
    assert answer.redirect_chain == [(f"{GROUPS}operations/", 302)]
    assert "operations" in get(client, GROUPS)
    assert "lose at once" in get(client, f"{GROUPS}operations/delete/")
    answer = post(client, f"{GROUPS}operations/delete/")
    assert answer.redirect_chain == [(GROUPS, 302)]
    assert not Group.objects.filter(name="operations").exists()


# --- policies -------------------------------------------------------------------------
def test_a_policy_from_first_to_last(client: Client) -> None:
    shown = get(client, "/access/create-policy/")
    assert '"version": "2.0"' in shown
    path = "/access/create-policy/"
    broken = DOCUMENT.replace("kms:Encrypt", "kms:Encrpyt")
    answer = post(client, path, Name="ops", Document=broken)
    assert answer.status_code == 400
    assert "At statement[0].action: No action has this name." in words(answer)
    assert "Encrpyt" in words(answer)
    answer = post(client, path, Name="ops", Document=DOCUMENT, Remark="On call")
    assert answer.redirect_chain == [(f"{POLICIES}ops/", 302)]
    assert '"effect": "allow"' in words(answer)
    answer = client.post(
        f"{POLICIES}ops/attach/", {"Users": ["ann"], "Groups": ["shop"]}, follow=True
    )
    assert "The policy is attached" in words(answer)
    assert 'value="ann"' not in client.get(f"{POLICIES}ops/attach/").content.decode()
    answer = post(client, f"{POLICIES}ops/detach/", Users="ann")
    assert "The policy is detached" in words(answer)
    answer = post(client, f"{POLICIES}ops/delete/")
    assert answer.redirect_chain == [(POLICIES, 302)]
    assert not Policy.objects.filter(name="ops").exists()


def test_two_people_edit_one_policy(client: Client) -> None:
    path = f"{POLICIES}mine/edit/"
    assert re.search(
        r'name="ExpectedRevision"\s+value="1"', client.get(path).content.decode()
    )
    execute(o.UpdatePolicy, PolicyName="mine", Document=DOCUMENT, Remark="theirs")
    typed = DOCUMENT.replace("Encrypt", "Decrypt")
    form = {"Document": typed, "Remark": "ours"}
    answer = post(client, path, ExpectedRevision="1", **form)
    assert answer.status_code == 409
    shown = words(answer)
    assert "Somebody else changed this policy" in shown
    assert "The document as it is now" in shown
    assert "kms:Decrypt" in shown
    assert Policy.objects.get(name="mine", account_id=ACCOUNT).document == DOCUMENT
    answer = post(client, path, ExpectedRevision="2", **form)
    assert "mine was saved" in words(answer)


def test_predefined_policies_are_read_and_copied(client: Client) -> None:
    shown = get(client, f"{POLICIES}?kind=predefined")
    assert "QcloudKMSFullAccess" in shown
    assert "mine" not in shown.split("Policies")[-1]
    assert "QcloudKMSFullAccess" not in get(client, f"{POLICIES}?kind=own")
    shown = get(client, f"{POLICIES}QcloudKMSReadOnlyAccess/")
    assert "Create one like it" in shown
    assert "Delete" not in shown
    copied = "/access/create-policy/?from=QcloudKMSReadOnlyAccess"
    assert "name/kms:Describe*" in get(client, copied)
    answer = post(client, f"{POLICIES}QcloudKMSFullAccess/delete/")
    assert "Predefined policies can't be changed" in words(answer)


# --- who may --------------------------------------------------------------------------
PLACES = [
    *(f"{USERS}NAME/{part}" for part in ("", "edit/")),
    *(f"{GROUPS}NAME/{part}" for part in ("", "edit/", "add-members/")),
    *(f"{POLICIES}NAME/{part}" for part in ("", "edit/", "attach/")),
    "/access/create-policy/?from=NAME",
]


@pytest.mark.parametrize("place", PLACES)
def test_a_foreign_name_reads_like_a_random_one(client: Client, place: str) -> None:
    pages = [
        page_of(client.get(place.replace("NAME", name))).replace(name, "NAME")
        for name in ("foreign", "noboody")
    ]
    assert pages[0] == pages[1]
    assert "There is no" in pages[0]


def test_who_may_not_is_told_so_and_sees_no_menu(client: Client) -> None:
    ann = Client()
    enter(ann, User.objects.get(name="ann"))
    assert "Sub-accounts" not in get(ann, "/keys/")
    for path in (USERS, f"{USERS}billing/", GROUPS, f"{GROUPS}shop/", POLICIES):
        assert "not allowed" in get(ann, path, 403)
    for path in (f"{USERS}billing/edit/", "/access/chosen-sub-accounts/delete/"):
        answer = ann.post(path, {"Users": ["billing"]})
        assert answer.status_code == 403
    anonymous = Client().get(USERS)
    assert anonymous.headers["Location"].startswith("/login/")


def test_full_access_manages_others_and_not_itself(client: Client) -> None:
    deputy = full_access()
    browser = Client()
    enter(browser, User.objects.get(uin=deputy.uin))
    assert "Sub-accounts" in get(browser, "/keys/")
    assert "This is you" in get(browser, f"{USERS}deputy/")
    answer = browser.post(f"{USERS}deputy/edit/", {"Console": "on"}, follow=True)
    assert "Nobody changes their own account" in words(answer)
    assert "Disable" in get(browser, f"{USERS}billing/")


def test_dangerous_pages_ask_for_a_fresh_proof(client: Client) -> None:
    stale = Client()
    stale.force_login(User.objects.get(uin=ACCOUNT))
    for path in (
        "/access/create-sub-account/",
        "/access/chosen-sub-accounts/disable/?Users=ann",
        f"{USERS}ann/reset-password/",
        f"{POLICIES}mine/edit/",
    ):
        answer = stale.get(path)
        assert answer.status_code == 302
        assert "/reauthenticate/" in answer.headers["Location"]


def test_unknown_deeds_are_not_there(client: Client) -> None:
    for path in (
        "/access/chosen-sub-accounts/dance/",
        *(f"{part}ann/dance/" for part in (USERS, GROUPS, POLICIES)),
    ):
        assert client.get(path).status_code == 404


def test_strange_names_break_nothing(client: Client) -> None:
    furnish(ACCOUNT, "a+b@c.d")
    for part in (USERS, GROUPS, POLICIES):
        assert "a+b@c.d" in get(client, f"{part}a+b@c.d/")
        get(client, f"{part}%00/", 404)
        get(client, f"{part}{'x' * 300}/", 400)
        get(client, f"{part}..%20'%22<b>/", 404)
    get(client, f"{USERS}?q=%00", 400)
    get(client, f"{GROUPS}?after=%0A", 400)
    query = "?Users=a/b&Users=%3Cb%3E&back=/keys/"
    assert "a/b" in get(client, f"/access/chosen-sub-accounts/delete/{query}")
    assert execute(o.ListSubAccounts, ROOT, Words="+b@").output["Total"] == 1
