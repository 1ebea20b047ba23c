"""Rows read together ahead of time answer only what they were read for."""

import base64
import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accessctl.models import User
from accessctl.operations import CreateAccessKey
from keys import material
from keys.api import foresight
from keys.api.front import ApiFront, Begun
from keys.crypto import ciphertext
from keys.models import CustomerMasterKey
from kmsconsole import statements
from kmsconsole.principals import Call, Kind, Principal
from tests.accessctl.people import grant, revoke, sub_account
from tests.api.wire import REGION, Message, Sender
from tests.personas import ACCOUNT

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(
        connection.vendor == "sqlite", reason="an embedded database is never far"
    ),
]

PLAIN = base64.b64encode(b"thirty-two bytes to be encrypted").decode()
NOBODYS = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(autouse=True)
def far(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Read ahead as if the database were not embedded; afterwards nothing is left."""
    monkeypatch.setattr(foresight, "worthwhile", lambda: True)
    # The test's own transaction, in which nothing is read ahead, does not count.
    outside = len(connection.savepoint_ids)
    monkeypatch.setattr(
        statements, "_in_transaction", lambda: len(connection.savepoint_ids) > outside
    )
    yield
    assert statements._ahead.rows == {}


def is_ahead(reads: list[str], number: int) -> bool:
    """Say whether as many statements were read, and all of them ahead of time."""
    return len(reads) == number and all("FROM unnest(" in each for each in reads)


def asked(sender: Sender, action: str, **parameters: Any) -> tuple[Any, list[str]]:
    """Send a request; returns its answer and what it read."""
    with CaptureQueriesContext(connection) as seen:
        reply = sender.ask(action, **parameters)
    reads = [each["sql"] for each in seen if each["sql"].startswith("SELECT")]
    return reply, reads


def test_a_request_on_a_key_reads_only_ahead(sender: Sender, key_id: str) -> None:
    made, reads = asked(sender, "Encrypt", KeyId=key_id, Plaintext=PLAIN)
    assert is_ahead(reads, 3), reads
    blob = made.response["CiphertextBlob"]
    opened, reads = asked(sender, "Decrypt", CiphertextBlob=blob)
    assert is_ahead(reads, 3), reads
    assert opened.response["Plaintext"] == PLAIN


def test_without_it_everything_is_the_same(
    sender: Sender, key_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foresight, "worthwhile", lambda: False)
    made, reads = asked(sender, "Encrypt", KeyId=key_id, Plaintext=PLAIN)
    assert len(reads) == 3, reads
    assert made.response["KeyId"] == key_id


def test_a_key_that_is_only_mentioned_is_not_used(sender: Sender, key_id: str) -> None:
    decoy = json.dumps({"KeyId": NOBODYS})
    parameters = {"EncryptionContext": decoy, "KeyId": key_id, "Plaintext": PLAIN}
    made, _ = asked(sender, "Encrypt", **parameters)
    assert made.response["KeyId"] == key_id
    decoy = json.dumps({"KeyId": key_id})
    parameters = {"EncryptionContext": decoy, "KeyId": NOBODYS, "Plaintext": PLAIN}
    refused, _ = asked(sender, "Encrypt", **parameters)
    assert refused.code == "ResourceUnavailable.CmkNotFound"


def test_foreign_and_absent_keys_answer_alike(
    sender: Sender, foreign: Sender, key_id: str
) -> None:
    made = sender.ask("Encrypt", KeyId=key_id, Plaintext=PLAIN).response
    for asker, named in ((foreign, key_id), (sender, NOBODYS)):
        reply, _ = asked(asker, "Encrypt", KeyId=named, Plaintext=PLAIN)
        assert reply.code == "ResourceUnavailable.CmkNotFound"
    reply, _ = asked(foreign, "Decrypt", CiphertextBlob=made["CiphertextBlob"])
    assert reply.code == "InvalidParameterValue.InvalidCiphertext"


def test_a_change_is_seen_by_the_next_request(sender: Sender, key_id: str) -> None:
    assert "KeyId" in sender.ask("Encrypt", KeyId=key_id, Plaintext=PLAIN).response
    sender.ask("DisableKey", KeyId=key_id)
    refused, _ = asked(sender, "Encrypt", KeyId=key_id, Plaintext=PLAIN)
    assert refused.code == "ResourceUnavailable.CmkDisabled"


def test_rows_are_handed_out_once_and_never_in_a_transaction(
    sender: Sender, key_id: str
) -> None:
    found = CustomerMasterKey.objects.filter(id=key_id)
    question = material.question(UUID(key_id), REGION)

    def state() -> str:
        key = material.find(UUID(key_id), ACCOUNT, REGION)
        assert key is not None
        return key.state

    (ahead,) = statements.read_ahead([[question]])
    with statements.having(ahead):
        found.update(state="Disabled")
        assert [state(), state()] == ["Enabled", "Disabled"]
    (ahead,) = statements.read_ahead([[question]])
    with statements.having(ahead), transaction.atomic():
        found.update(state="Enabled")
        assert state() == "Enabled"


def test_each_of_several_requests_has_its_own_rows(
    sender: Sender, key_id: str, foreign: Sender
) -> None:
    other = sender.ask("CreateKey", Alias="other").response["KeyId"]
    blob = sender.ask("Encrypt", KeyId=other, Plaintext=PLAIN).response
    # A version that no column could hold must not keep the others from being read.
    header = ciphertext.header(UUID(key_id), 2**32 - 1, 1, b"n" * 12)
    worn = base64.b64encode(header + b"x" * 32).decode()
    asks: list[tuple[Sender, str, dict[str, Any], str]] = [
        (sender, "Encrypt", {"KeyId": key_id, "Plaintext": PLAIN}, ""),
        (sender, "GenerateRandom", {"NumberOfBytes": 8}, ""),
        (sender, "Decrypt", {"CiphertextBlob": blob["CiphertextBlob"]}, ""),
        (sender, "Encrypt", {"KeyId": key_id, "Plaintext": PLAIN}, ""),
        (sender, "Decrypt", {"CiphertextBlob": worn}, "InvalidCiphertext"),
        (foreign, "Encrypt", {"KeyId": key_id, "Plaintext": PLAIN}, "CmkNotFound"),
        (sender, "Encrypt", {"KeyId": NOBODYS, "Plaintext": PLAIN}, "CmkNotFound"),
        (sender, "Encrypt", {"KeyId": other, "Plaintext": PLAIN}, ""),
    ]
    requests = [
        each.environ(Message(action, json.dumps(parameters).encode()))
        for each, action, parameters, _ in asks
    ]
    with CaptureQueriesContext(connection) as seen:
        answers = [
            json.loads(content)["Response"] for _, content in Begun(requests).answers()
        ]
    reads = [each["sql"] for each in seen if each["sql"].startswith("SELECT")]
    assert is_ahead(reads, 3), reads
    codes = [each.get("Error", {}).get("Code", "") for each in answers]
    assert [code.rpartition(".")[2] for code in codes] == [code for *_, code in asks]
    named = [each.get("KeyId") for each in answers]
    assert named == [key_id, None, other, key_id, None, None, None, other]


def test_rules_of_sub_accounts_are_read_together(
    sender: Sender, key_id: str, application: ApiFront
) -> None:
    def program(user: User) -> Sender:
        operator = Principal(Kind.OPERATOR, ACCOUNT, 0, "operator", "command")
        call = Call(operator, "", "", "127.0.0.1")
        made = CreateAccessKey.execute(call, {"UserName": user.name}).output
        return Sender(application, made["SecretId"], made["SecretKey"])

    ann, ben = sub_account("ann", api_access=True), sub_account("ben", api_access=True)
    allowed, forbidden = program(ann), program(ben)
    assert grant(ann, "role.encrypt-only", key=key_id)

    def ask() -> tuple[list[str], list[str]]:
        body = json.dumps({"KeyId": key_id, "Plaintext": PLAIN}).encode()
        requests = [
            each.environ(Message("Encrypt", body))
            for each in (allowed, sender, forbidden, allowed)
        ]
        with CaptureQueriesContext(connection) as seen:
            told = [
                json.loads(text)["Response"] for _, text in Begun(requests).answers()
            ]
        reads = [each["sql"] for each in seen if each["sql"].startswith("SELECT")]
        return [each.get("Error", {}).get("Code", "") for each in told], reads

    codes, reads = ask()
    assert codes == ["", "", "UnauthorizedOperation", ""]
    assert is_ahead(reads, 5), reads
    assert revoke(ann, "role.encrypt-only", key=key_id)
    refused = "UnauthorizedOperation"
    assert ask()[0] == [refused, "", refused, refused]


def test_unreadable_beginnings_are_no_guess(sender: Sender, key_id: str) -> None:
    for text in (
        "A" * 52,
        "KMS" * 20,
        base64.b64encode(b"KMS\x02" + b"x" * 60).decode(),
    ):
        reply, _ = asked(sender, "Decrypt", CiphertextBlob=text)
        assert reply.code == "InvalidParameterValue.InvalidCiphertext"
    reply, _ = asked(sender, "Encrypt", KeyId="-" * 36, Plaintext=PLAIN)
    assert reply.code == "InvalidParameterValue.InvalidKeyId"
