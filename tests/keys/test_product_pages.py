"""Pages that say which cloud products there are, and which resources hold which key."""

import re
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accessctl.operations.products import CreateProduct, UpdateProduct
from keys.models import CustomerMasterKey
from keys.operations import (
    BindCloudResource,
    CreateCloudKey,
    DisableKey,
    ListBindings,
    UnbindCloudResource,
)
from kmsconsole.principals import Kind, Principal
from tests.accessctl.people import acting, grant, sub_account
from tests.console import words
from tests.keys.askers import foreigner, holder, root, same_as_nothing
from tests.personas import (
    ACCOUNT,
    FOREIGN_ROOT,
    OPERATOR,
    OTHER_REGION,
    create_key,
    execute,
)

pytestmark = pytest.mark.django_db

SYSTEM = Principal(Kind.SYSTEM, ACCOUNT, 0, "service", "")


@pytest.fixture
def client() -> Client:
    return root()


def bind(key_id: str, resource: str, product: str = "cos", **more: Any) -> None:
    named = {"ProductId": product, "ResourceId": resource}
    execute(BindCloudResource, KeyId=key_id, **named, **more)


def resources(answer: Any) -> list[str]:
    return re.findall(r"<code>(bucket[^<]*)</code>", answer.content.decode())


def test_without_products_the_page_says_who_registers_one_and_how(
    client: Client,
) -> None:
    page = words(client.get("/products/"))
    assert "No product is registered" in page
    assert "manage.py create_product" in page
    assert "No resource holds a key of yours" in page


def test_products_with_their_keys_and_resources(client: Client) -> None:
    secret = execute(CreateProduct, OPERATOR, Code="cos", Name="Object store").output
    execute(CreateProduct, OPERATOR, Code="cbs")
    execute(UpdateProduct, OPERATOR, Code="cbs", Enabled=False)
    execute(CreateCloudKey, SYSTEM, Product="cos")
    key_id = create_key("orders")
    bind(key_id, "bucket-1")
    bind(key_id, "bucket-2")
    bind(key_id, "tape", "archive")
    answer = client.get("/products/")
    page = words(answer)
    table = page[page.index("Registered for this") : page.index("How the operator")]
    for said in ("cos Object store Enabled kms-cos 2", "cbs Disabled None yet 0"):
        assert said in table
    assert "archive Not registered None yet 1" in table
    assert secret["SecretId"] not in page
    assert resources(answer) == ["bucket-2", "bucket-1"]
    own = CustomerMasterKey.objects.get(owner="cos").id
    for number in (key_id, own):
        assert f'href="/keys/{number}/"' in answer.content.decode()
    only = client.get("/products/?product=archive")
    assert resources(only) == []
    assert "tape" in words(only)


def test_one_sees_the_products_of_nobody_elses_account(client: Client) -> None:
    theirs = create_key("theirs", FOREIGN_ROOT)
    named = {"ProductId": "cos", "ResourceId": "bucket-theirs"}
    execute(BindCloudResource, FOREIGN_ROOT, KeyId=theirs, **named)
    there = create_key("there", region=OTHER_REGION)
    bind(there, "bucket-there", region=OTHER_REGION)
    answer = client.get("/products/")
    assert resources(answer) == []
    assert "Not registered" not in words(answer)
    assert resources(foreigner().get("/products/")) == ["bucket-theirs"]


def test_only_administrators_see_products() -> None:
    auditor = holder("auditor", "role.auditor")
    answer = auditor.get("/products/")
    assert answer.status_code == 403
    assert "ListProducts" in words(answer)
    assert "/products/" not in auditor.get("/keys/").content.decode()
    deputy = holder("deputy", "role.full-access")
    assert deputy.get("/products/").status_code == 200
    assert 'href="/products/"' in deputy.get("/keys/").content.decode()


def test_the_list_holds_what_one_may_see_used() -> None:
    mine, other = create_key("mine"), create_key("other")
    bind(mine, "bucket-mine")
    bind(other, "bucket-other")
    user = sub_account("ann")
    grant(user, "role.read-only", key=mine)
    grant(user, "role.key-user", key=other)
    for asked in ({}, {"KeyId": other}, {"ProductId": "cos"}):
        found = execute(ListBindings, acting(user), **asked).output
        names = [row.resource_id for row in found["Bindings"]]
        assert names == ([] if "KeyId" in asked else ["bucket-mine"])
        assert found["TotalCount"] == len(names)


def test_a_key_says_what_holds_it_and_the_refusal_leads_there(client: Client) -> None:
    key_id = create_key("orders")
    link = f'href="/keys/{key_id}/bindings/"'
    assert link not in client.get(f"/keys/{key_id}/").content.decode()
    assert "No resource holds this key" in words(
        client.get(f"/keys/{key_id}/bindings/")
    )
    bind(key_id, "bucket-1")
    for page in ("", "rotation/", "tag-key/"):
        answer = client.get(f"/keys/{key_id}/{page}")
        assert "Resources of cloud products are encrypted" in words(answer)
        assert link in answer.content.decode()
    listed = client.get(f"/keys/{key_id}/bindings/")
    assert resources(listed) == ["bucket-1"]
    assert "1 resource holds this key" in words(listed)
    for slug in ("disable-key", "archive-key"):
        refused = client.post(f"/keys/{key_id}/{slug}/", {})
        assert refused.status_code == 409
        assert link in refused.content.decode()
    deleting = client.get(f"/keys/{key_id}/schedule-key-deletion/")
    assert "Cloud resources are encrypted with this key" in words(deleting)
    assert link in deleting.content.decode()
    execute(UnbindCloudResource, KeyId=key_id, ProductId="cos", ResourceId="bucket-1")
    execute(DisableKey, KeyId=key_id)
    assert link not in client.get(f"/keys/{key_id}/").content.decode()


def test_many_resources_are_paged_and_cost_the_same(client: Client) -> None:
    key_id = create_key("orders")
    bind(key_id, "bucket-0")
    path = f"/keys/{key_id}/bindings/"
    client.get(path)
    costs = []
    for more in (1, 44):
        for number in range(more):
            bind(key_id, f"bucket-{number + more}")
        with CaptureQueriesContext(connection) as statements:
            answer = client.get(path)
        costs.append(len(statements))
    assert costs[0] == costs[1]
    seen = []
    while True:
        seen.append(resources(answer))
        older = re.search(r'rel="next"\s+href="([^"]+)"', answer.content.decode())
        if older is None:
            break
        answer = client.get(older[1])
    assert [len(page) for page in seen] == [20, 20, 6]
    assert not any(set(one) & set(other) for one, other in pairwise(seen))
    deleting = words(client.get(f"/keys/{key_id}/schedule-key-deletion/"))
    assert "and 41 more" in deleting


@pytest.mark.parametrize("before", ["0", "-1", "x", "9" * 30, "٣"])
def test_an_address_nobody_made_is_no_fault(client: Client, before: str) -> None:
    key_id = create_key("orders")
    bind(key_id, "bucket-1")
    for path in (f"/keys/{key_id}/bindings/", "/products/"):
        assert client.get(path, {"before": before}).status_code == 200


def test_who_may_not_see_the_use_sees_no_bindings() -> None:
    key_id = create_key("orders")
    bind(key_id, "bucket-1")
    user = holder("user", "role.key-user", key=key_id)
    overview = user.get(f"/keys/{key_id}/")
    assert "Resources of cloud products" not in words(overview)
    assert "bucket-1" not in words(overview)
    answer = user.get(f"/keys/{key_id}/bindings/")
    assert answer.status_code == 403
    assert "DescribeKeyUsage" in words(answer)
    reader = holder("reader", "role.read-only", key=key_id)
    assert resources(reader.get(f"/keys/{key_id}/bindings/")) == ["bucket-1"]


def test_elsewhere_a_keys_bindings_are_like_those_of_no_key() -> None:
    key_id = create_key("orders")
    bind(key_id, "bucket-1")
    for client in (foreigner(), holder("nobody")):
        assert same_as_nothing(client, f"/keys/{key_id}/bindings/", key_id)
