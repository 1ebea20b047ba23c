"""Tags: their limits, one form for all of them, and two people editing at once."""

import pytest
from django.test import Client
from django.urls import reverse

from keys.errors import CmkNotFound, InvalidTag, KeyChanged, TagKeysDuplicated
from keys.models import CustomerMasterKey, KeyTag
from keys.operations import CreateKey, TagKey, TagKeys
from kmsconsole.audit.models import AuditEvent
from kmsconsole.errors import KMSError
from tests.console import signed_in, words
from tests.personas import FOREIGN_ROOT, create_key, execute

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return signed_in()


def wire(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"TagKey": name, "TagValue": value} for name, value in tags.items()]


def tags_of(key_id: str) -> dict[str, str]:
    return dict(KeyTag.objects.filter(key_id=key_id).values_list("name", "value"))


def test_tagging_replaces_and_untagging_removes() -> None:
    key_id = create_key()
    execute(TagKey, KeyId=key_id, Tags=wire({"team": "shop", "env": "test"}))
    execute(TagKey, KeyId=key_id, Tags=wire({"team": "pay", "cost": ""}))
    assert tags_of(key_id) == {"team": "pay", "cost": ""}
    execute(TagKey, KeyId=key_id, Tags=[])
    assert tags_of(key_id) == {}
    event = AuditEvent.objects.filter(operation="TagKey").order_by("sequence")[1]
    assert '"TagKeys":["cost","team"]' in event.details


@pytest.mark.parametrize(
    "tags",
    [
        {"": "x"},
        {" ": "x"},
        {"n" * 128: ""},
        {"n": "v" * 256},
        {"KMS:owner": "x"},
        {"line\nbreak": ""},
        {"n": "\x00"},
        {f"n{number}": "" for number in range(51)},
    ],
)
def test_tags_outside_the_rules_change_nothing(tags: dict[str, str]) -> None:
    key_id = create_key()
    execute(TagKey, KeyId=key_id, Tags=wire({"kept": "yes"}))
    with pytest.raises(InvalidTag):
        execute(TagKey, KeyId=key_id, Tags=wire(tags))
    assert tags_of(key_id) == {"kept": "yes"}


def test_the_limits_themselves_are_allowed() -> None:
    key_id = create_key()
    tags = {f"{number:02}".ljust(127, "n"): "v" * 255 for number in range(50)}
    execute(TagKey, KeyId=key_id, Tags=wire(tags))
    assert tags_of(key_id) == tags


@pytest.mark.parametrize("tags", ["x", {"TagKey": "a"}, [1], [{"Key": "a"}], [{}]])
def test_malformed_tags_are_refused(tags: object) -> None:
    key_id = create_key()
    with pytest.raises(KMSError):
        execute(TagKey, KeyId=key_id, Tags=tags)


def test_the_same_name_twice_is_refused() -> None:
    twice = wire({"a": "1"}) + wire({"a": "2"})
    with pytest.raises(TagKeysDuplicated):
        execute(TagKey, KeyId=create_key(), Tags=twice)
    with pytest.raises(TagKeysDuplicated):
        execute(CreateKey, Alias="b", Tags=twice)


def test_a_batch_adds_and_is_all_or_nothing() -> None:
    keys = [create_key(name) for name in ("a", "b")]
    execute(TagKey, KeyId=keys[0], Tags=wire({"own": "1", "team": "old"}))
    execute(TagKeys, KeyIds=keys, Tags=wire({"team": "new"}))
    assert tags_of(keys[0]) == {"own": "1", "team": "new"}
    assert tags_of(keys[1]) == {"team": "new"}
    full = {f"n{number}": "" for number in range(50)}
    execute(TagKey, KeyId=keys[1], Tags=wire(full))
    with pytest.raises(InvalidTag):
        execute(TagKeys, KeyIds=keys, Tags=wire({"one": "more"}))
    assert "one" not in tags_of(keys[0])
    execute(TagKeys, KeyIds=keys, Tags=wire({"n7": "changed"}))
    assert tags_of(keys[1])["n7"] == "changed"
    with pytest.raises(KMSError):
        execute(TagKeys, KeyIds=keys, Tags=[])
    foreign = create_key("theirs", FOREIGN_ROOT)
    with pytest.raises(CmkNotFound):
        execute(TagKeys, KeyIds=[keys[0], foreign], Tags=wire({"x": ""}))
    assert "x" not in tags_of(keys[0])


def test_a_stale_revision_is_refused() -> None:
    key_id = create_key()
    revision = CustomerMasterKey.objects.get(id=key_id).revision
    execute(TagKey, KeyId=key_id, Tags=wire({"a": ""}), ExpectedRevision=revision)
    with pytest.raises(KeyChanged):
        execute(TagKey, KeyId=key_id, Tags=[], ExpectedRevision=revision)
    assert tags_of(key_id) == {"a": ""}


def test_the_form_keeps_exactly_the_rows_that_are_filled(client: Client) -> None:
    key_id = create_key()
    url = reverse("keys:operation", args=[key_id, "tag-key"])
    first = client.get(url).content.decode()
    assert first.count('name="tag-name"') == 3
    form = {
        "ExpectedRevision": "1",
        "tag-name": [" team ", "", "env"],
        "tag-value": ["shop", "", ""],
    }
    assert "The tags were saved." in words(client.post(url, form, follow=True))
    assert tags_of(key_id) == {"team": "shop", "env": ""}
    refused = client.post(url, form | {"ExpectedRevision": "2", "tag-name": ["", "x"]})
    assert "A tag is not allowed." in words(refused)
    assert 'value="shop"' in refused.content.decode()
    assert tags_of(key_id) == {"team": "shop", "env": ""}


def test_two_people_tagging_lose_nothing(client: Client) -> None:
    key_id = create_key()
    url = reverse("keys:operation", args=[key_id, "tag-key"])
    execute(TagKey, KeyId=key_id, Tags=wire({"theirs": "1"}))
    mine = {"ExpectedRevision": "1", "tag-name": ["mine"], "tag-value": ["2"]}
    stale = client.post(url, mine)
    assert stale.status_code == 409
    page = words(stale)
    assert "Somebody else changed this key" in page
    assert "admin · Change tags" in page
    assert "theirs 1" in page
    assert 'value="mine"' in stale.content.decode()
    assert stale.context["revision"] == 2
    client.post(url, mine | {"ExpectedRevision": "2"})
    assert tags_of(key_id) == {"mine": "2"}


def test_a_key_that_can_not_be_tagged_says_why(client: Client) -> None:
    key_id = create_key()
    CustomerMasterKey.objects.filter(id=key_id).update(owner="cos")
    page = client.get(reverse("keys:operation", args=[key_id, "tag-key"]))
    assert "managed by a cloud product" in words(page)
    assert 'name="tag-name"' not in page.content.decode()
