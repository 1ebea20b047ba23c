"""The state machine of a key, as one table.

For each operation on a key a row says which kinds of key refuse it, and state by state
which state follows or which error refuses. What is not in the table is refused.
docs/states.md prints it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from keys.errors import (
    CmkArchived,
    CmkDisabled,
    CmkNotPendingDelete,
    CmkShouldBeDisabled,
    CmkStateNotSupport,
    CmkUsedByCloudProduct,
    ExternalCmkCanNotRotate,
    InvalidKeyUsage,
    KeyPendingDelete,
    NotExternalCmk,
    NotUserCreatedCmk,
    RotateNotSupported,
    UnsupportedKeyUsage,
)
from kmsconsole.errors import KMSError


class KeyState(TextChoices):
    """States of the source product, and the tombstone of a destroyed key."""

    ENABLED = "Enabled", _("Enabled")
    DISABLED = "Disabled", _("Disabled")
    PENDING_DELETE = "PendingDelete", _("Pending deletion")
    PENDING_IMPORT = "PendingImport", _("Waiting for material")
    ARCHIVED = "Archived", _("Archived")
    DESTROYED = "Destroyed", _("Destroyed")


class KeyKind(TextChoices):
    """What the table tells keys apart by, beside their state."""

    GENERATED = "generated", _("Symmetric, generated in the HSM")
    IMPORTED = "imported", _("Symmetric, imported")
    DECRYPTING = "decrypting", _("Key pair for decryption")
    SIGNING = "signing", _("Key pair for signatures")
    CLOUD = "cloud", _("Managed by a cloud product")


OWNER_USER = "user"
ORIGIN_EXTERNAL = "EXTERNAL"


def kind_of(owner: str, usage: str, origin: str) -> KeyKind:
    """Return the kind of a key; a cloud product's is always generated and symmetric.

    Raises InvalidKeyUsage for a usage nobody knows.
    """
    if usage.startswith("ASYMMETRIC_SIGN_VERIFY_"):
        return KeyKind.SIGNING
    if usage.startswith("ASYMMETRIC_DECRYPT_"):
        return KeyKind.DECRYPTING
    if usage != "ENCRYPT_DECRYPT":
        raise InvalidKeyUsage
    if owner != OWNER_USER:
        return KeyKind.CLOUD
    return KeyKind.IMPORTED if origin == ORIGIN_EXTERNAL else KeyKind.GENERATED


Rule = KeyState | type[KMSError]


@dataclass(frozen=True, slots=True)
class Row:
    """One operation: the rule of each state, and the kinds that refuse it at all."""

    states: Mapping[KeyState, Rule]
    kinds: Mapping[KeyKind, type[KMSError]] = field(default_factory=dict)


_E, _D, _P, _I, _A = LIVING = (
    KeyState.ENABLED,
    KeyState.DISABLED,
    KeyState.PENDING_DELETE,
    KeyState.PENDING_IMPORT,
    KeyState.ARCHIVED,
)


def _states(*rules: Rule) -> dict[KeyState, Rule]:
    return dict(zip(LIVING, rules, strict=True))


_NO = CmkStateNotSupport
_ANY = _states(_E, _D, _P, _I, _A)
_EDIT = {**_ANY, _P: _NO}
_ENCRYPT = _states(_E, CmkDisabled, CmkDisabled, CmkDisabled, CmkArchived)
_DECRYPT = {**_ENCRYPT, _A: _A}
_PAIR = _states(_E, _NO, _NO, _NO, _NO)

_G, _M, _R, _S, _C = KeyKind
_PEOPLES: Mapping[KeyKind, type[KMSError]] = {_C: NotUserCreatedCmk}
_IN_USE: Mapping[KeyKind, type[KMSError]] = {_C: CmkUsedByCloudProduct}
_SYMMETRIC: Mapping[KeyKind, type[KMSError]] = {
    _R: InvalidKeyUsage,
    _S: InvalidKeyUsage,
}
_ROTATABLE: Mapping[KeyKind, type[KMSError]] = {
    _M: ExternalCmkCanNotRotate,
    _R: RotateNotSupported,
    _S: RotateNotSupported,
}
_NOWHERE: Mapping[KeyKind, type[KMSError]] = dict.fromkeys(KeyKind, UnsupportedKeyUsage)
_EXTERNAL: Mapping[KeyKind, type[KMSError]] = dict.fromkeys(
    (_G, _R, _S, _C), NotExternalCmk
)


def _only(*kinds: KeyKind) -> dict[KeyKind, type[KMSError]]:
    return {kind: InvalidKeyUsage for kind in KeyKind if kind not in kinds}


_ENABLING = Row(_states(_E, _E, _NO, _NO, _NO), _PEOPLES)
_DISABLING = Row(_states(_D, _D, _NO, _NO, _NO), _IN_USE)
_MAKING = Row({**_ENCRYPT, _P: KeyPendingDelete}, _SYMMETRIC)
# What a data key's own state forbids stands in keys/datakeys/states.py.
_HOSTED = Row(_ANY, _SYMMETRIC)
_HOSTED_AGAIN = Row(_EDIT, _SYMMETRIC)

RULES: Mapping[str, Row] = {
    "DescribeKey": Row(_ANY),
    "DescribeKeys": Row(_ANY),
    "ListKeyVersions": Row(_ANY),
    "DescribeKeyUsage": Row(_ANY),
    "UpdateAlias": Row(_EDIT, _PEOPLES),
    "UpdateKeyDescription": Row(_EDIT, _PEOPLES),
    "TagKey": Row(_EDIT, _PEOPLES),
    "TagKeys": Row(_EDIT, _PEOPLES),
    "EnableKey": _ENABLING,
    "EnableKeys": _ENABLING,
    "DisableKey": _DISABLING,
    "DisableKeys": _DISABLING,
    "ArchiveKey": Row(_states(_A, _A, _NO, _NO, _A), _PEOPLES),
    "CancelKeyArchive": Row(_states(_NO, _NO, _NO, _NO, _E), _PEOPLES),
    "EnableKeyRotation": Row(_states(_E, _D, _NO, _NO, _NO), _ROTATABLE),
    "DisableKeyRotation": Row(_ANY, _ROTATABLE),
    "GetKeyRotationStatus": Row(_ANY),
    "RotateKey": Row(
        _states(_E, _NO, _NO, _NO, _NO), {**_ROTATABLE, _M: RotateNotSupported}
    ),
    "RotateDueKey": Row(
        _states(_E, _NO, _NO, _NO, _NO), {**_ROTATABLE, _M: RotateNotSupported}
    ),
    "ScheduleKeyDeletion": Row(_states(CmkShouldBeDisabled, _P, _NO, _P, _P), _IN_USE),
    "ScheduleKeysDeletion": Row(_states(CmkShouldBeDisabled, _P, _NO, _P, _P), _IN_USE),
    # An imported key without its material waits for it again instead.
    "CancelKeyDeletion": Row(
        {**dict.fromkeys(LIVING, CmkNotPendingDelete), _P: _D}, _PEOPLES
    ),
    "HoldKeyDeletion": Row(
        {**dict.fromkeys(LIVING, CmkNotPendingDelete), _P: _P}, _IN_USE
    ),
    "ConfirmKeyDeletion": Row(
        {**dict.fromkeys(LIVING, CmkNotPendingDelete), _P: _P}, _PEOPLES
    ),
    "DestroyKey": Row(_states(_NO, _NO, KeyState.DESTROYED, _NO, _NO), _IN_USE),
    "GetParametersForImport": Row(_ANY, _EXTERNAL),
    "ImportKeyMaterial": Row(_states(_E, _NO, _NO, _E, _NO), _EXTERNAL),
    "EndImportParameters": Row(_ANY, _EXTERNAL),
    "ExpireKeyMaterial": Row(_states(_I, _I, _NO, _NO, _I), _EXTERNAL),
    "DeleteImportedKeyMaterial": Row(_states(_I, _I, _NO, _NO, _NO), _EXTERNAL),
    "Encrypt": Row(_ENCRYPT, _SYMMETRIC),
    "GenerateDataKey": _MAKING,
    "GenerateHostedDataKey": _MAKING,
    "ImportDataKey": _MAKING,
    "Decrypt": Row(_DECRYPT, _SYMMETRIC),
    "ReEncrypt": Row(_DECRYPT, _SYMMETRIC),
    "GetPublicKey": Row(_PAIR, _only(_R, _S)),
    "SignByAsymmetricKey": Row(_PAIR, _only(_S)),
    "VerifyByAsymmetricKey": Row(_PAIR, _only(_S)),
    "AsymmetricRsaDecrypt": Row(_PAIR, _only(_R)),
    "AllowLegacyPadding": Row(_EDIT, _only(_R)),
    # No token of this service makes SM2 pairs.
    "AsymmetricSm2Decrypt": Row(_PAIR, _NOWHERE),
    "BindCloudResource": Row(_states(_E, _NO, _NO, _NO, _NO), _IN_USE),
    "UnbindCloudResource": Row(_ANY),
    "DescribeDataKey": _HOSTED,
    "DescribeDataKeys": _HOSTED,
    "UpdateDataKeyName": _HOSTED,
    "UpdateDataKeyDescription": _HOSTED,
    "EnableDataKey": _HOSTED_AGAIN,
    "EnableDataKeys": _HOSTED_AGAIN,
    "DisableDataKey": _HOSTED,
    "DisableDataKeys": _HOSTED,
    "GetDataKeyPlaintext": Row(_DECRYPT, _SYMMETRIC),
    "GetDataKeyCiphertextBlob": _HOSTED,
    "ScheduleDataKeyDeletion": _HOSTED,
    "CancelDataKeyDeletion": _HOSTED_AGAIN,
    "DestroyDataKey": _HOSTED,
}


def next_state(operation: str, state: str, kind: KeyKind) -> KeyState:
    """Return the state that follows; raises the error the table names otherwise."""
    row = RULES.get(operation)
    if row is None:
        raise CmkStateNotSupport
    if kind in row.kinds:
        raise row.kinds[kind]
    rule = row.states.get(KeyState(state), CmkStateNotSupport)
    if isinstance(rule, KeyState):
        return rule
    raise rule
