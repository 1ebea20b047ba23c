"""Describing, renaming, enabling, disabling and archiving keys."""

from typing import Any

from django.db import IntegrityError
from django.db.transaction import atomic

from keys.errors import AliasAlreadyExists
from keys.operations.base import (
    KeyBatchInput,
    KeyBatchOperation,
    KeyInput,
    KeyOperation,
    Revision,
)
from keys.operations.binding import refuse_bound
from keys.operations.creation import Alias, Description
from keys.operations.metadata import metadata
from kmsconsole.operations import Effect


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
    expected_revision: Revision = None


class UpdateAlias(KeyOperation):
    """Rename a key."""

    effect = Effect.CHANGE
    audited_fields = ("alias",)
    Input = UpdateAliasInput

    def perform(self, data: UpdateAliasInput) -> dict[str, Any]:
        """Rename, unless another key of the region has the name."""
        self.refuse_stale(data.expected_revision)
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
    expected_revision: Revision = None


class UpdateKeyDescription(KeyOperation):
    """Describe a key anew."""

    effect = Effect.CHANGE
    audited_fields = ("description",)
    Input = UpdateKeyDescriptionInput

    def perform(self, data: UpdateKeyDescriptionInput) -> dict[str, Any]:
        """Store the description."""
        self.refuse_stale(data.expected_revision)
        self.key.description = data.description
        self.save(self.key, "description")
        return {}


class EnableKey(KeyOperation):
    """Let a disabled key be used again; enabling twice is harmless."""

    effect = Effect.CHANGE

    def perform(self, data: KeyInput) -> dict[str, Any]:
        """Move to Enabled."""
        self.move(self.key)
        return {}


class DisableKey(KeyOperation):
    """Stop every use of a key until it is enabled; disabling twice is harmless."""

    effect = Effect.CHANGE
    step_up = True

    def check(self, data: Any) -> None:
        """Refuse a key that encrypts a cloud product's resources."""
        super().check(data)
        refuse_bound(self.resources)

    def perform(self, data: KeyInput) -> dict[str, Any]:
        """Move to Disabled."""
        self.move(self.key)
        return {}


class EnableKeys(KeyBatchOperation):
    """Enable up to 100 keys, all or none."""

    effect = Effect.CHANGE

    def perform(self, data: KeyBatchInput) -> dict[str, Any]:
        """Move each to Enabled."""
        for key in self.resources:
            self.move(key)
        return {}


class DisableKeys(KeyBatchOperation):
    """Disable up to 100 keys, all or none."""

    effect = Effect.CHANGE
    step_up = True

    def check(self, data: Any) -> None:
        """Refuse keys that encrypt a cloud product's resources."""
        super().check(data)
        refuse_bound(self.resources)

    def perform(self, data: KeyBatchInput) -> dict[str, Any]:
        """Move each to Disabled."""
        for key in self.resources:
            self.move(key)
        return {}


class ArchiveKey(KeyOperation):
    """Let a key decrypt only; archiving twice is harmless."""

    effect = Effect.CHANGE

    def check(self, data: Any) -> None:
        """Refuse a key that encrypts a cloud product's resources."""
        super().check(data)
        refuse_bound(self.resources)

    def perform(self, data: KeyInput) -> dict[str, Any]:
        """Move to Archived."""
        self.move(self.key)
        return {}


class CancelKeyArchive(KeyOperation):
    """Let an archived key encrypt again."""

    effect = Effect.CHANGE

    def perform(self, data: KeyInput) -> dict[str, Any]:
        """Move to Enabled."""
        self.move(self.key)
        return {}
