"""The official Python SDK, as the tests call it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import (
    TencentCloudSDKException,
)
from tencentcloud.kms.v20190118 import kms_client, models

from kmsconsole import randomness

REGION, OTHER_REGION = "ap-guangzhou", "ap-shanghai"
Connect = Callable[..., kms_client.KmsClient]


def request(name: str, **fields: Any) -> Any:
    made = getattr(models, f"{name}Request")()
    made.from_json_string(json.dumps(fields))
    return made


def ask(client: kms_client.KmsClient, name: str, **fields: Any) -> Any:
    answer = getattr(client, name)(request(name, **fields))
    assert len(answer.RequestId) == 36
    return answer


def refused(work: Callable[[], object]) -> TencentCloudSDKException:
    with pytest.raises(TencentCloudSDKException) as caught:
        work()
    assert caught.value.requestId
    return caught.value


def unused_name() -> str:
    return f"t-{randomness.token_bytes(6).hex()}"
