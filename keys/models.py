"""Customer master keys, their versions, and the HSM keys they are wrapped under."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from keys.querysets import KeyQuerySet
from keys.states import KeyState
from kmsconsole import randomness


class Origin(models.TextChoices):
    """Where a key's material comes from."""

    HSM = "TENCENT_KMS", _("Generated in the HSM")
    EXTERNAL = "EXTERNAL", _("Imported")


class CustomerMasterKey(models.Model):
    """A key as people know it: a name, a state, rules. Its material is in versions.

    Accounts and people are named by uin, as in the audit: a key never depends on a row
    of the access-control app.
    """

    OWNER_USER: ClassVar[str] = "user"

    id = models.UUIDField(primary_key=True, default=randomness.uuid4, editable=False)
    account_uin = models.PositiveBigIntegerField()
    region = models.CharField(max_length=32)
    alias = models.CharField(max_length=60)
    description = models.CharField(max_length=1024, blank=True)
    usage = models.CharField(max_length=64)
    origin = models.CharField(max_length=16, choices=Origin.choices)
    owner = models.CharField(max_length=32, default=OWNER_USER)
    creator_uin = models.PositiveBigIntegerField()
    state = models.CharField(max_length=16, choices=KeyState.choices)
    primary_version = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField()
    rotation_enabled = models.BooleanField(default=False)
    rotate_days = models.PositiveIntegerField(default=365)
    next_rotation_at = models.DateTimeField(null=True)
    last_rotated_at = models.DateTimeField(null=True)
    deletion_date = models.DateTimeField(null=True)
    destroyed_at = models.DateTimeField(null=True)
    material_valid_to = models.DateTimeField(null=True)
    revision = models.PositiveBigIntegerField(default=1)

    objects = KeyQuerySet.as_manager()

    class Meta:
        """Names are unique while their key exists, without regard to case."""

        default_permissions = ()
        constraints = (
            models.UniqueConstraint(
                "account_uin",
                "region",
                Lower("alias"),
                condition=~models.Q(state=KeyState.DESTROYED),
                name="keys_alias_once",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=KeyState.values), name="keys_state_known"
            ),
            models.CheckConstraint(
                condition=~models.Q(state=KeyState.PENDING_DELETE)
                | models.Q(deletion_date__isnull=False),
                name="keys_pending_delete_dated",
            ),
        )
        indexes = (
            models.Index(
                fields=["account_uin", "region", "-created_at", "id"],
                name="keys_newest",
            ),
        )

    def __str__(self) -> str:
        return self.alias


class KeyVersion(models.Model):
    """One generation of a key's material, wrapped under a root key of the HSM.

    `binding` is the HSM's HMAC over what the row belongs to and the wrapped blob; it is
    verified before each unwrapping. `check_value` shows that the right key came out.
    """

    key = models.ForeignKey(
        CustomerMasterKey, on_delete=models.PROTECT, related_name="versions"
    )
    number = models.PositiveIntegerField()
    spec = models.CharField(max_length=32)
    wrapped_material = models.BinaryField(null=True)
    binding = models.BinaryField(max_length=32)
    root_epoch = models.PositiveIntegerField()
    mac_epoch = models.PositiveIntegerField()
    check_value = models.BinaryField(max_length=32)
    encryptions_leased = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField()
    creator_uin = models.PositiveBigIntegerField()
    destroyed_at = models.DateTimeField(null=True)

    class Meta:
        """Numbers count up from 1 and are never used again."""

        default_permissions = ()
        constraints = (
            models.UniqueConstraint(fields=["key", "number"], name="keys_version_once"),
        )

    def __str__(self) -> str:
        return f"{self.key_id} version {self.number}"


class TokenKey(models.Model):
    """A key object on the HSM token, pinned when it was made.

    Start is refused where the token's object differs from what stands here.
    """

    kind = models.CharField(max_length=8)
    epoch = models.PositiveIntegerField()
    object_id = models.BinaryField(max_length=32)
    fingerprint = models.CharField(max_length=64)
    template = models.JSONField()
    accepted_missing = models.JSONField(default=list)
    created_at = models.DateTimeField()

    class Meta:
        """One key of a kind and epoch."""

        default_permissions = ()
        constraints = (
            models.UniqueConstraint(fields=["kind", "epoch"], name="keys_token_once"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.epoch}"


class Heartbeat(models.Model):
    """When a background process last showed that it lives."""

    name = models.CharField(primary_key=True, max_length=32)
    at = models.DateTimeField()

    class Meta:
        """Rows are overwritten, one a process kind."""

        default_permissions = ()

    def __str__(self) -> str:
        return self.name
