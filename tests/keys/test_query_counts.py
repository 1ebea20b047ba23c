"""How many statements an operation costs: more of them needs a reason."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from keys.operations import (
    CreateKey,
    Decrypt,
    DescribeKey,
    DescribeKeys,
    DisableKey,
    DisableKeys,
    EnableKey,
    EnableKeys,
    Encrypt,
    GenerateDataKey,
    GenerateRandom,
    GetRegions,
    GetServiceStatus,
    ListAlgorithms,
    ListKeyDetail,
    ListKeys,
    ReEncrypt,
    UpdateAlias,
    UpdateKeyDescription,
)
from kmsconsole.operations import Operation
from tests.personas import call, create_key

pytestmark = pytest.mark.django_db

# With a signature: one statement looks it up and one writes the event; the rest is the
# operation's own. Savepoints count as two.
PINNED: dict[type[Operation], int] = {
    Encrypt: 3,
    Decrypt: 3,
    ReEncrypt: 4,
    GenerateDataKey: 3,
    GenerateRandom: 2,
    GetRegions: 2,
    ListAlgorithms: 2,
    GetServiceStatus: 3,
    DescribeKey: 3,
    DescribeKeys: 3,
    ListKeys: 4,
    ListKeyDetail: 4,
    EnableKey: 6,
    DisableKey: 6,
    EnableKeys: 7,
    DisableKeys: 7,
    UpdateAlias: 8,
    UpdateKeyDescription: 6,
    CreateKey: 9,
}


def inputs() -> dict[type[Operation], dict[str, Any]]:
    one, *_ = keys = [create_key(name) for name in ("a", "b")]
    blob = Encrypt.execute(call(), {"KeyId": one, "Plaintext": "YQ=="}).output
    ciphertext = {"CiphertextBlob": blob["CiphertextBlob"]}
    key, batch = {"KeyId": one}, {"KeyIds": keys}
    return {
        Encrypt: {**key, "Plaintext": "YQ=="},
        Decrypt: ciphertext,
        ReEncrypt: ciphertext,
        GenerateDataKey: {**key, "KeySpec": "AES_256"},
        GenerateRandom: {"NumberOfBytes": 1},
        GetRegions: {},
        ListAlgorithms: {},
        GetServiceStatus: {},
        DescribeKey: key,
        DescribeKeys: batch,
        ListKeys: {},
        ListKeyDetail: {},
        DisableKey: key,
        EnableKey: key,
        DisableKeys: batch,
        EnableKeys: batch,
        UpdateAlias: {**key, "Alias": "c"},
        UpdateKeyDescription: {**key, "Description": "d"},
        CreateKey: {"Alias": "d"},
    }


def test_the_cost_of_every_operation_is_pinned() -> None:
    counted = {}
    for number, (operation, data) in enumerate(inputs().items()):
        fresh = call(signature_hash=bytes([number]) * 32)
        with CaptureQueriesContext(connection) as statements:
            operation.execute(fresh, data)
        counted[operation] = len(statements)
    assert counted == PINNED
