"""The table of states covers every operation on a key, and nothing else decides."""

import runpy
from pathlib import Path

import pytest

from keys.operations import OPERATIONS, SYSTEM_OPERATIONS
from keys.operations.base import KeyOperation
from keys.operations.browsing import ChooseKeys
from keys.operations.cryptography import CryptographicOperation
from keys.operations.data_keys import DataKeyOperation
from keys.operations.history import (
    DescribeDestroyedKey,
    DescribeKeyEvent,
    ListKeyEvents,
)
from keys.states import RULES, KeyKind, KeyState, kind_of, next_state
from kmsconsole.errors import KMSError

LIVING = [state for state in KeyState if state is not KeyState.DESTROYED]
# Made of nothing but bytes, about keys that are no more, or asking others.
WITHOUT_STATE = {
    "GenerateRandom",
    ChooseKeys.__name__,
    DescribeDestroyedKey.__name__,
    DescribeKeyEvent.__name__,
    ListKeyEvents.__name__,
}
ON_KEYS = {
    operation.__name__
    for operation in OPERATIONS + SYSTEM_OPERATIONS
    if issubclass(operation, (KeyOperation, CryptographicOperation, DataKeyOperation))
} - WITHOUT_STATE

# Copied by hand from the specification, states in the order E enabled, D disabled,
# P pending deletion, I waiting for material, A archived, X destroyed: a letter is the
# state that follows, else a code. Behind the bar the kinds that refuse: m imported,
# d decryption pair, s signing pair, c cloud, g generated.
NO = "CmkStateNotSupport"
PAIRS = "d:InvalidKeyUsage s:InvalidKeyUsage"
ROTATE = "d:RotateNotSupported s:RotateNotSupported"
NOT_EXTERNAL = "g:NotExternalCmk d:NotExternalCmk s:NotExternalCmk c:NotExternalCmk"
SYMMETRIC = "g:InvalidKeyUsage m:InvalidKeyUsage c:InvalidKeyUsage"
NOWHERE = " ".join(
    f"{kind}:UnsupportedKeyUsageInCurrentRegion" for kind in ("g", "m", "d", "s", "c")
)
SPECIFIED = {
    "DescribeKey": "E D P I A |",
    "DescribeKeys": "E D P I A |",
    "ListKeyVersions": "E D P I A |",
    "DescribeKeyUsage": "E D P I A |",
    "UpdateAlias": f"E D {NO} I A | c:NotUserCreatedCmk",
    "UpdateKeyDescription": f"E D {NO} I A | c:NotUserCreatedCmk",
    "TagKey": f"E D {NO} I A | c:NotUserCreatedCmk",
    "TagKeys": f"E D {NO} I A | c:NotUserCreatedCmk",
    "EnableKey": f"E E {NO} {NO} {NO} | c:NotUserCreatedCmk",
    "EnableKeys": f"E E {NO} {NO} {NO} | c:NotUserCreatedCmk",
    "DisableKey": f"D D {NO} {NO} {NO} | c:CmkUsedByCloudProduct",
    "DisableKeys": f"D D {NO} {NO} {NO} | c:CmkUsedByCloudProduct",
    "ArchiveKey": f"A A {NO} {NO} A | c:NotUserCreatedCmk",
    "CancelKeyArchive": f"{NO} {NO} {NO} {NO} E | c:NotUserCreatedCmk",
    "EnableKeyRotation": f"E D {NO} {NO} {NO} | m:ExternalCmkCanNotRotate {ROTATE}",
    "DisableKeyRotation": f"E D P I A | m:ExternalCmkCanNotRotate {ROTATE}",
    "GetKeyRotationStatus": "E D P I A |",
    "RotateKey": f"E {NO} {NO} {NO} {NO} | m:RotateNotSupported {ROTATE}",
    "ScheduleKeyDeletion": f"CmkShouldBeDisabled P {NO} P P | c:CmkUsedByCloudProduct",
    "ScheduleKeysDeletion": f"CmkShouldBeDisabled P {NO} P P | c:CmkUsedByCloudProduct",
    "CancelKeyDeletion": "CmkNotPendingDelete CmkNotPendingDelete D "
    "CmkNotPendingDelete CmkNotPendingDelete | c:NotUserCreatedCmk",
    "RotateDueKey": f"E {NO} {NO} {NO} {NO} | m:RotateNotSupported {ROTATE}",
    "HoldKeyDeletion": "CmkNotPendingDelete CmkNotPendingDelete P "
    "CmkNotPendingDelete CmkNotPendingDelete | c:CmkUsedByCloudProduct",
    "ConfirmKeyDeletion": "CmkNotPendingDelete CmkNotPendingDelete P "
    "CmkNotPendingDelete CmkNotPendingDelete | c:NotUserCreatedCmk",
    "DestroyKey": f"{NO} {NO} X {NO} {NO} | c:CmkUsedByCloudProduct",
    "GetParametersForImport": f"E D P I A | {NOT_EXTERNAL}",
    "ImportKeyMaterial": f"E {NO} {NO} E {NO} | {NOT_EXTERNAL}",
    "EndImportParameters": f"E D P I A | {NOT_EXTERNAL}",
    "ExpireKeyMaterial": f"I I {NO} {NO} I | {NOT_EXTERNAL}",
    "DeleteImportedKeyMaterial": f"I I {NO} {NO} {NO} | {NOT_EXTERNAL}",
    "Encrypt": f"E CmkDisabled CmkDisabled CmkDisabled CmkArchived | {PAIRS}",
    "GenerateDataKey": "E CmkDisabled KeyPendingDelete CmkDisabled CmkArchived"
    f" | {PAIRS}",
    "Decrypt": f"E CmkDisabled CmkDisabled CmkDisabled A | {PAIRS}",
    "ReEncrypt": f"E CmkDisabled CmkDisabled CmkDisabled A | {PAIRS}",
    "GetPublicKey": f"E {NO} {NO} {NO} {NO} | {SYMMETRIC}",
    "SignByAsymmetricKey": f"E {NO} {NO} {NO} {NO} | {SYMMETRIC} d:InvalidKeyUsage",
    "VerifyByAsymmetricKey": f"E {NO} {NO} {NO} {NO} | {SYMMETRIC} d:InvalidKeyUsage",
    "AllowLegacyPadding": f"E D {NO} I A | {SYMMETRIC} s:InvalidKeyUsage",
    "AsymmetricSm2Decrypt": f"E {NO} {NO} {NO} {NO} | {NOWHERE}",
    "BindCloudResource": f"E {NO} {NO} {NO} {NO} | c:CmkUsedByCloudProduct",
    "UnbindCloudResource": "E D P I A |",
    "GenerateHostedDataKey": "E CmkDisabled KeyPendingDelete CmkDisabled CmkArchived"
    f" | {PAIRS}",
    "ImportDataKey": "E CmkDisabled KeyPendingDelete CmkDisabled CmkArchived"
    f" | {PAIRS}",
    "DescribeDataKey": f"E D P I A | {PAIRS}",
    "DescribeDataKeys": f"E D P I A | {PAIRS}",
    "UpdateDataKeyName": f"E D P I A | {PAIRS}",
    "UpdateDataKeyDescription": f"E D P I A | {PAIRS}",
    "EnableDataKey": f"E D {NO} I A | {PAIRS}",
    "EnableDataKeys": f"E D {NO} I A | {PAIRS}",
    "DisableDataKey": f"E D P I A | {PAIRS}",
    "DisableDataKeys": f"E D P I A | {PAIRS}",
    "GetDataKeyPlaintext": f"E CmkDisabled CmkDisabled CmkDisabled A | {PAIRS}",
    "GetDataKeyCiphertextBlob": f"E D P I A | {PAIRS}",
    "ScheduleDataKeyDeletion": f"E D P I A | {PAIRS}",
    "CancelDataKeyDeletion": f"E D {NO} I A | {PAIRS}",
    "DestroyDataKey": f"E D P I A | {PAIRS}",
    "AsymmetricRsaDecrypt": f"E {NO} {NO} {NO} {NO} | {SYMMETRIC} s:InvalidKeyUsage",
}
LETTERS = dict(zip("EDPIAX", KeyState, strict=True))
KINDS = dict(zip("gmdsc", KeyKind, strict=True))


def test_every_operation_on_a_key_stands_in_the_table() -> None:
    assert ON_KEYS == set(RULES) == set(SPECIFIED)
    assert all(set(row.states) == set(LIVING) for row in RULES.values())


def expected(operation: str, state: KeyState, kind: KeyKind) -> KeyState | str:
    states, _, kinds = SPECIFIED[operation].partition("|")
    refusals = dict(entry.split(":") for entry in kinds.split())
    letter = next(letter for letter, known in KINDS.items() if known is kind)
    if letter in refusals:
        return refusals[letter]
    word = states.split()[LIVING.index(state)]
    return LETTERS.get(word, word)


@pytest.mark.parametrize("operation", sorted(SPECIFIED))
@pytest.mark.parametrize("state", LIVING)
@pytest.mark.parametrize("kind", KeyKind)
def test_the_table_says_what_the_specification_says(
    operation: str, state: KeyState, kind: KeyKind
) -> None:
    wanted = expected(operation, state, kind)
    if isinstance(wanted, KeyState):
        assert next_state(operation, state, kind) is wanted
        return
    with pytest.raises(KMSError) as caught:
        next_state(operation, state, kind)
    assert caught.value.code.rpartition(".")[2] == wanted


@pytest.mark.parametrize("state", KeyState)
def test_what_is_not_in_the_table_is_refused(state) -> None:
    with pytest.raises(KMSError):
        next_state("ExportKey", state, KeyKind.GENERATED)


def test_nothing_is_possible_on_a_destroyed_key() -> None:
    for operation in RULES:
        for kind in KeyKind:
            with pytest.raises(KMSError):
                next_state(operation, KeyState.DESTROYED, kind)


def test_a_usage_nobody_knows_has_no_kind() -> None:
    with pytest.raises(KMSError):
        kind_of("user", "SOMETHING", "TENCENT_KMS")


def test_the_page_about_states_prints_the_table() -> None:
    docs = Path(__file__).parents[2] / "docs"
    script = runpy.run_path(str(docs / "states_table.py"))
    page = (docs / "states.md").read_text()
    printed = page.partition(script["BEGIN"])[2].partition(script["END"])[0]
    assert printed.strip() == script["table"]()
    begin, end = script["DATA_KEYS"]
    printed = page.partition(begin)[2].partition(end)[0]
    assert printed.strip() == script["data_key_table"]()
