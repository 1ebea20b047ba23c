"""What an account asks of its people: who may change it, within which limits."""

from typing import Any

import pytest
from django.test import Client

from accessctl.models import Account, User
from accessctl.operations import DescribeAccountSettings, UpdateAccountSettings
from kmsconsole.audit.models import AuditEvent
from kmsconsole.errors import InvalidParameterValue, UnauthorizedOperation
from tests.accessctl.conftest import inside, sign_in
from tests.console import words
from tests.personas import ACCOUNT, FOREIGN_ROOT, ROOT, SUB, execute

pytestmark = pytest.mark.django_db

PATH = "/access/settings/"
FORM = {
    "ShortestPassword": "16",
    "IdleMinutes": "30",
    "SessionHours": "4",
    "RequireSignedAction": "on",
}


def test_saving_changes_this_account_alone(root: User, bob: User) -> None:
    client = Client()
    sign_in(client, root)
    assert client.post(PATH, FORM)["Location"] == PATH
    mine, other = Account.objects.get(uin=ACCOUNT), bob.account
    assert (mine.shortest_password, mine.idle_minutes, mine.session_hours) == (
        16,
        30,
        4,
    )
    assert (mine.require_signed_action, mine.require_second_factor) == (True, False)
    other.refresh_from_db()
    assert (other.shortest_password, other.idle_minutes) == (12, 60)
    event = AuditEvent.objects.get(operation="UpdateAccountSettings")
    assert '"shortest_password":16' in event.details
    page = client.get(PATH)
    assert f"/login/{ACCOUNT}/" in page.content.decode()
    assert 'value="16"' in page.content.decode()


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("ShortestPassword", (11, 65)),
        ("IdleMinutes", (4, 481)),
        ("SessionHours", (0, 25)),
    ],
)
def test_numbers_outside_of_the_limits_are_refused_at_their_field(
    root: User, name: str, values: tuple[int, int]
) -> None:
    client = Client()
    sign_in(client, root)
    for value in values:
        with pytest.raises(InvalidParameterValue):
            execute(UpdateAccountSettings, ROOT, **{name: value})
        answer = client.post(PATH, FORM | {name: str(value)})
        assert answer.status_code == 400
        assert answer.context["form"].errors.keys() == {name}
    assert Account.objects.get().shortest_password == 12


def test_only_administrators_see_and_change_them(ann: User, bob: User) -> None:
    for operation in (DescribeAccountSettings, UpdateAccountSettings):
        with pytest.raises(UnauthorizedOperation):
            execute(operation, SUB)
    client = Client()
    sign_in(client, ann)
    page = client.get(PATH)
    assert page.status_code == 403
    assert "Account settings" not in words(client.get("/keys/"))
    assert execute(DescribeAccountSettings, FOREIGN_ROOT).output["AccountId"] != ACCOUNT


def test_demanding_a_factor_sends_its_author_to_the_set_up(root: User) -> None:
    client = Client()
    sign_in(client, root)
    assert "You have no second factor yourself" in words(client.get(PATH))
    client.post(PATH, FORM | {"RequireSecondFactor": "on"})
    answer: Any = client.get(PATH)
    assert answer["Location"] == "/account/2fa/"
    assert not inside(client)
