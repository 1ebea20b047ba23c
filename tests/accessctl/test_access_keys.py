"""Access keys: made, limited, used, switched off and deleted, by whom it may be."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accessctl.credentials import find
from accessctl.models import AccessKey, PolicyAttachment, User
from accessctl.operations import (
    CreateAccessKey,
    DeleteAccessKey,
    ListAccessKeys,
    UpdateAccessKey,
)
from kmsconsole import clock
from kmsconsole.audit.models import AuditEvent
from kmsconsole.errors import AddressNotAllowed, KMSError
from kmsconsole.operations import Operation
from kmsconsole.principals import Kind, Principal
from tests.accessctl.conftest import sign_in
from tests.console import words
from tests.personas import ACCOUNT, FOREIGN_ROOT, OPERATOR, ROOT, execute

pytestmark = pytest.mark.django_db

Later = Callable[..., None]
ANN = Principal(Kind.SUB, ACCOUNT, 100_000_000_101, "ann", "session")
BOB = replace(ANN, account_uin=FOREIGN_ROOT.account_uin, uin=100_000_000_201)
EVE = replace(ANN, uin=100_000_000_999, name="eve")


def made(principal: Principal = ANN, **data: Any) -> str:
    secret_id: str = execute(CreateAccessKey, principal, **data).output["SecretId"]
    return secret_id


def refused(operation: type[Operation], principal: Principal, **data: Any) -> str:
    with pytest.raises(KMSError) as caught:
        execute(operation, principal, **data)
    return type(caught.value).__name__


def test_everybody_has_two_of_their_own(ann: User) -> None:
    first, second = made(), made()
    listed = execute(ListAccessKeys, ANN).output["AccessKeys"]
    assert [row["SecretId"] for row in listed] == [first, second]
    assert refused(CreateAccessKey, ANN) == "AccessKeyLimitExceeded"
    assert refused(DeleteAccessKey, ANN, SecretId=first) == "AccessKeyEnabled"
    execute(UpdateAccessKey, ANN, SecretId=first, Enabled=False)
    assert find(first) is None
    assert find(second) is not None
    execute(DeleteAccessKey, ANN, SecretId=first)
    assert refused(DeleteAccessKey, ANN, SecretId=first) == "AccessKeyNotFound"
    made()
    event = AuditEvent.objects.filter(operation="UpdateAccessKey").get()
    assert first in event.details
    assert '"ann"' in event.details


def test_nobody_elses_are_reached(ann: User, bob: User) -> None:
    secret_id = made()
    people = ({"UserName": "ann"}, {"Uin": ann.uin})
    for owner in people:
        for operation in (CreateAccessKey, ListAccessKeys):
            assert refused(operation, EVE, **owner) == "UnauthorizedOperation"
        for operation in (UpdateAccessKey, DeleteAccessKey):
            data = owner | {"SecretId": secret_id}
            assert refused(operation, EVE, **data) == "UnauthorizedOperation"
            assert refused(operation, BOB, SecretId=secret_id) == "AccessKeyNotFound"
    foreign = refused(ListAccessKeys, FOREIGN_ROOT, Uin=ann.uin)
    assert foreign == refused(ListAccessKeys, FOREIGN_ROOT, Uin=4711) == "UserNotFound"
    assert refused(ListAccessKeys, EVE, Uin=4711) == "UnauthorizedOperation"


def test_root_and_operator_reach_those_of_the_account(ann: User) -> None:
    secret_id = made(ROOT, UserName="ANN")
    assert execute(ListAccessKeys, OPERATOR, UserName="ann").output["AccessKeys"]
    execute(UpdateAccessKey, ROOT, Uin=ann.uin, SecretId=secret_id, Enabled=False)
    execute(DeleteAccessKey, ROOT, Uin=ann.uin, SecretId=secret_id)


def test_full_access_reaches_others_but_not_the_root_user(ann: User) -> None:
    PolicyAttachment.objects.create(
        user=ann,
        predefined="QcloudKMSFullAccess",
        attached_by_uin=ACCOUNT,
        attached_by_name="admin",
    )
    carl = User.objects.create(uin=EVE.uin, account_id=ACCOUNT, name="carl")
    made(ANN, Uin=carl.uin)
    own = made(ROOT)
    for operation, data in (
        (CreateAccessKey, {}),
        (ListAccessKeys, {}),
        (UpdateAccessKey, {"SecretId": own, "Enabled": False}),
        (DeleteAccessKey, {"SecretId": own}),
    ):
        assert refused(operation, ANN, UserName="admin", **data) == "RootIsItsOwn"
    assert find(own) is not None


def test_without_programmatic_access_there_are_none(ann: User) -> None:
    secret_id = made()
    User.objects.filter(pk=ann.pk).update(api_access=False)
    assert find(secret_id) is None
    assert refused(CreateAccessKey, ANN) == "NoProgrammaticAccess"
    execute(UpdateAccessKey, ANN, SecretId=secret_id, Enabled=False)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        (["203.0.113.7", " 203.0.113.7 ", ""], "203.0.113.7"),
        (["198.51.100.9/24", "2001:db8::/32"], "198.51.100.0/24 2001:db8::/32"),
        ([], ""),
    ],
)
def test_addresses_are_kept_in_one_form(
    ann: User, typed: list[str], stored: str
) -> None:
    secret_id = made(AllowedAddresses=typed)
    assert AccessKey.objects.get(secret_id=secret_id).allowed_addresses == stored


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [
        ({"AllowedAddresses": ["300.1.1.1"]}, "InvalidAddresses"),
        ({"AllowedAddresses": [f"192.0.2.{n}" for n in range(21)]}, "InvalidAddresses"),
        ({"ExpiresAt": "2020-01-01T00:00:00Z"}, "ExpiryPassed"),
        ({"ExpiresAt": "2999-01-01T00:00:00"}, "InvalidParameterValue"),
        ({"ExpiresAt": "tomorrow"}, "InvalidParameterValue"),
        ({"ExpiresAt": "2999-99-01T00:00:00Z"}, "InvalidParameterValue"),
    ],
)
def test_limits_nobody_can_mean_are_refused(
    ann: User, wrong: dict[str, Any], refusal: str
) -> None:
    assert refused(CreateAccessKey, ANN, **wrong) == refusal
    secret_id = made()
    assert refused(UpdateAccessKey, ANN, SecretId=secret_id, **wrong) == refusal


def test_limits_change_only_where_they_are_given(ann: User, later: Later) -> None:
    end = clock.now() + timedelta(hours=1)
    secret_id = made(AllowedAddresses=["192.0.2.1"], ExpiresAt=end.isoformat())
    execute(UpdateAccessKey, ANN, SecretId=secret_id, Enabled=True)
    row = AccessKey.objects.get()
    assert (row.allowed_addresses, row.expires_at) == ("192.0.2.1", end)
    assert find(secret_id) is not None
    later(hours=1)
    assert find(secret_id) is None
    assert execute(ListAccessKeys, ANN).output["AccessKeys"][0]["Expired"]
    # An end that has come is no reason to refuse other changes.
    same = {"SecretId": secret_id, "ExpiresAt": end.isoformat()}
    execute(UpdateAccessKey, ANN, **same, AllowedAddresses=[])
    execute(UpdateAccessKey, ANN, SecretId=secret_id, ExpiresAt="")
    row.refresh_from_db()
    assert (row.allowed_addresses, row.expires_at) == ("", None)
    assert find(secret_id) is not None


def test_only_allowed_addresses_use_it(ann: User) -> None:
    secret_id = made(AllowedAddresses=["192.0.2.0/28", "2001:db8::1"])
    credential = find(secret_id)
    assert credential is not None
    for address in ("192.0.2.16", "2001:db8::2", "::ffff:192.0.2.1", "", "local"):
        with pytest.raises(AddressNotAllowed):
            credential.use(address)
    assert AccessKey.objects.get().last_used_at is None
    for address in ("192.0.2.15", "2001:db8::1"):
        credential.use(address)


def test_the_last_use_is_noted_at_most_once_a_minute(ann: User, later: Later) -> None:
    secret_id = made()

    def use(address: str) -> int:
        credential = find(secret_id)
        assert credential is not None
        with CaptureQueriesContext(connection) as statements:
            credential.use(address)
        return len(statements)

    assert use("192.0.2.1") == 1
    later(seconds=59)
    assert use("192.0.2.2") == 0
    row = AccessKey.objects.get()
    assert row.last_used_address == "192.0.2.1"
    later(seconds=1)
    assert use("192.0.2.3") == 1
    row.refresh_from_db()
    assert (row.last_used_address, row.last_used_at) == ("192.0.2.3", row.last_used_at)
    with CaptureQueriesContext(connection) as statements:
        find(secret_id)
    assert len(statements) == 1


def test_the_secret_stands_in_one_answer_and_nowhere_else(ann: User) -> None:
    client = Client()
    sign_in(client, ann)
    page = client.get("/account/access-keys/")
    assert "No access key yet" in words(page)
    answer = client.post("/account/access-keys/create/", {})
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    match = re.search(r"TENCENTCLOUD_SECRET_KEY=(\w{32})", answer.content.decode())
    assert match is not None
    secret = match[1]
    credential = find(AccessKey.objects.get().secret_id)
    assert credential is not None
    assert credential.secret_key == secret
    assert secret not in client.get("/account/access-keys/").content.decode()
    assert secret not in str(dict(client.session))
    assert secret not in str(list(AuditEvent.objects.values()))


def test_the_pages_walk_an_access_key_through_its_life(ann: User) -> None:
    client = Client()
    sign_in(client, ann)
    client.post("/account/access-keys/create/", {})
    base = f"/account/access-keys/{AccessKey.objects.get().secret_id}/"
    wrong = client.post(f"{base}limits/", {"AllowedAddresses": "here, there"})
    assert wrong.status_code == 400
    assert "not all IP addresses" in words(wrong)
    limits = {
        "AllowedAddresses": "192.0.2.1\r\n10.0.0.0/8",
        "ExpiresAt": "2099-01-01T08:30",
    }
    assert client.post(f"{base}limits/", limits).status_code == 302
    row = AccessKey.objects.get()
    assert row.allowed_addresses == "192.0.2.1 10.0.0.0/8"
    assert row.expires_at is not None
    assert row.expires_at.isoformat() == "2099-01-01T08:30:00+00:00"
    shown = client.get(f"{base}limits/").content.decode()
    assert 'value="2099-01-01T08:30"' in shown
    assert client.post(f"{base}delete/").status_code == 409
    for slug in ("disable", "delete"):
        assert client.get(f"{base}{slug}/").status_code == 200
        assert client.post(f"{base}{slug}/").status_code == 302
    assert not AccessKey.objects.exists()
    assert client.get(f"{base}disable/").status_code == 404
    assert client.post(f"{base}disable/").status_code == 404
    assert client.get(f"{base}explode/").status_code == 404


def test_an_administrator_sees_those_of_a_user(ann: User, root: User) -> None:
    secret_id = made()
    path = f"/access/users/{ann.uin}/access-keys/"
    client = Client()
    sign_in(client, root)
    page = client.get(path)
    assert "Access keys of ann" in words(page)
    assert secret_id in page.content.decode()
    assert f"{path}{secret_id}/disable/" in page.content.decode()
    client.post(f"{path}{secret_id}/disable/")
    assert not AccessKey.objects.get().is_enabled
    assert client.post(f"{path}create/").status_code == 200
    other = Client()
    sign_in(other, ann)
    assert other.get(f"/access/users/{root.uin}/access-keys/").status_code == 403


def sending(page: Any) -> str:
    """Return the number that a form carries for its one sending."""
    found = re.search(r'name="Sending" value="([0-9a-f-]{36})"', page.content.decode())
    assert found is not None
    return found[1]


def test_reloading_the_answer_with_a_secret_makes_nothing(root: User) -> None:
    client = Client()
    sign_in(client, root)
    path = "/account/access-keys/create/"
    form = {"Sending": sending(client.get(path))}
    first = client.post(path, form)
    assert first["Cache-Control"] == "no-store"
    again = client.post(path, form)
    assert again.status_code == 409
    assert "This form was sent already" in words(again)
    assert AccessKey.objects.count() == 1
    secret = first.context["SecretKey"]
    assert secret not in again.content.decode()
    other = {"Sending": sending(client.get(path))}
    assert client.post(path, other).status_code == 200
    assert AccessKey.objects.count() == 2


def test_what_was_refused_can_be_sent_again_corrected(root: User) -> None:
    client = Client()
    sign_in(client, root)
    path = "/account/access-keys/create/"
    form = {"Sending": sending(client.get(path)), "AllowedAddresses": "nowhere"}
    refused = client.post(path, form)
    assert refused.status_code == 400
    corrected = {"Sending": sending(refused), "AllowedAddresses": "192.0.2.1"}
    assert client.post(path, corrected).status_code == 200


def test_reloading_a_drawn_password_draws_no_other(root: User) -> None:
    client = Client()
    sign_in(client, root)
    path = "/access/create-sub-account/"
    form = {"Name": "carl", "Console": "on", "Sending": sending(client.get(path))}
    assert client.post(path, form).status_code == 200
    assert client.post(path, form).status_code == 409
    path = "/access/sub-accounts/carl/reset-password/"
    form = {"Sending": sending(client.get(path))}
    drawn = client.post(path, form).context["password"]
    assert client.post(path, form).status_code == 409
    carl = User.objects.get(name="carl")
    assert carl.check_password(drawn)
    page = client.get("/access/sub-accounts/carl/edit/")
    assert sending(page) != sending(client.get("/access/sub-accounts/carl/edit/"))
