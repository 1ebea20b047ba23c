"""Who acts in the tests, and the shortest way to let them."""

from typing import Any

from keys.operations import CreateKey
from kmsconsole import randomness
from kmsconsole.operations import Operation, Result
from kmsconsole.principals import Call, Kind, Principal

ACCOUNT, FOREIGN_ACCOUNT = 100_000_000_001, 100_000_000_002
REGION, OTHER_REGION = "ap-guangzhou", "ap-shanghai"

ROOT = Principal(Kind.ROOT, ACCOUNT, ACCOUNT, "admin", "session")
SUB = Principal(Kind.SUB, ACCOUNT, 100_000_000_101, "ann", "session")
FOREIGN_ROOT = Principal(
    Kind.ROOT, FOREIGN_ACCOUNT, FOREIGN_ACCOUNT, "admin", "session"
)
OPERATOR = Principal(Kind.OPERATOR, ACCOUNT, 0, "operator", "command")
EVERYBODY = (ROOT, SUB, FOREIGN_ROOT, OPERATOR)


def call(
    principal: Principal = ROOT,
    region: str = REGION,
    signature_hash: bytes | None = None,
) -> Call:
    """Return a fresh call of this principal."""
    number = str(randomness.uuid4())
    return Call(principal, region, number, "127.0.0.1", signature_hash)


def execute(
    operation: type[Operation],
    principal: Principal = ROOT,
    *,
    region: str = REGION,
    **data: Any,
) -> Result:
    """Run an operation with its wire names as keywords."""
    return operation.execute(call(principal, region), data)


def create_key(
    alias: str = "orders", principal: Principal = ROOT, region: str = REGION
) -> str:
    """Create an AES key and return its ID."""
    key_id: str = execute(CreateKey, principal, region=region, Alias=alias).output[
        "KeyId"
    ]
    return key_id
