"""One signature, several requests: what the SDK does by itself and a listener may not.

The SDK signs neither the action nor fractions of a second, so that honest requests
share signatures; captured ones must not be good for anything else later.
"""

import json
import logging
from datetime import datetime, timedelta
from typing import Any

import pytest

from keys.models import CustomerMasterKey
from kmsconsole import clock
from kmsconsole.audit.models import AuditEvent
from tests.api.wire import Message, Sender, call

pytestmark = pytest.mark.django_db

REPLAYED = "AuthFailure"
real_now = clock.now


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let the service's clock stand this many seconds after the first call."""
    start = real_now()

    def moved(seconds: float) -> None:
        def now() -> datetime:
            return start + timedelta(seconds=seconds)

        monkeypatch.setattr(clock, "now", now)

    moved(0)
    return moved


class Captured:
    """One signed request that can be sent again and again, as any action."""

    def __init__(self, sender: Sender, action: str, **parameters: Any) -> None:
        self.application = sender.application
        timestamp = str(int(clock.now().timestamp()))
        message = Message(action, json.dumps(parameters).encode(), timestamp=timestamp)
        self.body = message.body
        self.environ = sender.environ(message)

    def send(self, action: str = "") -> str:
        """Send it, with another action if one is named; return the error's code."""
        fresh = Message(body=self.body).environ(None)["wsgi.input"]
        environ = {**self.environ, "wsgi.input": fresh}
        if action:
            environ["HTTP_X_TC_ACTION"] = action
        return call(self.application, environ).code


def state(key_id: str) -> str:
    return CustomerMasterKey.objects.get(id=key_id).state


def test_several_changes_in_one_second_all_work(
    sender: Sender, key_id: str, later: Any
) -> None:
    captured = Captured(sender, "DisableKey", KeyId=key_id)
    for moment, action in enumerate(
        ("DisableKey", "EnableKey", "DisableKey", "DescribeKey")
    ):
        later(moment / 4)
        assert captured.send(action) == ""
    assert state(key_id) == "Disabled"


@pytest.mark.parametrize("action", ["EnableKey", "DisableKey", "UpdateAlias"])
def test_a_captured_read_is_no_change_after_two_seconds(
    sender: Sender, key_id: str, later: Any, action: str
) -> None:
    captured = Captured(sender, "DescribeKey", KeyId=key_id)
    assert captured.send() == ""
    before = CustomerMasterKey.objects.values().get(id=key_id)
    for seconds in (2.1, 60, 290):
        later(seconds)
        assert captured.send(action) == REPLAYED
    assert CustomerMasterKey.objects.values().get(id=key_id) == before


def test_a_captured_change_happens_once(
    sender: Sender, key_id: str, later: Any
) -> None:
    captured = Captured(sender, "DisableKey", KeyId=key_id)
    assert captured.send() == ""
    later(1.9)
    assert captured.send() == ""
    assert sender.ask("EnableKey", KeyId=key_id).code == ""
    later(3)
    assert captured.send() == REPLAYED
    assert state(key_id) == "Enabled"


@pytest.mark.parametrize("action", ["DescribeKey", "Encrypt"])
def test_the_same_reading_or_cryptography_may_be_repeated(
    sender: Sender, key_id: str, later: Any, action: str
) -> None:
    more = {"Plaintext": "YQ=="} if action == "Encrypt" else {}
    captured = Captured(sender, action, KeyId=key_id, **more)
    for seconds in (0, 2.5, 290):
        later(seconds)
        assert captured.send() == ""


def test_a_repeated_request_is_done_again_and_never_answered_from_memory(
    sender: Sender, key_id: str, later: Any
) -> None:
    captured = Captured(sender, "Encrypt", KeyId=key_id, Plaintext="YQ==")
    assert captured.send() == ""
    sender.ask("DisableKey", KeyId=key_id)
    assert captured.send() == "ResourceUnavailable.CmkDisabled"


def test_another_reading_is_refused_after_two_seconds(
    sender: Sender, key_id: str, later: Any
) -> None:
    captured = Captured(sender, "DescribeKey", KeyId=key_id)
    assert captured.send() == ""
    later(2.1)
    assert captured.send("Encrypt") == REPLAYED


def test_a_refused_request_uses_its_signature_up_too(
    sender: Sender, key_id: str, later: Any
) -> None:
    captured = Captured(sender, "NoSuchThing", KeyId=key_id)
    assert captured.send() == "InvalidAction"
    later(2.1)
    assert captured.send("DisableKey") == REPLAYED
    assert state(key_id) == "Enabled"


def test_after_five_minutes_nothing_is_accepted(
    sender: Sender, key_id: str, later: Any
) -> None:
    captured = Captured(sender, "DescribeKey", KeyId=key_id)
    later(302)
    assert captured.send() == "AuthFailure.SignatureExpire"


def test_a_replay_is_recorded_and_raises_an_alarm(
    sender: Sender, key_id: str, later: Any, caplog: pytest.LogCaptureFixture
) -> None:
    captured = Captured(sender, "DescribeKey", KeyId=key_id)
    captured.send()
    later(3)
    with caplog.at_level(logging.WARNING):
        assert captured.send("DisableKey") == REPLAYED
    event = AuditEvent.objects.order_by("sequence").last()
    assert event is not None
    assert (event.operation, event.error_code) == ("DisableKey", REPLAYED)
    assert event.credential == sender.secret_id
    assert any(record.levelno >= logging.WARNING for record in caplog.records)
