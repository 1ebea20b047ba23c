"""The pages of the list where no browser is needed."""

from typing import Any

import pytest
from django.test import Client

from keys.models import CustomerMasterKey, KeyTag
from keys.operations import DisableKey
from tests.console import signed_in
from tests.personas import create_key, execute

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return signed_in()


def send(client: Client, slug: str, *ids: str, **more: Any) -> Any:
    return client.post(f"/keys/batch/{slug}/", {"KeyIds": ids, **more})


def states() -> set[str]:
    return set(CustomerMasterKey.objects.values_list("state", flat=True))


def test_sending_a_batch_twice_is_harmless(client: Client) -> None:
    ids = [create_key("a"), create_key("b")]
    for slug, more, state in (
        ("disable-keys", {}, "Disabled"),
        (
            "schedule-keys-deletion",
            {"PendingWindowInDays": "7", "typed_number": "2"},
            "PendingDelete",
        ),
    ):
        for _ in range(2):
            assert send(client, slug, *ids, **more).status_code == 302
            assert states() == {state}


def test_one_key_that_changed_meanwhile_refuses_all_and_says_so(client: Client) -> None:
    ids = [create_key("a"), create_key("b")]
    execute(DisableKey, KeyId=ids[0])
    more = {"PendingWindowInDays": "7", "typed_number": "2"}
    answer = send(client, "schedule-keys-deletion", *ids, **more)
    assert answer.status_code == 409
    assert b"CmkShouldBeDisabled" in answer.content
    assert states() == {"Enabled", "Disabled"}


@pytest.mark.parametrize("days", ["6", "31", "", "x"])
def test_waiting_periods_outside_the_rule_are_refused(
    client: Client, days: str
) -> None:
    one = create_key("a")
    execute(DisableKey, KeyId=one)
    more = {"PendingWindowInDays": days, "typed_number": "1"}
    answer = send(client, "schedule-keys-deletion", one, **more)
    assert answer.status_code == 400
    assert states() == {"Disabled"}


def test_tags_are_added_to_each_and_refused_at_their_field(client: Client) -> None:
    ids = [create_key("a"), create_key("b")]
    answer = send(client, "tag-keys", *ids, TagKey="kms:x", TagValue="")
    assert answer.status_code == 400
    assert b"problem_TagKey" in answer.content
    answer = send(client, "tag-keys", *ids, TagKey="team", TagValue="a b")
    assert answer.status_code == 302
    assert KeyTag.objects.filter(name="team", value="a b").count() == 2


def test_nothing_or_nonsense_chosen_is_said_plainly(client: Client) -> None:
    for path, status in (
        ("/keys/batch/enable-keys/", 200),
        ("/keys/batch/enable-keys/?KeyIds=nonsense", 400),
        ("/keys/batch/burn-keys/", 404),
    ):
        assert client.get(path).status_code == status
    assert send(client, "enable-keys").status_code == 400


def test_going_back_never_leads_elsewhere(client: Client) -> None:
    one = create_key("a")
    url = "/keys/batch/disable-keys/?back=https://example.com/"
    assert client.post(url, {"KeyIds": [one]})["Location"] == "/keys/"
    url = "/keys/batch/enable-keys/?back=/keys/%3Fq%3Da"
    assert client.post(url, {"KeyIds": [one]})["Location"] == "/keys/?q=a"


def test_the_page_size_is_remembered(client: Client) -> None:
    for number in range(21):
        create_key(f"k{number}")
    assert client.get("/keys/").content.count(b'data-label="State"') == 20
    client.get("/keys/?size=50")
    assert client.get("/keys/").content.count(b'data-label="State"') == 21
    assert client.get("/keys/?size=7").content.count(b'data-label="State"') == 21


def test_tombstones_stand_in_the_list_only_where_asked_for(client: Client) -> None:
    create_key("gone")
    CustomerMasterKey.objects.update(state="Destroyed")
    assert b"Create your first key" in client.get("/keys/").content
    assert b">gone<" in client.get("/keys/?state=Destroyed").content


def test_rows_that_look_alike_keep_what_is_their_own(client: Client) -> None:
    ids = {name: create_key(name) for name in ("a", "b", "c")}
    KeyTag.objects.create(key_id=ids["c"], name="x<y", value="&")
    page = client.get("/keys/").content.decode()
    rows = page.split("<tr>")[2:]
    assert [
        f'href="/keys/{key_id}/">{name}<' in row
        for (name, key_id), row in zip(
            sorted(ids.items(), reverse=True), rows, strict=True
        )
    ] == [True] * 3
    assert all(
        row.count(key_id) == rows[0].count(ids["c"])
        for row, key_id in zip(rows, (ids["c"], ids["b"], ids["a"]), strict=True)
    )
    assert page.count("x&lt;y=&amp;") == rows[0].count("x&lt;y=&amp;") > 0
    assert "\ufdd0" not in page
