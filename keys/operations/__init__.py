"""Operations on keys: the list is the vocabulary of API, console and permissions."""

from keys.operations.asymmetric import (
    AsymmetricRsaDecrypt,
    GetPublicKey,
    SignByAsymmetricKey,
    VerifyByAsymmetricKey,
)
from keys.operations.browsing import (
    BrowseKeys,
    ChooseKeys,
)
from keys.operations.creation import (
    CreateCloudKey,
    CreateKey,
)
from keys.operations.cryptography import (
    Decrypt,
    Encrypt,
    GenerateDataKey,
    GenerateRandom,
    ReEncrypt,
)
from keys.operations.deletion import (
    CancelKeyDeletion,
    DestroyKey,
    ScheduleKeyDeletion,
    ScheduleKeysDeletion,
)
from keys.operations.history import (
    DescribeDestroyedKey,
    DescribeKeyEvent,
    DescribeKeyUsage,
    ListKeyEvents,
    ListKeyVersions,
)
from keys.operations.importing import (
    DeleteImportedKeyMaterial,
    GetParametersForImport,
    ImportKeyMaterial,
)
from keys.operations.installation import (
    GetRegions,
    GetServiceStatus,
    ListAlgorithms,
)
from keys.operations.lifecycle import (
    ArchiveKey,
    CancelKeyArchive,
    DescribeKey,
    DescribeKeys,
    DisableKey,
    DisableKeys,
    EnableKey,
    EnableKeys,
    UpdateAlias,
    UpdateKeyDescription,
)
from keys.operations.listing import (
    ListKeyDetail,
    ListKeys,
)
from keys.operations.rotation import (
    DisableKeyRotation,
    EnableKeyRotation,
    GetKeyRotationStatus,
    RotateDueKey,
    RotateKey,
)
from keys.operations.tagging import (
    TagKey,
    TagKeys,
)
from kmsconsole.operations import Operation

OPERATIONS: tuple[type[Operation], ...] = (
    CreateKey,
    DescribeKey,
    DescribeKeys,
    ListKeys,
    ListKeyDetail,
    UpdateAlias,
    UpdateKeyDescription,
    TagKey,
    TagKeys,
    EnableKey,
    EnableKeys,
    DisableKey,
    DisableKeys,
    ArchiveKey,
    CancelKeyArchive,
    EnableKeyRotation,
    DisableKeyRotation,
    GetKeyRotationStatus,
    RotateKey,
    ScheduleKeyDeletion,
    ScheduleKeysDeletion,
    CancelKeyDeletion,
    GetParametersForImport,
    ImportKeyMaterial,
    DeleteImportedKeyMaterial,
    Encrypt,
    Decrypt,
    ReEncrypt,
    GenerateDataKey,
    GenerateRandom,
    GetPublicKey,
    SignByAsymmetricKey,
    VerifyByAsymmetricKey,
    AsymmetricRsaDecrypt,
    GetServiceStatus,
    GetRegions,
    ListAlgorithms,
    BrowseKeys,
    ChooseKeys,
    ListKeyVersions,
    ListKeyEvents,
    DescribeKeyEvent,
    DescribeKeyUsage,
    DescribeDestroyedKey,
)

# The scheduler's and the products' own: nobody is granted them, no address leads there.
SYSTEM_OPERATIONS: tuple[type[Operation], ...] = (
    CreateCloudKey,
    DestroyKey,
    RotateDueKey,
)

__all__ = [
    "OPERATIONS",
    "SYSTEM_OPERATIONS",
    "ArchiveKey",
    "AsymmetricRsaDecrypt",
    "BrowseKeys",
    "CancelKeyArchive",
    "CancelKeyDeletion",
    "ChooseKeys",
    "CreateCloudKey",
    "CreateKey",
    "Decrypt",
    "DeleteImportedKeyMaterial",
    "DescribeDestroyedKey",
    "DescribeKey",
    "DescribeKeyEvent",
    "DescribeKeyUsage",
    "DescribeKeys",
    "DestroyKey",
    "DisableKey",
    "DisableKeyRotation",
    "DisableKeys",
    "EnableKey",
    "EnableKeyRotation",
    "EnableKeys",
    "Encrypt",
    "GenerateDataKey",
    "GenerateRandom",
    "GetKeyRotationStatus",
    "GetParametersForImport",
    "GetPublicKey",
    "GetRegions",
    "GetServiceStatus",
    "ImportKeyMaterial",
    "ListAlgorithms",
    "ListKeyDetail",
    "ListKeyEvents",
    "ListKeyVersions",
    "ListKeys",
    "ReEncrypt",
    "RotateDueKey",
    "RotateKey",
    "ScheduleKeyDeletion",
    "ScheduleKeysDeletion",
    "SignByAsymmetricKey",
    "TagKey",
    "TagKeys",
    "UpdateAlias",
    "UpdateKeyDescription",
    "VerifyByAsymmetricKey",
]
