"""The table of states covers every operation on a key, and nothing else decides."""

import pytest

from keys.operations import OPERATIONS
from keys.operations.base import KeyOperation
from keys.operations.cryptography import Encrypt, ReEncrypt
from keys.states import RULES, KeyState, next_state
from kmsconsole.errors import KMSError

LIVING = [state for state in KeyState if state is not KeyState.DESTROYED]
ON_KEYS = [
    operation.__name__
    for operation in OPERATIONS
    if issubclass(operation, (KeyOperation, Encrypt, ReEncrypt))
    or operation.__name__ == "Decrypt"
]

# Copied by hand from the specification: E enabled, D disabled, P pending deletion,
# I waiting for material, A archived; a letter is the state that follows, else a code.
SPECIFIED = {
    "DescribeKey": "E D P I A",
    "DescribeKeys": "E D P I A",
    "UpdateAlias": "E D CmkStateNotSupport I A",
    "UpdateKeyDescription": "E D CmkStateNotSupport I A",
    "EnableKey": "E E CmkStateNotSupport CmkStateNotSupport CmkStateNotSupport",
    "EnableKeys": "E E CmkStateNotSupport CmkStateNotSupport CmkStateNotSupport",
    "DisableKey": "D D CmkStateNotSupport CmkStateNotSupport CmkStateNotSupport",
    "DisableKeys": "D D CmkStateNotSupport CmkStateNotSupport CmkStateNotSupport",
    "Encrypt": "E CmkDisabled CmkDisabled CmkDisabled CmkArchived",
    "GenerateDataKey": "E CmkDisabled KeyPendingDelete CmkDisabled CmkArchived",
    "Decrypt": "E CmkDisabled CmkDisabled CmkDisabled A",
    "ReEncrypt": "E CmkDisabled CmkDisabled CmkDisabled A",
}
LETTERS = {
    "E": KeyState.ENABLED,
    "D": KeyState.DISABLED,
    "P": KeyState.PENDING_DELETE,
    "I": KeyState.PENDING_IMPORT,
    "A": KeyState.ARCHIVED,
}


def test_every_operation_on_a_key_stands_in_the_table() -> None:
    assert set(ON_KEYS) == set(RULES) == set(SPECIFIED)
    assert all(set(row) == set(LIVING) for row in RULES.values())


@pytest.mark.parametrize("operation", sorted(SPECIFIED))
@pytest.mark.parametrize("state", LIVING)
def test_the_table_says_what_the_specification_says(operation: str, state) -> None:
    column = list(LETTERS.values()).index(state)
    specified = SPECIFIED[operation].split()[column]
    if specified in LETTERS:
        assert next_state(operation, state) is LETTERS[specified]
        return
    with pytest.raises(KMSError) as caught:
        next_state(operation, state)
    assert caught.value.code == f"ResourceUnavailable.{specified}"


@pytest.mark.parametrize("state", KeyState)
def test_what_is_not_in_the_table_is_refused(state) -> None:
    with pytest.raises(KMSError):
        next_state("ExportKey", state)


def test_nothing_is_possible_on_a_destroyed_key() -> None:
    for operation in RULES:
        with pytest.raises(KMSError):
            next_state(operation, KeyState.DESTROYED)
