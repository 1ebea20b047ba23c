"""What the specification says becomes of a key, written down a second time.

Nothing here comes from the product: the table is the specification's (1.4), copied by
hand with the words the product decided on where it leaves them open (docs/states.md),
and `Key` is a plain account of what one key should look like at each moment.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache

GENERATED, IMPORTED, SIGNING, DECRYPTING, CLOUD = KINDS = (
    *("generated", "imported", "signing", "decrypting"),
    "cloud",
)
STATES = ("Enabled", "Disabled", "PendingDelete", "PendingImport", "Archived")
GONE = "Destroyed"
BY_HAND = timedelta(hours=24)

_SHORT = {
    "no": "CmkStateNotSupport",
    "none": "CmkNotPendingDelete",
    ">Pending": ">PendingDelete",
}
# A call, then what it does to an enabled, a disabled key, one pending deletion, one
# waiting for material, an archived one. `ok` leaves the state as it is, a word with an
# arrow is the state that follows, others are the refusal, some in short.
_TABLE = """
EnableKey | ok | >Enabled | no | no | no
DisableKey | >Disabled | ok | no | no | no
ArchiveKey | >Archived | >Archived | no | no | ok
CancelKeyArchive | no | no | no | no | >Enabled
ScheduleKeyDeletion | CmkShouldBeDisabled | >Pending | no | >Pending | >Pending
CancelKeyDeletion | none | none | >Disabled | none | none
DestroyKey | no | no | >Destroyed | no | no
GetParametersForImport | ok | ok | ok | ok | ok
ImportKeyMaterial | ok | no | no | >Enabled | no
DeleteImportedKeyMaterial | >PendingImport | >PendingImport | no | no | no
EnableKeyRotation | ok | ok | no | no | no
DisableKeyRotation | ok | ok | ok | ok | ok
GetKeyRotationStatus | ok | ok | ok | ok | ok
RotateKey | ok | no | no | no | no
UpdateKeyDescription | ok | ok | no | ok | ok
DescribeKey | ok | ok | ok | ok | ok
ListKeyVersions | ok | ok | ok | ok | ok
Encrypt | ok | CmkDisabled | CmkDisabled | CmkDisabled | CmkArchived
GenerateDataKey | ok | CmkDisabled | KeyPendingDelete | CmkDisabled | CmkArchived
Decrypt | ok | CmkDisabled | CmkDisabled | CmkDisabled | ok
GetPublicKey | ok | no | no | no | no
SignByAsymmetricKey | ok | no | no | no | no
AsymmetricRsaDecrypt | ok | no | no | no | no
"""
# Calls that a kind of key refuses in every state, with the word for it.
_PEOPLES = (
    *("EnableKey", "ArchiveKey", "CancelKeyArchive", "CancelKeyDeletion"),
    "UpdateKeyDescription",
)
_USED = ("DisableKey", "ScheduleKeyDeletion", "DestroyKey")
_MATERIAL = ("GetParametersForImport", "ImportKeyMaterial", "DeleteImportedKeyMaterial")
_SYMMETRIC = ("Encrypt", "GenerateDataKey", "Decrypt")
_PAIRS = ("GetPublicKey", "SignByAsymmetricKey", "AsymmetricRsaDecrypt")
_ROTATING = ("EnableKeyRotation", "DisableKeyRotation")
_REFUSING = {
    GENERATED: {_MATERIAL: "NotExternalCmk", _PAIRS: "InvalidKeyUsage"},
    IMPORTED: {
        _PAIRS: "InvalidKeyUsage",
        _ROTATING: "ExternalCmkCanNotRotate",
        ("RotateKey",): "RotateNotSupported",
    },
    SIGNING: {
        _MATERIAL: "NotExternalCmk",
        (*_SYMMETRIC, "AsymmetricRsaDecrypt"): "InvalidKeyUsage",
        (*_ROTATING, "RotateKey"): "RotateNotSupported",
    },
    DECRYPTING: {
        _MATERIAL: "NotExternalCmk",
        (*_SYMMETRIC, "SignByAsymmetricKey"): "InvalidKeyUsage",
        (*_ROTATING, "RotateKey"): "RotateNotSupported",
    },
    CLOUD: {
        _MATERIAL: "NotExternalCmk",
        _PAIRS: "InvalidKeyUsage",
        _PEOPLES: "NotUserCreatedCmk",
        _USED: "CmkUsedByCloudProduct",
    },
}


@cache
def _rows() -> dict[str, dict[str, str]]:
    rows = {}
    for line in _TABLE.strip().splitlines():
        call, *cells = (cell.strip() for cell in line.split("|"))
        words = [_SHORT.get(cell, cell) for cell in cells]
        rows[call] = dict(zip(STATES, words, strict=True))
    return rows


CALLS = tuple(_rows())


@dataclass
class Version:
    """When a version was made, and whether a person asked for it."""

    made_at: datetime
    by_hand: bool = False


@dataclass
class Sealed:
    """A ciphertext somebody was given, and what must be known to open it."""

    blob: str
    plain: str
    context: str | None
    version: int


@dataclass
class Key:
    """One key as it should be now."""

    id: str
    kind: str
    name: str
    made_at: datetime
    state: str = "Enabled"
    primary: int | None = 1
    versions: dict[int, Version] = field(default_factory=dict)
    rotation: bool = False
    days: int = 365
    due: datetime | None = None
    rotated_at: datetime | None = None
    deletion: datetime | None = None
    material: bytes | None = None
    present: bool = True
    valid_to: datetime | None = None
    sealed: list[Sealed] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.kind == IMPORTED:
            self.state, self.primary, self.present = "PendingImport", None, False
        else:
            self.versions[1] = Version(self.made_at)
        if self.kind == CLOUD:
            self.rotation, self.due = True, self.made_at + timedelta(days=self.days)

    def refusal(self, call: str, now: datetime) -> str:
        """Return the last part of the code this call is refused with, "" for none."""
        if self.state == GONE:
            return "CmkNotFound"
        for calls, word in _REFUSING[self.kind].items():
            if call in calls:
                return word
        cell = _rows()[call][self.state]
        if cell != "ok" and not cell.startswith(">"):
            return cell
        if call == "DestroyKey" and (self.deletion is None or now < self.deletion):
            return "CmkStateNotSupport"
        if call == "RotateKey":
            return self._rotation_refusal(now)
        return ""

    def _rotation_refusal(self, now: datetime) -> str:
        if not self.rotation:
            return "RotateNotSupported"
        recent = any(
            version.by_hand and version.made_at > now - BY_HAND
            for number, version in self.versions.items()
            if number > 1
        )
        return "RotateRateLimited" if recent else ""

    def follow(self, call: str, now: datetime, days: int = 0) -> None:
        """Change as the call does that was not refused; `days` is its parameter."""
        cell = _rows()[call][self.state]
        if cell.startswith(">"):
            self.state = cell[1:]
        change = getattr(self, f"_{call}", None)
        if change is not None:
            change(now, days)

    def _ScheduleKeyDeletion(self, now: datetime, days: int) -> None:  # noqa: N802
        self.deletion = now.replace(microsecond=0) + timedelta(days=days)

    def _CancelKeyDeletion(self, now: datetime, days: int) -> None:  # noqa: N802
        self.deletion = None
        if not self.present:
            self.state = "PendingImport"

    def _DestroyKey(self, now: datetime, days: int) -> None:  # noqa: N802
        self.rotation, self.due, self.present = False, None, False
        self.valid_to = None

    def _EnableKeyRotation(self, now: datetime, days: int) -> None:  # noqa: N802
        if not self.rotation or self.days != days:
            self.rotation, self.days = True, days
            self.due = now + timedelta(days=days)

    def _DisableKeyRotation(self, now: datetime, days: int) -> None:  # noqa: N802
        self.rotation, self.due = False, None

    def _RotateKey(self, now: datetime, days: int) -> None:  # noqa: N802
        self.renew(now, by_hand=True)
        self.due = now + timedelta(days=self.days)

    def _DeleteImportedKeyMaterial(self, now: datetime, days: int) -> None:  # noqa: N802
        self.present, self.valid_to = False, None

    def renew(self, now: datetime, *, by_hand: bool) -> None:
        """Have one version more, which encrypts from now on."""
        assert self.primary is not None
        self.primary += 1
        self.versions[self.primary] = Version(now, by_hand)
        self.rotated_at = now

    def bring(self, material: bytes, now: datetime, valid_to: datetime | None) -> None:
        """Have this material, the first of it or the same again."""
        self.follow("ImportKeyMaterial", now)
        self.versions.setdefault(1, Version(now))
        self.primary, self.present, self.valid_to = 1, True, valid_to
        self.material = material
