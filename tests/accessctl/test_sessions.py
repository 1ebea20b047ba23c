"""How long sessions last, who ends them, and what they show."""

from collections.abc import Callable

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accessctl.models import Account, User
from kmsconsole.audit.models import AuditEvent
from tests.accessctl.conftest import inside, sign_in

pytestmark = pytest.mark.django_db

Later = Callable[..., None]


@pytest.fixture
def limits(ann: User) -> None:
    Account.objects.filter(pk=ann.account_id).update(idle_minutes=10, session_hours=1)


def test_a_session_that_is_idle_too_long_is_over(
    ann: User, limits: None, later: Later
) -> None:
    client = Client()
    sign_in(client, ann)
    later(minutes=9)
    assert inside(client)
    later(minutes=9)
    assert inside(client)
    later(minutes=10)
    answer = client.get("/keys/?q=orders")
    assert answer["Location"] == "/login/?next=/keys/%3Fq%3Dorders"
    assert "_auth_user_id" not in client.session


def test_a_session_ends_in_any_case_after_some_hours(
    ann: User, limits: None, later: Later
) -> None:
    client = Client()
    sign_in(client, ann)
    for _ in range(6):
        later(minutes=9)
        assert inside(client)
    later(minutes=6)
    assert not inside(client)
    sign_in(client, ann)
    assert inside(client)


def test_a_shorter_limit_holds_at_once(ann: User, later: Later) -> None:
    client = Client()
    sign_in(client, ann)
    later(minutes=20)
    Account.objects.filter(pk=ann.account_id).update(idle_minutes=15)
    assert not inside(client)


def test_the_last_use_is_noted_at_most_once_a_minute(ann: User, later: Later) -> None:
    client = Client()
    sign_in(client, ann)
    client.get("/account/sessions/")

    def writes() -> int:
        with CaptureQueriesContext(connection) as statements:
            client.get("/account/sessions/")
        return sum('UPDATE "django_session"' in s["sql"] for s in statements)

    assert writes() == 0
    later(seconds=61)
    assert writes() == 1
    assert writes() == 0


def test_the_list_shows_what_still_opens_the_console(
    ann: User, limits: None, later: Later
) -> None:
    gone, other, here = Client(), Client(), Client()
    sign_in(gone, ann)
    later(minutes=8)
    sign_in(other, ann, address="192.0.2.9")
    later(minutes=4)
    sign_in(here, ann)
    assert not inside(gone)
    listed = here.get("/account/sessions/").context["sessions"]
    assert [(entry.current, entry.ip) for entry in listed] == [
        (True, "127.0.0.1"),
        (False, "192.0.2.9"),
    ]


def test_ending_sessions_of_ones_own(ann: User, bob: User) -> None:
    here, one, two, foreign = (Client() for _ in range(4))
    for client in (here, one, two):
        sign_in(client, ann)
    sign_in(foreign, bob)
    listed = here.get("/account/sessions/").context["sessions"]
    numbers = {entry.session_key: entry.pk for entry in listed}
    number = numbers[one.session.session_key]
    strange = foreign.get("/account/sessions/").context["sessions"][0].pk
    for ended in (number, number, strange):
        assert here.post("/account/sessions/", {"Number": ended}).status_code == 302
    assert [inside(c) for c in (here, one, two, foreign)] == [True, False, True, True]
    here.post("/account/sessions/")
    assert [inside(c) for c in (here, two, foreign)] == [True, False, True]
    events = AuditEvent.objects.filter(operation="EndSessions", outcome="success")
    assert events.count() == 4
    keys = set(Session.objects.values_list("session_key", flat=True))
    details = " ".join(events.values_list("details", flat=True))
    assert not any(key in details for key in keys)
