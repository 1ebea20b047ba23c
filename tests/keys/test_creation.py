"""Making keys of every kind; test_lifecycle has names, limits and bad input."""

from typing import Any

import pytest
from django.db import connection
from django.urls import reverse

from keys import custody
from keys.crypto.algorithms import KEY_TYPES, SYMMETRIC
from keys.errors import (
    AliasAlreadyExists,
    CmkDisabled,
    InvalidTag,
    InvalidType,
    TagKeysDuplicated,
)
from keys.models import CustomerMasterKey, KeyTag, KeyVersion
from keys.operations import CreateCloudKey, CreateKey, Encrypt, ListKeyDetail
from kmsconsole.errors import UnauthorizedOperation
from kmsconsole.principals import Kind, Principal
from tests.console import signed_in, words
from tests.personas import ACCOUNT, OPERATOR, ROOT, create_key, execute

pytestmark = pytest.mark.django_db

SYSTEM = Principal(Kind.SYSTEM, ACCOUNT, 0, "kms", "scheduler")
PAIRS = [row.usage for row in KEY_TYPES if row.group != SYMMETRIC]


def test_a_key_for_material_from_outside_waits_for_it() -> None:
    answer = execute(CreateKey, Alias="mine", Type=2).output
    assert answer["KeyState"] == "PendingImport"
    assert not KeyVersion.objects.exists()
    key = CustomerMasterKey.objects.get(id=answer["KeyId"])
    assert (key.origin, key.primary_version) == ("EXTERNAL", None)
    with pytest.raises(CmkDisabled):
        execute(Encrypt, KeyId=answer["KeyId"], Plaintext="eA==")


@pytest.mark.parametrize("usage", PAIRS)
def test_key_pairs_are_made_in_the_hsm_and_never_imported(usage: str) -> None:
    answer = execute(CreateKey, Alias="pair", KeyUsage=usage).output
    assert answer["KeyState"] == "Enabled"
    version = KeyVersion.objects.get(key_id=answer["KeyId"])
    assert len(version.public_key) > 64
    with pytest.raises(InvalidType):
        execute(CreateKey, Alias="other", KeyUsage=usage, Type=2)


def test_tags_come_with_the_key() -> None:
    tags = [{"TagKey": "team", "TagValue": "payroll"}, {"TagKey": "pci"}]
    answer = execute(CreateKey, Alias="tagged", Tags=tags).output
    stored = KeyTag.objects.filter(key_id=answer["KeyId"]).values_list("name", "value")
    assert sorted(stored) == [("pci", ""), ("team", "payroll")]
    wanted: dict[str, Any] = {"TagFilters": [{"TagKey": "pci"}]}
    assert execute(ListKeyDetail, **wanted).output["TotalCount"] == 1
    assert (answer["TagCode"], answer["TagMsg"]) == (0, "ok")
    without = execute(CreateKey, Alias="untagged").output
    assert (without["TagCode"], without["TagMsg"]) == (0, "")


@pytest.mark.parametrize(
    "bad",
    [
        [{"TagKey": "kms:owner"}],
        [{"TagKey": "n" * 128}],
        [{"TagKey": "team", "TagValue": "v" * 256}],
        [{"TagKey": " "}],
        [{"TagKey": "te\nam"}],
        [{"TagKey": f"tag-{number}"} for number in range(50)],
    ],
    ids=["reserved", "long name", "long value", "blank", "control", "too many"],
)
def test_tags_that_are_not_allowed_are_reported_and_the_key_is_made(bad: Any) -> None:
    tags = [{"TagKey": "pci", "TagValue": "yes"}, *bad]
    answer = execute(CreateKey, Alias="untagged", Tags=tags).output
    assert answer["TagCode"] == 2
    assert answer["TagMsg"].startswith("A tag is not allowed.")
    assert execute(Encrypt, KeyId=answer["KeyId"], Plaintext="eA==").output
    assert not KeyTag.objects.exists()


@pytest.mark.parametrize(
    ("tags", "refusal"),
    [
        ("team", InvalidTag),
        (["team"], InvalidTag),
        ([{"TagKey": 1}], InvalidTag),
        ([{"TagKey": "a", "Value": "b"}], InvalidTag),
        ([{"TagKey": "a"}, {"TagKey": "a"}], TagKeysDuplicated),
    ],
)
def test_tags_nobody_can_read_make_no_key(tags: Any, refusal: type) -> None:
    with pytest.raises(refusal):
        execute(CreateKey, Alias="bad", Tags=tags)
    assert not CustomerMasterKey.objects.exists()


def test_the_form_tells_about_bad_tags_before_it_makes_a_key() -> None:
    client = signed_in()
    form = {"Alias": "orders", "KeyUsage": "ENCRYPT_DECRYPT", "Type": "1"}
    rows = {"tag-name": ["kms:owner", "team"], "tag-value": ["x", "payroll"]}
    page = words(client.post(reverse("keys:create"), form | rows))
    assert "A tag is not allowed." in page
    twice = {"tag-name": ["team", "team"], "tag-value": ["a", "b"]}
    page = words(client.post(reverse("keys:create"), form | twice))
    assert "A tag name stands twice in the list." in page
    assert not CustomerMasterKey.objects.exists()
    good = {"tag-name": ["team"], "tag-value": ["payroll"]}
    assert client.post(reverse("keys:create"), form | good).status_code == 302
    assert KeyTag.objects.get().name == "team"


def test_the_hsm_works_before_anything_is_locked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A pair takes seconds to make: nobody else's write may wait for that."""
    keyring = custody.keyring()
    generate = keyring.generate
    outside = len(connection.atomic_blocks)
    open_blocks: list[int] = []

    def watched(spec: str, identity: bytes) -> Any:
        open_blocks.append(len(connection.atomic_blocks))
        return generate(spec, identity)

    monkeypatch.setattr(keyring, "generate", watched)
    create_key("orders")
    assert open_blocks == [outside]


def test_a_name_that_is_taken_meanwhile_makes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prepare = CreateKey.prepare

    def overtaken(self: CreateKey, data: Any) -> None:
        prepare(self, data)
        monkeypatch.setattr(CreateKey, "prepare", prepare)
        create_key("ORDERS")

    monkeypatch.setattr(CreateKey, "prepare", overtaken)
    with pytest.raises(AliasAlreadyExists):
        create_key("orders")
    assert CustomerMasterKey.objects.count() == KeyVersion.objects.count() == 1


def test_a_cloud_product_has_one_key_and_only_the_service_makes_it() -> None:
    first = execute(CreateCloudKey, SYSTEM, Product="cos").output["KeyId"]
    assert execute(CreateCloudKey, SYSTEM, Product="cos").output["KeyId"] == first
    assert execute(CreateCloudKey, SYSTEM, Product="cbs").output["KeyId"] != first
    key = CustomerMasterKey.objects.get(id=first)
    assert (key.alias, key.owner, key.state) == ("kms-cos", "cos", "Enabled")
    assert execute(ListKeyDetail, Role=1).output["TotalCount"] == 2
    assert execute(ListKeyDetail).output["TotalCount"] == 0
    for principal in (ROOT, OPERATOR):
        with pytest.raises(UnauthorizedOperation):
            execute(CreateCloudKey, principal, Product="tcr")
