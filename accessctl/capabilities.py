"""What can be done with a key, in groups that people understand.

Every operation that a right on a key can be given on belongs to exactly one of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from accessctl.roles import grantable
from keys.states import RULES, KeyKind
from kmsconsole.operations import Scope

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True, slots=True)
class Capability:
    """A column of the access matrix: a name and the operations in it."""

    name: str
    label: "StrOrPromise"
    operations: tuple[str, ...]


CAPABILITIES = (
    Capability(
        "see",
        _("See it"),
        (
            "DescribeKey",
            "DescribeKeys",
            "DescribeKeyUsage",
            "GetKeyRotationStatus",
            "GetPublicKey",
            "DescribeDataKey",
            "DescribeDataKeys",
            "GetDataKeyCiphertextBlob",
        ),
    ),
    Capability(
        "encrypt",
        _("Encrypt"),
        ("Encrypt", "GenerateDataKey", "ReEncrypt", "ImportDataKey"),
    ),
    Capability(
        "decrypt",
        _("Decrypt"),
        (
            "Decrypt",
            "AsymmetricRsaDecrypt",
            "AsymmetricSm2Decrypt",
        ),
    ),
    Capability("sign", _("Sign"), ("SignByAsymmetricKey", "VerifyByAsymmetricKey")),
    Capability(
        "manage",
        _("Manage"),
        (
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
            "GetParametersForImport",
            "ImportKeyMaterial",
            "AllowLegacyPadding",
            "BindCloudResource",
            "UnbindCloudResource",
            "UpdateDataKeyName",
            "UpdateDataKeyDescription",
            "EnableDataKey",
            "EnableDataKeys",
            "DisableDataKey",
            "DisableDataKeys",
        ),
    ),
    Capability(
        "delete",
        _("Delete"),
        (
            "ScheduleKeyDeletion",
            "CancelKeyDeletion",
            "DeleteImportedKeyMaterial",
            "ScheduleDataKeyDeletion",
            "CancelDataKeyDeletion",
        ),
    ),
    Capability("watch", _("Audit"), ("ListKeyEvents", "ExplainAccess")),
    Capability("grant", _("Give rights"), ("GrantAccess",)),
)


def capabilities_of(kind: KeyKind) -> list[Capability]:
    """Return what keys of this kind can do at all, without what they can't."""
    found = []
    for capability in CAPABILITIES:
        fitting = tuple(name for name in capability.operations if fits(name, kind))
        if fitting:
            found.append(Capability(capability.name, capability.label, fitting))
    return found


def fits(operation: str, kind: KeyKind) -> bool:
    """Say whether keys of this kind know the operation."""
    row = RULES.get(operation)
    return row is None or kind not in row.kinds


def operations_on(kind: KeyKind | None) -> Sequence[str]:
    """Return what can be granted on keys of a kind; without one, on an account."""
    if kind is None:
        return tuple(grantable())
    return tuple(
        name
        for name, operation in grantable().items()
        if operation.scope is Scope.KEY and fits(name, kind)
    )
