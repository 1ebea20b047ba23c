"""What is taken for the API, what goes to the console, and what every answer has."""

import io
import logging
from dataclasses import replace
from typing import Any

import pytest

from keys.api import dispatch, front
from keys.api.front import ApiFront
from kmsconsole.audit.models import AuditEvent
from tests.api.conftest import console
from tests.api.wire import Message, Sender, call

pytestmark = pytest.mark.django_db


def bare(method: str = "GET", path: str = "/", **more: Any) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.input": io.BytesIO(),
        **more,
    }


@pytest.mark.parametrize(
    "environ",
    [
        bare(),
        bare("HEAD"),
        bare("OPTIONS"),
        bare("PUT"),
        bare(QUERY_STRING="region=ap-guangzhou&Actions=1"),
        bare(HTTP_AUTHORIZATION="Basic abc"),
        bare("POST", "/keys/create/", HTTP_X_TC_ACTION="CreateKey"),
        bare("GET", "//", HTTP_X_TC_ACTION="CreateKey"),
        bare("GET", "/login/", QUERY_STRING="Action=ListKeys"),
    ],
)
def test_browsers_reach_the_console(
    application: ApiFront, environ: dict[str, Any]
) -> None:
    assert call(application, environ).status == "418 Console"


@pytest.mark.parametrize(
    ("environ", "code"),
    [
        (bare("POST"), "AuthFailure.InvalidAuthorization"),
        (
            bare("POST", HTTP_COOKIE="kmsconsole_session=x"),
            "AuthFailure.InvalidAuthorization",
        ),
        (bare(HTTP_X_TC_ACTION="ListKeys"), "AuthFailure.InvalidAuthorization"),
        (
            bare(HTTP_AUTHORIZATION="TC3-HMAC-SHA256"),
            "AuthFailure.InvalidAuthorization",
        ),
        (bare(QUERY_STRING="a=b&Action=ListKeys"), "AuthFailure.InvalidAuthorization"),
        *(
            (bare(method, HTTP_X_TC_ACTION="ListKeys"), "UnsupportedProtocol")
            for method in ("PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "BREW", "get")
        ),
    ],
)
def test_what_speaks_the_api_is_answered_by_it(
    application: ApiFront, environ: dict[str, Any], code: str
) -> None:
    reply = call(application, environ)
    assert reply.code == code
    assert reply.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("action", ["ListKeys", "Encrypt", "NoSuchThing"])
def test_every_answer_has_a_request_id_of_its_own(sender: Sender, action: str) -> None:
    numbers = {sender.ask(action).response["RequestId"] for _ in range(3)}
    assert len(numbers) == 3


def test_the_request_id_is_the_events(sender: Sender, key_id: str) -> None:
    reply = sender.ask("DescribeKey", KeyId=key_id)
    event = AuditEvent.objects.order_by("sequence").last()
    assert event is not None
    assert event.request_id == reply.response["RequestId"]
    assert (event.operation, event.key_id) == ("DescribeKey", key_id)
    assert event.credential == sender.secret_id
    assert event.signature_hash is not None


def test_numbers_in_answers_are_plain(sender: Sender, key_id: str) -> None:
    metadata = sender.ask("DescribeKey", KeyId=key_id).response["KeyMetadata"]
    for name in ("CreateTime", "CreatorUin", "Type", "DeletionDate", "NextRotateTime"):
        assert type(metadata[name]) is int
        assert metadata[name] >= 0


@pytest.mark.parametrize("language", ["", "en-US", "zh-CN", "xx", "zh" * 500])
def test_codes_do_not_depend_on_the_language(sender: Sender, language: str) -> None:
    message = Message("NoSuchThing")
    headers = {**message.headers, "X-TC-Language": language}
    assert sender.send(replace(message, headers=headers)).code == "InvalidAction"


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_an_unforeseen_fault_is_an_internal_error_and_keeps_its_words(
    sender: Sender,
    method: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: Any) -> None:
        message = "CANARY plaintext"
        raise ValueError(message)

    monkeypatch.setattr(dispatch, "authenticate", fail)
    with caplog.at_level(logging.DEBUG):
        reply = sender.send(Message(method=method))
    assert reply.code == "InternalError"
    assert b"CANARY" not in reply.body
    logged = "".join(str(record.msg) for record in caplog.records)
    assert "CANARY" not in logged + caplog.text
    assert reply.response["RequestId"] in logged
    assert "ValueError" in logged


def test_the_console_is_called_with_what_came() -> None:
    environ = bare()
    seen: list[object] = []

    def inner(given: dict[str, Any], start_response: Any) -> Any:
        seen.append(given)
        return console(given, start_response)

    call(ApiFront(inner), environ)
    assert seen == [environ]


def test_stale_connections_are_given_up_before_a_request(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def run(*_: Any) -> dict[str, Any]:
        seen.append("run")
        return {}

    monkeypatch.setattr(front, "close_if_unusable", lambda: seen.append("close"))
    monkeypatch.setattr(dispatch, "run", run)
    assert sender.ask("ListKeys").code == ""
    assert seen == ["close", "run"]
