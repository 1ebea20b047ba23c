"""The pages about rights: what they show to whom, and what they do."""

import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.test import Client

from accessctl.models import AccessRequest, User, UserAccountGrant, UserKeyGrant
from accessctl.roles import operations_of
from keys.operations import Encrypt
from kmsconsole import clock, randomness
from kmsconsole.audit.models import AuditEvent
from kmsconsole.errors import UnauthorizedOperation
from tests.accessctl.people import acting, grant, group, sub_account
from tests.console import enter, signed_in, words
from tests.personas import create_key, execute

pytestmark = pytest.mark.django_db

ROLES = (
    "role.key-administrator",
    "role.key-user",
    "role.encrypt-only",
    "role.decrypt-only",
    "role.signer",
    "role.auditor",
    "role.read-only",
    "role.full-access",
)
TOOLS = {
    "Encrypt": "encrypt",
    "Decrypt": "decrypt",
    "ReEncrypt": "re-encrypt",
    "GenerateDataKey": "generate-data-key",
}


def browser(user: User) -> Client:
    client = Client()
    enter(client, user)
    return client


def address(page: str, **asked: str) -> str:
    return f"/access/{page}/?{urlencode(asked)}"


def refused_events() -> list[str]:
    found = AuditEvent.objects.exclude(outcome="success")
    return list(found.values_list("operation", flat=True))


def test_the_tab_shows_who_may_do_what() -> None:
    root = signed_in()
    key = create_key()
    ann = sub_account()
    grant(group("team", ann), "role.key-user", key=key)
    page = root.get(f"/keys/{key}/access/")
    said = words(page)
    for text in (
        "admin root user",
        "team group",
        "Key user on this key",
        "Give a right",
    ):
        assert text in said
    assert "through the group team" in said
    assert said.count("Take away") == 1
    assert "Nobody of this name" in words(root.get(f"/keys/{key}/access/?q=zzz"))
    assert f'href="/keys/{key}/access/"' in root.get(f"/keys/{key}/").text
    assert root.get(f"/keys/{randomness.uuid4()}/access/").status_code == 404


def test_a_deletion_says_whom_it_takes_the_key_from() -> None:
    root = signed_in()
    key = create_key()
    ann, ben = sub_account(), sub_account("ben")
    grant(ann, "role.key-user", key=key)
    grant(ben, "role.encrypt-only", key=key)
    said = words(root.get(f"/keys/{key}/schedule-key-deletion/"))
    assert re.search(
        r"Who can use it 2 people and programs Decrypt: \S+, ann Would", said
    )
    grant(ben, "DescribeKey", key=key)
    grant(ben, "ScheduleKeyDeletion", key=key)
    said = words(browser(ben).get(f"/keys/{key}/schedule-key-deletion/"))
    assert "Who can use it Hidden" in said
    assert "the right ExplainAccess" in said


def test_activity_names_keys_to_those_who_may_see_them() -> None:
    root = signed_in()
    key = create_key("ledger")
    ann = sub_account()
    grant(ann, "ListEvents")
    asked = "/activity/?what=CreateKey"
    assert "Key: ledger" in words(root.get(asked))
    said = words(browser(ann).get(asked))
    assert "Key: ledger" not in said
    assert key in said
    grant(ann, "DescribeKey", key=key)
    assert "Key: ledger" in words(browser(ann).get(asked))


def test_giving_shows_the_difference_first_and_saves_when_sent() -> None:
    root = signed_in()
    key = create_key()
    ann = sub_account()
    url = address("grant", KeyId=key, Holder="user", Name="ann", Right="role.key-user")
    said = words(root.get(url))
    assert "may then" in said
    assert "Re-encrypt" in said
    assert not UserKeyGrant.objects.exists()
    for _twice in range(2):
        answer = root.post(url)
        assert answer["Location"] == f"/keys/{key}/access/"
    execute(Encrypt, acting(ann), KeyId=key, Plaintext="YQ==")
    said = words(root.get(url))
    assert "Nothing would change now" in said
    taking = address(
        "revoke", KeyId=key, Holder="user", Name="ann", Right="role.key-user"
    )
    assert "may no longer" in words(root.get(taking))
    assert root.post(taking).status_code == 302
    with pytest.raises(UnauthorizedOperation):
        execute(Encrypt, acting(ann), KeyId=key, Plaintext="YQ==")


def test_an_end_is_kept_and_problems_stand_at_their_fields() -> None:
    root = signed_in()
    key = create_key()
    sub_account()
    asked = {"KeyId": key, "Holder": "user", "Name": "ann", "Right": "role.key-user"}
    end = (clock.now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    root.post(address("grant", **asked, Ends="at", Until=end))
    held = UserKeyGrant.objects.get().expires_at
    assert held is not None
    assert held.strftime("%Y-%m-%dT%H:%M") == end
    for more, text in (
        ({"Ends": "at", "Until": ""}, "Enter the day and the time"),
        ({"Ends": "at", "Until": "2001-01-01T00:00"}, "is not allowed"),
        ({"Name": "nobody"}, "There is no sub-account or group"),
        ({"Name": ""}, "Enter a name"),
        ({"Right": "role.king"}, "There is no role"),
    ):
        page = root.get(address("grant", **(asked | more)))
        assert text in words(page)
        assert 'id="problem_' in page.text
    assert root.get("/access/revoke/").status_code == 400


def test_saving_needs_a_fresh_proof_and_comes_back_to_the_preview() -> None:
    signed_in()
    key = create_key()
    sub_account()
    client = Client()
    client.force_login(User.objects.get(is_root=True))
    url = address("grant", KeyId=key, Holder="user", Name="ann", Right="role.key-user")
    assert "may then" in words(client.get(url))
    answer = client.post(url)
    assert answer["Location"].startswith("/account/reauthenticate/")
    assert "Name%3Dann" in answer["Location"]
    assert not UserKeyGrant.objects.exists()


def test_a_key_administrator_sees_what_it_may_give_and_not_itself() -> None:
    signed_in()
    key = create_key()
    boss = sub_account("boss")
    sub_account("ann")
    grant(boss, "role.key-administrator", key=key)
    client = browser(boss)
    page = client.get(address("grant", KeyId=key))
    assert 'value="role.key-user"' in page.text
    assert 'value="role.full-access"' not in page.text
    assert '<option value="ann"' in page.text
    assert '<option value="boss"' not in page.text
    assert client.get("/access/grant/").status_code == 403
    tab = words(client.get(f"/keys/{key}/access/"))
    assert "boss sub-account" in tab
    assert "Take away" not in tab


def test_who_only_gives_rights_is_told_that_there_is_nothing_to_see() -> None:
    signed_in()
    key = create_key()
    boss = sub_account("boss")
    grant(boss, "GrantAccess", "DescribeKey", key=key)
    said = words(browser(boss).get(f"/keys/{key}/access/"))
    assert "You may give rights here, not look at them" in said
    assert "root user" not in said


def test_rights_pages_show_and_change_rights_on_the_account() -> None:
    root = signed_in()
    key = create_key()
    ann = sub_account()
    team = group("team", ann)
    grant(ann, "role.key-user", key=key)
    grant(team, "role.auditor")
    page = root.get(f"/access/users/{ann.uin}/rights/")
    said = words(page)
    for text in ("What ann may do", "Auditor", "through the group team", "orders"):
        assert text in said
    back = f"/access/users/{ann.uin}/rights/"
    asked = {"Holder": "user", "Name": "ann", "Right": "CreateKey", "back": back}
    assert root.post(address("grant", **asked))["Location"] == back
    assert UserAccountGrant.objects.filter(user=ann).count() == 1
    assert "Right=CreateKey" in root.get(back).text
    assert root.post(address("revoke", **asked))["Location"] == back
    assert not UserAccountGrant.objects.exists()
    assert "team" in words(root.get(f"/access/groups/{team.id}/rights/"))
    evil = asked | {"back": "https://evil.example/"}
    assert root.post(address("grant", **evil))["Location"] == "/access/mine/"
    for missing in ("/access/users/1/rights/", "/access/groups/999/rights/"):
        assert root.get(missing).status_code == 404
    client = browser(ann)
    assert client.get(back).status_code == 200
    stranger = browser(sub_account("bob"))
    assert stranger.get(back).status_code == 403
    mine = words(client.get("/access/mine/"))
    assert "My rights" in mine
    assert "Give a right" not in mine
    assert "nobody can take that away" in words(root.get("/access/mine/"))


def test_explaining_answers_both_questions() -> None:
    root = signed_in()
    key = create_key()
    ann = sub_account()
    grant(ann, "role.encrypt-only", key=key)
    said = words(
        root.get(address("explain", ask="who", key="ORDERS", operation="Encrypt"))
    )
    assert "Encrypt only on this key" in said
    asked = {"user": "ann", "key": key, "operation": "Decrypt"}
    assert "No right, group or policy names Decrypt" in words(
        root.get(address("explain", **asked))
    )
    for more, status in (
        ({"user": "nobody"}, 404),
        ({"operation": "Nothing"}, 400),
        ({"key": "no-such-name"}, 400),
        ({"key": str(randomness.uuid4())}, 404),
    ):
        assert root.get(address("explain", **(asked | more))).status_code == status
    client = browser(ann)
    own = client.get(address("explain", key=key, operation="Decrypt"))
    assert "Ask for access" in words(own)
    assert (
        client.get(address("explain", **asked | {"user": "admin"})).status_code == 403
    )


def test_a_refusal_leads_to_its_explanation_beside_what_holds_now() -> None:
    root = signed_in()
    key = create_key()
    ann = sub_account()
    client = browser(ann)
    page = client.get(f"/keys/{key}/")
    assert page.status_code == 403
    assert f"/access/explain/?operation=DescribeKey&amp;key={key}" in page.text
    assert f"/access/requests/new/?key={key}" in page.text
    number = AuditEvent.objects.filter(operation="DescribeKey").get().sequence
    grant(ann, "role.read-only", key=key)
    for who in (client, root):
        said = words(who.get(address("explain", event=str(number))))
        assert "Nothing grants this operation." in said
        assert "The role “Read only” allows it." in said
    missing = root.get(address("explain", event="99999999"))
    assert missing.status_code == 404


def test_asking_deciding_and_withdrawing_by_page() -> None:
    root = signed_in()
    key = create_key()
    ann = sub_account()
    client = browser(ann)
    form = client.get(f"/access/requests/new/?key={key}&operation=Decrypt").text
    assert f'value="{key}"' in form
    assert re.search(r'<option value="role.key-user"\s+selected', form)
    sent = {"KeyId": key, "Right": "role.key-user", "Hours": "8", "Reason": "a repair"}
    for _twice in range(2):
        answer = client.post("/access/requests/new/", sent)
        assert answer["Location"] == "/access/requests/"
    number = AccessRequest.objects.get().id
    assert "a repair" in words(client.get("/access/requests/"))
    assert client.get(f"/access/requests/{number}/").status_code == 403
    said = words(root.get(f"/access/requests/{number}/"))
    assert "may then" in said
    granted = {"Hours": "4", "Answer": "be quick", "grant": "1"}
    assert root.post(f"/access/requests/{number}/", granted).status_code == 302
    execute(Encrypt, acting(ann), KeyId=key, Plaintext="YQ==")
    assert "be quick" in words(client.get("/access/requests/"))
    assert "admin granted it" in words(root.get(f"/access/requests/{number}/"))
    client.post("/access/requests/new/", sent | {"Right": "DisableKey"})
    second = AccessRequest.objects.get(state="open").id
    for _twice in range(2):
        assert client.post(f"/access/requests/{second}/withdraw/").status_code == 302
    refused = client.post("/access/requests/new/", sent | {"Right": ""})
    assert refused.status_code == 400


@pytest.mark.parametrize("role", ROLES)
def test_no_page_of_a_key_is_broken_by_what_somebody_may_not_do(role: str) -> None:
    signed_in()
    key = create_key()
    user = sub_account()
    grant(user, role, key=key)
    client = browser(user)
    for path in ("", "rotation/", "tag-key/", "menu/"):
        answer = client.get(f"/keys/{key}/{path}")
        assert answer.status_code in (200, 302), path
    for path in ("/keys/", "/access/requests/", "/access/explain/"):
        assert client.get(path).status_code == 200
    details = client.get(f"/keys/{key}/").text
    assert "/keys/random/" not in details
    led = [
        tab
        for tab in (*TOOLS.values(), "access", "activity")
        if f"{key}/{tab}/" in details
    ]
    for tab in led:
        assert client.get(f"/keys/{key}/{tab}/").status_code == 200
    assert refused_events() == []
    held = operations_of(role)
    for operation, tool in TOOLS.items():
        wanted = 200 if operation in held else 403
        assert client.get(f"/keys/{key}/{tool}/").status_code == wanted


def test_lists_and_buttons_follow_rights() -> None:
    root = signed_in()
    key = create_key()
    reader, boss, maker = (sub_account(name) for name in ("reader", "boss", "maker"))
    grant(reader, "role.read-only", key=key)
    grant(boss, "role.key-administrator")
    grant(maker, "CreateKey")
    page = browser(reader).get("/keys/").text
    assert f"/keys/{key}/disable-key/" not in page
    assert "formaction" not in page
    assert "why-create" in page
    for client in (browser(boss), root):
        page = client.get("/keys/").text
        assert f"/keys/{key}/disable-key/" in page
        assert "why-create" not in page
    empty = words(browser(maker).get("/keys/"))
    assert "Create your first key" in empty
    nothing = words(browser(sub_account("nobody")).get("/keys/"))
    assert "No key that you may see" in nothing


def test_who_makes_a_key_it_may_not_see_is_told_so() -> None:
    signed_in()
    maker = sub_account("maker")
    grant(maker, "CreateKey")
    sent = {"Alias": "mine", "KeyUsage": "ENCRYPT_DECRYPT", "Type": "1", "Rotate": "on"}
    answer = browser(maker).post(
        "/keys/create/", sent | {"RotateDays": "365"}, follow=True
    )
    assert answer.redirect_chain == [("/keys/", 302)]
    assert "creating a key gives no rights on it" in words(answer)
    assert refused_events() == []
