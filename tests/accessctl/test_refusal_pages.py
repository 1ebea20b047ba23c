"""Pages opened by typing their address, by somebody who may not send their form."""

import re
from typing import Any

import pytest
from django.test import Client

from accessctl.models import User
from keys.views import _BY_SLUG as OF_A_KEY
from keys.views.batch import BATCHES
from kmsconsole import randomness
from kmsconsole.audit.models import AuditEvent
from kmsconsole.operations import registry
from tests.accessctl.people import acting, grant, group, sub_account
from tests.console import enter, signed_in, words
from tests.personas import create_key

pytestmark = pytest.mark.django_db

# Pages of a key for whoever sees it: without a form, or with one only for those who may
# send it.
OPEN = {"menu", "material", "rotation", "tag-key"}
# Pages that lead elsewhere, and those of other kinds of key.
ELSEWHERE = {
    "allow-legacy-padding",
    "get-parameters-for-import",
    "import-key-material",
    "public-key",
    "rsa-decrypt",
    "sign",
    "verify",
}
ABOUT_PEOPLE = (
    "/access/create-sub-account/",
    "/access/create-group/",
    "/access/create-policy/",
    "/access/chosen-sub-accounts/delete/?Users=ann",
    "/access/sub-accounts/ann/reset-password/",
    "/access/groups/team/delete/",
    "/access/policies/QcloudKMSReadOnlyAccess/detach/",
    "/access/grant/",
    "/access/revoke/",
    "/access/settings/",
    "/keys/create/",
    "/keys/random/",
)


def browser(user: User) -> Client:
    client = Client()
    enter(client, user)
    return client


def refused(client: Client, path: str, **headers: Any) -> str:
    """Return what the page says, which has no form that sends anything there."""
    answer = client.get(path, **headers)
    said = words(answer)
    assert answer.status_code == 403, (path, answer.status_code)
    own = re.escape(path.partition("?")[0])
    assert not re.search(rf'(action|hx-post)="{own}', answer.text), path
    missing = re.search(r"You are not allowed to do (\w+) here", said)
    assert missing is not None, (path, said)
    assert missing[1] in registry(), path
    return said


def test_every_action_page_of_a_key_names_what_is_missing() -> None:
    signed_in()
    key = create_key()
    ann = sub_account()
    grant(ann, "DescribeKey", key=key)
    client = browser(ann)
    for slug in sorted(set(OF_A_KEY) - ELSEWHERE):
        path = f"/keys/{key}/{slug}/"
        answer = client.get(path)
        if slug not in OPEN:
            said = refused(client, path)
            assert not re.search(r"\bDescribeKey\b", said), path
            assert "Ask for access" in said, path
        elif answer.status_code == 200:
            forms = re.findall(
                r'<form[^>]*method="post"[^>]*action="([^"]*)"', answer.text
            )
            assert not [url for url in forms if url.startswith("/keys/")], path
    for view in BATCHES:
        refused(client, f"/keys/batch/{view.slug}/?KeyIds={key}")


@pytest.mark.parametrize("path", ABOUT_PEOPLE)
def test_other_action_pages_name_what_is_missing(path: str) -> None:
    signed_in()
    ann = sub_account()
    group("team", ann)
    refused(browser(ann), path)


def test_a_dialog_that_is_refused_is_a_dialog() -> None:
    signed_in()
    key = create_key()
    ann = sub_account()
    grant(ann, "DescribeKey", key=key)
    path = f"/keys/{key}/disable-key/"
    said = refused(browser(ann), path, headers={"HX-Request": "true"})
    assert "Customer managed" not in said


def test_opening_what_one_may_not_is_recorded_once() -> None:
    signed_in()
    key = create_key()
    ann = sub_account()
    grant(ann, "DescribeKey", key=key)
    browser(ann).get(f"/keys/{key}/disable-key/")
    (event,) = AuditEvent.objects.filter(outcome="refused")
    assert (event.operation, event.key_id) == ("DisableKey", key)
    assert event.rule == "no-grant"


def test_a_key_that_may_not_be_seen_is_like_none() -> None:
    signed_in()
    hidden, none = create_key(), str(randomness.uuid4())
    client = browser(sub_account())
    for slug in ("disable-key", "encrypt", "schedule-key-deletion", "access"):
        said = [
            words(client.get(f"/keys/{number}/{slug}/")).replace(number, "ID")
            for number in (hidden, none)
        ]
        tidy = [re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "", text) for text in said]
        assert tidy[0] == tidy[1]
        assert "DescribeKey" in tidy[0]


def test_tools_lead_to_what_one_may_use() -> None:
    signed_in()
    key = create_key()
    ann = sub_account()
    grant(ann, "role.decrypt-only", key=key)
    page = browser(ann).get(f"/keys/{key}/").text
    assert f'href="/keys/{key}/decrypt/"' in page
    assert f"/keys/{key}/encrypt/" not in page
    tools = browser(ann).get(f"/keys/{key}/decrypt/").text
    assert f"/keys/{key}/generate-data-key/" not in tools
    assert f"/keys/{key}/files/" in tools


def giving(*names: str) -> str:
    return f"They can give it: {' · '.join(names)}."


def test_whoever_sees_a_key_is_told_who_gives_rights_on_it() -> None:
    signed_in()
    key, other = create_key(), create_key("other")
    ann, ben, cat = sub_account(), sub_account("ben"), sub_account("cat")
    grant(ann, "DescribeKey", key=key)
    grant(group("admins", ben), "role.key-administrator", key=key)
    grant(cat, "role.key-administrator", key=other)
    client = browser(ann)
    assert giving("admin", "ben") in refused(client, f"/keys/{key}/encrypt/")
    # Who gives rights of key users alone can't give this.
    assert giving("admin") in refused(client, f"/keys/{key}/disable-key/")
    ben.is_active = False
    ben.save()
    assert giving("admin") in refused(client, f"/keys/{key}/encrypt/")


def test_others_are_told_the_kind_and_whom_they_know_already() -> None:
    signed_in()
    ann, ben = sub_account(), sub_account("ben")
    grant(ben, "role.full-access")
    client = browser(ann)
    kind = "The root user of your account can always give it"
    for path in ("/keys/random/", f"/keys/{create_key()}/encrypt/"):
        said = refused(client, path)
        assert kind in said
        assert "ben" not in said
    grant(ann, "DescribeKey", key=create_key("known"), by=acting(ben))
    assert giving("ben") in refused(client, "/keys/random/")
    grant(ann, "ExplainAccess")
    assert giving("admin", "ben") in refused(client, "/keys/random/")


def test_many_names_are_counted() -> None:
    signed_in()
    key, ann = create_key(), sub_account()
    grant(ann, "DescribeKey", key=key)
    for number in range(7):
        grant(sub_account(f"giver-{number}"), "GrantAccess", key=key)
    said = refused(browser(ann), f"/keys/{key}/encrypt/")
    assert "admin · giver-0 · giver-1 · giver-2 · giver-3 and 3 more." in said
