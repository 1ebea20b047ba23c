"""Plaintext and secrets are in replies and nowhere else."""

import base64
import http.client
import json
from pathlib import Path
from urllib.parse import quote

import pytest
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import (
    TencentCloudSDKException,
)
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.kms.v20190118 import models
from tencentcloud.kms.v20190118.kms_client import KmsClient

from tests import canary
from tests.server import RunningServer

PLAIN = base64.b64encode(canary.WORD.encode()).decode()


def test_the_search_finds_what_it_looks_for(tmp_path: Path) -> None:
    for number, prefix in enumerate((b"", b"a", b"ab", b"abc")):
        inside = prefix + canary.WORD.encode() + b"tail"
        for form in (inside, base64.b64encode(inside), inside.hex().encode()):
            (tmp_path / str(number)).write_bytes(b"\xff" + form + b"\0")
            assert canary.files_with(tmp_path, canary.forms(canary.WORD))
            (tmp_path / str(number)).unlink()


def post(server: RunningServer, body: str, **headers: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request(
        "POST", "/", body, {"Content-Type": "application/json"} | headers
    )
    answer = connection.getresponse().read().decode()
    connection.close()
    return answer


def test_nothing_of_a_plaintext_stays(server: RunningServer) -> None:
    key = server.access_key
    http_profile = HttpProfile(protocol="http", endpoint=f"127.0.0.1:{server.port}")
    client = KmsClient(
        Credential(key["SecretId"], key["SecretKey"]),
        "ap-guangzhou",
        ClientProfile(httpProfile=http_profile),
    )
    call = client.call_json
    created = call("CreateKey", {"Alias": "canary"})["Response"]["KeyId"]
    context = json.dumps({"note": canary.WORD})
    plain = {"KeyId": created, "Plaintext": PLAIN}
    blob = call("Encrypt", {**plain, "EncryptionContext": context})["Response"]
    opened = call(
        "Decrypt",
        {"CiphertextBlob": blob["CiphertextBlob"], "EncryptionContext": context},
    )["Response"]
    assert opened["Plaintext"] == PLAIN
    refused = (
        {**plain, "Plaintext": canary.WORD},
        {**plain, "KeyId": canary.WORD},
        {**plain, canary.WORD: 1},
        {**plain, "EncryptionContext": canary.WORD},
        {**plain, "Plaintext": {canary.WORD: 1}},
    )
    for parameters in refused:
        with pytest.raises(TencentCloudSDKException) as caught:
            call("Encrypt", parameters)
        assert canary.WORD not in str(caught.value)
    with pytest.raises(TencentCloudSDKException):
        call(canary.WORD, {})
    for body in (canary.WORD, json.dumps(plain), "{" + canary.WORD):
        assert canary.WORD not in post(server, body)
        marked = {"X-TC-Action": "Encrypt", "Authorization": quote(canary.WORD)}
        assert canary.WORD not in post(server, body, **marked)
    request = models.DisableKeyRequest()
    request.KeyId = created
    client.DisableKey(request)
    with pytest.raises(TencentCloudSDKException):
        call("Encrypt", plain)
    assert not canary.leaks(server)
    assert not canary.files_with(server.home, canary.forms(key["SecretKey"]))
