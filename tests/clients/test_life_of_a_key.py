"""The unmodified Python SDK and tccli against the running service."""

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tencentcloud.kms.v20190118 import kms_client

from kmsconsole import randomness
from tests.api.tap import Tap, as_action, signature_of
from tests.clients.sdk import (
    OTHER_REGION,
    REGION,
    Connect,
    ask,
    refused,
    unused_name,
)
from tests.server import RunningServer


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_the_life_of_a_key(connect: Connect, method: str) -> None:
    client = connect(method=method)
    name = unused_name()
    made = ask(
        client,
        "CreateKey",
        Alias=name,
        Description="数据 & more",
        KeyUsage="ENCRYPT_DECRYPT",
        Type=1,
    )
    assert (made.Alias, made.KeyState, made.TagCode) == (name, "Enabled", 0)
    key_id = made.KeyId

    seen = ask(client, "DescribeKey", KeyId=key_id).KeyMetadata
    assert (seen.KeyId, seen.Description) == (key_id, "数据 & more")
    assert (seen.Origin, seen.Owner) == ("TENCENT_KMS", "user")
    assert seen.ResourceId == f"creatorUin/{seen.CreatorUin}/{key_id}"
    (again,) = ask(client, "DescribeKeys", KeyIds=[key_id]).KeyMetadatas
    assert again.CreateTime == seen.CreateTime == made.CreateTime

    listed = ask(client, "ListKeys", Offset=0, Limit=200)
    assert key_id in [key.KeyId for key in listed.Keys]
    assert listed.TotalCount >= 1
    found = ask(client, "ListKeyDetail", SearchKeyAlias=name, KeyUsage="ALL")
    assert [key.KeyId for key in found.KeyMetadatas] == [key_id]

    renamed = unused_name()
    ask(client, "UpdateAlias", KeyId=key_id, Alias=renamed)
    ask(client, "UpdateKeyDescription", KeyId=key_id, Description="")
    seen = ask(client, "DescribeKey", KeyId=key_id).KeyMetadata
    assert (seen.Alias, seen.Description) == (renamed, "")

    other = ask(client, "CreateKey", Alias=unused_name()).KeyId
    for change, keys, state in (
        ("DisableKey", {"KeyId": key_id}, "Disabled"),
        ("EnableKey", {"KeyId": key_id}, "Enabled"),
        ("DisableKeys", {"KeyIds": [key_id, other]}, "Disabled"),
        ("EnableKeys", {"KeyIds": [key_id, other]}, "Enabled"),
    ):
        ask(client, change, **keys)
        assert ask(client, "DescribeKey", KeyId=key_id).KeyMetadata.KeyState == state
    both = ask(client, "DescribeKeys", KeyIds=[other, key_id]).KeyMetadatas
    assert [key.KeyId for key in both] == [other, key_id]
    assert {key.KeyState for key in both} == {"Enabled"}


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_cryptography(connect: Connect, method: str) -> None:
    client = connect(method=method)
    key_id = ask(client, "CreateKey", Alias=unused_name()).KeyId
    context = '{"app": "orders", "stage": "测试"}'
    same = '{"stage":"\\u6d4b\\u8bd5","app":"orders"}'
    plain = base64.b64encode(bytes(range(256)) * 4).decode()

    made = ask(
        client, "Encrypt", KeyId=key_id, Plaintext=plain, EncryptionContext=context
    )
    opened = ask(
        client, "Decrypt", CiphertextBlob=made.CiphertextBlob, EncryptionContext=same
    )
    assert (opened.Plaintext, opened.KeyId) == (plain, key_id)

    kept = ask(
        client,
        "ReEncrypt",
        CiphertextBlob=made.CiphertextBlob,
        SourceEncryptionContext=context,
    )
    assert (kept.ReEncrypted, kept.CiphertextBlob) == (False, made.CiphertextBlob)
    other = ask(client, "CreateKey", Alias=unused_name()).KeyId
    moved = ask(
        client,
        "ReEncrypt",
        CiphertextBlob=made.CiphertextBlob,
        SourceEncryptionContext=context,
        DestinationKeyId=other,
    )
    assert (moved.KeyId, moved.SourceKeyId, moved.ReEncrypted) == (other, key_id, True)
    opened = ask(client, "Decrypt", CiphertextBlob=moved.CiphertextBlob)
    assert (opened.Plaintext, opened.KeyId) == (plain, other)

    for size, asked in (
        (32, {"KeySpec": "AES_256"}),
        (16, {"KeySpec": "AES_128"}),
        (1024, {"NumberOfBytes": 1024}),
        (7, {"KeySpec": "AES_256", "NumberOfBytes": 7}),
    ):
        data_key = ask(client, "GenerateDataKey", KeyId=key_id, **asked)
        assert len(base64.b64decode(data_key.Plaintext)) == size
        opened = ask(client, "Decrypt", CiphertextBlob=data_key.CiphertextBlob)
        assert opened.Plaintext == data_key.Plaintext

    drawn = {
        ask(client, "GenerateRandom", NumberOfBytes=64).Plaintext for _ in range(5)
    }
    assert {len(base64.b64decode(text)) for text in drawn} == {64}
    assert len(drawn) == 5


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_the_service_itself(connect: Connect, method: str) -> None:
    client = connect(method=method)
    status = ask(client, "GetServiceStatus")
    assert (status.ServiceEnabled, status.InvalidType) == (True, 1)
    assert ask(client, "GetRegions").Regions == [REGION, OTHER_REGION]
    known = ask(client, "ListAlgorithms")
    (symmetric,) = known.SymmetricAlgorithms
    assert (symmetric.KeyUsage, symmetric.Algorithm) == ("ENCRYPT_DECRYPT", "AES_256")
    (decrypting,) = known.AsymmetricAlgorithms
    assert decrypting.KeyUsage == "ASYMMETRIC_DECRYPT_RSA_2048"
    assert len(known.AsymmetricSignVerifyAlgorithms) == 4


def test_errors_reach_the_client_with_their_codes(
    connect: Connect, client: kms_client.KmsClient, key_id: str
) -> None:
    def code(name: str, **fields: Any) -> str:
        error = refused(lambda: ask(client, name, **fields))
        assert error.get_message()
        return str(error.get_code())

    nowhere = str(randomness.uuid4())
    assert code("DescribeKey", KeyId=nowhere) == "ResourceUnavailable.CmkNotFound"
    assert code("DescribeKey", KeyId="x") == "InvalidParameterValue.InvalidKeyId"
    assert code("Encrypt", KeyId=key_id) == "MissingParameter"
    plain = base64.b64encode(b"x" * 4097).decode()
    assert (
        code("Encrypt", KeyId=key_id, Plaintext=plain)
        == "InvalidParameterValue.InvalidPlaintext"
    )
    assert (
        code("Decrypt", CiphertextBlob="a-k-b-k-c")
        == "InvalidParameterValue.InvalidCiphertext"
    )
    ask(client, "DisableKey", KeyId=key_id)
    assert (
        code("Encrypt", KeyId=key_id, Plaintext="YQ==")
        == "ResourceUnavailable.CmkDisabled"
    )
    # The SDK has no call that isn't known here, so one is made up.
    unknown = refused(lambda: client.call_json("ListNothing", {}))
    assert unknown.get_code() == "InvalidAction"
    far = connect("eu-nowhere")
    error = refused(lambda: ask(far, "ListKeys"))
    assert error.get_code() == "UnsupportedRegion"


@pytest.mark.parametrize("size", [200_000, 3_000_000])
def test_a_large_body_gets_its_answer(
    client: kms_client.KmsClient, key_id: str, size: int
) -> None:
    error = refused(lambda: ask(client, "Encrypt", KeyId=key_id, Plaintext="Q" * size))
    assert error.get_code() == "InvalidParameter"
    assert "131072" in error.get_message()
    assert ask(client, "DescribeKey", KeyId=key_id).KeyMetadata.KeyId == key_id


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"secret_key": "wrong"}, "AuthFailure.SignatureFailure"),
        ({"signMethod": "HmacSHA1"}, "AuthFailure.InvalidAuthorization"),
        ({"signMethod": "HmacSHA256"}, "AuthFailure.InvalidAuthorization"),
        (
            {"signMethod": "HmacSHA256", "method": "GET"},
            "AuthFailure.InvalidAuthorization",
        ),
    ],
)
def test_other_signatures_are_refused(
    connect: Connect, more: dict[str, Any], code: str
) -> None:
    client = connect(**more)
    assert refused(lambda: ask(client, "ListKeys")).get_code() == code


def test_an_unsigned_payload_is_refused(connect: Connect) -> None:
    client = connect()
    client.profile.unsignedPayload = True
    error = refused(lambda: ask(client, "ListKeys"))
    assert error.get_code() == "AuthFailure.InvalidAuthorization"


def test_a_request_without_signature_is_refused(client: kms_client.KmsClient) -> None:
    options = {"SkipSign": True}
    error = refused(lambda: client.call_json("ListKeys", {}, options=options))
    assert error.get_code() == "AuthFailure.InvalidAuthorization"


def test_keys_live_in_their_region(connect: Connect, key_id: str) -> None:
    here, there, anywhere = connect(), connect(OTHER_REGION), connect("")
    made = ask(here, "Encrypt", KeyId=key_id, Plaintext="YQ==")
    error = refused(lambda: ask(there, "DescribeKey", KeyId=key_id))
    assert error.get_code() == "ResourceUnavailable.CmkNotFound"
    error = refused(lambda: ask(there, "Decrypt", CiphertextBlob=made.CiphertextBlob))
    assert error.get_code() == "InvalidParameterValue.InvalidCiphertext"
    assert ask(anywhere, "DescribeKey", KeyId=key_id).KeyMetadata.KeyId == key_id


def second_begins() -> None:
    """Wait for the start of a whole second, so that several calls fit into it."""
    time.sleep(1 - time.time() % 1)


def code_in(answer: bytes) -> str:
    response = json.loads(answer.partition(b"\r\n\r\n")[2])["Response"]
    code: str = response.get("Error", {}).get("Code", "")
    return code


def test_four_calls_in_one_second_work_and_cannot_be_replayed(
    server: RunningServer, connect: Connect, key_id: str
) -> None:
    with Tap.on(server.port) as tap:
        client = connect(port=tap.port)
        for _ in range(5):
            tap.requests.clear()
            second_begins()
            for action in ("DisableKey", "EnableKey", "DisableKey"):
                ask(client, action, KeyId=key_id)
            seen = ask(client, "DescribeKey", KeyId=key_id).KeyMetadata
            assert seen.KeyState == "Disabled"
            # The SDK signs no action: in one second all four carry one signature.
            if len({signature_of(sent) for sent in tap.requests}) == 1:
                break
        else:
            pytest.fail("this machine is too slow for four calls in a second")

        time.sleep(3)
        captured = tap.requests[0]
        assert code_in(tap.send(as_action(captured, "EnableKey"))) == "AuthFailure"
        assert code_in(tap.send(captured)) == "AuthFailure"
        seen = ask(client, "DescribeKey", KeyId=key_id).KeyMetadata
        assert seen.KeyState == "Disabled"


def test_a_captured_reading_can_only_be_read_again(
    server: RunningServer, connect: Connect, key_id: str
) -> None:
    with Tap.on(server.port) as tap:
        ask(connect(port=tap.port), "DescribeKey", KeyId=key_id)
        time.sleep(3)
        captured = tap.requests[0]
        assert code_in(tap.send(as_action(captured, "DisableKey"))) == "AuthFailure"
        assert code_in(tap.send(captured)) == ""
        seen = ask(connect(), "DescribeKey", KeyId=key_id).KeyMetadata
        assert seen.KeyState == "Enabled"


@pytest.fixture
def tccli(
    server: RunningServer, access_key: dict[str, str], tmp_path: Path
) -> Callable[..., dict[str, Any]]:
    """Run tccli without any configuration; return what it printed."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy")
    } | {
        "HOME": str(tmp_path),
        "TENCENTCLOUD_SECRET_ID": access_key["SecretId"],
        "TENCENTCLOUD_SECRET_KEY": access_key["SecretKey"],
    }

    def run(action: str, *arguments: str) -> dict[str, Any]:
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("tccli")),
                *("kms", action, "--region", REGION),
                *("--endpoint", server.base_url, *arguments),
            ],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        try:
            printed: dict[str, Any] = json.loads(done.stdout)
        except ValueError:
            return {"Error": done.stdout + done.stderr}
        return printed

    return run


def test_tccli_uses_a_key(tccli: Callable[..., dict[str, Any]]) -> None:
    key_id = tccli("CreateKey", "--Alias", unused_name())["KeyId"]
    plain = base64.b64encode(b"from the shell").decode()
    made = tccli("Encrypt", "--KeyId", key_id, "--Plaintext", plain)
    opened = tccli("Decrypt", "--CiphertextBlob", made["CiphertextBlob"])
    assert opened["Plaintext"] == plain
    tccli("DisableKeys", "--KeyIds", json.dumps([key_id]))
    metadata = tccli("DescribeKey", "--KeyId", key_id)["KeyMetadata"]
    assert metadata["KeyState"] == "Disabled"
    refusal = tccli("Encrypt", "--KeyId", key_id, "--Plaintext", plain)["Error"]
    assert "ResourceUnavailable.CmkDisabled" in refusal
    listed = tccli("ListKeys", "--Limit", "200")
    assert key_id in [key["KeyId"] for key in listed["Keys"]]
    assert tccli("GetServiceStatus")["ServiceEnabled"] is True
