"""Two accounts with access keys, and the API in this process to use them on."""

import logging
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from django.test import override_settings

from accessctl.operations import CreateAccessKey, CreateAccount
from keys.api import front
from keys.api.front import ApiFront
from kmsconsole.audit.models import AuditEvent
from kmsconsole.principals import Call, Kind, Principal
from tests.api.canary import CANARY, SECRET, rows
from tests.api.wire import Sender
from tests.personas import ACCOUNT, FOREIGN_ACCOUNT


def console(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Stand where Django stands; say that it was reached."""
    start_response("418 Console", [("Content-Type", "text/html")])
    return [b"console"]


def access_key(account_uin: int) -> dict[str, str]:
    """Make an account with its root user, and an access key for that user."""
    fast = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    operator = Principal(Kind.OPERATOR, account_uin, 0, "operator", "command")
    call = Call(operator, "", "", "127.0.0.1")
    with override_settings(PASSWORD_HASHERS=fast):
        CreateAccount.execute(call, {"Name": f"account {account_uin}"})
    return CreateAccessKey.execute(call, {"UserName": "admin"}).output


@pytest.fixture
def application(monkeypatch: pytest.MonkeyPatch) -> ApiFront:
    """The API over the test's own connection, whose transaction must stay open."""
    # Django's test client keeps its connections in the same way.
    monkeypatch.setattr(front, "close_if_unusable", lambda: None)
    return ApiFront(console)


@pytest.fixture
def sender(application: ApiFront, db: None) -> Sender:
    """An access key of the first account's root user."""
    made = access_key(ACCOUNT)
    return Sender(application, made["SecretId"], made["SecretKey"])


@pytest.fixture
def foreign(application: ApiFront, db: None) -> Sender:
    """An access key of another account's root user."""
    made = access_key(FOREIGN_ACCOUNT)
    return Sender(application, made["SecretId"], made["SecretKey"])


@pytest.fixture
def key_id(sender: Sender) -> str:
    """A key of the first account."""
    response = sender.ask("CreateKey", Alias="orders").response
    made: str = response["KeyId"]
    return made


@pytest.fixture
def untouched(key_id: str, caplog: pytest.LogCaptureFixture) -> Iterator[str]:
    """Give the key's ID; afterwards nothing changed and nothing was written down."""
    before, known = rows(), AuditEvent.objects.count()
    with caplog.at_level(logging.DEBUG):
        yield key_id
    assert rows() == before
    events = list(AuditEvent.objects.order_by("sequence").values())[known:]
    assert events
    for secret in (CANARY, SECRET):
        assert secret not in repr(events)
        assert secret not in caplog.text
