"""Python, tccli and Node; every action, and https with an own CA where they can."""

import base64
import inspect
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import certifi
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_der_public_key
from tencentcloud.common import credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import (
    TencentCloudSDKException,
)
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.kms.v20190118 import kms_client

from kmsconsole import randomness
from tests.alarms.receivers import make_certificates
from tests.clients.sdk import REGION, Connect, ask, unused_name
from tests.server import RunningServer

NODE = Path(__file__).with_name("node")
ACTIONS = {
    name
    for name, _ in inspect.getmembers(kms_client.KmsClient, inspect.isfunction)
    if name[0].isupper()
}
OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
WRAP = {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}
UNSUPPORTED = "UnsupportedOperation.UnsupportedKeyUsageInCurrentRegion"
PLAIN = "aGVsbG8="


class Walker:
    """Calls actions and remembers which."""

    def __init__(self, client: kms_client.KmsClient) -> None:
        self.client = client
        self.walked: set[str] = set()

    def __call__(self, action: str, **fields: Any) -> Any:
        self.walked.add(action)
        return ask(self.client, action, **fields)

    def code(self, action: str, **fields: Any) -> str:
        self.walked.add(action)
        with pytest.raises(TencentCloudSDKException) as caught:
            ask(self.client, action, **fields)
        code: str = caught.value.get_code()
        return code


def lifecycle(walk: Walker) -> str:
    """Walk through keys, rotation and deletion; returns an enabled key."""
    key_id: str = walk("CreateKey", Alias=unused_name()).KeyId
    key, many = {"KeyId": key_id}, {"KeyIds": [key_id]}
    for action in ("DescribeKey", "EnableKeyRotation", "GetKeyRotationStatus"):
        walk(action, **key)
    walk("RotateKey", **key)
    for action in ("DisableKeyRotation", "ArchiveKey", "CancelKeyArchive"):
        walk(action, **key)
    for action in ("DisableKeys", "EnableKeys", "DescribeKeys"):
        walk(action, **many)
    bound = {**key, "ProductId": "ssm", "ResourceId": "one"}
    walk("BindCloudResource", **bound)
    walk("UnbindCloudResource", **bound)
    walk("UpdateAlias", **key, Alias=unused_name())
    walk("UpdateKeyDescription", **key, Description="数据")
    walk("DisableKey", **key)
    walk("ScheduleKeyDeletion", **key, PendingWindowInDays=7)
    walk("CancelKeyDeletion", **key)
    walk("EnableKey", **key)
    for action in ("ListKeys", "ListKeyDetail"):
        assert walk(action, Limit=200).TotalCount
    for action in ("GetServiceStatus", "GetRegions", "ListAlgorithms"):
        walk(action)
    assert len(base64.b64decode(walk("GenerateRandom", NumberOfBytes=9).Plaintext)) == 9
    return key_id


def symmetric(walk: Walker, key_id: str) -> None:
    blob = walk("Encrypt", KeyId=key_id, Plaintext=PLAIN).CiphertextBlob
    assert walk("Decrypt", CiphertextBlob=blob).Plaintext == PLAIN
    assert not walk("ReEncrypt", CiphertextBlob=blob).ReEncrypted
    name = unused_name()
    asked = {"KeyId": key_id, "KeySpec": "AES_128", "IsHostedByKms": 1}
    made = walk("GenerateDataKey", **asked, DataKeyName=name)
    one, many = {"DataKeyId": made.DataKeyId}, {"DataKeyIds": [made.DataKeyId]}
    assert walk("GetDataKeyPlaintext", **one).Plaintext == made.Plaintext
    kept = walk("GetDataKeyCiphertextBlob", **one).CiphertextBlob
    assert walk("Decrypt", CiphertextBlob=kept).Plaintext == made.Plaintext
    given = {"ImportType": 1, "ImportKeyMaterial": blob}
    assert walk("ImportDataKey", DataKeyName=unused_name(), **given).KeyId == key_id
    assert walk("ListDataKeys", Limit=200).TotalCount >= 2
    found = walk("ListDataKeyDetail", SearchKeyAlias=name).DataKeyMetadatas
    assert [row.DataKeyId for row in found] == [made.DataKeyId]
    walk("UpdateDataKeyName", **one, DataKeyName=unused_name())
    walk("UpdateDataKeyDescription", **one, Description="d")
    assert walk("DescribeDataKey", **one).DataKeyMetadata.Description == "d"
    for action in ("DisableDataKeys", "EnableDataKeys"):
        walk(action, **many)
    walk("DisableDataKey", **one)
    assert walk("ScheduleDataKeyDeletion", **one, PendingWindowInDays=7).DeletionDate
    walk("CancelDataKeyDeletion", **one)
    walk("EnableDataKey", **one)
    (row,) = walk("DescribeDataKeys", **many).DataKeyMetadatas
    assert row.KeyState == "Enabled"


def asymmetric(walk: Walker) -> None:
    def pair(usage: str) -> str:
        made: str = walk("CreateKey", Alias=unused_name(), KeyUsage=usage).KeyId
        return made

    rsa = pair("ASYMMETRIC_DECRYPT_RSA_2048")
    public: Any = load_der_public_key(
        base64.b64decode(walk("GetPublicKey", KeyId=rsa).PublicKey)
    )
    sealed = base64.b64encode(public.encrypt(b"hello", OAEP)).decode()
    asked = {"KeyId": rsa, "Ciphertext": sealed}
    answer = walk("AsymmetricRsaDecrypt", **asked, Algorithm="RSAES_OAEP_SHA_256")
    assert answer.Plaintext == PLAIN
    assert walk.code("AsymmetricSm2Decrypt", **asked) == UNSUPPORTED
    signing = {"KeyId": pair("ASYMMETRIC_SIGN_VERIFY_ECC"), "Message": PLAIN}
    signing["Algorithm"] = "ECC_P256_R1"
    signature = walk("SignByAsymmetricKey", **signing).Signature
    told = walk("VerifyByAsymmetricKey", **signing, SignatureValue=signature)
    assert told.SignatureValid


def imported(walk: Walker) -> None:
    key = {"KeyId": walk("CreateKey", Alias=unused_name(), Type=2).KeyId}
    given = walk("GetParametersForImport", **key, **WRAP)
    public: Any = load_der_public_key(base64.b64decode(given.PublicKey))
    wrapped = base64.b64encode(public.encrypt(randomness.token_bytes(32), OAEP))
    token = {"ImportToken": given.ImportToken}
    walk("ImportKeyMaterial", **key, **token, EncryptedKeyMaterial=wrapped.decode())
    walk("DeleteImportedKeyMaterial", **key)


def absent(walk: Walker) -> None:
    key = {"KeyId": "23e80852-1e38-11e9-b129-5cb9019b4b01"}
    signed = {"Message": PLAIN, "SignatureValue": PLAIN}
    for action, asked in {
        "PostQuantumCryptoEncrypt": {**key, "PlainText": PLAIN},
        "PostQuantumCryptoDecrypt": {"CiphertextBlob": "x"},
        "PostQuantumCryptoSign": {**key, "Message": PLAIN},
        "PostQuantumCryptoVerify": {**key, **signed},
    }.items():
        assert walk.code(action, **asked) == UNSUPPORTED
    assert walk("DescribeWhiteBoxServiceStatus").ServiceEnabled is False
    fields: dict[str, dict[str, Any]] = {
        "CreateWhiteBoxKey": {"Alias": "a", "Algorithm": "AES_256"},
        "DescribeWhiteBoxKeyDetails": {},
        "EnableWhiteBoxKeys": {"KeyIds": [key["KeyId"]]},
        "DisableWhiteBoxKeys": {"KeyIds": [key["KeyId"]]},
        "EncryptByWhiteBox": {**key, "PlainText": PLAIN},
    }
    for action in sorted(name for name in ACTIONS - walk.walked if "WhiteBox" in name):
        code = walk.code(action, **fields.get(action, key))
        assert code == "ResourceUnavailable.NotPurchased"


def test_python_walks_every_action(connect: Connect) -> None:
    walk = Walker(connect())
    symmetric(walk, lifecycle(walk))
    asymmetric(walk)
    imported(walk)
    absent(walk)
    assert walk.walked == ACTIONS


@dataclass(frozen=True)
class Place:
    """Where a service answers, and the CA that vouches for it if it is https."""

    server: RunningServer
    ca: Path | None = None

    @property
    def scheme(self) -> str:
        return "https" if self.ca else "http"

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.server.port}"

    def environment(self, **more: str) -> dict[str, str]:
        """Return what a client in a process of its own needs; no proxy."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.lower().endswith("_proxy")
        }
        if self.ca:
            kept["NODE_EXTRA_CA_CERTS"] = str(self.ca)
        return kept | more

    def trusted(self, folder: Path) -> dict[str, str]:
        """Return what lets a Python program trust the CA as certifi's own ones.

        As docs/api.md says, but to a copy: this environment is everybody's.
        """
        if self.ca is None:
            return {}
        copy = folder / "trusting" / "certifi"
        if not copy.exists():
            shutil.copytree(Path(certifi.__file__).parent, copy)
            with (copy / "cacert.pem").open("a") as bundle:
                bundle.write(self.ca.read_text())
        return {"PYTHONPATH": str(copy.parent)}


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A service that speaks https, with a certificate of a CA of its own."""
    folder = tmp_path_factory.mktemp("tls")
    make_certificates(folder)
    both = str(folder / "server.pem")
    with RunningServer.started(KMS_TLS_CERT=both, KMS_TLS_KEY=both) as running:
        yield Place(running, folder / "ca.pem")


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Place:
    if request.param == "https":
        lent: Place = request.getfixturevalue("secured")
        return lent
    return Place(request.getfixturevalue("server"))


BOTH = pytest.mark.parametrize("place", ["http", "https"], indirect=True)


def test_python_over_https_with_an_own_ca(
    secured: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)

    def client(ca: str | None) -> kms_client.KmsClient:
        http = HttpProfile(endpoint=secured.endpoint, certification=ca)
        made = secured.server.access_key
        known = credential.Credential(made["SecretId"], made["SecretKey"])
        return kms_client.KmsClient(known, REGION, ClientProfile(httpProfile=http))

    walk = Walker(client(str(secured.ca)))
    symmetric(walk, lifecycle(walk))
    with pytest.raises(TencentCloudSDKException, match="CERTIFICATE_VERIFY_FAILED"):
        ask(client(None), "ListKeys")


def tccli(
    place: Place, home: Path, action: str, *arguments: str, **more: str
) -> subprocess.CompletedProcess[str]:
    made = place.server.access_key
    return subprocess.run(
        [
            str(Path(sys.executable).with_name("tccli")),
            *("kms", action, "--region", REGION),
            *("--endpoint", f"{place.scheme}://{place.endpoint}", *arguments),
        ],
        env=place.environment(
            HOME=str(home),
            TENCENTCLOUD_SECRET_ID=made["SecretId"],
            TENCENTCLOUD_SECRET_KEY=made["SecretKey"],
            **more,
        ),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_tccli_takes_no_ca_from_its_environment(secured: Place, tmp_path: Path) -> None:
    # The day one of these works, docs/api.md can say something simpler.
    names = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
    more = dict.fromkeys(names, str(secured.ca))
    done = tccli(secured, tmp_path, "GetRegions", **more)
    assert "CERTIFICATE_VERIFY_FAILED" in done.stdout + done.stderr


@BOTH
def test_tccli_walks_the_core(place: Place, tmp_path: Path) -> None:
    trusted = place.trusted(tmp_path)

    def run(action: str, *arguments: str) -> dict[str, Any]:
        done = tccli(place, tmp_path, action, *arguments, **trusted)
        assert done.stdout.startswith("{"), done.stdout + done.stderr
        printed: dict[str, Any] = json.loads(done.stdout)
        return printed

    key_id = run("CreateKey", "--Alias", unused_name())["KeyId"]
    key = ("--KeyId", key_id)
    blob = run("Encrypt", *key, "--Plaintext", PLAIN)["CiphertextBlob"]
    assert run("Decrypt", "--CiphertextBlob", blob)["Plaintext"] == PLAIN
    assert not run("ReEncrypt", "--CiphertextBlob", blob)["ReEncrypted"]
    assert run("GenerateDataKey", *key, "--NumberOfBytes", "7")["Plaintext"]
    assert run("GenerateRandom", "--NumberOfBytes", "7")["Plaintext"]
    for action, more in (
        ("EnableKeyRotation", ("--RotateDays", "30")),
        ("GetKeyRotationStatus", ()),
        ("UpdateAlias", ("--Alias", unused_name())),
        ("UpdateKeyDescription", ("--Description", "数据")),
        ("DisableKey", ()),
        ("ScheduleKeyDeletion", ("--PendingWindowInDays", "7")),
        ("CancelKeyDeletion", ()),
        ("EnableKey", ()),
        ("ArchiveKey", ()),
        ("CancelKeyArchive", ()),
    ):
        assert run(action, *key, *more)["RequestId"], action
    keys = json.dumps([key_id])
    (seen,) = run("DescribeKeys", "--KeyIds", keys)["KeyMetadatas"]
    assert (seen["KeyState"], seen["Description"]) == ("Enabled", "数据")
    found = run("ListKeyDetail", "--SearchKeyAlias", seen["Alias"])["KeyMetadatas"]
    assert [row["KeyId"] for row in found] == [key_id]
    assert run("ListAlgorithms")["SymmetricAlgorithms"]


def ready() -> str:
    """Return why the Node SDK can't be run; empty where it can."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "node and npm are missing (Debian: nodejs npm)"
    if not (NODE / "node_modules" / "tencentcloud-sdk-nodejs").is_dir():
        return f"not installed: npm ci --prefix {NODE.name} failed or was not run"
    return ""


@pytest.mark.skipif(bool(ready()), reason=ready() or "it is there")
@BOTH
def test_node_walks_the_core(place: Place) -> None:
    made = place.server.access_key
    done = subprocess.run(
        ["node", "walk.js"],
        cwd=NODE,
        env=place.environment(
            KMS_SCHEME=place.scheme,
            KMS_ENDPOINT=place.endpoint,
            SECRET_ID=made["SecretId"],
            SECRET_KEY=made["SecretKey"],
        ),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "state": "Enabled",
        "tagCode": 0,
        "roundTrip": True,
        "size": 32,
        "kept": True,
        "listed": [True],
        "alias": True,
        "description": "a & b = 100 %",
        "disabled": "ResourceUnavailable.CmkDisabled",
        "wrongContext": "InvalidParameterValue.InvalidCiphertext",
        "wrongSecret": "AuthFailure.SignatureFailure",
        "regions": True,
    }
