"""What the audit says about a key, in people's words."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.conf import settings
from django.template.defaultfilters import date as date_text
from django.utils.functional import Promise
from django.utils.module_loading import import_string
from django.utils.translation import gettext, gettext_lazy, ngettext, pgettext

from keys.views.words import type_label
from kmsconsole.audit.models import AuditEvent, Outcome
from kmsconsole.principals import Kind

DEEDS: dict[str, str | Promise] = {
    "CreateKey": gettext_lazy("Create key"),
    "CreateCloudKey": gettext_lazy("Create key for a product"),
    "DescribeKey": gettext_lazy("View key"),
    "DescribeKeys": gettext_lazy("View key"),
    "ChooseKeys": gettext_lazy("View key"),
    "DescribeKeyUsage": gettext_lazy("View use"),
    "DescribeDestroyedKey": gettext_lazy("View destroyed key"),
    "ListKeyVersions": gettext_lazy("View versions"),
    "ListKeyEvents": gettext_lazy("View activity"),
    "DescribeKeyEvent": gettext_lazy("View event"),
    "GetKeyRotationStatus": gettext_lazy("View rotation"),
    "UpdateAlias": gettext_lazy("Rename"),
    "UpdateKeyDescription": gettext_lazy("Change description"),
    "TagKey": gettext_lazy("Change tags"),
    "TagKeys": gettext_lazy("Add tags"),
    "EnableKey": gettext_lazy("Enable"),
    "EnableKeys": gettext_lazy("Enable"),
    "DisableKey": gettext_lazy("Disable"),
    "DisableKeys": gettext_lazy("Disable"),
    "ArchiveKey": gettext_lazy("Archive"),
    "CancelKeyArchive": gettext_lazy("Unarchive"),
    "EnableKeyRotation": gettext_lazy("Set rotation"),
    "DisableKeyRotation": gettext_lazy("Turn off rotation"),
    "RotateKey": gettext_lazy("Rotate"),
    "RotateDueKey": gettext_lazy("Rotate by schedule"),
    "ScheduleKeyDeletion": gettext_lazy("Schedule deletion"),
    "ScheduleKeysDeletion": gettext_lazy("Schedule deletion"),
    "CancelKeyDeletion": gettext_lazy("Cancel deletion"),
    "DestroyKey": gettext_lazy("Destroy"),
    "HoldKeyDeletion": gettext_lazy("Hold deletion"),
    "ConfirmKeyDeletion": gettext_lazy("Confirm deletion"),
    "GetParametersForImport": gettext_lazy("Get import parameters"),
    "ImportKeyMaterial": gettext_lazy("Import material"),
    "DeleteImportedKeyMaterial": gettext_lazy("Delete material"),
    "VerifyKeyVersion": gettext_lazy("Try stored version"),
    "VerifyKeyVersions": gettext_lazy("Try stored versions"),
    "ExpireKeyMaterial": gettext_lazy("Material expired"),
    "EndImportParameters": gettext_lazy("Import parameters expired"),
    "Encrypt": gettext_lazy("Encrypt"),
    "Decrypt": gettext_lazy("Decrypt"),
    "ReEncrypt": gettext_lazy("Re-encrypt"),
    "GenerateDataKey": gettext_lazy("Generate data key"),
    "GetPublicKey": gettext_lazy("Get public key"),
    "SignByAsymmetricKey": gettext_lazy("Sign"),
    "VerifyByAsymmetricKey": gettext_lazy("Verify signature"),
    "AsymmetricRsaDecrypt": gettext_lazy("Decrypt (RSA)"),
    "AsymmetricSm2Decrypt": gettext_lazy("Decrypt (SM2)"),
    "AllowLegacyPadding": gettext_lazy("Set PKCS#1 v1.5 decryption"),
    "BindCloudResource": gettext_lazy("Bind a product's resource"),
    "UnbindCloudResource": gettext_lazy("Release a product's resource"),
    "ListBindings": gettext_lazy("List products' resources"),
    "GenerateHostedDataKey": gettext_lazy("Generate and keep data key"),
    "ImportDataKey": gettext_lazy("Import data key"),
    "ListDataKeys": gettext_lazy("List data keys"),
    "ListDataKeyDetail": gettext_lazy("List data keys"),
    "DescribeDataKey": gettext_lazy("View data key"),
    "DescribeDataKeys": gettext_lazy("View data key"),
    "EnableDataKey": gettext_lazy("Enable data key"),
    "EnableDataKeys": gettext_lazy("Enable data key"),
    "DisableDataKey": gettext_lazy("Disable data key"),
    "DisableDataKeys": gettext_lazy("Disable data key"),
    "UpdateDataKeyName": gettext_lazy("Rename data key"),
    "UpdateDataKeyDescription": gettext_lazy("Describe data key"),
    "GetDataKeyPlaintext": gettext_lazy("Get data key's plaintext"),
    "GetDataKeyCiphertextBlob": gettext_lazy("Get data key's ciphertext"),
    "ScheduleDataKeyDeletion": gettext_lazy("Schedule data key's deletion"),
    "CancelDataKeyDeletion": gettext_lazy("Cancel data key's deletion"),
    "DestroyDataKey": gettext_lazy("Destroy data key"),
    "CreateWhiteBoxKey": gettext_lazy("Ask for white-box keys"),
    "DeleteWhiteBoxKey": gettext_lazy("Ask for white-box keys"),
    "DescribeWhiteBoxKey": gettext_lazy("Ask for white-box keys"),
    "DescribeWhiteBoxKeyDetails": gettext_lazy("Ask for white-box keys"),
    "DescribeWhiteBoxDecryptKey": gettext_lazy("Ask for white-box keys"),
    "DescribeWhiteBoxDeviceFingerprints": gettext_lazy("Ask for white-box keys"),
    "OverwriteWhiteBoxDeviceFingerprints": gettext_lazy("Ask for white-box keys"),
    "DescribeWhiteBoxServiceStatus": gettext_lazy("Ask for white-box keys"),
    "EnableWhiteBoxKey": gettext_lazy("Ask for white-box keys"),
    "EnableWhiteBoxKeys": gettext_lazy("Ask for white-box keys"),
    "DisableWhiteBoxKey": gettext_lazy("Ask for white-box keys"),
    "DisableWhiteBoxKeys": gettext_lazy("Ask for white-box keys"),
    "EncryptByWhiteBox": gettext_lazy("Ask for white-box keys"),
    "PostQuantumCryptoEncrypt": gettext_lazy("Ask for post-quantum keys"),
    "PostQuantumCryptoDecrypt": gettext_lazy("Ask for post-quantum keys"),
    "PostQuantumCryptoSign": gettext_lazy("Ask for post-quantum keys"),
    "PostQuantumCryptoVerify": gettext_lazy("Ask for post-quantum keys"),
    "GenerateRandom": gettext_lazy("Generate random bytes"),
    "ListKeys": gettext_lazy("List keys"),
    "ListKeyDetail": gettext_lazy("List keys"),
    "BrowseKeys": gettext_lazy("List keys"),
    "GetServiceStatus": gettext_lazy("View service status"),
    "GetRegions": gettext_lazy("List regions"),
    "ListAlgorithms": gettext_lazy("List algorithms"),
}
_KINDS = {
    Kind.ROOT: gettext_lazy("root user"),
    Kind.SUB: gettext_lazy("sub-account"),
    Kind.OPERATOR: gettext_lazy("operator"),
    Kind.SYSTEM: gettext_lazy("service"),
    Kind.PRODUCT: gettext_lazy("cloud product"),
    Kind.ANONYMOUS: gettext_lazy("nobody signed in"),
}
OUTCOMES = {
    Outcome.SUCCESS: gettext_lazy("Done"),
    Outcome.REFUSED: gettext_lazy("Refused"),
    Outcome.FAILED: gettext_lazy("Failed"),
}
_LOOKS = {Outcome.SUCCESS: "ok", Outcome.REFUSED: "warn", Outcome.FAILED: "danger"}


@cache
def deeds() -> dict[str, str | Promise]:
    """Return what people call every operation, from the lists that settings name."""
    found: dict[str, str | Promise] = {}
    for path in settings.KMS_DEEDS:
        found |= import_string(path)
    return found


def deed(operation: str) -> str:
    """Return an operation in people's words; its name where there are none."""
    return str(deeds().get(operation, operation))


def _days(value: Any) -> str:
    return ngettext("%(days)s day", "%(days)s days", int(value)) % {"days": value}


def _deeds(names: Any) -> str:
    return ", ".join(deed(name) for name in names)


def _until(value: Any) -> str:
    if not value:
        return gettext("does not expire")
    time = datetime.fromtimestamp(int(value), UTC)
    return date_text(time, pgettext("date and time", "j M Y, H:i")) + " UTC"


# What of an event's details is shown, in this order; anything else is not.
_FACTS: tuple[tuple[str, str | Promise, Callable[[Any], str]], ...] = (
    ("alias", gettext_lazy("Name"), str),
    ("description", gettext_lazy("Description"), str),
    ("TagKeys", gettext_lazy("Tags"), ", ".join),
    ("key_usage", gettext_lazy("Type"), type_label),
    ("product", gettext_lazy("Product"), str),
    ("rotate_days", gettext_lazy("Every"), _days),
    ("pending_window_in_days", gettext_lazy("Waiting period"), _days),
    ("reason", gettext_lazy("Reason"), str),
    ("wrapping_algorithm", gettext_lazy("Wrapping"), str),
    ("ValidTo", gettext_lazy("Valid until"), _until),
    ("key_spec", gettext_lazy("Data key"), str),
    ("users", gettext_lazy("Sub-accounts"), ", ".join),
    ("groups", gettext_lazy("Groups"), ", ".join),
    ("rights", gettext_lazy("Rights"), _deeds),
    ("user_name", gettext_lazy("Name"), str),
    ("SecretId", "SecretId", str),
)


@dataclass(frozen=True, slots=True)
class Happening:
    """One event as pages show it; `facts` are what of its details has words.

    `recorded` are all of its details, as they were recorded; `key_name` is what the
    key is called now, where it is known.
    """

    event: AuditEvent
    facts: tuple[tuple[str, str], ...]
    recorded: tuple[tuple[str, str], ...] = ()
    key_name: str = ""

    @property
    def deed(self) -> str:
        """What was done or tried."""
        return deed(self.event.operation)

    @property
    def who(self) -> str:
        """The name as it was then."""
        if self.event.principal_kind == Kind.SYSTEM:
            return gettext("The service itself")
        return self.event.principal_name or gettext("Unknown")

    @property
    def kind(self) -> str:
        """What sort of principal it was."""
        return str(_KINDS.get(Kind(self.event.principal_kind), ""))

    @property
    def succeeded(self) -> bool:
        """Whether it was done."""
        return self.event.outcome == Outcome.SUCCESS

    @property
    def outcome(self) -> str:
        """How it ended, in a word."""
        return str(OUTCOMES[Outcome(self.event.outcome)])

    @property
    def look(self) -> str:
        """The colour of the outcome."""
        return _LOOKS[Outcome(self.event.outcome)]

    @property
    def reason(self) -> str:
        """The reason somebody gave, if any."""
        return next((v for k, v in self.facts if k == gettext("Reason")), "")


def happenings(
    events: Iterable[AuditEvent], names: Mapping[str, str] | None = None
) -> list[Happening]:
    """Return events as pages show them; `names` are of keys, by their IDs."""
    known = names or {}
    return [
        Happening(
            event,
            _facts(event.details),
            _recorded(event.details),
            known.get(str(event.key_id), ""),
        )
        for event in events
    ]


def _facts(details: str) -> tuple[tuple[str, str], ...]:
    known = json.loads(details)
    return tuple(
        (str(label), words(known[name]))
        for name, label, words in _FACTS
        if known.get(name) not in (None, "", [])
    )


def _recorded(details: str) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name, value if isinstance(value, str) else json.dumps(value))
        for name, value in json.loads(details).items()
    )
