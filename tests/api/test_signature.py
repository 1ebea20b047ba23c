"""TC3 signatures: published vectors, the SDK's own signer, and forgers."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tencentcloud.common.abstract_client import AbstractClient
from tencentcloud.common.http.request import RequestInternal

from keys.api.signature import (
    SignedRequest,
    check_time,
    holds,
    parse_authorization,
)
from kmsconsole.errors import KMSError
from kmsconsole.principals import SecretKey
from tests.api.wire import Message

SECRET_ID = "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE"
# One for all tests: what was derived for one message must not do for another.
SECRET_KEY = SecretKey("Gu5t9xGARNpq86cd98joQYCN3EXAMPLE")
NOW = 1_700_000_000
KEY_ID = "23e80852-1e38-11e9-b129-5cb9019b4b01"

DOCUMENTED = Message(
    body=(
        b'{"Limit": 1, "Filters": [{"Values": ["\\u672a\\u547d\\u540d"], '
        b'"Name": "instance-name"}]}'
    ),
    host="cvm.tencentcloudapi.com",
    content_type="application/json; charset=utf-8",
    timestamp="1551113065",
    service="cvm",
)
POSTED = Message(body=b'{"KeyId": "%s"}' % KEY_ID.encode(), timestamp=str(NOW))
GOT = Message(
    method="GET",
    body=b"",
    query=f"KeyId={KEY_ID}",
    content_type="application/x-www-form-urlencoded",
    timestamp=str(NOW),
)
VECTORS = [
    (DOCUMENTED, "72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168"),
    (POSTED, "9592d40b824dbeb5ef43bbbe45491491a2aa28241856a7c46e8d762738218003"),
    (GOT, "02b3cd0e8552bd7a359a88d0053ff123a503fa6bb8b5a71e3be0e73730ac331d"),
    # What the signature of an unsigned payload covers is this text in its place.
    (
        replace(POSTED, body=b"UNSIGNED-PAYLOAD"),
        "1c57c09b949234e2b3487de5692fb487dde3499d1ec68d3142edf33c982c4765",
    ),
]


def verify(
    message: Message,
    signature: str,
    *,
    secret_key: SecretKey = SECRET_KEY,
    **changed: Any,
) -> bool:
    """Verify what `message` sends, with parts of the environ changed on the way."""
    header = changed.pop("HTTP_AUTHORIZATION", None)
    body = changed.pop("BODY", message.body)
    header = header or message.authorization(SECRET_ID, signature)
    environ = {**message.environ(header), **changed}
    request = SignedRequest(
        environ["REQUEST_METHOD"], environ["HTTP_X_TC_TIMESTAMP"], environ, body
    )
    return holds(request, parse_authorization(header), secret_key)


@pytest.mark.parametrize(("message", "signature"), VECTORS)
def test_published_vectors_hold(message: Message, signature: str) -> None:
    assert message.signature(SECRET_KEY) == signature
    assert verify(message, signature)
    assert not verify(message, signature, secret_key=SecretKey(SECRET_KEY[:-1]))


def test_dates_and_services_may_alternate() -> None:
    messages = [POSTED, replace(POSTED, service="cvm")]
    later = str(int(POSTED.timestamp) + 86_400)
    messages += [replace(each, timestamp=later, date="") for each in messages]
    for message in (*messages, *messages[::-1], *messages[::2]):
        assert verify(message, message.signature(SECRET_KEY))
    for one in messages:
        for other in messages:
            holds = verify(one, other.signature(SECRET_KEY))
            assert holds == (one is other)


def test_an_unsigned_payload_does_not_sign_the_body() -> None:
    assert not verify(POSTED, VECTORS[3][1])


def sdk_signature(message: Message, **options: Any) -> str:
    request = RequestInternal(message.host, message.method, "/")
    request.data = message.query if message.method == "GET" else message.body.decode()
    request.header = {
        "Content-Type": message.content_type,
        "Host": message.host,
        "X-TC-Timestamp": message.timestamp,
    }
    client = AbstractClient.__new__(AbstractClient)
    signature: str = client._get_tc3_signature(
        {}, request, message.scope_date(), message.service, SECRET_KEY, options
    )
    return signature


@pytest.mark.parametrize("message", [vector[0] for vector in VECTORS])
def test_the_official_signer_agrees(message: Message) -> None:
    assert verify(message, sdk_signature(message))


@pytest.mark.parametrize(
    "host", ["http://127.0.0.1:8000", "KMS.Example.ORG", "[::1]:8000"]
)
@pytest.mark.parametrize("service", ["kms", "127", "kms-intl"])
def test_host_and_service_are_taken_as_sent(host: str, service: str) -> None:
    message = replace(POSTED, host=host, service=service)
    assert verify(message, sdk_signature(message))


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "kms.example.org"])
def test_the_host_may_be_signed_without_its_port(host: str) -> None:
    # The Node SDK does so.
    message = replace(POSTED, host=host)
    signature = message.signature(SECRET_KEY)
    assert verify(message, signature, HTTP_HOST=f"{host}:8000")
    for other in (f"{host}:", f"{host}:x", f"{host}:80:80", f"a{host}:8000", ":8000"):
        assert not verify(message, signature, HTTP_HOST=other), other


def test_values_may_be_signed_trimmed_and_in_lower_case() -> None:
    message = replace(
        POSTED,
        content_type="Application/JSON; charset=UTF-8",
        host="KMS.Example.org",
        action="DescribeKey",
        signed=("content-type", "host", "x-tc-action"),
    )
    assert verify(message, message.signature(SECRET_KEY, fold=True))
    assert verify(message, message.signature(SECRET_KEY))


def test_any_further_header_may_be_signed() -> None:
    message = replace(
        POSTED,
        signed=("content-type", "host", "x-custom", "x-tc-action", "x-tc-region"),
        headers={"X-Custom": "some Value", "X-TC-Region": "ap-guangzhou"},
    )
    signature = message.signature(SECRET_KEY)
    assert verify(message, signature)
    assert not verify(message, signature, HTTP_X_TC_ACTION="DisableKey")
    assert not verify(message, signature, HTTP_X_TC_REGION="ap-shanghai")
    assert not verify(message, signature, HTTP_X_CUSTOM="some  Value")


@pytest.mark.parametrize(
    "changed",
    [
        {"REQUEST_METHOD": "GET"},
        {"HTTP_HOST": "127.0.0.1:8001"},
        {"HTTP_HOST": "127.0.0.1"},
        {"CONTENT_TYPE": "application/json; charset=utf-8"},
        {"HTTP_X_TC_TIMESTAMP": str(NOW + 1)},
        {"BODY": b""},
        {"BODY": POSTED.body + b" "},
        {"BODY": POSTED.body.replace(b"23e8", b"23e9")},
    ],
)
def test_changing_a_signed_part_breaks_a_post(changed: dict[str, Any]) -> None:
    assert not verify(POSTED, VECTORS[1][1], **changed)


@pytest.mark.parametrize(
    "changed",
    [
        {"REQUEST_METHOD": "POST"},
        {"QUERY_STRING": ""},
        {"QUERY_STRING": f"KeyId={KEY_ID}&Limit=1"},
        {"QUERY_STRING": f"KeyId=%32{KEY_ID[1:]}"},
        {"CONTENT_TYPE": "application/json"},
        {"HTTP_HOST": "127.0.0.1:8001"},
    ],
)
def test_changing_a_signed_part_breaks_a_get(changed: dict[str, Any]) -> None:
    assert not verify(GOT, VECTORS[2][1], **changed)


@pytest.mark.parametrize(
    "forged",
    [
        replace(POSTED, service="cvm"),
        replace(POSTED, date="2023-11-15"),
        replace(POSTED, signed=("content-type", "host", "x-tc-action")),
    ],
)
def test_changing_the_scope_breaks_the_signature(forged: Message) -> None:
    signature = VECTORS[1][1]
    header = forged.authorization(SECRET_ID, signature)
    assert not verify(POSTED, signature, HTTP_AUTHORIZATION=header)


@pytest.mark.parametrize("position", range(64))
def test_every_digit_of_the_signature_counts(position: int) -> None:
    signature = VECTORS[1][1]
    digit = f"{int(signature[position], 16) ^ 1:x}"
    assert not verify(POSTED, signature[:position] + digit + signature[position + 1 :])


def test_a_signature_has_one_spelling() -> None:
    # Else one signature could be sent twice without being known again.
    assert not verify(POSTED, VECTORS[1][1].upper())


def test_the_fingerprint_tells_senders_and_signatures_apart() -> None:
    def fingerprint(
        secret_id: str, signature: str, timestamp: str = "1700000000"
    ) -> bytes:
        header = POSTED.authorization(secret_id, signature)
        return parse_authorization(header).fingerprint(timestamp)

    one, other = "a" * 64, "b" * 64
    prints = {
        fingerprint(SECRET_ID, one),
        fingerprint(SECRET_ID, other),
        fingerprint("AKIDother", one),
        fingerprint(SECRET_ID, one, "1700000001"),
    }
    assert len(prints) == 4
    assert all(len(each) == 32 for each in prints)
    assert fingerprint(SECRET_ID, one) in prints
    # An index over them grows at its end, as time does.
    assert max(prints) == fingerprint(SECRET_ID, one, "1700000001")


WELL_FORMED = POSTED.authorization(SECRET_ID, "0" * 64)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "SKIP",
        "Bearer abc",
        "TC3-HMAC-SHA256",
        "HmacSHA256 " + WELL_FORMED.partition(" ")[2],
        WELL_FORMED.lower(),
        WELL_FORMED + ", Extra=1",
        WELL_FORMED.replace("Signature=", "Signature:"),
        WELL_FORMED.replace(SECRET_ID, ""),
        WELL_FORMED.replace(SECRET_ID, "A" * 65),
        WELL_FORMED.replace(SECRET_ID, "AKID_-"),
        WELL_FORMED.replace("AKIDz8", "AKIDé8"),
        WELL_FORMED.replace("AKIDz8", "AKID\n8"),
        WELL_FORMED.replace("/kms/", "//"),
        WELL_FORMED.replace("/kms/", "/k m/"),
        WELL_FORMED.replace("/kms/", "/kms/kms/"),
        WELL_FORMED.replace("tc3_request", "tc4_request"),
        WELL_FORMED.replace("content-type;host", "host"),
        WELL_FORMED.replace("content-type;host", "content-type"),
        WELL_FORMED.replace("content-type;host", "host;content-type"),
        WELL_FORMED.replace("content-type;host", "content-type;content-type;host"),
        WELL_FORMED.replace("content-type;host", "Content-Type;Host"),
        WELL_FORMED.replace("content-type;host", "content-type;host;"),
        WELL_FORMED.replace("content-type;host", ";content-type;host"),
        WELL_FORMED.replace("content-type;host", "content-type;host;x_tc_action"),
        WELL_FORMED.replace("content-type;host", "content_type;host"),
        WELL_FORMED[:-1],
        WELL_FORMED + "0",
        WELL_FORMED + " " * 3000,
    ],
)
def test_headers_out_of_form_are_refused(header: str) -> None:
    with pytest.raises(KMSError) as caught:
        parse_authorization(header)
    assert caught.value.code == "AuthFailure.InvalidAuthorization"


def test_a_signed_header_must_be_there() -> None:
    message = replace(POSTED, signed=("content-type", "host", "x-absent"))
    with pytest.raises(KMSError) as caught:
        verify(message, message.signature(SECRET_KEY))
    assert caught.value.code == "AuthFailure.InvalidAuthorization"


@pytest.mark.parametrize("off", [-300, -1, 0, 1, 300])
def test_five_minutes_either_way_are_allowed(off: int) -> None:
    authorization = parse_authorization(WELL_FORMED)
    check_time(authorization, str(NOW), NOW + off)


@pytest.mark.parametrize(
    ("timestamp", "code"),
    [
        (str(NOW - 301), "AuthFailure.SignatureExpire"),
        (str(NOW + 301), "AuthFailure.SignatureExpire"),
        ("0", "AuthFailure.SignatureExpire"),
        ("999999999999", "AuthFailure.SignatureExpire"),
        *(
            (text, "AuthFailure.InvalidAuthorization")
            for text in (
                "",
                "now",
                f"0{NOW}",
                f"+{NOW}",
                f"-{NOW}",
                f" {NOW}",
                f"{NOW}.0",
                "1_700_000_000",
                "１７００００００００",  # noqa: RUF001 - digits, but not ASCII ones
                "9" * 13,
            )
        ),
    ],
)
def test_other_timestamps_are_refused(timestamp: str, code: str) -> None:
    with pytest.raises(KMSError) as caught:
        check_time(parse_authorization(WELL_FORMED), timestamp, NOW)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "date", ["2023-11-13", "2023-11-15", "20231114", "2023-11-14 ", ""]
)
def test_the_scope_names_the_date_of_the_timestamp(date: str) -> None:
    header = WELL_FORMED.replace("2023-11-14", date)
    with pytest.raises(KMSError) as caught:
        check_time(parse_authorization(header), str(NOW), NOW)
    assert caught.value.code == "AuthFailure.InvalidAuthorization"


def test_midnight_belongs_to_the_new_day() -> None:
    midnight = NOW - NOW % 86_400
    for moment, date in ((midnight, "2023-11-14"), (midnight - 1, "2023-11-13")):
        message = replace(POSTED, timestamp=str(moment))
        assert message.scope_date() == date
        header = message.authorization(SECRET_ID, "0" * 64)
        check_time(parse_authorization(header), str(moment), moment)


PIECES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "TC3-HMAC-SHA256 ",
            "Credential=",
            SECRET_ID,
            "/2023-11-14/kms/tc3_request",
            ", ",
            "SignedHeaders=",
            "content-type;host",
            "Signature=",
            "0" * 64,
        ]
    ),
)


def code_of(work: Callable[[], object]) -> str:
    """Return the code of the refusal, "" where there was none."""
    try:
        work()
    except KMSError as refusal:
        return refusal.code
    return ""


@given(st.lists(PIECES, max_size=12).map("".join))
def test_no_header_breaks_the_parser(header: str) -> None:
    code = code_of(lambda: parse_authorization(header))
    assert code in {"", "AuthFailure.InvalidAuthorization"}
    if not code:
        parsed = parse_authorization(header)
        assert parsed.secret_id in header
        assert len(parsed.signature) == 64


@given(st.text(max_size=16), st.floats(min_value=0, max_value=4e9))
def test_no_timestamp_breaks_the_clock_check(timestamp: str, now: float) -> None:
    authorization = parse_authorization(WELL_FORMED)
    code = code_of(lambda: check_time(authorization, timestamp, now))
    assert code.startswith("AuthFailure.")
