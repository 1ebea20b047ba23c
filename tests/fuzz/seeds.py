"""Inputs to begin from: well-formed ones, and what broke parsers elsewhere."""

import base64
import uuid

from keys.crypto import ciphertext
from keys.crypto.ciphertext import CiphertextBlob

_BLOB = ciphertext.encode(
    CiphertextBlob(uuid.UUID(int=7), 1, 1, bytes(12), bytes(21))
).encode()
_ID = b"23e80852-1e38-11e9-b129-5cb9019b4b01"
_SCOPE = b"AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE/2023-11-14/kms/tc3_request"
_HEADER = (
    b"TC3-HMAC-SHA256 Credential=%s, SignedHeaders=content-type;host, Signature=%s"
)
SEEDS: dict[str, list[bytes]] = {
    "authorization": [
        _HEADER % (_SCOPE, b"0" * 64) + b"\n1700000000",
        _HEADER % (_SCOPE, b"\xff" * 64) + b"\n1700000000",
        _HEADER % (b"/" * 300, b"0" * 64) + b"\n1700000000",
        _HEADER % (_SCOPE, b"0" * 64) + b"\n" + b"9" * 400,
        _HEADER % (_SCOPE, b"0" * 64) + b"\n\xb2",
        b"SKIP\n",
        b"," * 5000,
        b"TC3-HMAC-SHA256 Credential=a/\xe9/b/tc3_request, SignedHeaders=;, Signature=",
    ],
    "json_body": [
        b'{"KeyId":"a","Tags":[{"TagKey":"b"}]}',
        b'{"a":1,"\\u0061":2}',
        b"[" * 50_000,
        b'{"a":' * 20_000,
        b'{"a":1e999}',
        b'{"a":NaN,"b":-0}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":"\\ud800"}',
        b"\xef\xbb\xbf{}",
        b'{"a":"\x00"}',
        b'{"":""}',
    ],
    "query": [
        b"KeyIds.0=a&KeyIds.1=b&Tags.0.TagKey=c",
        b"a.0=1&a.x=2",
        b"a=1&a.0=2",
        b"a.00=1&a.0=2",
        b"a." * 400 + b"=1",
        b"%",
        b"=&==",
        b"a.\xb2=1",
        b"a.99999999999999999999=1",
        b"a%00=b",
    ],
    "stream": [
        b"2\n{}",
        b"-1\nx",
        b"99999999999999999999999\nx",
        b"\xb2\nx",
        b"\n" + b"x" * 200_000,
        b"+5\nhello",
        b"0x10\n",
    ],
    "content_type": [
        b"application/json",
        b'application/json; charset="utf-8"',
        b"application/json;;;=;charset=utf-16",
        b"multipart/form-data; boundary=" + b"x" * 500,
    ],
    "blob": [
        _BLOB,
        _BLOB[:-1],
        _BLOB + b"=",
        base64.b64encode(b"KMS\x01"),
        base64.b64encode(b"KMS\xff" + bytes(60)),
        base64.urlsafe_b64encode(bytes(range(200, 256))),
        b"A" * 100_000,
        "ＱＱ==".encode(),  # noqa: RUF001 - full width
    ],
    "context": [
        b'{"a":"b","c":"d"}',
        b'{"a":"b","\\u0061":"c"}',
        b"{" * 1024,
        b'{"a":1}',
        '{"é":"\\ud83d\\ude00"}'.encode(),
        b"",
        b'{"a":"\\u0000"}',
    ],
    "parameters": [
        b'Encrypt\n{"KeyId":"%s","Plaintext":"YQ==","EncryptionContext":"{}"}' % _ID,
        b'DescribeKeys\n{"KeyIds":["%s","%s"]}' % (_ID, _ID),
        b'CreateKey\n{"Alias":"a","Type":2,"Tags":[{"TagKey":"b","TagValue":"c"}]}',
        b'GenerateDataKey\n{"KeyId":"%s","NumberOfBytes":"16","IsHostedByKms":1}' % _ID,
        b'ListKeyDetail\n{"Limit":"2","TagFilters":[{"TagKey":"a","TagValue":["b"]}]}',
        b'ReEncrypt\n{"CiphertextBlob":"%s","DestinationKeyId":""}' % _BLOB,
        b'ImportKeyMaterial\n{"KeyId":"%s","ImportToken":"YQ==","ValidTo":-1}' % _ID,
        b'VerifyByAsymmetricKey\n{"KeyId":"%s","SignatureValue":"!"}' % _ID,
        b'BindCloudResource\n{"ProductId":"a","ResourceId":"b","MemberAccount":[]}',
        b'ScheduleKeyDeletion\n{"PendingWindowInDays":1e3}',
        b'ListKeys\n{"Limit":true,"Offset":null}',
        b'CreateWhiteBoxKey\n{"Tags":{"0":1}}',
    ],
}
