"""Making keys: people's own, and those a cloud product needs."""

import re
from typing import Annotated, Any

from django.conf import settings
from django.db import IntegrityError
from django.db.transaction import atomic
from pydantic import AfterValidator, Field, model_validator

from keys import custody
from keys.crypto import algorithms
from keys.errors import (
    AliasAlreadyExists,
    CmkLimitExceeded,
    InvalidAlias,
    InvalidKeyUsage,
    InvalidTag,
    InvalidType,
    UnsupportedKeyUsage,
)
from keys.hsm.keyring import WrappedVersion
from keys.models import CustomerMasterKey, KeyTag, Origin
from keys.operations.base import HsmClusterId, hsm_refusal
from keys.operations.metadata import unix
from keys.operations.tagging import ReadableTags, allowed
from keys.states import KeyState
from kmsconsole import clock, randomness
from kmsconsole.errors import InvalidParameterValue, KMSError, UnauthorizedOperation
from kmsconsole.inputs import OperationInput, WholeNumber
from kmsconsole.operations import Effect, Operation, Scope
from kmsconsole.principals import Kind

RESERVED_PREFIX = "kms-"
_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}", re.ASCII)
_PRODUCT = re.compile(r"[a-z][a-z0-9]{0,30}", re.ASCII)
_MOST_DESCRIPTION_BYTES = 1024
_GENERATED, _EXTERNAL = 1, 2
_ORIGINS = {_GENERATED: Origin.HSM, _EXTERNAL: Origin.EXTERNAL}
_SYMMETRIC = "ENCRYPT_DECRYPT"
# TagCode says what became of the tags. 1, an internal error, doesn't occur here: key
# and tags are stored together.
_TAGS_STORED, _TAGS_REFUSED = 0, 2


def _alias(value: str) -> str:
    if not _ALIAS.fullmatch(value) or value.lower().startswith(RESERVED_PREFIX):
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
    if value not in _ORIGINS:
        raise InvalidType("Type")
    return value


def _product(value: str) -> str:
    if not _PRODUCT.fullmatch(value):
        raise InvalidParameterValue("Product")
    return value


Alias = Annotated[str, AfterValidator(_alias)]
Description = Annotated[str, AfterValidator(_description)]


class CreateKeyInput(OperationInput):
    """Name and kind of a new key; only symmetric material can come from outside."""

    alias: Alias
    description: Description = ""
    key_usage: Annotated[str, AfterValidator(_usage)] = _SYMMETRIC
    type: Annotated[WholeNumber, AfterValidator(_type)] = _GENERATED
    tags: ReadableTags = Field(default_factory=dict)
    hsm_cluster_id: HsmClusterId = ""

    @model_validator(mode="after")
    def _importable(self) -> "CreateKeyInput":
        kind = algorithms.key_type_for_usage(self.key_usage)
        if self.type == _EXTERNAL and not (kind and kind.importable):
            raise InvalidType("Type")
        return self


class _Making(Operation):
    """What making a key is, whoever needs it.

    The row and its first version commit together; the HSM works before that.
    """

    effect = Effect.CHANGE
    scope = Scope.ACCOUNT

    def new_key(self, alias: str, usage: str, origin: Origin) -> CustomerMasterKey:
        """Return a key of the caller's account and region, not yet saved."""
        call = self.call
        generated = origin == Origin.HSM
        return CustomerMasterKey(
            id=randomness.uuid4(),
            account_uin=call.principal.account_uin,
            region=call.region,
            alias=alias,
            usage=usage,
            origin=origin,
            creator_uin=call.principal.uin,
            state=KeyState.ENABLED if generated else KeyState.PENDING_IMPORT,
            primary_version=1 if generated else None,
            created_at=clock.now(),
        )

    def generate(self, key: CustomerMasterKey) -> WrappedVersion:
        """Generate the first version in the HSM."""
        kind = algorithms.key_type_for_usage(key.usage)
        if kind is None:
            raise InvalidKeyUsage("KeyUsage")
        return custody.keyring().generate(
            kind.spec, custody.identity_of(key, 1, kind.spec)
        )

    def store(self, key: CustomerMasterKey, wrapped: WrappedVersion | None) -> None:
        """Save the key and its material, unless the name was just taken."""
        try:
            with atomic():
                key.save(force_insert=True)
        except IntegrityError:
            raise AliasAlreadyExists("Alias") from None
        if wrapped is not None:
            version = custody.new_version(key, 1, wrapped, key.creator_uin)
            version.save(force_insert=True)
        self.resources = (key,)

    def event_key(self, resource: Any) -> tuple[str | None, int | None]:
        """Name the new key."""
        if resource is None:
            return None, None
        return str(resource.id), resource.primary_version

    def translate(self, error: Exception) -> KMSError | None:
        """An HSM that can't be used makes no keys."""
        return hsm_refusal(error, self)


class CreateKey(_Making):
    """Make a key, with material generated in the HSM or to be imported.

    Tags that are not allowed don't keep it from being made: it then has none of them,
    and the answer says so.
    """

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

    def prepare(self, data: CreateKeyInput) -> None:
        """Let the HSM make the material."""
        self.key = self.new_key(data.alias, data.key_usage, _ORIGINS[data.type])
        self.key.description = data.description
        generated = data.type == _GENERATED
        self.wrapped = self.generate(self.key) if generated else None

    def perform(self, data: CreateKeyInput) -> dict[str, Any]:
        """Store key, version and tags."""
        key = self.key
        self.store(key, self.wrapped)
        tag_code, tag_message = self._tag(data.tags)
        return {
            "KeyId": str(key.id),
            "Alias": key.alias,
            "CreateTime": unix(key.created_at),
            "Description": key.description,
            "KeyState": key.state,
            "KeyUsage": key.usage,
            "TagCode": tag_code,
            "TagMsg": tag_message,
            "HsmClusterId": "",
        }

    def _tag(self, tags: dict[str, str]) -> tuple[int, str]:
        """Store the tags; returns TagCode and TagMsg."""
        try:
            allowed(tags)
        except InvalidTag as refusal:
            return _TAGS_REFUSED, refusal.message
        KeyTag.objects.bulk_create(
            KeyTag(key=self.key, name=name, value=value) for name, value in tags.items()
        )
        return _TAGS_STORED, "ok" if tags else ""


class CreateCloudKeyInput(OperationInput):
    """Code of the cloud product, such as `cos`."""

    product: Annotated[str, AfterValidator(_product)]


class CreateCloudKey(_Making):
    """Make the key that a cloud product manages for the caller's account and region.

    A product has one key an account and region; asking again returns it.
    """

    api = False
    scope = Scope.SYSTEM
    audited_fields = ("product",)
    Input = CreateCloudKeyInput

    def check(self, data: CreateCloudKeyInput) -> None:
        """Refuse a product that speaks for another one."""
        who = self.call.principal
        if who.kind is Kind.PRODUCT and data.product != who.name:
            raise UnauthorizedOperation(operation=type(self).__name__)

    def prepare(self, data: CreateCloudKeyInput) -> None:
        """Let the HSM make the material."""
        alias = f"{RESERVED_PREFIX}{data.product}"
        self.key = self.new_key(alias, _SYMMETRIC, Origin.HSM)
        self.key.owner = data.product
        self.key.rotation_enabled = True
        self.key.next_rotation_at = self.key.rotation_after(self.key.created_at)
        self.wrapped = self.generate(self.key)

    def perform(self, data: CreateCloudKeyInput) -> dict[str, Any]:
        """Store it, unless it is there already."""
        call = self.call
        existing = (
            CustomerMasterKey.objects.in_region(call.principal.account_uin, call.region)
            .filter(owner=data.product)
            .first()
        )
        if existing is None:
            self.store(self.key, self.wrapped)
        else:
            self.resources = (existing,)
        return {"KeyId": str(self.resources[0].id)}
