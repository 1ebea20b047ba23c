"""Ciphertexts that were changed and keys of other accounts: like garbage, like nothing.

Every answer is the same to the byte, apart from its request ID, so that nobody learns
whether something exists that they can't use.
"""

import base64
import json
from typing import Any
from uuid import uuid4

import pytest

from keys.models import CustomerMasterKey, KeyVersion
from tests.api.canary import SECRET, refused
from tests.api.wire import Reply, Sender

pytestmark = pytest.mark.django_db

BAD_CIPHERTEXT = "InvalidParameterValue.InvalidCiphertext"
NOT_FOUND = "ResourceUnavailable.CmkNotFound"


def encrypted(sender: Sender, key_id: str, **more: str) -> str:
    asked = sender.ask("Encrypt", KeyId=key_id, Plaintext=SECRET, **more)
    blob: str = asked.response["CiphertextBlob"]
    return blob


def answers(sender: Sender, blobs: list[str], **more: str) -> set[str]:
    """Decrypt and re-encrypt each; return the different errors that were told."""
    told = set()
    for blob in blobs:
        source = {f"Source{name}": value for name, value in more.items()}
        for reply in (
            sender.ask("Decrypt", CiphertextBlob=blob, **more),
            sender.ask("ReEncrypt", CiphertextBlob=blob, **source),
        ):
            refused(reply, BAD_CIPHERTEXT)
            told.add(json.dumps(reply.response["Error"]))
    return told


def test_truncated_ciphertexts(sender: Sender, untouched: str) -> None:
    blob = encrypted(sender, untouched)
    raw = base64.b64decode(blob)
    cut = [blob[:length] for length in range(0, len(blob), 7)]
    cut += [base64.b64encode(raw[:length]).decode() for length in range(len(raw))]
    assert len(answers(sender, cut)) == 1


def test_bit_flipped_ciphertexts(sender: Sender, untouched: str) -> None:
    raw = base64.b64decode(encrypted(sender, untouched))
    flipped = []
    for place in range(len(raw)):
        changed = bytearray(raw)
        changed[place] ^= 1 << place % 8
        flipped.append(base64.b64encode(changed).decode())
    assert len(answers(sender, flipped)) == 1


def test_other_spellings_of_a_ciphertext(sender: Sender, untouched: str) -> None:
    blob = encrypted(sender, untouched)
    raw = base64.b64decode(blob)
    spelled = [
        blob + "\n",
        " " + blob,
        blob[:20] + "\n" + blob[20:],
        blob + "=",
        blob.rstrip("=") + "==",
        base64.urlsafe_b64encode(raw + b"\xff\xff\xfe").decode(),
        base64.b64encode(raw + b"\x00").decode(),
        base64.b64encode(raw * 2).decode(),
        f"{blob}-k-{blob}-k-{blob}",
        SECRET,
        "Q" * 100_000,
        "é" * 40,
    ]
    assert len(answers(sender, [text for text in spelled if text != blob])) == 1


def test_ciphertexts_under_another_context(sender: Sender, untouched: str) -> None:
    blob = encrypted(sender, untouched, EncryptionContext='{"a":"é"}')
    for context in (
        "",
        '{"a":"e\u0301"}',
        '{"a":"É"}',
        '{"A":"é"}',
        '{"a":"é","b":""}',
    ):
        assert len(answers(sender, [blob], EncryptionContext=context)) == 1


def test_another_accounts_ciphertext_is_like_garbage(
    sender: Sender, foreign: Sender, untouched: str
) -> None:
    blob = encrypted(sender, untouched)
    assert answers(foreign, [blob]) == answers(sender, ["garbage"])


ON_ONE_KEY: list[tuple[str, dict[str, Any]]] = [
    ("DescribeKey", {}),
    ("EnableKey", {}),
    ("DisableKey", {}),
    ("UpdateAlias", {"Alias": "taken"}),
    ("UpdateKeyDescription", {"Description": "mine"}),
    ("Encrypt", {"Plaintext": SECRET}),
    ("GenerateDataKey", {"KeySpec": "AES_256"}),
]
ON_MANY_KEYS = ["DescribeKeys", "EnableKeys", "DisableKeys"]


def told(reply: Reply) -> str:
    """Return an answer without what differs in every answer."""
    return reply.body.decode().replace(reply.response["RequestId"], "")


@pytest.mark.parametrize(("action", "more"), ON_ONE_KEY)
def test_another_accounts_key_is_like_none(
    sender: Sender, foreign: Sender, untouched: str, action: str, more: dict[str, Any]
) -> None:
    theirs = foreign.ask(action, KeyId=untouched, **more)
    nobodys = foreign.ask(action, KeyId=str(uuid4()), **more)
    refused(theirs, NOT_FOUND)
    assert told(theirs) == told(nobodys)
    assert theirs.headers == nobodys.headers


@pytest.mark.parametrize("action", ON_MANY_KEYS)
def test_another_accounts_key_spoils_a_batch_like_none(
    sender: Sender, foreign: Sender, untouched: str, action: str
) -> None:
    own = foreign.ask("CreateKey", Alias="own").response["KeyId"]
    asked = [
        foreign.ask(action, KeyIds=[own, other]) for other in (untouched, str(uuid4()))
    ]
    refused(asked[0], NOT_FOUND)
    assert told(asked[0]) == told(asked[1])
    assert CustomerMasterKey.objects.get(id=own).state == "Enabled"
    KeyVersion.objects.filter(key_id=own).delete()
    CustomerMasterKey.objects.filter(id=own).delete()


def test_another_accounts_key_is_no_destination(
    sender: Sender, foreign: Sender, untouched: str
) -> None:
    own = sender.ask("Encrypt", KeyId=untouched, Plaintext=SECRET).response
    made = foreign.ask("CreateKey", Alias="own").response["KeyId"]
    asked = [
        sender.ask(
            "ReEncrypt",
            CiphertextBlob=own["CiphertextBlob"],
            DestinationKeyId=destination,
        )
        for destination in (made, str(uuid4()))
    ]
    refused(asked[0], NOT_FOUND)
    assert told(asked[0]) == told(asked[1])
    KeyVersion.objects.filter(key_id=made).delete()
    CustomerMasterKey.objects.filter(id=made).delete()


def test_lists_show_ones_own_keys_only(
    sender: Sender, foreign: Sender, untouched: str
) -> None:
    for action in ("ListKeys", "ListKeyDetail"):
        assert foreign.ask(action).response["TotalCount"] == 0
        assert sender.ask(action).response["TotalCount"] == 1
    found = foreign.ask("ListKeyDetail", SearchKeyAlias=untouched).response
    assert found["KeyMetadatas"] == []
