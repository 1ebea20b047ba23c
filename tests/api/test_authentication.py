"""Who is let in: signatures that hold, of access keys that may be used now."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accessctl.models import AccessKey, User
from keys.api import authentication, signature
from keys.api.front import ApiFront
from keys.hsm.errors import BadData, HsmDown
from kmsconsole import clock
from kmsconsole.audit.models import AuditEvent
from tests.api.wire import REGION, VERSION, Message, Sender, call

pytestmark = pytest.mark.django_db


def headers(**more: str) -> dict[str, str]:
    named = {name.replace("_", "-"): value for name, value in more.items()}
    return {"X-TC-Version": VERSION, "X-TC-Region": REGION, **named}


def test_a_signed_request_is_let_in(sender: Sender) -> None:
    reply = sender.ask("ListKeys")
    assert reply.response["Keys"] == []
    assert reply.response["TotalCount"] == 0


def test_a_wrong_secret_is_refused(sender: Sender) -> None:
    wrong = replace(sender, secret_key=sender.secret_key[::-1])
    assert wrong.ask("ListKeys").code == "AuthFailure.SignatureFailure"


def test_another_keys_secret_is_refused(sender: Sender, foreign: Sender) -> None:
    mixed = replace(sender, secret_key=foreign.secret_key)
    assert mixed.ask("ListKeys").code == "AuthFailure.SignatureFailure"


def test_an_unknown_secret_id_costs_the_same_work(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified = []

    def holds(*parts: Any) -> bool:
        verified.append(parts)
        return real(*parts)

    real = signature.holds
    monkeypatch.setattr(signature, "holds", holds)
    unknown = replace(sender, secret_id="AKIDnobody")
    assert unknown.ask("ListKeys").code == "AuthFailure.SecretIdNotFound"
    assert len(verified) == 1


def switch_off_key() -> None:
    AccessKey.objects.update(is_enabled=False)


def expire_key() -> None:
    AccessKey.objects.update(expires_at=clock.now() - timedelta(seconds=1))


def switch_off_user() -> None:
    User.objects.update(is_active=False)


def delete_key() -> None:
    AccessKey.objects.all().delete()


@pytest.mark.parametrize(
    "revoke", [switch_off_key, expire_key, switch_off_user, delete_key]
)
def test_a_revoked_key_is_refused_from_the_next_request_on(
    sender: Sender, revoke: Any
) -> None:
    assert sender.ask("ListKeys").code == ""
    revoke()
    assert sender.ask("ListKeys").code == "AuthFailure.SecretIdNotFound"


MALFORMED = "AuthFailure.InvalidAuthorization"


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (headers(X_TC_Content_SHA256="UNSIGNED-PAYLOAD"), MALFORMED),
        (headers(X_TC_Content_SHA256=" unsigned-payload"), MALFORMED),
        (headers(X_TC_Token="temporary"), "AuthFailure.TokenFailure"),
        (headers(X_TC_Timestamp=""), MALFORMED),
        (headers(X_TC_Timestamp="yesterday"), MALFORMED),
        (headers(X_TC_Timestamp="1551113065"), "AuthFailure.SignatureExpire"),
    ],
)
def test_other_ways_to_authenticate_are_refused(
    sender: Sender, sent: dict[str, str], code: str
) -> None:
    message = Message()
    signed = message.signature(sender.secret_key)
    header = message.authorization(sender.secret_id, signed)
    environ = replace(message, headers=sent).environ(header)
    assert call(sender.application, environ).code == code


def test_an_unsigned_payload_is_refused_though_its_signature_is_right(
    sender: Sender,
) -> None:
    sent = headers(X_TC_Content_SHA256="UNSIGNED-PAYLOAD")
    signed = Message(body=b"UNSIGNED-PAYLOAD").signature(sender.secret_key)
    message = Message(body=b'{"KeyId": "x"}', headers=sent)
    header = message.authorization(sender.secret_id, signed)
    reply = call(sender.application, message.environ(header))
    assert reply.code == "AuthFailure.InvalidAuthorization"
    assert "UNSIGNED-PAYLOAD" in reply.response["Error"]["Message"]


@pytest.mark.parametrize("method", ["HmacSHA1", "HmacSHA256"])
@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_signatures_of_version_1_are_refused_by_name(
    application: ApiFront, method: str, verb: str
) -> None:
    form = f"Action=ListKeys&SecretId=AKIDx&SignatureMethod={method}&Signature=abc="
    message = Message(
        method=verb,
        query=form if verb == "GET" else "",
        body=form.encode() if verb == "POST" else b"",
        content_type="application/x-www-form-urlencoded",
        headers={},
    )
    environ = message.environ(None)
    del environ["HTTP_X_TC_ACTION"], environ["HTTP_X_TC_TIMESTAMP"]
    reply = call(application, environ)
    assert reply.code == "AuthFailure.InvalidAuthorization"
    assert "version 1" in reply.response["Error"]["Message"]


def test_skipping_the_signature_is_refused(application: ApiFront) -> None:
    reply = call(application, Message().environ("SKIP"))
    assert reply.code == "AuthFailure.InvalidAuthorization"
    assert "without a signature" in reply.response["Error"]["Message"]


@pytest.mark.parametrize("error", [HsmDown(), BadData(), OperationalError("locked")])
def test_without_database_or_hsm_nobody_is_let_in(
    sender: Sender, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_secret_id: str) -> None:
        raise error

    monkeypatch.setattr(authentication, "find_credential", fail)
    before = AuditEvent.objects.count()
    code = sender.ask("ListKeys").code
    assert code == "UnsupportedOperation.ServiceTemporaryUnavailable"
    # Nobody was refused, so nobody's refusal is recorded.
    assert AuditEvent.objects.count() == before


GATEWAY_CODES = {
    "AuthFailure.InvalidAuthorization",
    "AuthFailure.SecretIdNotFound",
    "AuthFailure.SignatureExpire",
    "AuthFailure.SignatureFailure",
    "AuthFailure.TokenFailure",
    "InvalidParameter",
    "UnsupportedProtocol",
}
# WSGI hands over headers as Latin-1; servers refuse control characters before.
HEADER = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60)


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)
@given(
    method=st.sampled_from(["POST", "GET", "PUT"]),
    secret_id=st.sampled_from(["known", "AKIDnobody", "x y", ""]),
    changed=st.dictionaries(
        st.sampled_from(
            [
                "HTTP_AUTHORIZATION",
                "HTTP_HOST",
                "CONTENT_TYPE",
                "QUERY_STRING",
                "HTTP_X_TC_ACTION",
                "HTTP_X_TC_TIMESTAMP",
                "HTTP_X_TC_VERSION",
                "HTTP_X_TC_REGION",
                "HTTP_X_TC_LANGUAGE",
                "HTTP_X_TC_TOKEN",
                "HTTP_X_FORWARDED_FOR",
            ]
        ),
        HEADER,
        min_size=1,
    ),
    dropped=st.sets(st.sampled_from(["HTTP_HOST", "CONTENT_TYPE", "HTTP_X_TC_ACTION"])),
)
def test_no_headers_let_anybody_in_or_break_anything(
    sender: Sender,
    method: str,
    secret_id: str,
    changed: dict[str, str],
    dropped: set[str],
) -> None:
    chosen = sender.secret_id if secret_id == "known" else secret_id
    message = Message(method=method)
    environ = message.environ(message.authorization(chosen, "0" * 64)) | changed
    for name in dropped:
        environ.pop(name, None)
    reply = call(sender.application, environ)
    if reply.status == "418 Console":
        assert method == "GET"
        return
    assert reply.code in GATEWAY_CODES


def test_an_access_key_works_from_its_addresses_alone(sender: Sender) -> None:
    AccessKey.objects.update(allowed_addresses="192.0.2.0/24")
    wrong = replace(sender, secret_key=sender.secret_key[::-1])
    assert wrong.ask("ListKeys").code == "AuthFailure.SignatureFailure"
    assert sender.ask("ListKeys").code == "AuthFailure.UnauthorizedOperation"
    assert AccessKey.objects.get().last_used_at is None
    event = AuditEvent.objects.latest("sequence")
    assert (event.operation, event.outcome) == ("ListKeys", "refused")
    assert (event.principal_name, event.principal_kind) == ("admin", "root")
    AccessKey.objects.update(allowed_addresses="192.0.2.0/24 127.0.0.0/8")
    assert sender.ask("ListKeys").response["Keys"] == []
    assert AccessKey.objects.get().last_used_address == "127.0.0.1"
