"""What there are alarms about: a new kind is an entry here and its words."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class AlarmKind(models.TextChoices):
    """A reason for an alarm; people subscribe to these."""

    PENDING_KEY_USED = "pending-key-used", _("Use of a key that is pending deletion")
    DELETION_HELD = "deletion-held", _("Deletion held")
    DELETION_NEAR = "deletion-near", _("Last three days before a deletion")
    MATERIAL_EXPIRES = "material-expires", _("Imported material expires soon")
    ROTATION_MISSED = "rotation-missed", _("Rotation missed")
    ENCRYPTION_BUDGET = (
        "encryption-budget",
        _("Imported key nears its limit of encryptions"),
    )
    HSM_DOWN = "hsm-down", _("HSM not reachable")
    AUDIT_BACKLOG = "audit-backlog", _("Audit falls behind")
    CLOCK_HELD = "clock-held", _("Clock doubtful: deletions wait")
    SCRUB_FAILED = "scrub-failed", _("A stored key version can't be read")


# What can't be put right once it is late stands out on pages.
URGENT = frozenset(
    {
        AlarmKind.PENDING_KEY_USED,
        AlarmKind.DELETION_NEAR,
        AlarmKind.HSM_DOWN,
        AlarmKind.SCRUB_FAILED,
    }
)
