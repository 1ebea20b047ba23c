"""Customer master keys, their versions, and the HSM keys they are wrapped under."""

from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from keys import budget
from keys.datakeys.models import DataKey, DataKeyTag
from keys.querysets import KeyQuerySet, KeyVersionQuerySet
from keys.rates import Rate
from keys.states import ORIGIN_EXTERNAL, OWNER_USER, KeyKind, KeyState, kind_of
from keys.switches import LegacyPadding
from kmsconsole import randomness

# Defined beside this module; Django looks for models here.
__all__ = ["DataKey", "DataKeyTag", "LegacyPadding", "Rate"]


class Origin(models.TextChoices):
    """Where a key's material comes from."""

    HSM = "TENCENT_KMS", _("Generated in the HSM")
    EXTERNAL = ORIGIN_EXTERNAL, _("Imported")


class CustomerMasterKey(models.Model):
    """A key as people know it: a name, a state, rules. Its material is in versions.

    Accounts and people are named by uin, as in the audit: a key never depends on a row
    of the access-control app.
    """

    OWNER_USER: ClassVar[str] = OWNER_USER

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
            # Wide enough that the list's filters are answered from the index alone.
            models.Index(
                fields=[
                    "account_uin",
                    "region",
                    "-created_at",
                    "id",
                    "state",
                    "owner",
                    "usage",
                    "origin",
                    "rotation_enabled",
                ],
                name="keys_newest",
            ),
            models.Index(
                fields=["account_uin", "region", "state", "-created_at", "id"],
                name="keys_state_newest",
            ),
            # Wide enough to search and count through, as names are read in order.
            models.Index(
                "account_uin",
                "region",
                Lower("alias"),
                "id",
                "alias",
                "owner",
                "state",
                name="keys_by_name",
            ),
            # Few of a usage, an origin or rotation; see KeyQuerySet.by_nature.
            models.Index(
                "account_uin",
                "region",
                Lower("usage"),
                Lower("origin"),
                "rotation_enabled",
                "owner",
                "state",
                name="keys_by_nature",
            ),
            # Few among many: the products' own keys.
            models.Index(
                fields=["account_uin", "region", "-created_at", "id"],
                name="keys_cloud_newest",
                condition=~models.Q(owner=OWNER_USER),
            ),
            models.Index(
                fields=["deletion_date"],
                name="keys_deletion_due",
                condition=models.Q(state=KeyState.PENDING_DELETE),
            ),
            models.Index(
                fields=["next_rotation_at"],
                name="keys_rotation_due",
                condition=models.Q(rotation_enabled=True, state=KeyState.ENABLED),
            ),
            models.Index(
                fields=["material_valid_to"],
                name="keys_material_due",
                condition=models.Q(material_valid_to__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return self.alias

    def rotation_after(self, moment: datetime) -> datetime:
        """Return when the key rotates next, a whole period after `moment`."""
        return moment + timedelta(days=self.rotate_days)

    @property
    def worn(self) -> bool:
        """Whether the version that encrypts has to be replaced soon."""
        worn = KeyVersion.objects.worn().filter(key=self.pk)
        return self.primary_version in worn.values_list("number", flat=True)

    @property
    def kind(self) -> KeyKind:
        """What the table of states tells keys apart by."""
        return kind_of(self.owner, self.usage, self.origin)

    @property
    def customer_managed(self) -> bool:
        """Whether people made it, not a cloud product."""
        return self.owner == OWNER_USER


class KeyVersion(models.Model):
    """One generation of a key's material, wrapped under a root key of the HSM.

    `binding` is the HSM's HMAC over what the row belongs to and the wrapped blob; it is
    verified before each unwrapping. `check_value` shows that the right key came out; it
    outlives imported material, to recognise the same one. `public_key` is the
    SubjectPublicKeyInfo (DER) of a key pair, else empty. `encryptions` is how many were
    counted so far; the newest minutes are missing in it.
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
    public_key = models.BinaryField(default=b"")
    encryptions = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField()
    creator_uin = models.PositiveBigIntegerField()
    destroyed_at = models.DateTimeField(null=True)

    objects = KeyVersionQuerySet.as_manager()

    class Meta:
        """Numbers count up from 1 and are never used again."""

        default_permissions = ()
        constraints = (
            models.UniqueConstraint(fields=["key", "number"], name="keys_version_once"),
        )
        indexes = (
            models.Index(
                fields=["key"],
                name="keys_version_worn",
                condition=models.Q(encryptions__gte=budget.ROTATE_AT),
            ),
        )

    def __str__(self) -> str:
        return f"{self.key_id} version {self.number}"


class ImportParameters(models.Model):
    """What one import may use: a wrapping key pair in the HSM, and its token's hash.

    A key has one row: newer parameters replace older ones.
    """

    key = models.OneToOneField(
        CustomerMasterKey, on_delete=models.PROTECT, related_name="import_parameters"
    )
    padding = models.CharField(max_length=32)
    token_hash = models.BinaryField(max_length=32)
    spec = models.CharField(max_length=32)
    wrapped_material = models.BinaryField()
    binding = models.BinaryField(max_length=32)
    root_epoch = models.PositiveIntegerField()
    mac_epoch = models.PositiveIntegerField()
    check_value = models.BinaryField(max_length=32)
    public_key = models.BinaryField()
    expires_at = models.DateTimeField()

    class Meta:
        """Nobody is granted anything on it."""

        default_permissions = ()
        indexes = (models.Index(fields=["expires_at"], name="keys_parameters_due"),)

    def __str__(self) -> str:
        return f"{self.key_id} until {self.expires_at:%Y-%m-%d %H:%M}"


class ResourceBinding(models.Model):
    """A cloud product's resource that is encrypted with a key."""

    key = models.ForeignKey(
        CustomerMasterKey, on_delete=models.PROTECT, related_name="bindings"
    )
    product = models.CharField(max_length=32)
    resource_id = models.CharField(max_length=128)
    created_at = models.DateTimeField()

    class Meta:
        """Binding twice is harmless."""

        default_permissions = ()
        constraints = (
            models.UniqueConstraint(
                fields=["key", "product", "resource_id"], name="keys_binding_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.product} {self.resource_id}"


class KeyTag(models.Model):
    """A name and a value that people sort keys by."""

    key = models.ForeignKey(
        CustomerMasterKey, on_delete=models.CASCADE, related_name="tags"
    )
    name = models.CharField(max_length=127)
    value = models.CharField(max_length=255, blank=True)

    class Meta:
        """A name once a key."""

        default_permissions = ()
        constraints = (
            models.UniqueConstraint(fields=["key", "name"], name="keys_tag_once"),
        )
        indexes = (models.Index(fields=["name", "value", "key"], name="keys_tagged"),)

    def __str__(self) -> str:
        return f"{self.name}={self.value}" if self.value else self.name


class KeyCount(models.Model):
    """How many keys there are; kept by triggers on the keys themselves."""

    account_uin = models.PositiveBigIntegerField()
    region = models.CharField(max_length=32)
    cloud = models.BooleanField()
    state = models.CharField(max_length=16)
    count = models.BigIntegerField()

    class Meta:
        """One row for each account, region, class and state."""

        default_permissions = ()
        constraints = (
            models.UniqueConstraint(
                fields=["account_uin", "region", "cloud", "state"],
                name="keys_count_once",
            ),
        )

    def __str__(self) -> str:
        return f"{self.account_uin} {self.region} {self.state} {self.count}"


class KeyUsage(models.Model):
    """How often a principal used a key's version in one way on one day (UTC)."""

    key_id = models.UUIDField()
    version = models.PositiveIntegerField()
    operation = models.CharField(max_length=64)
    principal_uin = models.PositiveBigIntegerField()
    principal_name = models.CharField(max_length=64)
    day = models.DateField()
    count = models.PositiveBigIntegerField()
    last_at = models.DateTimeField()

    class Meta:
        """Rolled up from audit events; a key's rows outlive it."""

        default_permissions = ()
        constraints = (
            models.UniqueConstraint(
                fields=["key_id", "version", "operation", "principal_uin", "day"],
                name="keys_usage_once",
            ),
        )

    def __str__(self) -> str:
        return f"{self.key_id} {self.operation} {self.day} {self.count}"


class UsageProgress(models.Model):
    """How far the audit was rolled up into KeyUsage: the last event, and since when."""

    sequence = models.PositiveBigIntegerField()
    since = models.DateTimeField()

    class Meta:
        """A single row, with the ID 1."""

        default_permissions = ()

    def __str__(self) -> str:
        return f"up to {self.sequence}"


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
