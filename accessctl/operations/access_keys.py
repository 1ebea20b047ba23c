"""Access keys: a person's own, or those of others for who administers the account."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar

from django.utils.dateparse import parse_datetime
from pydantic import AfterValidator, BeforeValidator, Field

from accessctl.credentials import secret_binding
from accessctl.errors import (
    AccessKeyEnabled,
    AccessKeyLimitExceeded,
    AccessKeyNotFound,
    ExpiryPassed,
    InvalidAddresses,
    NoProgrammaticAccess,
    RootIsItsOwn,
    UserNotFound,
)
from accessctl.models import AccessKey, User
from accessctl.rules import networks
from keys import custody
from keys.hsm.errors import HsmError
from kmsconsole import clock, randomness
from kmsconsole.errors import (
    InvalidParameterValue,
    KMSError,
    ServiceTemporaryUnavailable,
)
from kmsconsole.inputs import OperationInput, WholeNumber
from kmsconsole.operations import Effect, Operation, Scope
from kmsconsole.principals import Kind

MOST_ACCESS_KEYS = 2
MOST_ADDRESSES = 20
_ALPHANUMERIC = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_SECRET_LENGTH = 32


def _addresses(texts: list[str]) -> str:
    """Return what is stored: addresses and networks, parted by spaces."""
    try:
        read = networks(text for text in texts if text.strip())
    except ValueError:
        raise InvalidAddresses("AllowedAddresses", most=MOST_ADDRESSES) from None
    if len(read) > MOST_ADDRESSES:
        raise InvalidAddresses("AllowedAddresses", most=MOST_ADDRESSES)
    plain = (
        str(network.network_address if network.num_addresses == 1 else network)
        for network in read
    )
    return " ".join(dict.fromkeys(plain))


def _expiry(value: Any) -> Any:
    """Read a time with its zone; an empty text stands for no end at all."""
    if value is None or value == "":
        return value
    try:
        time = value if isinstance(value, datetime) else parse_datetime(str(value))
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise InvalidParameterValue("ExpiresAt")
    return time


Addresses = Annotated[list[str], AfterValidator(_addresses)]
Expiry = Annotated[Any, BeforeValidator(_expiry)]


class OwnerInput(OperationInput):
    """Whose access keys: by name or by uin; without both the caller's."""

    user_name: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    uin: WholeNumber | None = None


class NewAccessKeyInput(OwnerInput):
    """Where from and until when the new key may be used; empty sets no limit."""

    allowed_addresses: Addresses = Field(default=[], validate_default=True)
    expires_at: Expiry = None


class AccessKeyInput(OwnerInput):
    """One access key of somebody."""

    secret_id: Annotated[str, Field(min_length=1, max_length=64)]


class UpdateAccessKeyInput(AccessKeyInput):
    """What to change; what is absent stays. `ExpiresAt` empty removes the end."""

    enabled: bool | None = None
    allowed_addresses: Addresses | None = None
    expires_at: Expiry = None


class OwnerOperation(Operation):
    """An operation on somebody's access keys: one's own, or by an administrator."""

    scope = Scope.ADMINISTRATION
    api = False
    for_oneself = True
    Input: ClassVar[type[OperationInput]] = OwnerInput

    user: User

    def locate(self, data: Any) -> Sequence[User | None]:
        """Find the person inside the account; locked while something is changed."""
        people = User.objects.filter(
            account_id=self.call.principal.account_uin, deleted_at__isnull=True
        )
        if self.changing:
            people = people.select_for_update()
        if data.user_name is not None:
            found = people.filter(name__iexact=data.user_name).first()
        else:
            uin = self.call.principal.uin if data.uin is None else data.uin
            found = people.filter(uin=uin).first()
        return [found]

    def check(self, data: Any) -> None:
        """Refuse an unknown person, and others than itself the root user."""
        (user,) = self.resources
        if user is None:
            raise UserNotFound("UserName")
        self.user = user
        self.details |= {"UserName": user.name, "Uin": user.uin}
        who = self.call.principal
        if user.is_root and who.uin != user.uin and who.kind is not Kind.OPERATOR:
            raise RootIsItsOwn


class CreateAccessKey(OwnerOperation):
    """Make a SecretId and SecretKey for a person; the secret is shown this once."""

    effect = Effect.CHANGE
    step_up = True
    audited_fields = ("allowed_addresses",)
    Input = NewAccessKeyInput

    def check(self, data: NewAccessKeyInput) -> None:
        """Refuse a third one, and one that would open nothing."""
        super().check(data)
        if not self.user.api_access:
            raise NoProgrammaticAccess
        self.details["expires_at"] = str(data.expires_at or "")
        _refuse_past(data.expires_at)
        if self.user.access_keys.count() >= MOST_ACCESS_KEYS:
            raise AccessKeyLimitExceeded

    def perform(self, data: NewAccessKeyInput) -> dict[str, Any]:
        """Draw both and store the secret sealed."""
        secret_id = "AKID" + randomness.token_string(_SECRET_LENGTH, _ALPHANUMERIC)
        secret_key = randomness.token_string(_SECRET_LENGTH, _ALPHANUMERIC)
        epoch, sealed = custody.keyring().seal_secret(
            secret_key.encode("ascii"), secret_binding(secret_id, self.user.uin)
        )
        AccessKey.objects.create(
            secret_id=secret_id,
            user=self.user,
            sealed_secret=sealed,
            data_key_epoch=epoch,
            allowed_addresses=str(data.allowed_addresses),
            expires_at=data.expires_at or None,
            created_at=clock.now(),
        )
        self.details["SecretId"] = secret_id
        return {"SecretId": secret_id, "SecretKey": secret_key}

    def translate(self, error: Exception) -> KMSError | None:
        """Without the HSM nothing can be sealed."""
        return ServiceTemporaryUnavailable() if isinstance(error, HsmError) else None


class ListAccessKeys(OwnerOperation):
    """Show a person's access keys, without their secrets."""

    effect = Effect.READ

    def perform(self, data: OwnerInput) -> dict[str, Any]:
        """Return them, the oldest first."""
        rows = self.user.access_keys.order_by("created_at", "id")
        return {"AccessKeys": [_described(row) for row in rows]}


class AccessKeyOperation(OwnerOperation):
    """An operation on one access key."""

    effect = Effect.CHANGE
    step_up = True
    audited_fields: ClassVar[tuple[str, ...]] = ("secret_id",)
    Input = AccessKeyInput

    access_key: AccessKey

    def check(self, data: AccessKeyInput) -> None:
        """Refuse one that isn't this person's."""
        super().check(data)
        found = self.user.access_keys.filter(secret_id=data.secret_id).first()
        if found is None:
            raise AccessKeyNotFound("SecretId")
        self.access_key = found


class UpdateAccessKey(AccessKeyOperation):
    """Enable or disable an access key, or change where from and how long it works."""

    audited_fields = ("secret_id", "enabled", "allowed_addresses")
    Input = UpdateAccessKeyInput

    def perform(self, data: UpdateAccessKeyInput) -> dict[str, Any]:
        """Store what was given."""
        row = self.access_key
        if data.enabled is not None:
            row.is_enabled = data.enabled
        if data.allowed_addresses is not None:
            row.allowed_addresses = str(data.allowed_addresses)
        if data.expires_at is not None:
            self.details["expires_at"] = str(data.expires_at)
            if data.expires_at != row.expires_at:
                _refuse_past(data.expires_at)
            row.expires_at = data.expires_at or None
        row.save(update_fields=["is_enabled", "allowed_addresses", "expires_at"])
        return _described(row)


class DeleteAccessKey(AccessKeyOperation):
    """Remove an access key for good; its uses stay legible in the audit."""

    def check(self, data: AccessKeyInput) -> None:
        """Refuse one that could still be in use."""
        super().check(data)
        if self.access_key.is_enabled:
            raise AccessKeyEnabled

    def perform(self, data: AccessKeyInput) -> dict[str, Any]:
        """Remove it."""
        self.access_key.delete()
        return {}


def _refuse_past(time: Any) -> None:
    if time and time <= clock.now():
        raise ExpiryPassed("ExpiresAt")


def _described(row: AccessKey) -> dict[str, Any]:
    return {
        "SecretId": row.secret_id,
        "Enabled": row.is_enabled,
        "Expired": row.expires_at is not None and row.expires_at <= clock.now(),
        "CreatedAt": row.created_at,
        "ExpiresAt": row.expires_at,
        "AllowedAddresses": row.allowed_addresses.split(),
        "LastUsedAt": row.last_used_at,
        "LastUsedAddress": row.last_used_address,
    }
