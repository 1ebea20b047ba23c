"""Creating, describing, renaming, enabling and disabling keys."""

import re
from datetime import datetime, timedelta
from typing import Annotated, Any

from django.conf import settings
from django.db import IntegrityError
from django.db.transaction import atomic
from pydantic import AfterValidator

from keys import custody
from keys.crypto import algorithms
from keys.errors import (
    AliasAlreadyExists,
    CmkLimitExceeded,
    InvalidAlias,
    InvalidKeyUsage,
    InvalidType,
    UnsupportedKeyUsage,
)
from keys.models import CustomerMasterKey, KeyVersion, Origin
from keys.operations.base import (
    HsmClusterId,
    KeyBatchInput,
    KeyBatchOperation,
    KeyInput,
    KeyOperation,
    hsm_refusal,
)
from keys.states import KeyState
from kmsconsole import clock
from kmsconsole.errors import InvalidParameterValue, KMSError
from kmsconsole.inputs import OperationInput, WholeNumber
from kmsconsole.operations import Effect, Operation

_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}", re.ASCII)
_RESERVED_PREFIX = "kms-"
_MOST_DESCRIPTION_BYTES = 1024
_FIPS_TYPE = 2
_GENERATED = 1


def _alias(value: str) -> str:
    if not _ALIAS.fullmatch(value) or value.lower().startswith(_RESERVED_PREFIX):
        raise InvalidAlias("Alias")
    return value


def _description(value: str) -> str:
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise InvalidParameterValue("Description") from None
    if size > _MOST_DESCRIPTION_BYTES or "\x00" in value:
        raise InvalidParameterValue("Description")
    return value


def _usage(value: str) -> str:
    if value in algorithms.UNSUPPORTED_USAGES:
        raise UnsupportedKeyUsage("KeyUsage")
    if algorithms.key_type_for_usage(value) is None:
        raise InvalidKeyUsage("KeyUsage")
    return value


def _type(value: int) -> int:
    if value != _GENERATED:
        raise InvalidType("Type")
    return value


Alias = Annotated[str, AfterValidator(_alias)]
Description = Annotated[str, AfterValidator(_description)]


def unix(moment: datetime | None) -> int:
    """Return Unix seconds; 0 stands for never, as the API has it."""
    return int(moment.timestamp()) if moment else 0


def metadata(key: CustomerMasterKey) -> dict[str, Any]:
    """Return the API's KeyMetadata of a key."""
    planned = key.next_rotation_at or key.created_at + timedelta(days=key.rotate_days)
    return {
        "KeyId": str(key.id),
        "Alias": key.alias,
        "CreateTime": unix(key.created_at),
        "Description": key.description,
        "KeyState": key.state,
        "KeyUsage": key.usage,
        "Type": _FIPS_TYPE,
        "CreatorUin": key.creator_uin,
        "KeyRotationEnabled": key.rotation_enabled,
        "Owner": key.owner,
        "NextRotateTime": unix(planned),
        "DeletionDate": unix(key.deletion_date),
        "Origin": key.origin,
        "ValidTo": unix(key.material_valid_to),
        "ResourceId": f"creatorUin/{key.creator_uin}/{key.id}",
        "HsmClusterId": "",
        "RotateDays": key.rotate_days,
        "LastRotateTime": unix(key.last_rotated_at),
    }


class CreateKeyInput(OperationInput):
    """Name and kind of a new key; `Tags` are taken by a later version."""

    alias: Alias
    description: Description = ""
    key_usage: Annotated[str, AfterValidator(_usage)] = "ENCRYPT_DECRYPT"
    type: Annotated[WholeNumber, AfterValidator(_type)] = _GENERATED
    hsm_cluster_id: HsmClusterId = ""


class CreateKey(Operation):
    """Make a key, with material generated in the HSM; enabled at once."""

    effect = Effect.CHANGE
    audited_fields = ("alias", "key_usage", "type")
    Input = CreateKeyInput

    def check(self, data: CreateKeyInput) -> None:
        """Refuse a taken name and a full account."""
        call = self.call
        existing = CustomerMasterKey.objects.in_region(
            call.principal.account_uin, call.region
        )
        if existing.filter(alias__iexact=data.alias).exists():
            raise AliasAlreadyExists("Alias")
        limit = settings.KMS_CMK_LIMIT
        if limit and existing.counting_towards_limit().count() >= limit:
            raise CmkLimitExceeded(limit=limit)

    def perform(self, data: CreateKeyInput) -> dict[str, Any]:
        """Generate, wrap and store; the row and its version commit together."""
        call = self.call
        kind = algorithms.key_type_for_usage(data.key_usage)
        if kind is None:
            raise InvalidKeyUsage("KeyUsage")
        moment = clock.now()
        key = CustomerMasterKey(
            account_uin=call.principal.account_uin,
            region=call.region,
            alias=data.alias,
            description=data.description,
            usage=kind.usage,
            origin=Origin.HSM,
            creator_uin=call.principal.uin,
            state=KeyState.ENABLED,
            primary_version=1,
            created_at=moment,
        )
        wrapped = custody.keyring().generate(kind.spec, _identity(key, 1, kind.spec))
        version = KeyVersion(
            key=key,
            number=1,
            spec=kind.spec,
            wrapped_material=wrapped.blob,
            binding=wrapped.binding,
            root_epoch=wrapped.root_epoch,
            mac_epoch=wrapped.mac_epoch,
            check_value=wrapped.check_value,
            created_at=moment,
            creator_uin=call.principal.uin,
        )
        try:
            with atomic():
                key.save(force_insert=True)
        except IntegrityError:
            raise AliasAlreadyExists("Alias") from None
        version.save(force_insert=True)
        self.resources = (key,)
        return {
            "KeyId": str(key.id),
            "Alias": key.alias,
            "CreateTime": unix(key.created_at),
            "Description": key.description,
            "KeyState": key.state,
            "KeyUsage": key.usage,
            "TagCode": 0,
            "TagMsg": "",
            "HsmClusterId": "",
        }

    def event_key(self, resource: Any) -> tuple[str | None, int | None]:
        """Name the new key."""
        return (str(resource.id), 1) if resource is not None else (None, None)

    def translate(self, error: Exception) -> KMSError | None:
        """An HSM that can't be used makes no keys."""
        return hsm_refusal(error, self)


def _identity(key: CustomerMasterKey, number: int, spec: str) -> bytes:
    return custody.identity(
        key.account_uin, key.id, number, spec, key.usage, key.origin
    )


class DescribeKey(KeyOperation):
    """Attributes of one key."""

    effect = Effect.READ

    def perform(self, data: KeyInput) -> dict[str, Any]:
        """Return KeyMetadata."""
        return {"KeyMetadata": metadata(self.key)}


class DescribeKeys(KeyBatchOperation):
    """Attributes of up to 100 keys."""

    effect = Effect.READ

    def perform(self, data: KeyBatchInput) -> dict[str, Any]:
        """Return KeyMetadata in the order asked for."""
        return {"KeyMetadatas": [metadata(key) for key in self.resources]}


class UpdateAliasInput(KeyInput):
    """The new name."""

    alias: Alias


class UpdateAlias(KeyOperation):
    """Rename a key."""

    effect = Effect.CHANGE
    customer_managed_only = True
    audited_fields = ("alias",)
    Input = UpdateAliasInput

    def perform(self, data: UpdateAliasInput) -> dict[str, Any]:
        """Rename, unless another key of the region has the name."""
        key = self.key
        key.alias = data.alias
        try:
            with atomic():
                self.save(key, "alias")
        except IntegrityError:
            raise AliasAlreadyExists("Alias") from None
        return {}


class UpdateKeyDescriptionInput(KeyInput):
    """The new description; empty removes it."""

    description: Description


class UpdateKeyDescription(KeyOperation):
    """Describe a key anew."""

    effect = Effect.CHANGE
    customer_managed_only = True
    audited_fields = ("description",)
    Input = UpdateKeyDescriptionInput

    def perform(self, data: UpdateKeyDescriptionInput) -> dict[str, Any]:
        """Store the description."""
        self.key.description = data.description
        self.save(self.key, "description")
        return {}


class EnableKey(KeyOperation):
    """Let a disabled key be used again; enabling twice is harmless."""

    effect = Effect.CHANGE
    customer_managed_only = True

    def perform(self, data: KeyInput) -> dict[str, Any]:
        """Move to Enabled."""
        self.move(self.key)
        return {}


class DisableKey(KeyOperation):
    """Stop every use of a key until it is enabled; disabling twice is harmless."""

    effect = Effect.CHANGE
    customer_managed_only = True

    def perform(self, data: KeyInput) -> dict[str, Any]:
        """Move to Disabled."""
        self.move(self.key)
        return {}


class EnableKeys(KeyBatchOperation):
    """Enable up to 100 keys, all or none."""

    effect = Effect.CHANGE
    customer_managed_only = True

    def perform(self, data: KeyBatchInput) -> dict[str, Any]:
        """Move each to Enabled."""
        for key in self.resources:
            self.move(key)
        return {}


class DisableKeys(KeyBatchOperation):
    """Disable up to 100 keys, all or none."""

    effect = Effect.CHANGE
    customer_managed_only = True

    def perform(self, data: KeyBatchInput) -> dict[str, Any]:
        """Move each to Disabled."""
        for key in self.resources:
            self.move(key)
        return {}
