"""A form that meets no session: nothing is sent, and the way back is told."""

import pytest
from django.test import Client
from django.urls import reverse

from tests.console import words
from tests.personas import create_key

pytestmark = pytest.mark.django_db

NOTICE = "what you sent did not arrive and nothing was changed"


def test_a_form_without_a_session_leads_back_to_itself() -> None:
    url = reverse("keys:operation", args=[create_key(), "disable-key"])
    answer = Client().post(url, {})
    assert answer.status_code == 302
    assert answer["Location"] == f"/login/?next={url}&unsent=1"
    assert NOTICE in words(Client().get(answer["Location"]))


def test_one_without_its_token_does_too() -> None:
    url = reverse("keys:create")
    answer = Client(enforce_csrf_checks=True).post(url, {"Alias": "orders"})
    assert answer["Location"] == f"/login/?next={url}&unsent=1"


def test_a_wrong_password_leaves_the_notice_standing() -> None:
    page = Client().get("/login/?unsent=1")
    assert b'action="/login/?unsent=1"' in page.content


def test_a_page_that_was_only_asked_for_says_nothing_of_the_kind() -> None:
    answer = Client().get(reverse("keys:list"))
    assert answer["Location"] == "/login/?next=/keys/"
    assert NOTICE not in words(Client().get(answer["Location"]))


def test_the_region_leads_back_to_the_page_it_was_chosen_on() -> None:
    form = {"region": "ap-shanghai", "next": "/keys/?state=Enabled"}
    answer = Client().post(reverse("region"), form)
    assert answer["Location"].startswith("/login/?next=/keys/%3Fstate%3DEnabled&")


def test_signing_out_twice_asks_nobody_to_sign_in_for_that() -> None:
    answer = Client().post(reverse("account_logout"))
    assert "logout" not in answer["Location"]
