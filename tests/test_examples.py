"""The examples, run as a person would, against a service that restarts in between."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import (
    TencentCloudSDKException,
)
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.kms.v20190118 import models
from tencentcloud.kms.v20190118.kms_client import KmsClient

from tests.server import ROOT, RunningServer

CHUNK = 1024 * 1024
SEALED_CHUNK = CHUNK + 16


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="kmsconsole-examples-"))
    yield folder
    shutil.rmtree(folder)


def run(
    server: RunningServer,
    access_key: dict[str, str],
    *arguments: object,
    given: str = "",
    more: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    env |= {
        "KMS_ENDPOINT": server.base_url,
        "TENCENTCLOUD_SECRET_ID": access_key["SecretId"],
        "TENCENTCLOUD_SECRET_KEY": access_key["SecretKey"],
        **(more or {}),
    }
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT / "examples",
        env=env,
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_an_object_store_encrypts_for_its_customers(
    server: RunningServer, tmp_path: Path
) -> None:
    # Not `cos`: other tests that use this service may have registered it.
    made = server.manage("create_product", "photos", "--json")
    assert made.returncode == 0, made.stderr
    product = json.loads(made.stdout)
    plain, opened = tmp_path / "plain", tmp_path / "opened"
    plain.write_bytes(b"of a customer, CANARY")
    store = {"KMS_STORE": str(tmp_path / "store"), "KMS_PRODUCT": "photos"}

    def act(*words: object, account: int = server.account) -> int:
        action, *rest = words
        asked = ("object_store.py", action, account, "photos", *rest)
        return run(server, product, *asked, more=store).returncode

    assert act("put", "cat.jpg", plain) == 0
    assert act("get", "cat.jpg", opened) == 0
    assert opened.read_bytes() == plain.read_bytes()
    stored = [file for file in (tmp_path / "store").rglob("*") if file.is_file()]
    assert stored
    assert not any(b"CANARY" in file.read_bytes() for file in stored)
    assert act("put", "cat.jpg", plain, account=999_999_999_999) == 1
    # Somebody who exchanges files, and a customer's own key.
    key = create_key(server, server.access_key, "of-the-customer")
    assert act("put", "--key", key, "dog.jpg", plain) == 1
    customer = connect(server, server.access_key)
    bound = {"KeyId": key, "ProductId": "photos", "ResourceId": "consent"}
    customer.call_json("BindCloudResource", bound)
    assert act("put", "--key", key, "dog.jpg", plain) == 0
    assert act("get", "dog.jpg", opened) == 0
    first, second = (file for file in (tmp_path / "store").rglob("*") if file.is_file())
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    assert {act("get", name, opened) for name in ("cat.jpg", "dog.jpg")} == {0, 1}
    first.write_bytes(content)
    customer.call_json("UnbindCloudResource", bound)
    with pytest.raises(TencentCloudSDKException, match="CmkUsedByCloudProduct"):
        customer.call_json("DisableKey", {"KeyId": key})
    assert act("remove", "dog.jpg") == 0
    customer.call_json("DisableKey", {"KeyId": key})
    assert act("get", "dog.jpg", opened) == 1


def connect(server: RunningServer, access_key: dict[str, str]) -> KmsClient:
    http = HttpProfile(protocol="http", endpoint=f"127.0.0.1:{server.port}")
    return KmsClient(
        Credential(access_key["SecretId"], access_key["SecretKey"]),
        "ap-guangzhou",
        ClientProfile(httpProfile=http),
    )


def create_key(server: RunningServer, access_key: dict[str, str], alias: str) -> str:
    request = models.CreateKeyRequest()
    request.Alias = alias
    made: str = connect(server, access_key).CreateKey(request).KeyId
    return made


def digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def test_files_and_secrets_survive_a_restart(home: Path, tmp_path: Path) -> None:
    plain, sealed, opened = (tmp_path / name for name in ("plain", "sealed", "opened"))
    with plain.open("wb") as stream:
        for _ in range(52):
            stream.write(os.urandom(CHUNK))
        stream.write(b"and a little more")
    secrets = tmp_path / "secrets.json"
    with RunningServer.started(home) as server:
        access_key = server.access_key
        key = create_key(server, access_key, "files")
        done = run(
            server, access_key, "envelope.py", "encrypt", "--key", key, plain, sealed
        )
        assert done.returncode == 0, done.stderr
        assert "100 %" in done.stderr
        for name, value in (("database", "s3cret-CANARY"), ("mail", "x" * 4096)):
            done = run(
                server,
                access_key,
                *("sensitive_data.py", "store", "--key", key, name, secrets),
                given=value,
            )
            assert done.returncode == 0, done.stderr
        done = run(
            server,
            access_key,
            *("sensitive_data.py", "store", "--key", key, "big", secrets),
            given="x" * 4097,
        )
        assert done.returncode == 1
    assert plain.read_bytes()[:1000] not in sealed.read_bytes()
    assert "CANARY" not in secrets.read_text()
    with RunningServer.started(home) as server:
        done = run(server, access_key, "envelope.py", "decrypt", sealed, opened)
        assert done.returncode == 0, done.stderr
        assert digest(opened) == digest(plain)
        done = run(server, access_key, "sensitive_data.py", "run", secrets)
        assert done.returncode == 0, done.stderr
        assert "database: 13 bytes" in done.stdout
        assert "s3cret" not in done.stdout
        swapped = (
            secrets.read_text().replace("database", "m").replace("mail", "database")
        )
        secrets.write_text(swapped)
        assert (
            run(server, access_key, "sensitive_data.py", "run", secrets).returncode == 1
        )


def test_an_envelope_that_was_changed_is_refused(
    server: RunningServer, tmp_path: Path
) -> None:
    access_key = server.access_key
    key = create_key(server, access_key, "envelopes")
    sealed = []
    for number, size in enumerate((2 * CHUNK + 5, 2 * CHUNK + 5, 0, CHUNK)):
        plain, target = tmp_path / f"plain{number}", tmp_path / f"sealed{number}"
        plain.write_bytes(os.urandom(size))
        done = run(
            server, access_key, "envelope.py", "encrypt", "--key", key, plain, target
        )
        assert done.returncode == 0, done.stderr
        opened = tmp_path / f"opened{number}"
        run(server, access_key, "envelope.py", "decrypt", target, opened)
        assert opened.read_bytes() == plain.read_bytes()
        sealed.append(target.read_bytes())
    one, other, empty, _ = sealed
    head = len(one) - 2 * SEALED_CHUNK - 5 - 16
    first, second = (
        one[head : head + SEALED_CHUNK],
        one[head + SEALED_CHUNK : head + 2 * SEALED_CHUNK],
    )
    last = one[head + 2 * SEALED_CHUNK :]
    changed = {
        "cut at a chunk": one[: head + 2 * SEALED_CHUNK],
        "cut inside": one[:-1],
        "only the header": one[:head],
        "swapped": one[:head] + second + first + last,
        "left out": one[:head] + second + last,
        "mixed": other[:head] + first + other[head + SEALED_CHUNK :],
        "longer": one + b"x",
        "other prefix": one[:14] + bytes(7) + one[21:],
        "empty cut": empty[:-16],
        "no envelope": b"x" * 100,
        "nothing": b"",
    }
    for name, content in changed.items():
        bad, opened = tmp_path / "bad", tmp_path / f"opened {name}"
        bad.write_bytes(content)
        done = run(server, access_key, "envelope.py", "decrypt", bad, opened)
        assert done.returncode == 1, name
        assert "Refused" in done.stderr, name
        assert not opened.exists(), name
        assert not list(tmp_path.glob("*.part")), name
