"""The switch for PKCS#1 v1.5: off, dangerous, and only for those who may."""

import json
import re

import pytest
from django.test import Client

from keys.models import LegacyPadding
from keys.operations import (
    AllowLegacyPadding,
    CreateKey,
    DisableKey,
    ScheduleKeyDeletion,
)
from kmsconsole.audit.models import AuditEvent, Outcome
from tests.console import words
from tests.keys.askers import foreigner, holder, root, same_as_nothing
from tests.personas import create_key, execute

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return root()


@pytest.fixture
def pair(client: Client) -> str:
    usage = "ASYMMETRIC_DECRYPT_RSA_2048"
    made: str = execute(CreateKey, Alias="inbox", KeyUsage=usage).output["KeyId"]
    return made


def page(key_id: str) -> str:
    return f"/keys/{key_id}/allow-legacy-padding/"


def asked(client: Client, key_id: str) -> str:
    """Return what the page would send."""
    text = client.get(page(key_id)).content.decode()
    found = re.search(r'name="Allowed" value="(\w+)"', text)
    assert found
    return found[1]


def test_it_is_off_says_its_risk_and_is_switched_on_and_off(
    client: Client, pair: str
) -> None:
    overview = words(client.get(f"/keys/{pair}/"))
    assert "This key decrypts OAEP only." in overview
    question = words(client.get(page(pair)))
    assert "Let inbox decrypt PKCS#1 v1.5?" in question
    assert "The risk is a padding oracle." in question
    assert asked(client, pair) == "yes"
    done = client.post(page(pair), {"Allowed": "yes"}, follow=True)
    assert "decrypts PKCS#1 v1.5 from now on" in words(done)
    assert "this key decrypts a padding that can be attacked" in words(done)
    assert re.search(r"Allowed .* by admin\.", words(done))

    assert "Stop inbox from decrypting PKCS#1 v1.5?" in words(client.get(page(pair)))
    assert asked(client, pair) == "no"
    done = client.post(page(pair), {"Allowed": "no"}, follow=True)
    assert "no longer decrypts PKCS#1 v1.5" in words(done)
    assert not LegacyPadding.objects.exists()
    events = AuditEvent.objects.filter(operation="AllowLegacyPadding")
    details = [json.loads(event.details) for event in events.order_by("sequence")]
    assert [one["allowed"] for one in details] == [True, False]


def test_two_people_at_it_want_the_same(client: Client, pair: str) -> None:
    execute(AllowLegacyPadding, KeyId=pair, Allowed=True)
    client.post(page(pair), {"Allowed": "yes"})
    assert LegacyPadding.objects.filter(key=pair).exists()


@pytest.mark.parametrize("wish", ["", "maybe"])
def test_without_a_wish_nothing_changes(client: Client, pair: str, wish: str) -> None:
    client.post(page(pair), {"Allowed": wish} if wish else {})
    assert not LegacyPadding.objects.exists()


def test_the_tool_leads_there(client: Client, pair: str) -> None:
    link = f'href="/keys/{pair}/#padding"'
    tool = client.get(f"/keys/{pair}/rsa-decrypt/")
    assert "is off for this key" in words(tool)
    assert link in tool.content.decode()
    execute(AllowLegacyPadding, KeyId=pair, Allowed=True)
    tool = client.get(f"/keys/{pair}/rsa-decrypt/")
    assert "PKCS#1 v1.5 is allowed for this key" in words(tool)
    assert link in tool.content.decode()
    assert 'id="padding"' in client.get(f"/keys/{pair}/").content.decode()


def test_other_kinds_have_none(client: Client, pair: str) -> None:
    key_id = create_key()
    assert "PKCS#1" not in words(client.get(f"/keys/{key_id}/"))
    assert client.get(page(key_id)).status_code == 404
    assert client.post(page(key_id), {"Allowed": "yes"}).status_code == 404


def test_only_those_with_the_right_get_it(pair: str) -> None:
    reader = holder("reader", "role.read-only", key=pair)
    seen = reader.get(f"/keys/{pair}/")
    assert "This key decrypts OAEP only." in words(seen)
    assert page(pair) not in seen.content.decode()
    assert "AllowLegacyPadding" in words(seen)
    for answer in (reader.get(page(pair)), reader.post(page(pair), {"Allowed": "yes"})):
        assert answer.status_code == 403
        assert "AllowLegacyPadding" in words(answer)
    assert not LegacyPadding.objects.exists()
    refused = AuditEvent.objects.filter(operation="AllowLegacyPadding")
    assert {event.outcome for event in refused} == {Outcome.REFUSED}

    owner = holder("owner", "role.key-administrator", key=pair)
    assert owner.post(page(pair), {"Allowed": "yes"}).status_code == 302
    assert LegacyPadding.objects.filter(key=pair).exists()


def test_elsewhere_it_is_like_a_key_that_never_was(pair: str) -> None:
    assert same_as_nothing(foreigner(), page(pair), pair)
    assert same_as_nothing(holder("nobody"), page(pair), pair)


def test_it_wants_a_fresh_proof(client: Client, pair: str) -> None:
    session = client.session
    session["account_authentication_methods"] = []
    session.save()
    for answer in (client.get(page(pair)), client.post(page(pair), {"Allowed": "yes"})):
        assert answer.status_code == 302
        assert answer["Location"].startswith("/account/reauthenticate/")
    assert not LegacyPadding.objects.exists()


def test_a_pending_deletion_is_the_reason_why_not(client: Client, pair: str) -> None:

    execute(DisableKey, KeyId=pair)
    execute(ScheduleKeyDeletion, KeyId=pair, PendingWindowInDays=7)
    overview = client.get(f"/keys/{pair}/")
    assert page(pair) not in overview.content.decode()
    assert "Not possible while the key's state is" in words(overview)
    assert client.post(page(pair), {"Allowed": "yes"}).status_code == 409
