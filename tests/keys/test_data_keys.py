"""Hosted data keys: made, kept as ciphertext alone, given out, changed, deleted."""

import base64
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from django.test import override_settings

from keys.datakeys.errors import (
    DataKeyDisabled,
    DataKeyLimitExceeded,
    DataKeyNameAlreadyExists,
    DataKeyNotFound,
    DataKeyNotPendingDelete,
    DataKeyPendingDelete,
    DataKeyStateNotSupport,
    EncryptionError,
    InvalidDataKeyName,
    InvalidImportKeyMaterial,
)
from keys.datakeys.states import RULES, DataKeyState, next_data_key_state
from keys.errors import CmkArchived, CmkDisabled, CmkStateNotSupport, InvalidPlaintext
from keys.models import CustomerMasterKey, DataKey
from keys.operations import (
    ArchiveKey,
    CancelDataKeyDeletion,
    Decrypt,
    DescribeDataKey,
    DestroyDataKey,
    DestroyKey,
    DisableDataKey,
    DisableDataKeys,
    DisableKey,
    EnableDataKey,
    Encrypt,
    GenerateDataKey,
    GetDataKeyCiphertextBlob,
    GetDataKeyPlaintext,
    ImportDataKey,
    ListDataKeyDetail,
    ListDataKeys,
    ScheduleDataKeyDeletion,
    ScheduleKeyDeletion,
    UpdateDataKeyDescription,
    UpdateDataKeyName,
)
from keys.operations.data_keys import DataKeyOperation
from kmsconsole import clock
from kmsconsole.audit.models import AuditEvent
from kmsconsole.errors import KMSError, MissingParameter
from kmsconsole.operations import registry
from kmsconsole.principals import Kind, Principal
from kmsconsole.schedule import running
from kmsconsole.schedule.sweeps import sweeps
from tests.accessctl.people import acting, grant, sub_account
from tests.personas import ACCOUNT, OTHER_REGION, create_key, execute

pytestmark = pytest.mark.django_db

SYSTEM = Principal(Kind.SYSTEM, ACCOUNT, 0, "service", "")
NO = "DataKeyStateNotSupport"
NOT_PENDING = "DataKeyNotPendingDelete"
# By hand: what follows from Enabled, Disabled and PendingDelete.
SPECIFIED = {
    "DescribeDataKey": "E D P",
    "DescribeDataKeys": "E D P",
    "UpdateDataKeyName": f"E D {NO}",
    "UpdateDataKeyDescription": f"E D {NO}",
    "EnableDataKey": f"E E {NO}",
    "EnableDataKeys": f"E E {NO}",
    "DisableDataKey": f"D D {NO}",
    "DisableDataKeys": f"D D {NO}",
    "GetDataKeyPlaintext": "E DataKeyDisabled DataKeyPendingDelete",
    "GetDataKeyCiphertextBlob": f"E {NO} {NO}",
    "ScheduleDataKeyDeletion": f"{NO} P {NO}",
    "CancelDataKeyDeletion": f"{NOT_PENDING} {NOT_PENDING} D",
    "DestroyDataKey": f"{NO} {NO} P",
}


@pytest.fixture
def key_id() -> str:
    return create_key()


def hosted(key_id: str, name: str = "orders", **more: Any) -> dict[str, Any]:
    asked = {"KeyId": key_id, "KeySpec": "AES_256", "IsHostedByKms": 1, **more}
    return execute(GenerateDataKey, DataKeyName=name, **asked).output


def plain_of(data_key_id: str, **more: Any) -> bytes:
    answer = execute(GetDataKeyPlaintext, DataKeyId=data_key_id, **more).output
    return base64.b64decode(answer["Plaintext"])


def scheduled(key_id: str) -> str:
    data_key_id: str = hosted(key_id)["DataKeyId"]
    execute(DisableDataKey, DataKeyId=data_key_id)
    execute(ScheduleDataKeyDeletion, DataKeyId=data_key_id, PendingWindowInDays=7)
    return data_key_id


def test_the_table_of_states_says_what_the_specification_says() -> None:
    named = {
        name for name, each in registry().items() if issubclass(each, DataKeyOperation)
    }
    assert set(RULES) == set(SPECIFIED) == named | {"DestroyDataKey"}
    letters = dict(zip("EDP", DataKeyState, strict=True))
    for name, words in SPECIFIED.items():
        for state, word in zip(DataKeyState, words.split(), strict=True):
            if word in letters:
                assert next_data_key_state(name, state) is letters[word]
                continue
            with pytest.raises(KMSError) as caught:
                next_data_key_state(name, state)
            assert caught.value.code.endswith(f".{word}")


def test_a_data_key_is_kept_as_ciphertext_alone(key_id: str) -> None:
    made = hosted(key_id, Description="of orders", EncryptionContext='{"a":"b"}')
    plain = base64.b64decode(made["Plaintext"])
    assert len(plain) == 32
    row = DataKey.objects.get()
    stored = repr(DataKey.objects.values().get()).encode()
    assert plain not in bytes(row.context) + stored
    assert made["Plaintext"].encode() not in stored
    assert row.blob == made["CiphertextBlob"]
    assert plain_of(made["DataKeyId"]) == plain
    kept = execute(GetDataKeyCiphertextBlob, DataKeyId=made["DataKeyId"]).output
    opened = execute(Decrypt, EncryptionContext='{"a": "b"}', **kept).output
    assert opened["Plaintext"] == made["Plaintext"]
    told = execute(DescribeDataKey, DataKeyId=made["DataKeyId"]).output
    metadata = told["DataKeyMetadata"]
    assert metadata["NumberOfBytes"] == 32
    assert (metadata["KeyName"], metadata["DataKeyName"]) == ("orders", "orders")
    assert (metadata["KeyState"], metadata["Origin"]) == ("Enabled", "TENCENT_KMS")


def test_the_event_of_a_kept_data_key_names_it_and_its_version(key_id: str) -> None:
    made = hosted(key_id)
    plain_of(made["DataKeyId"])
    events = AuditEvent.objects.order_by("-sequence")[:2]
    assert [event.operation for event in events] == [
        "GetDataKeyPlaintext",
        "GenerateHostedDataKey",
    ]
    for event in events:
        assert (event.key_id, event.key_version) == (key_id, 1)
        assert made["DataKeyId"] in event.details
        assert made["Plaintext"] not in event.details


def test_without_hosting_nothing_is_kept(key_id: str) -> None:
    asked = {"KeyId": key_id, "KeySpec": "AES_128", "DataKeyName": "ignored"}
    assert "DataKeyId" not in execute(GenerateDataKey, **asked).output
    assert not DataKey.objects.exists()
    with pytest.raises(MissingParameter):
        execute(GenerateDataKey, KeyId=key_id, KeySpec="AES_128", IsHostedByKms="1")


@pytest.mark.parametrize("name", ["", "-a", "a b", "a" * 61, "名"])
def test_names_outside_the_rule(key_id: str, name: str) -> None:
    with pytest.raises(InvalidDataKeyName):
        hosted(key_id, name)


def test_a_name_belongs_to_one_data_key_of_a_region(key_id: str) -> None:
    first = hosted(key_id)["DataKeyId"]
    second = hosted(key_id, "second")["DataKeyId"]
    with pytest.raises(DataKeyNameAlreadyExists):
        hosted(key_id, "Orders")
    with pytest.raises(DataKeyNameAlreadyExists):
        execute(UpdateDataKeyName, DataKeyId=second, DataKeyName="ORDERS")
    execute(UpdateDataKeyName, DataKeyId=first, DataKeyName="Orders")
    execute(UpdateDataKeyDescription, DataKeyId=first, Description="é" * 50)
    elsewhere = create_key(region=OTHER_REGION)
    asked = {"KeyId": elsewhere, "KeySpec": "AES_128", "IsHostedByKms": 1}
    execute(GenerateDataKey, region=OTHER_REGION, DataKeyName="orders", **asked)
    with pytest.raises(DataKeyNotFound):
        execute(DescribeDataKey, region=OTHER_REGION, DataKeyId=first)


def test_the_limit_counts_what_is_not_pending(key_id: str) -> None:
    with override_settings(KMS_DATA_KEY_LIMIT=1):
        first = scheduled(key_id)
        hosted(key_id, "second")
        with pytest.raises(DataKeyLimitExceeded):
            hosted(key_id, "third")
        with pytest.raises(DataKeyLimitExceeded):
            execute(CancelDataKeyDeletion, DataKeyId=first)


def test_a_disabled_data_key_gives_out_nothing(key_id: str) -> None:
    data_key_id = hosted(key_id)["DataKeyId"]
    execute(DisableDataKeys, DataKeyIds=[data_key_id])
    with pytest.raises(DataKeyDisabled):
        plain_of(data_key_id)
    execute(EnableDataKey, DataKeyId=data_key_id)
    assert plain_of(data_key_id)
    execute(DisableKey, KeyId=key_id)
    with pytest.raises(CmkDisabled):
        plain_of(data_key_id)


def test_an_archived_key_gives_out_data_keys_and_keeps_no_new_ones(key_id: str) -> None:
    data_key_id = hosted(key_id)["DataKeyId"]
    execute(ArchiveKey, KeyId=key_id)
    assert plain_of(data_key_id)
    with pytest.raises(CmkArchived):
        hosted(key_id, "another")


def test_deletion_and_the_way_back(key_id: str) -> None:
    data_key_id = hosted(key_id)["DataKeyId"]
    days = {"DataKeyId": data_key_id, "PendingWindowInDays": 7}
    with pytest.raises(DataKeyStateNotSupport):
        execute(ScheduleDataKeyDeletion, **days)
    with pytest.raises(DataKeyNotPendingDelete):
        execute(CancelDataKeyDeletion, DataKeyId=data_key_id)
    execute(DisableDataKey, DataKeyId=data_key_id)
    date = execute(ScheduleDataKeyDeletion, **days).output["DeletionDate"]
    assert abs(date - clock.now().timestamp() - 7 * 86400) < 60
    with pytest.raises(DataKeyPendingDelete):
        plain_of(data_key_id)
    execute(CancelDataKeyDeletion, DataKeyId=data_key_id)
    assert DataKey.objects.get().state == DataKeyState.DISABLED


def test_enabling_waits_for_the_key_itself(key_id: str) -> None:
    data_key_id = hosted(key_id)["DataKeyId"]
    execute(DisableKey, KeyId=key_id)
    execute(ScheduleKeyDeletion, KeyId=key_id, PendingWindowInDays=7)
    with pytest.raises(CmkStateNotSupport):
        execute(EnableDataKey, DataKeyId=data_key_id)


def test_destroying_is_never_early_and_leaves_nothing(key_id: str) -> None:
    data_key_id = scheduled(key_id)
    with pytest.raises(DataKeyStateNotSupport):
        execute(DestroyDataKey, SYSTEM, DataKeyId=data_key_id)
    DataKey.objects.update(deletion_date=clock.now() - timedelta(seconds=1))
    execute(DestroyDataKey, SYSTEM, DataKeyId=data_key_id)
    assert not DataKey.objects.exists()
    with pytest.raises(DataKeyNotFound):
        execute(DestroyDataKey, SYSTEM, DataKeyId=data_key_id)


def test_the_sweep_destroys_what_is_due(key_id: str) -> None:
    def figures() -> dict[str, int]:
        return running.run(sweeps()["destruction"])[0].figures()

    data_key_id = scheduled(key_id)
    nothing = {"due": 0, "done": 0, "held": 0, "failed": 0}
    assert figures() == nothing
    DataKey.objects.update(deletion_date=clock.now() - timedelta(seconds=1))
    assert figures() == nothing | {"due": 1, "done": 1}
    event = AuditEvent.objects.latest("sequence")
    assert (event.operation, event.key_id) == ("DestroyDataKey", key_id)
    assert data_key_id in event.details


def test_data_keys_go_with_their_key(key_id: str) -> None:
    hosted(key_id)
    execute(DisableKey, KeyId=key_id)
    execute(ScheduleKeyDeletion, KeyId=key_id, PendingWindowInDays=7)
    CustomerMasterKey.objects.update(deletion_date=clock.now() - timedelta(seconds=1))
    execute(DestroyKey, SYSTEM, KeyId=key_id)
    assert not DataKey.objects.exists()


def test_importing_plaintext_and_ciphertext(key_id: str) -> None:
    plain = base64.b64encode(b"sixteen bytes ok").decode()
    blob = execute(Encrypt, KeyId=key_id, Plaintext=plain).output["CiphertextBlob"]
    for number, (kind, text, named) in enumerate(
        [(1, blob, {}), (1, blob, {"KeyId": key_id}), (2, plain, {"KeyId": key_id})]
    ):
        made = execute(
            ImportDataKey,
            DataKeyName=f"imported-{number}",
            ImportType=kind,
            ImportKeyMaterial=text,
            **named,
        ).output
        assert made["KeyId"] == key_id
        assert plain_of(made["DataKeyId"]) == b"sixteen bytes ok"
    assert {row.origin for row in DataKey.objects.all()} == {"EXTERNAL"}


def test_what_can_not_be_imported(key_id: str) -> None:
    other = create_key("other")
    bound = {"KeyId": key_id, "Plaintext": "YQ==", "EncryptionContext": '{"a":"b"}'}
    long = base64.b64encode(bytes(1025)).decode()
    blobs = [execute(Encrypt, **bound).output["CiphertextBlob"], "nonsense"]
    blobs.append(
        execute(Encrypt, KeyId=key_id, Plaintext=long).output["CiphertextBlob"]
    )
    wrong = [{"ImportType": 1, "ImportKeyMaterial": blob} for blob in blobs]
    good = execute(Encrypt, KeyId=key_id, Plaintext="YQ==").output["CiphertextBlob"]
    wrong.append({"ImportType": 1, "ImportKeyMaterial": good, "KeyId": other})
    for data in wrong:
        with pytest.raises(InvalidImportKeyMaterial):
            execute(ImportDataKey, DataKeyName="imported", **data)
    for text in ("", "YQ", long):
        data = {"ImportType": 2, "ImportKeyMaterial": text, "KeyId": key_id}
        with pytest.raises(InvalidPlaintext):
            execute(ImportDataKey, DataKeyName="imported", **data)
    assert not DataKey.objects.exists()


def test_lists_show_the_data_keys_of_visible_keys(key_id: str) -> None:
    other = create_key("other")
    tags = [{"TagKey": "team", "TagValue": "shop"}]
    mine = hosted(key_id, Tags=tags)["DataKeyId"]
    hosted(other, "of-other", KeySpec="AES_128")
    ann = sub_account("ann")
    grant(ann, "role.key-user", key=key_id)
    assert execute(ListDataKeys).output["TotalCount"] == 2
    assert execute(ListDataKeys, Role=1).output["TotalCount"] == 0
    seen = execute(ListDataKeys, acting(ann)).output
    assert seen == {"DataKeys": [{"DataKeyId": mine}], "TotalCount": 1}
    for filters in (
        {"KeyId": key_id},
        {"DataKeyLen": 32},
        {"SearchKeyAlias": "ORD"},
        {"SearchKeyAlias": mine[:13]},
        {"TagFilters": [{"TagKey": "team", "TagValue": ["shop"]}]},
        {"OrderType": 1, "Limit": 1},
    ):
        found = execute(ListDataKeyDetail, **filters).output["DataKeyMetadatas"]
        assert [row["DataKeyId"] for row in found] == [mine], filters
    assert execute(ListDataKeyDetail, KeyState=2).output["TotalCount"] == 0
    assert execute(ListDataKeyDetail, Origin="EXTERNAL").output["TotalCount"] == 0


PADDINGS: dict[str, padding.AsymmetricPadding] = {
    "RSAES_PKCS1_V1_5": padding.PKCS1v15(),
    "RSAES_OAEP_SHA_1": padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None),
    "RSAES_OAEP_SHA_256": padding.OAEP(
        padding.MGF1(hashes.SHA256()), hashes.SHA256(), None
    ),
}


def pem(private: Any) -> str:
    public: bytes = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return public.decode()


@pytest.mark.parametrize("algorithm", PADDINGS)
def test_answers_encrypted_to_the_callers_key(key_id: str, algorithm: str) -> None:
    private = rsa.generate_private_key(65537, 2048)
    to = {"EncryptionPublicKey": pem(private), "EncryptionAlgorithm": algorithm}
    made = hosted(key_id, **to)
    bare = {"KeyId": key_id, "NumberOfBytes": 24, **to}
    other = execute(GenerateDataKey, **bare).output

    def opened(text: str) -> bytes:
        return private.decrypt(base64.b64decode(text), PADDINGS[algorithm])

    plain = plain_of(made["DataKeyId"])
    assert opened(made["Plaintext"]) == plain
    given = execute(GetDataKeyPlaintext, DataKeyId=made["DataKeyId"], **to).output
    assert opened(given["Plaintext"]) == plain
    blob = {"CiphertextBlob": other["CiphertextBlob"]}
    answer = execute(Decrypt, **blob, **to).output["Plaintext"]
    unsealed = execute(Decrypt, **blob).output["Plaintext"]
    assert opened(answer) == opened(other["Plaintext"]) == base64.b64decode(unsealed)


def test_public_keys_nothing_is_encrypted_to(key_id: str) -> None:
    private = pem(rsa.generate_private_key(65537, 2048))
    oaep = "RSAES_OAEP_SHA_256"
    for key, algorithm, size in (
        (private, "", 16),
        (private, "SM2", 16),
        (private, "SM2_C1C3C2_ASN1", 16),
        (private, oaep, 191),
        (pem(rsa.generate_private_key(65537, 1024)), oaep, 16),
        (pem(ec.generate_private_key(ec.SECP256R1())), oaep, 16),
        ("no key", oaep, 16),
        ("é", oaep, 16),
    ):
        asked = {"EncryptionPublicKey": key, "EncryptionAlgorithm": algorithm}
        with pytest.raises(EncryptionError):
            execute(GenerateDataKey, KeyId=key_id, NumberOfBytes=size, **asked)
        with pytest.raises(EncryptionError):
            hosted(key_id, KeySpec=None, NumberOfBytes=size, **asked)
    assert not DataKey.objects.exists()
