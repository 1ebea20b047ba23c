"""Every ID in every request, replaced by another account's and by nobody's.

The answers are the same to the byte, apart from the request ID, for everybody of the
asking account: root, full access to the account, and rights on one key alone.
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest

from accessctl.models import AccessKey, User
from accessctl.operations import CreateAccessKey
from keys.crypto.ciphertext import decode, encode
from keys.models import DataKey
from kmsconsole.operations import registry
from kmsconsole.principals import Kind, Principal
from tests.accessctl.people import grant, sub_account
from tests.accessctl.table import BLOB, DATA_KEY, KEY, ROWS, TEXT
from tests.api.test_foreign import told
from tests.api.wire import Reply, Sender
from tests.personas import FOREIGN_ACCOUNT, FOREIGN_ROOT, execute

pytestmark = pytest.mark.django_db

ABOUT_IDS = sorted(
    name
    for name, operation in registry().items()
    if operation.api
    and name in ROWS
    and (
        {KEY, BLOB, DATA_KEY} & set(map(str, ROWS[name].data.values()))
        or [KEY] in ROWS[name].data.values()
        or [DATA_KEY] in ROWS[name].data.values()
    )
)
WRAPPING = {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}


@dataclass(frozen=True)
class Asker:
    """Somebody of the asking account, and a key that they may do everything with."""

    name: str
    sender: Sender
    own: str


@pytest.fixture
def askers(foreign: Sender) -> list[Asker]:
    own = foreign.ask("CreateKey", Alias="own").response["KeyId"]

    def asker(name: str, **where: str) -> Asker:
        user = sub_account(name, FOREIGN_ACCOUNT)
        grant(user, "role.full-access", by=FOREIGN_ROOT, **where)
        operator = Principal(Kind.OPERATOR, FOREIGN_ACCOUNT, 0, "operator", "command")
        made = execute(CreateAccessKey, operator, UserName=name).output
        sender = Sender(foreign.application, made["SecretId"], made["SecretKey"])
        assert sender.ask("DescribeKey", KeyId=own).code == ""
        return Asker(name, sender, own)

    return [
        Asker("root", foreign, own),
        asker("everything"),
        asker("one-key", key=own),
    ]


@pytest.fixture
def hosting(sender: Sender, key_id: str) -> str:
    """The first account's key, with a data key kept under it."""
    asked = {"KeySpec": "AES_256", "IsHostedByKms": 1, "DataKeyName": "kept"}
    assert sender.ask("GenerateDataKey", KeyId=key_id, **asked).code == ""
    return key_id


def blob_of_nobody(blob: str) -> str:
    """Return a ciphertext like this one of a key that doesn't exist."""
    return encode(decode(blob)._replace(key_id=uuid4()))


def with_id(
    data: dict[str, Any], key_id: str, blob: str, data_key_id: str
) -> dict[str, Any]:
    """Put a key's ID, a ciphertext and a data key of it into an input."""
    standing = {KEY: key_id, BLOB: blob, DATA_KEY: data_key_id}
    return {
        name: [standing.get(each, each) for each in value]
        if isinstance(value, list) and name in ("KeyIds", "DataKeyIds")
        else standing.get(value, value)
        if isinstance(value, str)
        else value
        for name, value in data.items()
    }


def assert_alike(replies: list[Reply], *context: object) -> None:
    assert replies[0].code, (*context, "succeeded")
    assert told(replies[0]) == told(replies[1]), context
    assert replies[0].headers == replies[1].headers, context


def test_there_is_something_to_ask() -> None:
    assert len(ABOUT_IDS) > 25
    assert {"Decrypt", "ReEncrypt", "DescribeKeys", "ImportKeyMaterial"} <= set(
        ABOUT_IDS
    )


@pytest.mark.parametrize("action", ABOUT_IDS)
def test_another_accounts_id_is_like_nobodys(
    sender: Sender, askers: list[Asker], hosting: str, untouched: str, action: str
) -> None:
    assert hosting == untouched
    blob = sender.ask("Encrypt", KeyId=untouched, Plaintext=TEXT).response[
        "CiphertextBlob"
    ]
    kept = DataKey.objects.get(key=untouched)
    foreign_ids = untouched, blob, str(kept.id)
    nobodys = str(uuid4()), blob_of_nobody(blob), str(uuid4())
    for asker in askers:
        data = ROWS[action].data
        asked = [
            asker.sender.ask(action, **with_id(data, *ids))
            for ids in (foreign_ids, nobodys)
        ]
        assert_alike(asked, action, asker.name)
        if "KeyIds" in data:
            asked = [
                asker.sender.ask(action, **{**data, "KeyIds": [asker.own, key_id]})
                for key_id, _blob, _data_key in (foreign_ids, nobodys)
            ]
            assert_alike(asked, action, asker.name, "among own ones")


def test_another_accounts_key_is_no_destination(
    sender: Sender, askers: list[Asker], untouched: str
) -> None:
    for asker in askers:
        mine = asker.sender.ask("Encrypt", KeyId=asker.own, Plaintext=TEXT)
        blob = mine.response["CiphertextBlob"]
        asked = [
            asker.sender.ask("ReEncrypt", CiphertextBlob=blob, DestinationKeyId=key_id)
            for key_id in (untouched, str(uuid4()))
        ]
        assert_alike(asked, asker.name)
        theirs = sender.ask("Encrypt", KeyId=untouched, Plaintext=TEXT)
        blob = theirs.response["CiphertextBlob"]
        asked = [
            asker.sender.ask(
                "ReEncrypt", CiphertextBlob=text, DestinationKeyId=asker.own
            )
            for text in (blob, blob_of_nobody(blob))
        ]
        assert_alike(asked, asker.name)


def tokens(sender: Sender) -> Iterator[str]:
    """Yield the account's own import token, and one that nobody was given."""
    external = sender.ask("CreateKey", Alias="external", Type=2).response["KeyId"]
    given = sender.ask("GetParametersForImport", KeyId=external, **WRAPPING)
    token = given.response["ImportToken"]
    yield token
    yield base64.b64encode(bytes(len(base64.b64decode(token)))).decode()


def test_another_accounts_import_token_is_like_garbage(
    sender: Sender, askers: list[Asker]
) -> None:
    own = askers[0].sender.ask("CreateKey", Alias="mine", Type=2).response["KeyId"]
    askers[0].sender.ask("GetParametersForImport", KeyId=own, **WRAPPING)
    texts = list(tokens(sender))
    for asker in askers:
        asked = [
            asker.sender.ask(
                "ImportKeyMaterial",
                KeyId=own,
                ImportToken=token,
                EncryptedKeyMaterial=base64.b64encode(bytes(256)).decode(),
            )
            for token in texts
        ]
        assert_alike(asked, asker.name)


def test_lists_and_searches_show_no_foreign_key(
    askers: list[Asker], untouched: str
) -> None:
    for asker in askers:
        for action in ("ListKeys", "ListKeyDetail"):
            reply = asker.sender.ask(action)
            assert reply.response["TotalCount"] == 1
            assert untouched.encode() not in reply.body
        asked = [
            told(asker.sender.ask("ListKeyDetail", SearchKeyAlias=text))
            for text in (untouched[:13], str(UUID(int=7))[:13])
        ]
        assert asked[0] == asked[1]


OFF: dict[str, Any] = {
    "the person is disabled": ("user", {"is_active": False}),
    "the person has no access by API": ("user", {"api_access": False}),
    "the access key is disabled": ("key", {"is_enabled": False}),
}


@pytest.mark.parametrize("why", OFF)
def test_whoever_is_switched_off_does_nothing(askers: list[Asker], why: str) -> None:
    """Every action, with every right on the account."""
    asker = askers[1]
    which, values = OFF[why]
    rows: Any = User.objects.filter(name=asker.name)
    if which == "key":
        rows = AccessKey.objects.filter(secret_id=asker.sender.secret_id)
    assert rows.update(**values) == 1
    for action in sorted(name for name, o in registry().items() if o.api):
        row = ROWS.get(action)
        data = with_id(row.data, asker.own, TEXT, asker.own) if row else {}
        assert asker.sender.ask(action, **data).code.startswith("AuthFailure"), action
