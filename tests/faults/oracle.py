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
# Who uses a key that is pending deletion, or tries to, was in need of it lately.
RECENT, RESPITE = timedelta(days=30), timedelta(hours=24)
_USES = ("Encrypt", "GenerateDataKey", "Decrypt", "SignByAsymmetricKey")
USES = (*_USES, "AsymmetricRsaDecrypt")

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
HoldKeyDeletion | none | none | ok | none | none
ConfirmKeyDeletion | none | none | ok | none | none
DestroyKey | no | no | >Destroyed | no | no
GetParametersForImport | ok | ok | ok | ok | ok
ImportKeyMaterial | ok | no | no | >Enabled | no
DeleteImportedKeyMaterial | >PendingImport | >PendingImport | no | no | no
EnableKeyRotation | ok | ok | no | no | no
DisableKeyRotation | ok | ok | ok | ok | ok
GetKeyRotationStatus | ok | ok | ok | ok | ok
RotateKey | ok | no | no | no | no
RotateDueKey | ok | no | no | no | no
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
    *("UpdateKeyDescription", "ConfirmKeyDeletion"),
)
_USED = ("DisableKey", "ScheduleKeyDeletion", "DestroyKey", "HoldKeyDeletion")
_MATERIAL = ("GetParametersForImport", "ImportKeyMaterial", "DeleteImportedKeyMaterial")
_SYMMETRIC = ("Encrypt", "GenerateDataKey", "Decrypt")
_PAIRS = ("GetPublicKey", "SignByAsymmetricKey", "AsymmetricRsaDecrypt")
_ROTATING = ("EnableKeyRotation", "DisableKeyRotation")
_REFUSING = {
    GENERATED: {_MATERIAL: "NotExternalCmk", _PAIRS: "InvalidKeyUsage"},
    IMPORTED: {
        _PAIRS: "InvalidKeyUsage",
        _ROTATING: "ExternalCmkCanNotRotate",
        ("RotateKey", "RotateDueKey"): "RotateNotSupported",
    },
    SIGNING: {
        _MATERIAL: "NotExternalCmk",
        (*_SYMMETRIC, "AsymmetricRsaDecrypt"): "InvalidKeyUsage",
        (*_ROTATING, "RotateKey", "RotateDueKey"): "RotateNotSupported",
    },
    DECRYPTING: {
        _MATERIAL: "NotExternalCmk",
        (*_SYMMETRIC, "SignByAsymmetricKey"): "InvalidKeyUsage",
        (*_ROTATING, "RotateKey", "RotateDueKey"): "RotateNotSupported",
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
    used_at: datetime | None = None
    scheduled_at: datetime | None = None
    attempted: bool = False
    held: bool = False
    runs_at: datetime | None = None

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
        more = getattr(self, f"_refuse_{call}", None)
        return more(now) if more is not None else ""

    def _refuse_DestroyKey(self, now: datetime) -> str:  # noqa: N802
        if self.deletion is None or now < self.deletion:
            return "CmkStateNotSupport"
        if not self.held:
            return "DeletionHeld" if self.needed else ""
        waits = self.runs_at is None or now < self.runs_at
        return "DeletionHeld" if waits else ""

    def _refuse_HoldKeyDeletion(self, now: datetime) -> str:  # noqa: N802
        if self.held:
            return "DeletionHeld"
        return "" if self.needed else "DeletionNotHeld"

    def _refuse_ConfirmKeyDeletion(self, now: datetime) -> str:  # noqa: N802
        return "" if self.held and self.runs_at is None else "DeletionNotHeld"

    def _refuse_RotateDueKey(self, now: datetime) -> str:  # noqa: N802
        return "" if self.due is not None and self.due <= now else "CmkStateNotSupport"

    def dates(self) -> list[tuple[datetime, str]]:
        """Return when an answer changes by itself, and of which call, soonest first."""
        by_hand = [v.made_at + BY_HAND for v in self.versions.values() if v.by_hand]
        dated = [(at, "RotateKey") for at in by_hand[-1:]]
        dated += [(at, "RotateDueKey") for at in (self.due,) if at]
        dated += [(at, "DestroyKey") for at in (self.deletion, self.runs_at) if at]
        return sorted(dated)

    @property
    def needed(self) -> bool:
        """Whether somebody tried to use it while it waits, who used it before."""
        if not self.attempted or self.used_at is None or self.scheduled_at is None:
            return False
        return self.used_at >= self.scheduled_at - RECENT

    def notice(self, call: str, refusal: str, now: datetime) -> None:
        """Remember a use, and an attempt at one that only the state forbade."""
        if call in USES and not refusal:
            self.used_at = now
        forbidden = ("CmkDisabled", "KeyPendingDelete", "CmkStateNotSupport")
        if self.state == "PendingDelete" and refusal in forbidden:
            self.attempted |= call in {*USES, "GetPublicKey"}

    def _refuse_RotateKey(self, now: datetime) -> str:  # noqa: N802
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
        self.scheduled_at, self.attempted = now, False

    def _CancelKeyDeletion(self, now: datetime, days: int) -> None:  # noqa: N802
        self.deletion, self.held, self.runs_at = None, False, None
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

    def _RotateDueKey(self, now: datetime, days: int) -> None:  # noqa: N802
        self.renew(now, by_hand=False)
        # The calendar stays: the first of its dates that is still to come.
        while self.due is not None and self.due <= now:
            self.due += timedelta(days=self.days)

    def _HoldKeyDeletion(self, now: datetime, days: int) -> None:  # noqa: N802
        self.held = True

    def _ConfirmKeyDeletion(self, now: datetime, days: int) -> None:  # noqa: N802
        assert self.deletion is not None
        self.runs_at = max(now + RESPITE, self.deletion)

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
