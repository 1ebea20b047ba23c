"""Encrypting, decrypting and data keys, with the real HSM."""

import base64
from uuid import UUID, uuid4

import pytest

from keys.crypto.ciphertext import decode
from keys.errors import (
    CmkArchived,
    CmkDisabled,
    CmkNotFound,
    InvalidCiphertext,
    InvalidContext,
    InvalidKeyUsage,
    InvalidPlaintext,
    KeyPendingDelete,
)
from keys.models import CustomerMasterKey, KeyVersion
from keys.operations import (
    Decrypt,
    DisableKey,
    Encrypt,
    GenerateDataKey,
    GenerateRandom,
    ReEncrypt,
)
from keys.states import KeyState
from kmsconsole import clock
from kmsconsole.audit.models import AuditEvent
from kmsconsole.errors import (
    InternalError,
    InvalidParameter,
    InvalidParameterValue,
    KMSError,
    UnauthorizedOperation,
)
from tests.personas import (
    EVERYBODY,
    FOREIGN_ROOT,
    OTHER_REGION,
    ROOT,
    SUB,
    create_key,
    execute,
)

pytestmark = pytest.mark.django_db


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def encrypt(key_id: str, data: bytes = b"secret", **more: object) -> str:
    answer = execute(Encrypt, KeyId=key_id, Plaintext=b64(data), **more).output
    return answer["CiphertextBlob"]


def decrypt(blob: str, **more: object) -> bytes:
    answer = execute(Decrypt, CiphertextBlob=blob, **more).output
    return base64.b64decode(answer["Plaintext"])


@pytest.fixture
def key_id() -> str:
    return create_key()


@pytest.mark.parametrize("size", [1, 15, 16, 17, 4095, 4096])
def test_what_is_encrypted_comes_back(key_id: str, size: int) -> None:
    data = bytes(range(256)) * 16
    assert decrypt(encrypt(key_id, data[:size])) == data[:size]


def test_equal_plaintexts_never_give_equal_ciphertexts(key_id: str) -> None:
    assert len({encrypt(key_id) for _ in range(50)}) == 50


@pytest.mark.parametrize(
    "plaintext",
    [
        "",
        "!",
        "YWJj\n",
        "YW Jj",
        "YWJ",
        "YWK=",
        "YW-_",
        "é",
        "\ud800",
        b64(b"x" * 4097),
        "A" * 100_000,
    ],
)
def test_plaintext_must_be_clean_base64_of_1_to_4096_bytes(
    key_id: str, plaintext: str
) -> None:
    with pytest.raises(InvalidPlaintext):
        execute(Encrypt, KeyId=key_id, Plaintext=plaintext)


def test_the_context_must_be_named_again(key_id: str) -> None:
    blob = encrypt(key_id, EncryptionContext='{"a":"1","b":"2"}')
    assert decrypt(blob, EncryptionContext='{ "b" : "2", "\\u0061":"1" }') == b"secret"
    for wrong in (None, '{"a":"1"}', '{"a":"1","b":"3"}', '{"a1":"","b":"2"}'):
        more = {} if wrong is None else {"EncryptionContext": wrong}
        with pytest.raises(InvalidCiphertext):
            decrypt(blob, **more)


@pytest.mark.parametrize(
    "context",
    [
        "x",
        "[]",
        '"a"',
        '{"a":1}',
        '{"a":null}',
        '{"a":{"b":"c"}}',
        '{"a":"1","a":"1"}',
        '{"a":"1","\\u0061":"2"}',
        '{"a":"\\ud800"}',
        '{"a":"' + "x" * 1024 + '"}',
        '{"a":NaN}',
    ],
)
def test_a_context_nobody_can_read_is_refused(key_id: str, context: str) -> None:
    for operation, data in (
        (Encrypt, {"KeyId": key_id, "Plaintext": "YQ=="}),
        (GenerateDataKey, {"KeyId": key_id, "KeySpec": "AES_256"}),
        (Decrypt, {"CiphertextBlob": encrypt(key_id)}),
    ):
        with pytest.raises(InvalidContext):
            execute(operation, EncryptionContext=context, **data)


def test_every_altered_bit_is_refused_alike(key_id: str) -> None:
    raw = bytearray(base64.b64decode(encrypt(key_id)))
    seen = set()
    for position in range(len(raw) * 8):
        altered = bytearray(raw)
        altered[position // 8] ^= 1 << (position % 8)
        with pytest.raises(InvalidCiphertext) as caught:
            decrypt(b64(bytes(altered)))
        seen.add((type(caught.value), caught.value.message))
    assert len(seen) == 1


def test_truncated_and_foreign_ciphertexts_answer_the_same(key_id: str) -> None:
    blob = encrypt(key_id)
    raw = base64.b64decode(blob)
    theirs = create_key("theirs", FOREIGN_ROOT)
    their_blob = execute(Encrypt, FOREIGN_ROOT, KeyId=theirs, Plaintext="YQ==").output[
        "CiphertextBlob"
    ]
    for bad in (
        *(b64(raw[:size]) for size in range(0, len(raw), 7)),
        blob + "\n",
        blob.rstrip("="),
        blob.replace("=", ""),
        blob + blob,
        "x" * 20_000,
        "é",
        their_blob,
        b64(raw[:4] + uuid4().bytes + raw[20:]),
    ):
        if bad == blob:
            continue
        with pytest.raises(InvalidCiphertext):
            decrypt(bad)


def test_a_ciphertext_does_not_cross_regions(key_id: str) -> None:
    blob = encrypt(key_id)
    with pytest.raises(InvalidCiphertext):
        execute(Decrypt, region=OTHER_REGION, CiphertextBlob=blob)


def test_a_swapped_row_is_refused_and_gives_nothing(key_id: str) -> None:
    other = create_key("other")
    blob = encrypt(key_id)
    mine = KeyVersion.objects.get(key_id=key_id)
    theirs = KeyVersion.objects.get(key_id=other)
    KeyVersion.objects.filter(pk=theirs.pk).update(
        wrapped_material=mine.wrapped_material,
        binding=mine.binding,
        check_value=mine.check_value,
    )
    with pytest.raises(KMSError) as caught:
        encrypt(other)
    assert caught.value.code == "InternalError"
    raw = base64.b64decode(blob)
    with pytest.raises(InternalError):
        decrypt(b64(raw[:4] + UUID(other).bytes + raw[20:]))
    assert decrypt(blob) == b"secret"


@pytest.mark.parametrize(
    ("state", "encrypting", "decrypting", "data_key"),
    [
        (KeyState.DISABLED, CmkDisabled, CmkDisabled, CmkDisabled),
        (KeyState.PENDING_IMPORT, CmkDisabled, CmkDisabled, CmkDisabled),
        (KeyState.PENDING_DELETE, CmkDisabled, CmkDisabled, KeyPendingDelete),
        (KeyState.ARCHIVED, CmkArchived, None, CmkArchived),
        (KeyState.DESTROYED, CmkNotFound, CmkNotFound, CmkNotFound),
    ],
)
def test_states_rule_what_a_key_may_be_used_for(
    key_id: str, state, encrypting, decrypting, data_key
) -> None:
    blob = encrypt(key_id)
    CustomerMasterKey.objects.filter(id=key_id).update(
        state=state, deletion_date=clock.now()
    )
    with pytest.raises(encrypting):
        encrypt(key_id)
    with pytest.raises(data_key):
        execute(GenerateDataKey, KeyId=key_id, KeySpec="AES_128")
    if decrypting is None:
        assert decrypt(blob) == b"secret"
    else:
        with pytest.raises(decrypting):
            decrypt(blob)


def test_disabling_holds_from_the_next_request_on(key_id: str) -> None:
    blob = encrypt(key_id)  # the handle is cached now
    execute(DisableKey, KeyId=key_id)
    with pytest.raises(CmkDisabled):
        decrypt(blob)


def test_another_usage_is_refused(key_id: str) -> None:
    blob = encrypt(key_id)
    CustomerMasterKey.objects.filter(id=key_id).update(usage="SOMETHING")
    with pytest.raises(InvalidKeyUsage):
        encrypt(key_id)
    with pytest.raises((InvalidKeyUsage, InvalidCiphertext)):
        decrypt(blob)


@pytest.mark.parametrize(
    ("wanted", "size"),
    [
        ({"KeySpec": "AES_128"}, 16),
        ({"KeySpec": "AES_256"}, 32),
        ({"NumberOfBytes": 1}, 1),
        ({"NumberOfBytes": "1024"}, 1024),
        ({"KeySpec": "AES_128", "NumberOfBytes": 100}, 100),
    ],
)
def test_a_data_key_decrypts_to_itself(key_id: str, wanted: dict, size: int) -> None:
    context = '{"for":"files"}'
    answer = execute(
        GenerateDataKey, KeyId=key_id, EncryptionContext=context, **wanted
    ).output
    plain = base64.b64decode(answer["Plaintext"])
    assert len(plain) == size
    assert decrypt(answer["CiphertextBlob"], EncryptionContext=context) == plain


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        ({}, InvalidParameter),
        ({"KeySpec": "AES_512"}, InvalidParameterValue),
        ({"NumberOfBytes": 0}, InvalidParameterValue),
        ({"NumberOfBytes": 1025}, InvalidParameterValue),
    ],
)
def test_a_data_key_of_no_length_is_refused(key_id: str, wanted: dict, error) -> None:
    with pytest.raises(error):
        execute(GenerateDataKey, KeyId=key_id, **wanted)


def test_random_bytes_have_their_length() -> None:
    drawn = execute(GenerateRandom, NumberOfBytes=1024).output["Plaintext"]
    assert len(base64.b64decode(drawn)) == 1024
    for wrong in (0, 1025):
        with pytest.raises(InvalidParameterValue):
            execute(GenerateRandom, NumberOfBytes=wrong)


def test_re_encrypting_moves_to_another_key_and_context(key_id: str) -> None:
    other = create_key("other")
    blob = encrypt(key_id, EncryptionContext='{"a":"1"}')
    answer = execute(
        ReEncrypt,
        CiphertextBlob=blob,
        SourceEncryptionContext='{"a":"1"}',
        DestinationKeyId=other,
        DestinationEncryptionContext='{"b":"2"}',
    ).output
    assert answer["ReEncrypted"] is True
    assert (answer["SourceKeyId"], answer["KeyId"]) == (key_id, other)
    assert str(decode(answer["CiphertextBlob"]).key_id) == other
    assert decrypt(answer["CiphertextBlob"], EncryptionContext='{"b":"2"}') == b"secret"


def test_re_encrypting_in_place_changes_nothing_without_a_rotation(key_id: str) -> None:
    blob = encrypt(key_id, EncryptionContext='{"a":"1"}')
    answer = execute(
        ReEncrypt, CiphertextBlob=blob, SourceEncryptionContext='{"a":"1"}'
    ).output
    assert (answer["CiphertextBlob"], answer["ReEncrypted"]) == (blob, False)
    with pytest.raises(InvalidCiphertext):
        execute(ReEncrypt, CiphertextBlob=blob)
    moved = execute(
        ReEncrypt,
        CiphertextBlob=blob,
        SourceEncryptionContext='{"a":"1"}',
        DestinationEncryptionContext="{}",
    ).output
    assert moved["ReEncrypted"] is True
    assert decrypt(moved["CiphertextBlob"]) == b"secret"


def test_re_encrypting_needs_both_keys(key_id: str) -> None:
    theirs = create_key("theirs", FOREIGN_ROOT)
    with pytest.raises(CmkNotFound):
        execute(ReEncrypt, CiphertextBlob=encrypt(key_id), DestinationKeyId=theirs)
    with pytest.raises(UnauthorizedOperation):
        execute(ReEncrypt, SUB, CiphertextBlob=encrypt(key_id))


@pytest.mark.parametrize("principal", [p for p in EVERYBODY if p != ROOT])
def test_nobody_else_decrypts(key_id: str, principal) -> None:
    blob = encrypt(key_id)
    with pytest.raises((UnauthorizedOperation, InvalidCiphertext)):
        execute(Decrypt, principal, CiphertextBlob=blob)
    with pytest.raises((UnauthorizedOperation, CmkNotFound)):
        execute(Encrypt, principal, KeyId=key_id, Plaintext="YQ==")


def test_nothing_secret_reaches_the_audit(key_id: str) -> None:
    canary = b"CANARY-in-the-audit"
    blob = encrypt(key_id, canary)
    decrypt(blob)
    with pytest.raises(InvalidPlaintext):
        execute(Encrypt, KeyId=key_id, Plaintext="CANARY!")
    text = str(list(AuditEvent.objects.values()))
    assert "CANARY" not in text
    assert b64(canary) not in text
    assert blob not in text
