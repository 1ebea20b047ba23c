"""Who may run which operation, written out by hand: one line for each operation.

Not made from the code under test, so that a slip there shows. A new operation needs a
line in ROWS; what the functions below mean is said in their first lines.
"""

from dataclasses import dataclass, field
from typing import Any

# What stands for the key of a cell, and for a ciphertext that names it.
KEY, BLOB = "<key>", "<blob>"
# What stands for an access request and an audit event about that key.
REQUEST, EVENT = "<request>", "<event>"
# What stands for a hosted data key of that key.
DATA_KEY = "<data key>"
TEXT = "YQ=="
NO_WEBHOOK = "11111111-1111-4111-8111-111111111111"
_SIGNED = {"Algorithm": "ECC_P256_R1", "Message": TEXT}
_DAYS = {"PendingWindowInDays": 7}
_TAGS = {"Tags": [{"TagKey": "team", "TagValue": "shop"}]}
_WRAPPING = {"WrappingAlgorithm": "RSAES_PKCS1_V1_5", "WrappingKeySpec": "RSA_2048"}
_MANY = {"KeyIds": [KEY]}
_SOMEBODY = {"UserName": "somebody"}
_MANY_PEOPLE = {"Users": ["nobody"]}
_GROUP = {"GroupName": "no-group"}
_NAMED = {"DataKeyId": DATA_KEY}
_MANY_NAMED = {"DataKeyIds": [DATA_KEY]}
_BOUND = {"ProductId": "cos", "ResourceId": "bucket-1"}
_WHITE = {"KeyId": "nothing"}
_MANY_WHITE = {"KeyIds": ["nothing"]}
_POLICY = {"PolicyName": "no-policy"}
_ASKED = {"Right": "role.read-only", "Hours": 1, "Reason": "a test"}
_RIGHTS = {"Users": ["nobody"], "Rights": ["role.read-only"], "KeyId": KEY}

# Short names for the roles that go together below. Full access holds everything.
USING = "key-user encrypt-only decrypt-only"
ENCRYPTING = "key-user encrypt-only"
DECRYPTING = "key-user decrypt-only"
ADMIN = "key-administrator"
READING = f"{ADMIN} auditor read-only"
SEEING = f"{READING} {USING} signer"
LOOKING = f"{ADMIN} auditor read-only"


@dataclass(frozen=True)
class Row:
    """One operation: whose it is, which roles hold it, and an input it can read."""

    scope: str
    roles: frozenset[str] = frozenset()
    needs: str = ""
    operator: bool = False
    oneself: bool = False
    step_up: bool = False
    data: dict[str, Any] = field(default_factory=dict)


def on_key(roles: str = "", data: dict[str, Any] | None = None, **more: Any) -> Row:
    """For those with the right on the key or on the account."""
    asked = {"KeyId": KEY} | (data or {})
    without = {"KeyIds", "CiphertextBlob", "RequestId", "DataKeyId", "DataKeyIds"}
    if without & set(asked) or EVENT in (asked.values()):
        del asked["KeyId"]
    return Row("key", frozenset(roles.split()), data=asked, **more)


def on_account(roles: str = "", data: dict[str, Any] | None = None, **more: Any) -> Row:
    """For those with the right on the whole account."""
    return Row("account", frozenset(roles.split()), data=data or {}, **more)


def listing(data: dict[str, Any] | None = None, **more: Any) -> Row:
    """For everybody of the account, each with an answer of their own."""
    return Row("listing", data=data or {}, **more)


def for_oneself(data: dict[str, Any] | None = None, **more: Any) -> Row:
    """For everybody about themselves."""
    return Row("caller", data=data or {}, **more)


def administration(data: dict[str, Any] | None = None, **more: Any) -> Row:
    """For root, the operator and full access to the account."""
    return Row("administration", data=data or {}, **more)


def by_operator(data: dict[str, Any] | None = None, **more: Any) -> Row:
    """Only by command at the machine."""
    return Row("operator", data=data or {}, **more)


def by_service(data: dict[str, Any] | None = None, **more: Any) -> Row:
    """Only by the service itself."""
    return Row("system", data=data or {}, **more)


_FACTOR = {"Kind": "totp", "Change": lambda: None}
ROWS: dict[str, Row] = {
    # Using keys.
    "Encrypt": on_key(ENCRYPTING, {"Plaintext": TEXT}),
    "GenerateDataKey": on_key(ENCRYPTING, {"KeySpec": "AES_256"}),
    "Decrypt": on_key(DECRYPTING, {"CiphertextBlob": BLOB}),
    "ReEncrypt": on_key("key-user", {"CiphertextBlob": BLOB}),
    "GetPublicKey": on_key(f"{READING} {ENCRYPTING} signer"),
    "SignByAsymmetricKey": on_key("signer", _SIGNED),
    "VerifyByAsymmetricKey": on_key("signer", {**_SIGNED, "SignatureValue": TEXT}),
    "AsymmetricRsaDecrypt": on_key(
        DECRYPTING, {"Algorithm": "RSAES_PKCS1_V1_5", "Ciphertext": "A" * 342 + "=="}
    ),
    "AsymmetricSm2Decrypt": on_key(DECRYPTING, {"Ciphertext": TEXT}),
    "GenerateRandom": on_account(ENCRYPTING, {"NumberOfBytes": 1}),
    # Hosted data keys.
    "GenerateHostedDataKey": on_key(
        ENCRYPTING,
        {"KeySpec": "AES_256", "IsHostedByKms": 1, "DataKeyName": "by-the-matrix"},
        needs="GenerateDataKey",
    ),
    "ImportDataKey": on_key(
        "key-user",
        {
            "DataKeyName": "by-the-matrix",
            "ImportType": 2,
            "ImportKeyMaterial": TEXT,
        },
    ),
    "GetDataKeyPlaintext": on_key(DECRYPTING, _NAMED, needs="Decrypt"),
    "GetDataKeyCiphertextBlob": on_key(DECRYPTING, _NAMED),
    "DescribeDataKey": on_key(f"{READING} {USING}", _NAMED),
    "DescribeDataKeys": on_key(f"{READING} {USING}", _MANY_NAMED),
    "ListDataKeys": listing(needs="DescribeDataKey"),
    "ListDataKeyDetail": listing(needs="DescribeDataKey"),
    "EnableDataKey": on_key(ADMIN, _NAMED),
    "EnableDataKeys": on_key(ADMIN, _MANY_NAMED),
    "DisableDataKey": on_key(ADMIN, _NAMED),
    "DisableDataKeys": on_key(ADMIN, _MANY_NAMED),
    "UpdateDataKeyName": on_key(ADMIN, {**_NAMED, "DataKeyName": "renamed"}),
    "UpdateDataKeyDescription": on_key(ADMIN, {**_NAMED, "Description": "d"}),
    "ScheduleDataKeyDeletion": on_key(ADMIN, {**_NAMED, **_DAYS}, step_up=True),
    "CancelDataKeyDeletion": on_key(ADMIN, _NAMED),
    "DestroyDataKey": by_service(_NAMED),
    # Seeing keys.
    "DescribeKey": on_key(SEEING),
    "DescribeKeys": on_key(SEEING, _MANY),
    "GetKeyRotationStatus": on_key(SEEING),
    "ListKeyVersions": on_key(SEEING, needs="DescribeKey"),
    "DescribeDestroyedKey": on_key(SEEING, needs="DescribeKey"),
    "ChooseKeys": on_key(SEEING, _MANY, needs="DescribeKey"),
    "DescribeKeyUsage": on_key(READING),
    "ListKeyEvents": on_key(f"{ADMIN} auditor"),
    "DescribeKeyEvent": on_key(
        f"{ADMIN} auditor", {"KeyId": KEY, "Sequence": 1}, needs="ListKeyEvents"
    ),
    # The activity of the account.
    "ListEvents": on_account("auditor"),
    "DescribeEvent": on_account("auditor", {"Sequence": 1}, needs="ListEvents"),
    "ExportEvents": on_account("auditor", needs="ListEvents"),
    "ListKeys": listing(needs="DescribeKey"),
    "ListKeyDetail": listing(needs="DescribeKey"),
    "BrowseKeys": listing(needs="DescribeKey"),
    "ListBindings": listing(needs="DescribeKeyUsage"),
    "GetServiceStatus": on_account(LOOKING),
    "GetRegions": on_account(LOOKING),
    "ListAlgorithms": on_account(LOOKING),
    # Alarms.
    "ListAlarms": listing(needs="DescribeKey"),
    "ListScheduled": listing(needs="DescribeKey"),
    "MarkAlarmsRead": for_oneself({"Alarms": []}),
    "DescribeAlarmSettings": for_oneself(),
    "SetAlarmSubscriptions": for_oneself({"Mail": ["hsm-down"]}),
    "SetAlarmAddress": for_oneself({"Address": ""}, step_up=True),
    "ConfirmAlarmAddress": for_oneself({"Code": "12345678"}),
    "CreateWebhook": for_oneself({"Url": "https://example.com/"}, step_up=True),
    "TryWebhook": for_oneself({"WebhookId": NO_WEBHOOK}),
    "DeleteWebhook": for_oneself({"WebhookId": NO_WEBHOOK}),
    # Changing keys.
    "CreateKey": on_account(ADMIN, {"Alias": "made-by-the-matrix"}),
    "UpdateAlias": on_key(ADMIN, {"Alias": "named-by-the-matrix"}),
    "UpdateKeyDescription": on_key(ADMIN, {"Description": "d"}),
    "TagKey": on_key(ADMIN, _TAGS),
    "TagKeys": on_key(ADMIN, {**_MANY, **_TAGS}, needs="TagKey"),
    "EnableKey": on_key(ADMIN),
    "EnableKeys": on_key(ADMIN, _MANY),
    "DisableKey": on_key(ADMIN, step_up=True),
    "DisableKeys": on_key(ADMIN, _MANY, step_up=True),
    "ArchiveKey": on_key(ADMIN),
    "CancelKeyArchive": on_key(ADMIN),
    "EnableKeyRotation": on_key(ADMIN),
    "DisableKeyRotation": on_key(ADMIN),
    "RotateKey": on_key(ADMIN),
    "ScheduleKeyDeletion": on_key(ADMIN, _DAYS, step_up=True),
    "ScheduleKeysDeletion": on_key(
        ADMIN, {**_MANY, **_DAYS}, needs="ScheduleKeyDeletion", step_up=True
    ),
    "CancelKeyDeletion": on_key(ADMIN),
    "GetParametersForImport": on_key(ADMIN, _WRAPPING),
    "ImportKeyMaterial": on_key(
        ADMIN, {"ImportToken": TEXT, "EncryptedKeyMaterial": TEXT}
    ),
    "DeleteImportedKeyMaterial": on_key(ADMIN, step_up=True),
    "AllowLegacyPadding": on_key(ADMIN, {"Allowed": True}, step_up=True),
    "BindCloudResource": on_key(ADMIN, _BOUND),
    "UnbindCloudResource": on_key(ADMIN, _BOUND),
    "ConfirmKeyDeletion": on_key(ADMIN, needs="ScheduleKeyDeletion", step_up=True),
    "HoldKeyDeletion": by_service({"KeyId": KEY}),
    "DestroyKey": by_service({"KeyId": KEY}),
    "RotateDueKey": by_service({"KeyId": KEY}),
    "VerifyKeyVersion": by_service({"KeyId": KEY, "Number": 1}),
    "VerifyKeyVersions": by_service(),
    "ExpireKeyMaterial": by_service({"KeyId": KEY}),
    "EndImportParameters": by_service({"KeyId": KEY}),
    "EndAccess": by_service({"Table": "UserKeyGrant", "Number": 2**31}),
    "CreateCloudKey": by_service({"Product": "cos"}),
    # What doesn't exist here: the same answer to everybody.
    "CreateWhiteBoxKey": for_oneself({"Alias": "x", "Algorithm": "AES_256"}),
    "DeleteWhiteBoxKey": for_oneself(_WHITE),
    "DescribeWhiteBoxKey": for_oneself(_WHITE),
    "DescribeWhiteBoxKeyDetails": for_oneself(),
    "DescribeWhiteBoxDecryptKey": for_oneself(_WHITE),
    "DescribeWhiteBoxDeviceFingerprints": for_oneself(_WHITE),
    "OverwriteWhiteBoxDeviceFingerprints": for_oneself(_WHITE),
    "DescribeWhiteBoxServiceStatus": for_oneself(),
    "EnableWhiteBoxKey": for_oneself(_WHITE),
    "EnableWhiteBoxKeys": for_oneself(_MANY_WHITE),
    "DisableWhiteBoxKey": for_oneself(_WHITE),
    "DisableWhiteBoxKeys": for_oneself(_MANY_WHITE),
    "EncryptByWhiteBox": for_oneself({**_WHITE, "PlainText": TEXT}),
    "PostQuantumCryptoEncrypt": for_oneself({**_WHITE, "PlainText": TEXT}),
    "PostQuantumCryptoDecrypt": for_oneself({"CiphertextBlob": TEXT}),
    "PostQuantumCryptoSign": for_oneself({**_WHITE, "Message": TEXT}),
    "PostQuantumCryptoVerify": for_oneself(
        {**_WHITE, "Message": TEXT, "SignatureValue": TEXT}
    ),
    # Rights.
    "GrantAccess": on_key(ADMIN, _RIGHTS, operator=True, step_up=True),
    "RevokeAccess": on_key(
        ADMIN, _RIGHTS, needs="GrantAccess", operator=True, step_up=True
    ),
    "ExplainAccess": on_key(
        f"{ADMIN} auditor", {**_SOMEBODY, "Operation": "Encrypt"}, operator=True
    ),
    "ListKeyAccess": on_key(f"{ADMIN} auditor", needs="ExplainAccess"),
    "ListKeyHolders": on_key(
        f"{ADMIN} auditor", {"Operation": "Encrypt"}, needs="ExplainAccess"
    ),
    "PreviewAccess": on_key(ADMIN, _RIGHTS, needs="GrantAccess", operator=True),
    "ListGrantees": on_key(ADMIN, needs="GrantAccess"),
    "ListRights": on_account(
        f"{ADMIN} auditor", {"GroupId": 2**31}, needs="ExplainAccess", oneself=True
    ),
    "RecallEvent": on_key(
        f"{ADMIN} auditor", {"Sequence": EVENT}, needs="ExplainAccess", oneself=True
    ),
    "ExplainOwnAccess": for_oneself({"Operation": "Encrypt"}),
    # Asking for rights.
    "RequestAccess": for_oneself({"KeyId": KEY, **_ASKED}),
    "WithdrawAccessRequest": for_oneself({"RequestId": REQUEST}),
    "ListAccessRequests": for_oneself(),
    "DescribeAccessRequest": on_key(ADMIN, {"RequestId": REQUEST}, needs="GrantAccess"),
    "DecideAccessRequest": on_key(
        ADMIN,
        {"RequestId": REQUEST, "Grant": False},
        needs="GrantAccess",
        step_up=True,
    ),
    # The schedule.
    "DescribeClock": by_operator(),
    "ConfirmClock": by_operator(),
    "ListDue": by_operator(),
    # Accounts.
    "CreateAccount": by_operator({"Name": "x"}),
    "CreateProduct": by_operator({"Code": "x"}),
    "UpdateProduct": by_operator({"Code": "x", "Enabled": False}),
    "CreateProductCredential": by_operator({"Code": "x"}),
    "DeleteProductCredential": by_operator({"Code": "x", "SecretId": "x"}),
    "ListProducts": administration(),
    "DescribeAccountSettings": administration(),
    "UpdateAccountSettings": administration({"IdleMinutes": 30}, step_up=True),
    # People.
    "CreateSubAccount": administration({"Name": "x"}, step_up=True),
    "UpdateSubAccount": administration({**_SOMEBODY, "Remark": "x"}, step_up=True),
    "DisableSubAccount": administration(_MANY_PEOPLE, step_up=True),
    "EnableSubAccount": administration(_MANY_PEOPLE, step_up=True),
    "DeleteSubAccount": administration(_MANY_PEOPLE, step_up=True),
    "EndSubAccountSessions": administration(_MANY_PEOPLE),
    "ResetPassword": administration(_SOMEBODY, step_up=True),
    "ResetFactors": administration(_SOMEBODY, step_up=True),
    "ListSubAccounts": administration(),
    "DescribeSubAccount": administration(_SOMEBODY),
    # Groups.
    "CreateGroup": administration({"Name": "x"}),
    "UpdateGroup": administration({**_GROUP, "Remark": "x"}),
    "DeleteGroup": administration(_GROUP, step_up=True),
    "AddGroupMembers": administration({**_GROUP, **_MANY_PEOPLE}, step_up=True),
    "RemoveGroupMembers": administration({**_GROUP, **_MANY_PEOPLE}, step_up=True),
    "ListGroups": administration(),
    "DescribeGroup": administration(_GROUP),
    # Policies.
    "CreatePolicy": administration({"Name": "x", "Document": "{}"}),
    "UpdatePolicy": administration({**_POLICY, "Remark": "x"}, step_up=True),
    "DeletePolicy": administration(_POLICY, step_up=True),
    "AttachPolicy": administration({**_POLICY, **_MANY_PEOPLE}, step_up=True),
    "DetachPolicy": administration({**_POLICY, **_MANY_PEOPLE}, step_up=True),
    "ListPolicies": administration(),
    "DescribePolicy": administration(_POLICY),
    # Oneself.
    "SignIn": for_oneself(),
    "ChangePassword": for_oneself({"OldPassword": "x", "NewPassword": "y"}),
    "AddFactor": for_oneself(_FACTOR, step_up=True),
    "RemoveFactor": for_oneself(_FACTOR, step_up=True),
    "RenameFactor": for_oneself(_FACTOR, step_up=True),
    "ListSessions": for_oneself(),
    "EndSessions": for_oneself(),
    "CreateAccessKey": administration(_SOMEBODY, oneself=True, step_up=True),
    "ListAccessKeys": administration(_SOMEBODY, oneself=True),
    "UpdateAccessKey": administration(
        {**_SOMEBODY, "SecretId": "AKIDx", "Enabled": True}, oneself=True, step_up=True
    ),
    "DeleteAccessKey": administration(
        {**_SOMEBODY, "SecretId": "AKIDx"}, oneself=True, step_up=True
    ),
}

ROLES = (
    "key-administrator",
    "key-user",
    "encrypt-only",
    "decrypt-only",
    "signer",
    "auditor",
    "read-only",
    "full-access",
)


@dataclass(frozen=True)
class Person:
    """Who acts, and what was given to them: roles on the key and on the account."""

    name: str
    principal: Any
    kind: str = "sub"
    on_key: frozenset[str] = frozenset()
    on_account: frozenset[str] = frozenset()
    foreign: bool = False


def expected(row: Row, person: Person, target: str) -> bool:
    """Say what has to be decided.

    `target` is key (the one with grants), other (key or person of the account),
    oneself, foreign, or nothing.
    """
    if row.scope in ("system", "operator"):
        return person.kind == row.scope
    if person.foreign:
        # What is foreign to the account is these people's own, and nothing else is.
        target = {"foreign": "other", "nothing": "nothing"}.get(target, "foreign")
    if target == "foreign":
        return False
    if person.kind == "sub":
        return _expected_of_sub(row, person, target)
    if person.kind == "operator":
        return row.operator or row.scope == "administration"
    return person.kind == "root"


def _expected_of_sub(row: Row, person: Person, target: str) -> bool:
    own = row.oneself and target == "oneself"
    if own or row.scope in ("caller", "listing"):
        return True
    if row.scope == "administration":
        return "full-access" in person.on_account
    held = person.on_account
    if row.scope == "key" and target == "key":
        held |= person.on_key
    return bool(held & (row.roles | {"full-access"}))
