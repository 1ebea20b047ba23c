"""The official Python SDK, as the tests call it."""

import json
import re
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
    assert misshapen(answer) == []
    return answer


PLAIN = {"str": str, "int": int, "bool": bool}
# Of replicas, organisations and bought rates, which don't exist here; and of data keys
# that are not kept.
ABSENT = re.compile(
    r"Sync|Source|Account|CreatorUinString|Qps|Resource(Zone|Region)|DataKeyId|Tag"
)


def misshapen(answer: Any, path: str = "") -> list[str]:
    """Name what differs from the SDK's own description of an answer.

    An unknown field is a warning of the SDK's, which is an error in tests.
    """
    found = []
    path = path or type(answer).__name__
    for name, field in vars(type(answer)).items():
        if isinstance(field, property):
            told = re.search(r":rtype: (list of )?(\S+)", field.__doc__ or "")
            assert told, (path, name)
            kind, value = told[2].rpartition(".")[2].strip("`"), getattr(answer, name)
            here = f"{path}.{name}"
            if value is None:
                found += [] if ABSENT.search(name) else [f"{here} is absent"]
            elif told[1] and not isinstance(value, list):
                found.append(f"{here} is no list")
            else:
                for part in value if told[1] else [value]:
                    found += _misfit(part, kind, here)
    return found


def _misfit(value: Any, kind: str, path: str) -> list[str]:
    if kind not in PLAIN:
        wanted = getattr(models, kind)
        return misshapen(value, path) if type(value) is wanted else [f"{path}: {kind}"]
    # The Go SDK reads numbers into unsigned integers.
    fits = type(value) is PLAIN[kind] and (kind != "int" or value >= 0)
    return [] if fits else [f"{path} is no {kind}"]


def refused(work: Callable[[], object]) -> TencentCloudSDKException:
    with pytest.raises(TencentCloudSDKException) as caught:
        work()
    assert caught.value.requestId
    return caught.value


def unused_name() -> str:
    return f"t-{randomness.token_bytes(6).hex()}"
