"""Signing in: who may, what a refusal tells, who is slowed down, what is owed first."""

import re
from statistics import median
from time import process_time
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.test import Client

from accessctl.models import User
from kmsconsole import clock
from kmsconsole.audit.models import AuditEvent
from tests.accessctl.conftest import PASSWORD, inside, sign_in
from tests.console import words

pytestmark = pytest.mark.django_db

SHUT: list[dict[str, Any]] = [
    {"is_active": False},
    {"console_access": False},
    {"deleted_at": clock.now()},
]
_NUMBER = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TOKEN = re.compile(r'value="[A-Za-z0-9]{64}"')


def page_of(answer: Any) -> str:
    return _TOKEN.sub("TOKEN", _NUMBER.sub("ID", answer.content.decode()))


def test_a_sub_account_signs_in_with_its_account_its_name_and_its_password(
    ann: User, bob: User
) -> None:
    for user in (ann, bob):
        client = Client()
        assert sign_in(client, user).status_code == 302
        assert client.get("/keys/").context["request"].user == user


def test_the_link_carries_the_account_and_is_remembered(ann: User) -> None:
    client = Client()
    assert (
        f'value="{ann.account_id}"'
        in client.get(f"/login/{ann.account_id}/").content.decode()
    )
    assert f'value="{ann.account_id}"' in client.get("/login/").content.decode()


@pytest.mark.parametrize("change", SHUT, ids=lambda change: next(iter(change)))
def test_who_is_shut_out_neither_signs_in_nor_stays(
    ann: User, change: dict[str, Any]
) -> None:
    client = Client()
    sign_in(client, ann)
    assert inside(client)
    User.objects.filter(pk=ann.pk).update(**change)
    assert not inside(client)
    assert sign_in(Client(), ann).status_code == 200


def test_every_refusal_is_the_same_page_after_one_hash(
    ann: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    ann.set_password(PASSWORD)
    ann.save()
    hashed: list[str] = []
    for method in ("encode", "verify"):
        real = getattr(Argon2PasswordHasher, method)

        def count(*given: Any, real: Any = real, method: str = method) -> Any:
            hashed.append(method)
            return real(*given)

        monkeypatch.setattr(Argon2PasswordHasher, method, count)

    pages = {"known": page_of(sign_in(Client(), ann, "wrong"))}
    assert len(hashed) == 1
    for number, change in enumerate(SHUT):
        User.objects.filter(pk=ann.pk).update(**change)
        pages[str(change)] = page_of(sign_in(Client(), ann, PASSWORD))
        assert len(hashed) == 2 + number
        back = {"is_active": True, "console_access": True, "deleted_at": None}
        User.objects.filter(pk=ann.pk).update(**back)
    unknown = page_of(sign_in(Client(), ann, PASSWORD, name="eve"))
    assert len(hashed) == 5
    pages["unknown"] = unknown.replace("eve", "ann")
    assert set(pages.values()) == {pages["known"]}
    assert "or the password is wrong" in pages["known"]


def test_failing_slows_down_one_name_of_one_account_at_one_address(
    ann: User, bob: User
) -> None:
    here, elsewhere = "192.0.2.1", "192.0.2.2"
    for _ in range(5):
        assert "is wrong" in words(sign_in(Client(), ann, "wrong", address=here))
    # The host in the request is the sender's own word: it opens no second count.
    refused = Client(headers={"host": "localhost:1"}).post(
        "/login/",
        {"account": ann.account_id, "login": "ANN", "password": PASSWORD},
        REMOTE_ADDR=here,
    )
    assert "Too many failed login attempts" in words(refused)
    assert sign_in(Client(), bob, address=here).status_code == 302
    assert sign_in(Client(), ann, address=elsewhere).status_code == 302
    root = User.objects.get(is_root=True)
    assert sign_in(Client(), root, address=here).status_code == 302
    refusals = AuditEvent.objects.filter(operation="SignIn", outcome="refused")
    assert refusals.count() == 6


def test_many_names_of_one_account_from_one_address_are_slowed_down_too(
    ann: User, bob: User
) -> None:
    here, elsewhere = "192.0.2.1", "192.0.2.2"
    for number in range(30):
        sign_in(Client(), ann, "wrong", address=here, name=f"guess-{number}")
    assert sign_in(Client(), ann, address=here).status_code == 200
    assert sign_in(Client(), bob, address=here).status_code == 302
    assert sign_in(Client(), ann, address=elsewhere).status_code == 302


def test_a_password_others_know_is_changed_before_anything_else(ann: User) -> None:
    User.objects.filter(pk=ann.pk).update(must_change_password=True)
    client = Client()
    sign_in(client, ann)
    for path in ("/keys/", "/account/access-keys/", "/account/2fa/", "/operator/"):
        assert client.get(path)["Location"] == "/account/password/change/"
    by_htmx = client.get("/keys/create/", headers={"HX-Request": "true"})
    assert by_htmx["HX-Redirect"] == "/account/password/change/"
    assert client.get("/logout/").status_code == 200
    assert client.get("/account/reauthenticate/").status_code == 200
    for name in ("theme", "language"):
        answer = client.post(f"/preferences/{name}/", {name: "en"})
        assert answer.status_code == 302
    page = client.get("/account/password/change/")
    assert "Choose your own password" in words(page)
    changed = change_password(client, new="quiet-river-stone-7")
    assert changed["Location"] == "/keys/"
    assert inside(client)
    ann.refresh_from_db()
    assert not ann.must_change_password


def change_password(client: Client, *, old: str = PASSWORD, new: str) -> Any:
    form = {"OldPassword": old, "NewPassword": new, "Again": new}
    return client.post("/account/password/change/", form)


def test_changing_the_password_is_recorded_and_ends_other_sessions(ann: User) -> None:
    here, there = Client(), Client()
    for client in (here, there):
        sign_in(client, ann)
    assert change_password(here, new="quiet-river-stone-7").status_code == 302
    assert inside(here)
    assert not inside(there)
    assert sign_in(Client(), ann).status_code == 200
    assert sign_in(Client(), ann, "quiet-river-stone-7").status_code == 302
    event = AuditEvent.objects.get(operation="ChangePassword")
    assert (event.outcome, event.principal_name) == ("success", "ann")
    assert "quiet" not in str(list(AuditEvent.objects.values()))
    sessions = here.get("/account/sessions/").context["sessions"]
    assert [entry.current for entry in sessions] == [True, False]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("wrong", "quiet-river-stone-7", "not your present password"),
        (PASSWORD, PASSWORD, "This is your present password"),
        (PASSWORD, "quiet-river-7", "at least 20 characters"),
        (PASSWORD, "1" * 24, "at least 20 characters"),
    ],
)
def test_a_bad_change_says_why_and_changes_nothing(
    ann: User, old: str, new: str, said: str
) -> None:
    ann.account.shortest_password = 20
    ann.account.save()
    client = Client()
    sign_in(client, ann)
    answer = change_password(client, old=old, new=new)
    assert answer.status_code == 400
    assert said in words(answer)
    assert new not in answer.content.decode()
    assert sign_in(Client(), ann).status_code == 302
    assert AuditEvent.objects.get(operation="ChangePassword").outcome == "refused"


def test_two_that_differ_are_no_new_password(ann: User) -> None:
    client = Client()
    sign_in(client, ann)
    form = {"OldPassword": PASSWORD, "NewPassword": "a" * 20, "Again": "b" * 20}
    answer = client.post("/account/password/change/", form)
    assert "not what you typed above" in words(answer)


def test_guessing_the_present_password_is_slowed_down(ann: User) -> None:
    client = Client()
    sign_in(client, ann)
    answers = [change_password(client, old="guess", new="x" * 20) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [400] * 10 + [429]


def test_known_and_unknown_names_take_the_same_time(ann: User, settings: Any) -> None:
    """Processor time, in turns: a busy machine makes all of them alike slower."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    ann.set_password(PASSWORD)
    ann.save()
    tried = {
        "known": (ann.account_id, ann.name),
        "unknown name": (ann.account_id, "nobody"),
        "unknown account": (ann.account_id + 7, ann.name),
    }
    times: dict[str, list[float]] = {who: [] for who in tried}
    for _ in range(15):
        for who, (account, name) in tried.items():
            begin = process_time()
            found = authenticate(
                None, account=account, username=name, password="not-the-password"
            )
            times[who].append(process_time() - begin)
            assert found is None
    known, *others = (median(times[who]) for who in tried)
    ratios = [other / known for other in others]
    print(
        f"known {known * 1000:.1f} ms; unknown name x {ratios[0]:.3f}, "
        f"unknown account x {ratios[1]:.3f} (median processor time of 15)"
    )
    # The hash takes nearly all of it: without one the ratio would be below 0.1.
    for ratio in ratios:
        assert 0.85 < ratio < 1.18
