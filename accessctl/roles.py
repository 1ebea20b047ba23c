"""Roles: named sets of operations, given as one right. A new one is an entry here."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from kmsconsole.operations import Operation, Scope, registry

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

PREFIX = "role."
_GRANTABLE = (Scope.KEY, Scope.ACCOUNT)

_SEE = frozenset({"DescribeKey", "DescribeKeys", "GetKeyRotationStatus"})
_LOOK_ROUND = frozenset({"GetServiceStatus", "GetRegions", "ListAlgorithms"})
_ENCRYPT = frozenset({"Encrypt", "GenerateDataKey", "GetPublicKey", "GenerateRandom"})
_DECRYPT = frozenset({"Decrypt", "AsymmetricRsaDecrypt", "AsymmetricSm2Decrypt"})
_SEE_DATA_KEYS = frozenset({"DescribeDataKey", "DescribeDataKeys"})
_READ = _SEE | _SEE_DATA_KEYS | _LOOK_ROUND | {"GetPublicKey", "DescribeKeyUsage"}
_HOST = _SEE_DATA_KEYS | {"ImportDataKey", "GetDataKeyCiphertextBlob"}
_ADMINISTER = _READ | {
    "CreateKey",
    "UpdateAlias",
    "UpdateKeyDescription",
    "TagKey",
    "EnableKey",
    "EnableKeys",
    "DisableKey",
    "DisableKeys",
    "ArchiveKey",
    "CancelKeyArchive",
    "EnableKeyRotation",
    "DisableKeyRotation",
    "RotateKey",
    "ScheduleKeyDeletion",
    "CancelKeyDeletion",
    "GetParametersForImport",
    "ImportKeyMaterial",
    "DeleteImportedKeyMaterial",
    "ListKeyEvents",
    "ExplainAccess",
    "GrantAccess",
    "AllowLegacyPadding",
    "BindCloudResource",
    "UnbindCloudResource",
    "UpdateDataKeyName",
    "UpdateDataKeyDescription",
    "EnableDataKey",
    "EnableDataKeys",
    "DisableDataKey",
    "DisableDataKeys",
    "ScheduleDataKeyDeletion",
    "CancelDataKeyDeletion",
}


@dataclass(frozen=True, slots=True)
class Role:
    """A set of operations under a name.

    Who may grant access, but not everything, can give the `delegable` ones only.
    """

    name: str
    label: "StrOrPromise"
    about: "StrOrPromise"
    operations: frozenset[str]
    delegable: bool = False

    @property
    def right(self) -> str:
        """Return the role as grants name it."""
        return f"{PREFIX}{self.name}"


_ROLES = (
    Role(
        "key-administrator",
        _("Key administrator"),
        _("Manages keys and lets others use them, without using them."),
        _ADMINISTER,
    ),
    Role(
        "key-user",
        _("Key user"),
        _("Encrypts, decrypts and makes data keys."),
        _SEE | _ENCRYPT | _DECRYPT | _HOST | {"ReEncrypt"},
        delegable=True,
    ),
    Role(
        "encrypt-only",
        _("Encrypt only"),
        _("Encrypts and makes data keys; can't decrypt."),
        _SEE | _ENCRYPT | _SEE_DATA_KEYS,
        delegable=True,
    ),
    Role(
        "decrypt-only",
        _("Decrypt only"),
        _("Decrypts; can't encrypt."),
        _SEE | _DECRYPT | _SEE_DATA_KEYS | {"GetDataKeyCiphertextBlob"},
        delegable=True,
    ),
    Role(
        "signer",
        _("Signer"),
        _("Signs, verifies and reads public keys."),
        _SEE | {"SignByAsymmetricKey", "VerifyByAsymmetricKey", "GetPublicKey"},
        delegable=True,
    ),
    Role(
        "auditor",
        _("Auditor"),
        _("Reads keys, their activity and who may do what; changes and uses nothing."),
        _READ | {"ListKeyEvents", "ListEvents", "ExplainAccess"},
    ),
    Role(
        "read-only",
        _("Read only"),
        _("Sees keys; changes and uses nothing."),
        _READ,
        delegable=True,
    ),
)


@cache
def grantable() -> Mapping[str, type[Operation]]:
    """Return the operations that a right can be given on, by permission."""
    return {
        name: operation
        for name, operation in registry().items()
        if operation.scope in _GRANTABLE and operation.needs() == name
    }


@cache
def roles() -> Mapping[str, Role]:
    """Return every role by name; full access holds all there is to give."""
    full = Role(
        "full-access",
        _("Full access"),
        _("Everything the root user may do, people and policies included."),
        frozenset(grantable()),
    )
    return {role.name: role for role in (*_ROLES, full)}


def operations_of(right: str) -> frozenset[str]:
    """Return the operations that a right holds; none where it is unknown."""
    if right.startswith(PREFIX):
        role = roles().get(right.removeprefix(PREFIX))
        return role.operations if role else frozenset()
    return frozenset({right}) & frozenset(grantable())


@cache
def rights_with(permission: str) -> tuple[str, ...]:
    """Return every right that holds this operation."""
    named = (role.right for role in roles().values() if permission in role.operations)
    return (permission, *named)


def delegable(right: str) -> bool:
    """Say whether somebody who may only grant what is delegable can give this."""
    return any(
        role.delegable and operations_of(right) <= role.operations
        for role in roles().values()
    ) and bool(operations_of(right))
