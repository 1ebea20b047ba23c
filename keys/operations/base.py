"""What operations on keys share: finding them, their state, their errors."""

import logging
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field

from keys import finding
from keys.errors import (
    CmkNotFound,
    DuplicatedKeyId,
    InvalidHsmClusterId,
    InvalidKeyId,
    KeyChanged,
)
from keys.hsm.errors import AlteredVersion, HsmError
from keys.models import CustomerMasterKey
from keys.states import next_state
from kmsconsole.errors import InternalError, KMSError, ServiceTemporaryUnavailable
from kmsconsole.inputs import OperationInput, WholeNumber
from kmsconsole.operations import Operation, Scope

log = logging.getLogger(__name__)

_UUID_LENGTH = 36


def identifier(value: Any, malformed: KMSError) -> Any:
    """Return the UUID that a text spells as the API does; raises `malformed`."""
    if not isinstance(value, str):
        return value
    found = _spelled(value) if len(value) == _UUID_LENGTH else None
    if found is None:
        raise malformed
    return found


# A program names the same key again and again.
@lru_cache(maxsize=1024)
def _spelled(text: str) -> UUID | None:
    try:
        parsed = UUID(text)
    except ValueError:
        return None
    return parsed if str(parsed) == text.lower() else None


def _key_id(value: Any) -> Any:
    return identifier(value, InvalidKeyId("KeyId"))


def _no_cluster(value: str) -> str:
    if value:
        raise InvalidHsmClusterId("HsmClusterId")
    return value


# The key's `revision` as the sender last read it; without it the last word wins.
Revision = WholeNumber | None
KeyId = Annotated[UUID, BeforeValidator(_key_id)]
HsmClusterId = Annotated[str, AfterValidator(_no_cluster)]


class KeyInput(OperationInput):
    """One key. `MemberAccount` belongs to organisations and means nothing here."""

    key_id: KeyId
    member_account: dict[str, Any] | None = None


class KeyBatchInput(OperationInput):
    """Up to 100 different keys."""

    key_ids: Annotated[list[KeyId], Field(min_length=1, max_length=100)]
    member_account: dict[str, Any] | None = None


class KeyOperation(Operation):
    """An operation on one key as an ORM object, locked while it is changed."""

    scope = Scope.KEY
    Input: ClassVar[type[OperationInput]] = KeyInput

    key: CustomerMasterKey

    def locate(self, data: Any) -> Sequence[CustomerMasterKey | None]:
        """Find the key in the caller's account and region."""
        self.details["KeyId"] = str(data.key_id)
        return [self._find([data.key_id]).get(data.key_id)]

    def _find(self, key_ids: Sequence[UUID]) -> dict[UUID, CustomerMasterKey]:
        who, region = self.call.principal, self.call.region
        return finding.find(key_ids, who.account_uin, region, lock=self.changing)

    def check(self, data: Any) -> None:
        """Refuse a key that is absent, a product's own, or in the wrong state."""
        for key in self.resources:
            if key is None:
                raise CmkNotFound("KeyId")
            self.key = key
            next_state(type(self).__name__, key.state, key.kind)

    def event_key(self, resource: Any) -> tuple[str | None, int | None]:
        """Name the key in its event."""
        return (str(resource.id), None) if resource is not None else (None, None)

    def refuse_stale(self, expected: int | None) -> None:
        """Refuse to overwrite what somebody else changed since the key was read."""
        if expected is not None and expected != self.key.revision:
            raise KeyChanged

    def save(self, key: CustomerMasterKey, *fields: str) -> None:
        """Write changed fields and count the change."""
        key.revision += 1
        key.save(update_fields=[*fields, "revision"])

    def move(self, key: CustomerMasterKey) -> None:
        """Put the key into the state the table names for this operation."""
        following = next_state(type(self).__name__, key.state, key.kind)
        if following != key.state:
            key.state = following
            self.save(key, "state")

    def translate(self, error: Exception) -> KMSError | None:
        """An HSM that can't be used refuses everything that needs it."""
        return hsm_refusal(error, self)


class KeyBatchOperation(KeyOperation):
    """An operation on many keys: all of them or none, one event each."""

    Input: ClassVar[type[OperationInput]] = KeyBatchInput

    def locate(self, data: Any) -> Sequence[CustomerMasterKey | None]:
        """Find every key; order and number as asked for."""
        ids = data.key_ids
        if len(set(ids)) != len(ids):
            raise DuplicatedKeyId("KeyIds")
        self.details["KeyIds"] = [str(key_id) for key_id in ids]
        found = self._find(ids)
        return [found.get(key_id) for key_id in ids]


def hsm_refusal(error: Exception, operation: Operation) -> KMSError | None:
    """Return the refusal for an HSM error; None for anything else."""
    if not isinstance(error, HsmError):
        return None
    if isinstance(error, AlteredVersion):
        log.critical(
            "a stored key version was altered, request %s", operation.call.request_id
        )
        return InternalError()
    log.error(
        "%s refused by the HSM layer: %s (%s), request %s",
        type(operation).__name__,
        type(error).__name__,
        error,
        operation.call.request_id,
    )
    return ServiceTemporaryUnavailable()
