"""Main accounts, the people and programs in them, and their access keys."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac

from kmsconsole import clock

FIRST_ACCOUNT_UIN = 100_000_000_001


class Account(models.Model):
    """A main account: the owner of keys. Its number is public."""

    uin = models.PositiveBigIntegerField(primary_key=True)
    name = models.CharField(max_length=64)
    require_signed_action = models.BooleanField(default=False)
    require_second_factor = models.BooleanField(default=False)
    shortest_password = models.PositiveSmallIntegerField(default=12)
    idle_minutes = models.PositiveSmallIntegerField(default=60)
    session_hours = models.PositiveSmallIntegerField(default=8)
    # One of keys.operations.holding.RULES.
    hold_deletions = models.CharField(max_length=16, default="recently-used")
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        """Accounts are made by the operator."""

        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.name} ({self.uin})"


class UserManager(models.Manager["User"]):
    """Finds people for Django's sessions."""

    def get_by_natural_key(self, uin: str | int) -> "User":
        """Return the user with this uin."""
        return self.get(uin=uin)


class User(AbstractBaseUser):
    """An identity of one account: its root user, or a sub-account.

    Django's permission system answers no for everything: what somebody may do is
    decided by the evaluator alone. `is_staff` marks the operator of the installation.
    `is_active` switches everything off; `console_access` and `api_access` are the two
    ways in.
    """

    USERNAME_FIELD = "uin"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    EMAIL_FIELD = ""

    uin = models.PositiveBigIntegerField(unique=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="users")
    name = models.CharField(max_length=64)
    is_root = models.BooleanField(default=False)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    console_access = models.BooleanField(default=True)
    api_access = models.BooleanField(default=True)
    remark = models.CharField(max_length=255, default="", blank=True)
    deleted_at = models.DateTimeField(null=True)
    must_change_password = models.BooleanField(default=False)
    session_epoch = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=clock.now)

    is_superuser = False
    objects = UserManager()

    class Meta:
        """A name belongs to one person of an account; an account has one root."""

        default_permissions = ()
        constraints = (
            # A deleted one's name is free again; its row keeps the audit legible.
            models.UniqueConstraint(
                "account",
                Lower("name"),
                condition=models.Q(deleted_at__isnull=True),
                name="accessctl_user_name_once",
            ),
            models.UniqueConstraint(
                fields=["account"],
                condition=models.Q(is_root=True),
                name="accessctl_one_root",
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} · {self.account_id}"

    @property
    def account_uin(self) -> int:
        """The account this person belongs to."""
        return int(self.account_id)

    def end_sessions(self) -> None:
        """Make every session of this person invalid, in every process, once saved."""
        self.session_epoch += 1

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        material = f"{self.password}|{self.session_epoch}"
        return salted_hmac(
            "accessctl.session", material, secret=secret, algorithm="sha256"
        ).hexdigest()

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Answer no: keys are not a matter of Django's permissions."""
        return False

    def has_module_perms(self, app_label: str) -> bool:
        """Let the operator see which applications the admin shows."""
        return self.is_active and self.is_staff


class AccessKey(models.Model):
    """A SecretId with its secret, sealed under the HSM's data key.

    `allowed_addresses` holds networks parted by spaces; empty allows all. When and
    from where it was used last is written at most once a minute.
    """

    secret_id = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="access_keys")
    sealed_secret = models.BinaryField()
    data_key_epoch = models.PositiveIntegerField()
    is_enabled = models.BooleanField(default=True)
    expires_at = models.DateTimeField(null=True)
    allowed_addresses = models.CharField(max_length=1024, default="", blank=True)
    last_used_at = models.DateTimeField(null=True)
    last_used_address = models.CharField(max_length=45, default="", blank=True)
    created_at = models.DateTimeField()

    class Meta:
        """Access keys act as their user."""

        default_permissions = ()

    def __str__(self) -> str:
        return self.secret_id
