"""Operations on keys: the list is the vocabulary of API, console and permissions."""

from keys.operations.cryptography import (
    Decrypt,
    Encrypt,
    GenerateDataKey,
    GenerateRandom,
    ReEncrypt,
)
from keys.operations.installation import GetRegions, GetServiceStatus, ListAlgorithms
from keys.operations.lifecycle import (
    CreateKey,
    DescribeKey,
    DescribeKeys,
    DisableKey,
    DisableKeys,
    EnableKey,
    EnableKeys,
    UpdateAlias,
    UpdateKeyDescription,
)
from keys.operations.listing import ListKeyDetail, ListKeys
from kmsconsole.operations import Operation

OPERATIONS: tuple[type[Operation], ...] = (
    CreateKey,
    DescribeKey,
    DescribeKeys,
    ListKeys,
    ListKeyDetail,
    UpdateAlias,
    UpdateKeyDescription,
    EnableKey,
    EnableKeys,
    DisableKey,
    DisableKeys,
    Encrypt,
    Decrypt,
    ReEncrypt,
    GenerateDataKey,
    GenerateRandom,
    GetServiceStatus,
    GetRegions,
    ListAlgorithms,
)

__all__ = [
    "OPERATIONS",
    "CreateKey",
    "Decrypt",
    "DescribeKey",
    "DescribeKeys",
    "DisableKey",
    "DisableKeys",
    "EnableKey",
    "EnableKeys",
    "Encrypt",
    "GenerateDataKey",
    "GenerateRandom",
    "GetRegions",
    "GetServiceStatus",
    "ListAlgorithms",
    "ListKeyDetail",
    "ListKeys",
    "ReEncrypt",
    "UpdateAlias",
    "UpdateKeyDescription",
]
