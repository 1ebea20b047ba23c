"""A client of the official SDK that talks to the running service."""

from typing import Any

import pytest
from tencentcloud.common import credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.kms.v20190118 import kms_client

from tests.clients.sdk import REGION, Connect, ask, unused_name
from tests.server import RunningServer


@pytest.fixture(scope="module")
def access_key(server: RunningServer) -> dict[str, str]:
    return server.access_key


@pytest.fixture
def connect(
    server: RunningServer,
    access_key: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> Connect:
    """Make a client of the SDK as the README does."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)

    def client(region: str = REGION, port: int = 0, **more: Any) -> Any:
        secret_key = more.pop("secret_key", access_key["SecretKey"])
        method = more.pop("method", "POST")
        profile = ClientProfile(
            httpProfile=HttpProfile(
                protocol="http",
                endpoint=f"127.0.0.1:{port or server.port}",
                reqMethod=method,
            ),
            **more,
        )
        known = credential.Credential(access_key["SecretId"], secret_key)
        return kms_client.KmsClient(known, region, profile)

    return client


@pytest.fixture
def client(connect: Connect) -> kms_client.KmsClient:
    return connect()


@pytest.fixture
def key_id(client: kms_client.KmsClient) -> str:
    made: str = ask(client, "CreateKey", Alias=unused_name()).KeyId
    return made
