"""What must never come out again, and the rows that a refusal must not touch."""

import base64
from typing import Any

from keys.models import CustomerMasterKey, KeyVersion
from tests.api.wire import Reply

CANARY = "CANARY-7f3a"
SECRET = base64.b64encode(CANARY.encode()).decode()


def rows() -> list[list[dict[str, Any]]]:
    return [
        list(model.objects.order_by("pk").values())  # type: ignore[attr-defined]
        for model in (CustomerMasterKey, KeyVersion)
    ]


def refused(reply: Reply, code: str) -> None:
    assert reply.code == code
    assert CANARY.encode() not in reply.body
    assert SECRET.encode() not in reply.body
