"""Everything a caller can get wrong: one clear code, nothing changed, nothing leaked.

Each case is sent correctly signed over the wire. Rows of keys and versions are the
same before and after, the answer quotes nothing of the request, and no case is an
InternalError.
"""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from tests.api.canary import CANARY, SECRET, refused
from tests.api.wire import Message, Sender, call

pytestmark = pytest.mark.django_db

UNREADABLE = "InvalidParameter"
VALUE = "InvalidParameterValue"
MISSING = "MissingParameter"
UNKNOWN = "UnknownParameter"
BAD_KEY_ID = "InvalidParameterValue.InvalidKeyId"
BAD_PLAINTEXT = "InvalidParameterValue.InvalidPlaintext"
BAD_ALIAS = "InvalidParameterValue.InvalidAlias"


def body(template: str, key_id: str, blob: str = "") -> bytes:
    """Fill KEY and BLOB into a template of JSON text; escapes of bytes are kept."""
    filled = template.replace("KEY", key_id).replace("BLOB", blob)
    return filled.encode("utf-8", "surrogateescape")


# Bodies that are no readable object, with a canary where there is room for one.
@pytest.mark.parametrize(
    "template",
    [
        "",
        "null",
        "[]",
        f'"{CANARY}"',
        '{"KeyId":"KEY","Plaintext":"' + SECRET,
        '{"KeyId":"KEY","Plaintext":"' + SECRET + '"} x',
        '{"KeyId":"KEY","Plaintext":"' + SECRET + '"}{}',
        "{'KeyId':'KEY'}",
        '{"KeyId":"KEY","Plaintext":"' + SECRET + '","Plaintext":"YQ=="}',
        '{"KeyId":"KEY","Plaintext":"YQ==","\\u0050laintext":"' + SECRET + '"}',
        '{"KeyId":"KEY","KeyId":"KEY","Plaintext":"YQ=="}',
        '{"KeyId":"KEY","Plaintext":"' + SECRET + '\\u0000"}',
        '{"KeyId":"KEY","Plaintext":"' + SECRET + '\\ud800"}',
        '{"KeyId":"KEY","Plaintext":"' + SECRET + '","X":NaN}',
        '{"KeyId":"KEY","Plaintext":"' + SECRET + '","X":1e999}',
        '{"KeyId":"KEY","Plaintext":"' + SECRET + '","X":' + "9" * 40 + "}",
        '{"KeyId":"KEY","Plaintext":"' + SECRET + '\udcff"}',
        '{"KeyId":"KEY","Plaintext":"' + SECRET + '","X":' + "[" * 11 + "]" * 11 + "}",
        "[" * 60_000,
        '{"a":' * 20_000,
    ],
)
def test_bodies_nobody_can_read(sender: Sender, untouched: str, template: str) -> None:
    message = Message("Encrypt", body(template, untouched))
    refused(sender.send(message), UNREADABLE)


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "multipart/form-data; boundary=x", "application/octet-stream", ""],
)
def test_bodies_of_another_type(
    sender: Sender, untouched: str, content_type: str
) -> None:
    message = Message("Encrypt", body('{"KeyId":"KEY"}', untouched))
    refused(sender.send(replace(message, content_type=content_type)), UNREADABLE)


@pytest.mark.parametrize("size", [131_073, 200_000, 3_000_000])
@pytest.mark.parametrize("is_declared", [True, False])
def test_bodies_over_the_limit(
    sender: Sender, untouched: str, size: int, is_declared: bool
) -> None:
    start = b'{"KeyId":"%s","Plaintext":"' % untouched.encode()
    message = Message("Encrypt", start + b"Q" * (size - len(start) - 2) + b'"}')
    environ = sender.environ(message)
    if not is_declared:
        del environ["CONTENT_LENGTH"]
    reply = call(sender.application, environ)
    refused(reply, UNREADABLE)
    assert "131072" in reply.response["Error"]["Message"]


WRONG: list[tuple[str, str, str]] = [
    # types
    ("DescribeKey", '{"KeyId":5}', UNREADABLE),
    ("DescribeKey", '{"KeyId":null}', UNREADABLE),
    ("DescribeKey", '{"KeyId":["KEY"]}', UNREADABLE),
    ("DescribeKey", '{"KeyId":{"a":"KEY"}}', UNREADABLE),
    ("DescribeKeys", '{"KeyIds":"KEY"}', UNREADABLE),
    ("DescribeKeys", '{"KeyIds":{"0":"KEY"}}', UNREADABLE),
    ("DescribeKeys", '{"KeyIds":[5]}', UNREADABLE),
    ("DescribeKeys", '{"KeyIds":[null]}', UNREADABLE),
    ("ListKeys", '{"Limit":"ten"}', UNREADABLE),
    ("ListKeys", '{"Limit":true}', UNREADABLE),
    ("ListKeys", '{"Limit":1.0}', UNREADABLE),
    ("ListKeys", '{"Limit":[]}', UNREADABLE),
    ("ListKeys", '{"Limit":"1e1"}', UNREADABLE),
    ("ListKeys", '{"Limit":"１"}', UNREADABLE),  # noqa: RUF001 - a digit, not ASCII
    ("Encrypt", '{"KeyId":"KEY","Plaintext":5}', UNREADABLE),
    ("Encrypt", '{"KeyId":"KEY","Plaintext":null}', UNREADABLE),
    (
        "Encrypt",
        '{"KeyId":"KEY","Plaintext":"YQ==","EncryptionContext":{"a":"b"}}',
        UNREADABLE,
    ),
    ("CreateKey", '{"Alias":5}', UNREADABLE),
    ("CreateKey", '{"Alias":"a","Type":"one"}', UNREADABLE),
    ("Decrypt", '{"CiphertextBlob":5}', UNREADABLE),
    # presence
    ("DescribeKey", "{}", MISSING),
    ("DescribeKeys", "{}", MISSING),
    ("CreateKey", "{}", MISSING),
    ("Encrypt", '{"KeyId":"KEY"}', MISSING),
    ("Encrypt", '{"Plaintext":"YQ=="}', MISSING),
    ("Decrypt", "{}", MISSING),
    ("GenerateRandom", "{}", MISSING),
    ("UpdateAlias", '{"KeyId":"KEY"}', MISSING),
    ("UpdateKeyDescription", '{"KeyId":"KEY"}', MISSING),
    # names
    ("ListKeys", '{"limit":1}', UNKNOWN),
    ("ListKeys", '{"Limits":1}', UNKNOWN),
    ("ListKeys", f'{{"{CANARY}":1}}', UNKNOWN),
    ("DescribeKey", '{"KeyId":"KEY","key_id":"KEY"}', UNKNOWN),
    ("DescribeKey", '{"KeyId":"KEY","KeyId ":"KEY"}', UNKNOWN),
    ("DescribeKey", '{"KeyId":"KEY","Кey":"KEY"}', UNKNOWN),  # noqa: RUF001 - Cyrillic
    ("Decrypt", '{"CiphertextBlob":"BLOB","KeyId":"KEY"}', UNKNOWN),
    ("GetRegions", '{"a":1}', UNKNOWN),
    # figures
    ("ListKeys", '{"Limit":0}', VALUE),
    ("ListKeys", '{"Limit":201}', VALUE),
    ("ListKeys", '{"Limit":-1}', VALUE),
    ("ListKeys", '{"Offset":-1}', VALUE),
    ("ListKeys", '{"Offset":18446744073709551615}', VALUE),
    ("ListKeys", '{"Role":2}', VALUE),
    ("ListKeyDetail", '{"KeyState":6}', VALUE),
    ("ListKeyDetail", '{"OrderType":2}', VALUE),
    ("ListKeyDetail", '{"Origin":"external"}', VALUE),
    ("ListKeyDetail", '{"SearchKeyAlias":"' + "x" * 61 + '"}', VALUE),
    ("GenerateRandom", '{"NumberOfBytes":0}', VALUE),
    ("GenerateRandom", '{"NumberOfBytes":1025}', VALUE),
    ("GenerateRandom", '{"NumberOfBytes":-5}', VALUE),
    ("GenerateDataKey", '{"KeyId":"KEY","NumberOfBytes":1025}', VALUE),
    ("GenerateDataKey", '{"KeyId":"KEY","KeySpec":"AES_512"}', VALUE),
    ("GenerateDataKey", '{"KeyId":"KEY"}', UNREADABLE),
    ("DescribeKeys", '{"KeyIds":[]}', VALUE),
    # key IDs
    ("DescribeKey", '{"KeyId":""}', BAD_KEY_ID),
    ("DescribeKey", '{"KeyId":"orders"}', BAD_KEY_ID),
    ("DescribeKey", '{"KeyId":"KEY "}', BAD_KEY_ID),
    ("DescribeKey", '{"KeyId":"{KEY}"}', BAD_KEY_ID),
    ("DescribeKey", '{"KeyId":"urn:uuid:KEY"}', BAD_KEY_ID),
    ("DescribeKey", '{"KeyId":"' + "g" * 36 + '"}', BAD_KEY_ID),
    ("DescribeKey", '{"KeyId":"' + "0" * 36 + '"}', BAD_KEY_ID),
    ("DescribeKey", '{"KeyId":"\' OR 1=1 --"}', BAD_KEY_ID),
    ("DescribeKey", '{"KeyId":"' + "x" * 100_000 + '"}', BAD_KEY_ID),
    ("DescribeKeys", '{"KeyIds":["KEY","orders"]}', BAD_KEY_ID),
    (
        "DisableKeys",
        '{"KeyIds":["KEY","KEY"]}',
        "InvalidParameterValue.DuplicatedKeyId",
    ),
    # names of keys
    ("CreateKey", '{"Alias":""}', BAD_ALIAS),
    ("CreateKey", '{"Alias":"-a"}', BAD_ALIAS),
    ("CreateKey", '{"Alias":"a b"}', BAD_ALIAS),
    ("CreateKey", '{"Alias":"a\\n"}', BAD_ALIAS),
    ("CreateKey", '{"Alias":"名前"}', BAD_ALIAS),
    ("CreateKey", '{"Alias":"kms-a"}', BAD_ALIAS),
    ("CreateKey", '{"Alias":"KMS-a"}', BAD_ALIAS),
    ("CreateKey", '{"Alias":"' + "a" * 61 + '"}', BAD_ALIAS),
    ("CreateKey", '{"Alias":"ａ"}', BAD_ALIAS),  # noqa: RUF001 - full width
    ("CreateKey", '{"Alias":"Orders"}', "InvalidParameterValue.AliasAlreadyExists"),
    ("UpdateAlias", '{"KeyId":"KEY","Alias":"<b>"}', BAD_ALIAS),
    ("CreateKey", '{"Alias":"a","Description":"' + "x" * 1025 + '"}', VALUE),
    ("CreateKey", '{"Alias":"a","Description":"' + "é" * 513 + '"}', VALUE),
    (
        "CreateKey",
        '{"Alias":"a","KeyUsage":"NOTHING"}',
        "InvalidParameterValue.InvalidKeyUsage",
    ),
    ("CreateKey", '{"Alias":"a","Type":3}', "InvalidParameterValue.InvalidType"),
    (
        "ListKeys",
        '{"HsmClusterId":"cls-hsm-1"}',
        "InvalidParameterValue.InvalidHsmClusterId",
    ),
    # plaintext
    *(
        ("Encrypt", json.dumps({"KeyId": "KEY", "Plaintext": text}), BAD_PLAINTEXT)
        for text in (
            "",
            "!",
            "=",
            "====",
            CANARY,
            SECRET + "\n",
            " " + SECRET,
            SECRET[:-1],
            SECRET + "=",
            "YWK=",
            "YW-_",
            "ＹＱ＝＝",  # noqa: RUF001 - full width
            base64.b64encode(b"x" * 4097).decode(),
            base64.b64encode(b"x" * 90_000).decode(),
        )
    ),
    # encryption contexts
    *(
        (
            "Encrypt",
            json.dumps(
                {"KeyId": "KEY", "Plaintext": SECRET, "EncryptionContext": context}
            ),
            UNREADABLE,
        )
        for context in (
            "x",
            " ",
            "[]",
            "null",
            '"a"',
            '{"a":1}',
            '{"a":null}',
            '{"a":true}',
            '{"a":["b"]}',
            '{"a":{"b":"c"}}',
            '{"a":"b"',
            '{"a":"b"} {"a":"b"}',
            "{'a':'b'}",
            '{"a":"1","a":"1"}',
            '{"a":"1","a":"2"}',
            '{"a":"1","\\u0061":"2"}',
            '{"\\ud83d\\ude00":"1","😀":"2"}',
            '{"a":"\\ud800"}',
            '{"\\udc00":"a"}',
            '{"a":"\n"}',
            "\ufeff{}",
            '{"a":NaN}',
            '{"a":"' + CANARY * 100 + '"}',
            "{" * 1000,
            "[" * 1024,
        )
    ),
]


@pytest.mark.parametrize(
    ("action", "template", "code"),
    WRONG,
    ids=[f"{index}-{action}" for index, (action, _, _) in enumerate(WRONG)],
)
def test_parameters_out_of_their_limits(
    sender: Sender, untouched: str, action: str, template: str, code: str
) -> None:
    blob = ""
    if "BLOB" in template:
        asked = sender.ask("Encrypt", KeyId=untouched, Plaintext="YQ==")
        blob = asked.response["CiphertextBlob"]
    message = Message(action, body(template, untouched, blob))
    refused(sender.send(message), code)


def test_bad_signatures(sender: Sender, untouched: str) -> None:
    message = Message("DisableKey", json.dumps({"KeyId": untouched}).encode())
    good = message.signature(sender.secret_key)
    for bad in ("0" * 64, good.upper(), good[::-1], good[1:] + good[0]):
        environ = message.environ(message.authorization(sender.secret_id, bad))
        refused(call(sender.application, environ), "AuthFailure.SignatureFailure")
    elsewhere = {**sender.environ(message), "HTTP_HOST": "evil.example"}
    refused(call(sender.application, elsewhere), "AuthFailure.SignatureFailure")


@pytest.mark.parametrize(
    ("action", "parameters"),
    [
        ("Encrypt", {"Plaintext": base64.b64encode(b"x" * 4096).decode()}),
        ("Encrypt", {"Plaintext": "AA=="}),
        ("Encrypt", {"Plaintext": "YQ==", "EncryptionContext": ""}),
        ("Encrypt", {"Plaintext": "YQ==", "EncryptionContext": '{"é":"\\u0000"}'}),
        ("GenerateDataKey", {"NumberOfBytes": "1024"}),
        ("GenerateDataKey", {"KeySpec": "AES_128", "NumberOfBytes": 1}),
        ("UpdateKeyDescription", {"Description": ""}),
        ("UpdateKeyDescription", {"Description": "é" * 512}),
        ("DescribeKey", {"MemberAccount": {"MemberUin": 1}}),
    ],
)
def test_what_is_just_inside_the_limits_works(
    sender: Sender, key_id: str, action: str, parameters: dict[str, Any]
) -> None:
    assert sender.ask(action, KeyId=key_id, **parameters).code == ""
