"""Dangerous steps want a fresh proof, from a second factor where there is one."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client

from accessctl.models import Account, User
from keys.operations import CreateKey
from kmsconsole.audit.models import AuditEvent
from kmsconsole.errors import StepUpRequired
from kmsconsole.operations import registry
from tests.accessctl.conftest import PASSWORD, inside, sign_in
from tests.accessctl.people import acting_in_a_request
from tests.console import words
from tests.personas import ROOT, create_key, execute

pytestmark = pytest.mark.django_db

Later = Callable[..., None]
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
_PERIOD = 30


def code(secret: str = SECRET) -> str:
    """Return what the app shows now; earlier uses of it are forgotten."""
    cache.clear()
    return format_hotp_value(hotp_value(secret, int(time.time()) // _PERIOD))


def with_app(user: User) -> Authenticator:
    with acting_in_a_request(user):
        return TOTP.activate(user, SECRET).instance


def prove(client: Client, path: str, **proof: str) -> Any:
    return client.post(path, proof | {"next": "/keys/"})


@pytest.fixture
def client(root: User) -> Client:
    """The root user, signed in with the password just now."""
    client = Client()
    sign_in(client, root)
    return client


@pytest.fixture
def guarded(root: User) -> Client:
    """The root user, signed in with password and app just now."""
    with_app(root)
    client = Client()
    assert sign_in(client, root)["Location"] == "/account/2fa/authenticate/"
    client.post("/account/2fa/authenticate/", {"code": code()})
    assert inside(client)
    return client


def dangerous() -> dict[str, str]:
    key_id = create_key()
    external = execute(CreateKey, ROOT, Alias="external", Type=2).output["KeyId"]
    return {
        "disable": f"/keys/{key_id}/disable-key/",
        "delete": f"/keys/{key_id}/schedule-key-deletion/",
        "batch": f"/keys/batch/disable-keys/?KeyIds={key_id}",
        "batch deletion": f"/keys/batch/schedule-keys-deletion/?KeyIds={key_id}",
        "material": f"/keys/{external}/delete-imported-key-material/",
        "access key": "/account/access-keys/create/",
    }


def test_dangerous_steps_ask_once_more_and_lead_back(
    client: Client, later: Later
) -> None:
    pages, post = dangerous(), client.post
    for path in pages.values():
        assert client.get(path).status_code == 200
    later(minutes=5, seconds=1)
    for name, path in pages.items():
        asked = "/account/reauthenticate/?" + urlencode({"next": path})
        # A form with something missing is shown again first.
        short = name in {"delete", "batch deletion", "material"}
        sends = (client.get,) if short else (client.get, post)
        for send in sends:
            ticked = {"KeyIds": [path.partition("=")[2]]} if send is post else None
            assert send(path, ticked).get("Location") == asked, name
            by_htmx = send(path, ticked, headers={"HX-Request": "true"})
            assert by_htmx["HX-Redirect"] == asked
        page = client.get(asked)
        assert "dangerous step, so we ask once more" in words(page)
        cache.clear()
        back = client.post(
            "/account/reauthenticate/", {"password": PASSWORD, "next": path}
        )
        assert back["Location"] == path
        assert client.get(path).status_code == 200
        later(minutes=6)
    states = AuditEvent.objects.filter(outcome="success").values_list(
        "operation", flat=True
    )
    assert not {"DisableKey", "ScheduleKeyDeletion", "CreateAccessKey"} & set(states)


def test_the_kernel_asks_whoever_calls() -> None:
    stale = replace(ROOT, fresh=False)
    key = {"KeyId": create_key()}
    given: dict[str, dict[str, Any]] = {
        "DisableKey": key,
        "DisableKeys": {"KeyIds": [key["KeyId"]]},
        "ScheduleKeyDeletion": key | {"PendingWindowInDays": 7},
        "ScheduleKeysDeletion": {"KeyIds": [key["KeyId"]], "PendingWindowInDays": 7},
        "DeleteImportedKeyMaterial": key,
        "CreateAccessKey": {},
        "UpdateAccessKey": {"SecretId": "AKID"},
        "DeleteAccessKey": {"SecretId": "AKID"},
        "UpdateAccountSettings": {},
    }
    for name, data in given.items():
        assert registry()[name].step_up
        with pytest.raises(StepUpRequired):
            execute(registry()[name], stale, **data)


def test_a_wrong_password_proves_nothing(client: Client, later: Later) -> None:
    later(minutes=6)
    path = dangerous()["disable"]
    answer = prove(client, "/account/reauthenticate/", password="wrong")
    assert answer.status_code == 200
    assert client.get(path).status_code == 302


def test_who_has_a_factor_is_asked_for_it_and_for_nothing_else(
    guarded: Client, later: Later
) -> None:
    path = dangerous()["disable"]
    assert guarded.get(path).status_code == 200
    later(minutes=6)
    asked = guarded.get(guarded.get(path)["Location"])
    assert asked["Location"].startswith("/account/2fa/reauthenticate/?next=")
    page = words(guarded.get(asked["Location"]))
    assert "code your authenticator app shows" in page
    assert "Use your password" not in page
    prove(guarded, "/account/reauthenticate/", password=PASSWORD)
    assert guarded.get(path).status_code == 302
    wrong = prove(guarded, "/account/2fa/reauthenticate/", code="000000")
    assert wrong.status_code == 200
    assert guarded.get(path).status_code == 302
    done = prove(guarded, "/account/2fa/reauthenticate/", code=code())
    assert done["Location"] == "/keys/"
    assert guarded.get(path).status_code == 200
    refused = AuditEvent.objects.get(operation="SignIn", outcome="refused")
    assert (refused.principal_name, refused.principal_kind) == ("admin", "root")


@pytest.mark.parametrize("minutes", [0, 4, 6])
@pytest.mark.parametrize("proof", ["password", "factor", "password after factor"])
def test_the_age_that_counts_is_the_strongest_proofs(
    root: User, later: Later, proof: str, minutes: int
) -> None:
    client = Client()
    if "factor" in proof:
        with_app(root)
    sign_in(client, root)
    if "factor" in proof:
        client.post("/account/2fa/authenticate/", {"code": code()})
    later(minutes=minutes)
    if proof == "password after factor":
        prove(client, "/account/reauthenticate/", password=PASSWORD)
    fresh = client.get(dangerous()["disable"]).status_code == 200
    assert fresh is (minutes < 5)


def test_turning_a_factor_on_does_not_lock_anybody_out(
    client: Client, later: Later
) -> None:
    path = dangerous()["disable"]
    page = client.get("/account/2fa/totp/activate/")
    secret = page.context["form"].secret
    stored = "".join(row.get_decoded().__str__() for row in Session.objects.all())
    assert secret not in stored
    wrong = client.post("/account/2fa/totp/activate/", {"code": "000000"})
    assert wrong.context["form"].secret == secret
    right = {"code": code(secret)}
    done = client.post("/account/2fa/totp/activate/", right)
    assert done["Location"] == "/account/2fa/recovery-codes/"
    assert client.get(path).status_code == 200
    later(minutes=6)
    assert client.get(path).status_code == 302
    prove(client, "/account/2fa/reauthenticate/", code=code(secret))
    assert client.get(path).status_code == 200
    added = AuditEvent.objects.filter(operation="AddFactor", outcome="success")
    assert "totp" in " ".join(added.values_list("details", flat=True))


def test_turning_the_factor_off_does_not_lock_anybody_out(
    guarded: Client, later: Later
) -> None:
    path = dangerous()["disable"]
    guarded.post("/account/2fa/totp/deactivate/")
    assert not Authenticator.objects.exists()
    assert guarded.get(path).status_code == 200
    later(minutes=6)
    assert guarded.get(path).status_code == 302
    prove(guarded, "/account/reauthenticate/", password=PASSWORD)
    assert guarded.get(path).status_code == 200
    assert AuditEvent.objects.filter(operation="RemoveFactor").exists()


def test_a_new_password_does_not_lock_anybody_out(client: Client, later: Later) -> None:
    path = dangerous()["disable"]
    later(minutes=6)
    new = "quiet-river-stone-7"
    form = {"OldPassword": PASSWORD, "NewPassword": new, "Again": new}
    client.post("/account/password/change/", form)
    assert client.get(path).status_code == 200
    later(minutes=6)
    assert client.get(path).status_code == 302
    prove(client, "/account/reauthenticate/", password=new)
    assert client.get(path).status_code == 200


def test_the_factor_cannot_be_removed_without_proving_it(
    guarded: Client, later: Later
) -> None:
    later(minutes=6)
    answer = guarded.post("/account/2fa/totp/deactivate/")
    assert answer["Location"].startswith("/account/2fa/reauthenticate/")
    assert Authenticator.objects.exists()


def test_a_code_opens_once(root: User) -> None:
    with_app(root)
    shown = code()
    answers = []
    for _ in range(2):
        client = Client()
        sign_in(client, root)
        client.post("/account/2fa/authenticate/", {"code": shown})
        answers.append(inside(client))
    assert answers == [True, False]


def test_a_recovery_code_opens_once(root: User) -> None:
    with_app(root)
    with acting_in_a_request(root):
        first, *_ = RecoveryCodes.activate(root).get_unused_codes()
    answers = []
    for _ in range(2):
        client = Client()
        sign_in(client, root)
        client.post("/account/2fa/authenticate/", {"code": first})
        answers.append(inside(client))
    assert answers == [True, False]


def test_an_account_can_demand_a_second_factor(ann: User) -> None:
    Account.objects.filter(pk=ann.account_id).update(require_second_factor=True)
    client = Client()
    sign_in(client, ann)
    for path in ("/keys/", "/account/access-keys/", "/account/password/change/"):
        assert client.get(path)["Location"] == "/account/2fa/"
    page = client.get("/account/2fa/")
    assert "demands a second factor" in words(page)
    secret = client.get("/account/2fa/totp/activate/").context["form"].secret
    client.post("/account/2fa/totp/activate/", {"code": code(secret)})
    assert client.get("/account/2fa/recovery-codes/").status_code == 200
    assert inside(client)
    Authenticator.objects.filter(type="totp").delete()
    assert not inside(client)
