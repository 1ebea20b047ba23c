"""Encrypting, decrypting and data keys with a symmetric key.

No transaction is open while the HSM works; the answer leaves after its event was
committed. Plaintext lives in local variables only.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from keys import budget, custody, material
from keys.crypto import ciphertext
from keys.crypto.algorithms import AES_256_GCM
from keys.crypto.ciphertext import CiphertextBlob, CiphertextRefused
from keys.crypto.context import ContextRefused, canonical_context
from keys.errors import (
    CmkDisabled,
    CmkNotFound,
    EncryptionLimitReached,
    InvalidCiphertext,
    InvalidContext,
    InvalidPlaintext,
)
from keys.hsm.errors import AlteredVersion, BadData
from keys.material import KeyMaterial
from keys.operations.base import HsmClusterId, KeyId, hsm_refusal
from keys.operations.delivering import DeliveredInput, delivered
from keys.operations.naming import DataKeyDescription, DataKeyName
from keys.operations.tagging import ReadableTags
from keys.states import KeyState, next_state
from kmsconsole import randomness
from kmsconsole.errors import InvalidParameter, KMSError, MissingParameter
from kmsconsole.inputs import OperationInput, WholeNumber
from kmsconsole.operations import Effect, Operation, Scope, registry

USAGE = "ENCRYPT_DECRYPT"
MOST_PLAINTEXT_BYTES = 4096
MOST_RANDOM_BYTES = 1024
_MOST_PLAINTEXT_TEXT = (MOST_PLAINTEXT_BYTES + 2) // 3 * 4
SPEC_BYTES = {"AES_128": 16, "AES_256": 32}


def _context(value: str | None) -> bytes:
    try:
        return canonical_context(value)
    except ContextRefused:
        raise InvalidContext from None


def _plaintext(value: str) -> bytes:
    if not 0 < len(value) <= _MOST_PLAINTEXT_TEXT:
        raise InvalidPlaintext("Plaintext")
    try:
        data = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidPlaintext("Plaintext") from None
    # Decoding ignores surplus bits in the last character; the sender made a mistake.
    if base64.b64encode(data) != value.encode("ascii"):
        raise InvalidPlaintext("Plaintext")
    if len(data) > MOST_PLAINTEXT_BYTES:
        raise InvalidPlaintext("Plaintext")
    return data


Plaintext = Annotated[str, AfterValidator(_plaintext)]
Context = Annotated[str | None, AfterValidator(_context)]
RandomBytes = Annotated[WholeNumber, Field(ge=1, le=MOST_RANDOM_BYTES)]


def encrypt(key: KeyMaterial, plaintext: bytes, context: bytes) -> str:
    """Return the ciphertext blob of `plaintext` under the version in `key`."""
    if key.version is None or key.number is None:
        raise CmkDisabled
    if key.encryptions >= budget.MOST:
        raise EncryptionLimitReached
    iv = randomness.token_bytes(AES_256_GCM.iv_bytes)
    header = ciphertext.header(key.id, key.number, AES_256_GCM.number, iv)
    aad = ciphertext.additional_data(header, key.account_uin, context)
    payload = custody.keyring().encrypt(key.version, key.identity, iv, plaintext, aad)
    return ciphertext.encode(
        CiphertextBlob(key.id, key.number, AES_256_GCM.number, iv, payload)
    )


def decrypt(key: KeyMaterial, blob: CiphertextBlob, context: bytes) -> bytes:
    """Return the plaintext; every fault of the data is the same InvalidCiphertext."""
    if key.version is None or key.usage != USAGE:
        raise InvalidCiphertext("CiphertextBlob")
    header = ciphertext.header(blob.key_id, blob.version, blob.cipher, blob.iv)
    aad = ciphertext.additional_data(header, key.account_uin, context)
    try:
        return custody.keyring().decrypt(
            key.version, key.identity, blob.iv, blob.payload, aad
        )
    except AlteredVersion:
        raise
    except BadData:
        raise InvalidCiphertext("CiphertextBlob") from None


def text(data: bytes) -> str:
    """Return standard Base64."""
    return base64.b64encode(data).decode("ascii")


class CryptographicOperation(Operation):
    """Works on keys as the hot path's query gives them."""

    effect = Effect.CRYPTOGRAPHY
    scope = Scope.KEY

    def find(self, key_id: Any, number: int | None = None) -> KeyMaterial | None:
        """Return key and version in the caller's account and region."""
        call = self.call
        return material.find(key_id, call.principal.account_uin, call.region, number)

    def event_key(self, resource: Any) -> tuple[str | None, int | None]:
        """Name key and version; a page that is refused is about the key at large."""
        if resource is None:
            return None, None
        return str(resource.id), getattr(resource, "number", None)

    def translate(self, error: Exception) -> KMSError | None:
        """An HSM that can't be used refuses everything that needs it."""
        return hsm_refusal(error, self)

    def need(self, key: KeyMaterial | None, rule: str) -> KeyMaterial:
        """Return the key if it exists and its kind and state allow `rule`."""
        if key is None or key.state == KeyState.DESTROYED:
            raise CmkNotFound("KeyId")
        next_state(rule, key.state, key.kind)
        return key


class EncryptInput(OperationInput):
    """Up to 4096 bytes, and what must be named again to decrypt them."""

    key_id: KeyId
    plaintext: Plaintext
    encryption_context: Context = Field(default=None, validate_default=True)


class Encrypt(CryptographicOperation):
    """Encrypt up to 4096 bytes inside the HSM."""

    quick = True
    Input: ClassVar[type[OperationInput]] = EncryptInput

    def locate(self, data: EncryptInput) -> Sequence[KeyMaterial | None]:
        """Find the key's primary version."""
        self.details["KeyId"] = str(data.key_id)
        return [self.find(data.key_id)]

    def check(self, data: EncryptInput) -> None:
        """The key must be there, symmetric and enabled."""
        self.key = self.need(self.resources[0], "Encrypt")

    def perform(self, data: Any) -> dict[str, Any]:
        """Return the ciphertext blob."""
        blob = encrypt(self.key, data.plaintext, data.encryption_context)
        return {"CiphertextBlob": blob, "KeyId": str(self.key.id)}


class DecryptInput(DeliveredInput):
    """The blob names its key and version itself."""

    ciphertext_blob: str
    encryption_context: Context = Field(default=None, validate_default=True)


class Decrypt(CryptographicOperation):
    """Decrypt a ciphertext blob with the version that made it."""

    quick = True
    Input = DecryptInput

    def locate(self, data: DecryptInput) -> Sequence[KeyMaterial | None]:
        """Find what the header names; unreadable is the same as absent."""
        try:
            self.blob = ciphertext.decode(data.ciphertext_blob)
        except CiphertextRefused:
            return [None]
        return [self.find(self.blob.key_id, self.blob.version)]

    def check(self, data: DecryptInput) -> None:
        """Absent and foreign keys answer like altered data."""
        key = self.resources[0]
        if key is None:
            raise InvalidCiphertext("CiphertextBlob")
        self.key = self.need(key, "Decrypt")

    def perform(self, data: DecryptInput) -> dict[str, Any]:
        """Return the plaintext as Base64."""
        plain = decrypt(self.key, self.blob, data.encryption_context)  # type: ignore[arg-type]
        return {"KeyId": str(self.key.id), "Plaintext": text(delivered(data, plain))}


class ReEncryptInput(OperationInput):
    """A blob, and where it should move; no destination means the same key."""

    ciphertext_blob: str
    destination_key_id: Literal[""] | KeyId | None = None
    source_encryption_context: Context = Field(default=None, validate_default=True)
    destination_encryption_context: str | None = None


class ReEncrypt(CryptographicOperation):
    """Decrypt and encrypt again inside the service.

    Without a destination and without a rotation since, the blob comes back unchanged,
    unless another context is asked for.
    """

    quick = True
    Input = ReEncryptInput

    def locate(self, data: ReEncryptInput) -> Sequence[KeyMaterial | None]:
        """Find the version that made the blob, and the one to encrypt with."""
        destination = data.destination_key_id or None
        try:
            self.blob = ciphertext.decode(data.ciphertext_blob)
        except CiphertextRefused:
            return [None, self.find(destination) if destination else None]
        source = self.find(self.blob.key_id, self.blob.version)
        return [source, self.find(destination or self.blob.key_id)]

    def check(self, data: ReEncryptInput) -> None:
        """The source must decrypt, the destination must encrypt."""
        source, destination = self.resources
        if source is None:
            raise InvalidCiphertext("CiphertextBlob")
        self.source = self.need(source, "ReEncrypt")
        if destination is None:
            raise CmkNotFound("DestinationKeyId")
        self.destination = self.need(destination, "Encrypt")

    def perform(self, data: ReEncryptInput) -> dict[str, Any]:
        """Return the blob under the destination's primary version."""
        source_context: bytes = data.source_encryption_context  # type: ignore[assignment]
        wanted = data.destination_encryption_context
        context = _context(wanted)
        plain = decrypt(self.source, self.blob, source_context)
        source, destination = self.source, self.destination
        unchanged = (
            source.id == destination.id
            and source.number == destination.number
            and (wanted is None or context == source_context)
        )
        blob = (
            data.ciphertext_blob if unchanged else encrypt(destination, plain, context)
        )
        return {
            "CiphertextBlob": blob,
            "KeyId": str(destination.id),
            "SourceKeyId": str(source.id),
            "ReEncrypted": not unchanged,
        }


class GenerateDataKeyInput(DeliveredInput):
    """How long the data key is; `NumberOfBytes` wins over `KeySpec`.

    With `IsHostedByKms` its ciphertext is kept under `DataKeyName`; without it name,
    description and tags mean nothing.
    """

    key_id: KeyId
    key_spec: Literal["AES_128", "AES_256"] | None = None
    number_of_bytes: RandomBytes | None = None
    encryption_context: Context = Field(default=None, validate_default=True)
    is_hosted_by_kms: Annotated[WholeNumber, Field(ge=0, le=1)] = Field(
        default=0, alias="IsHostedByKms"
    )
    data_key_name: DataKeyName | None = None
    description: DataKeyDescription = ""
    tags: ReadableTags = Field(default_factory=dict)
    hsm_cluster_id: HsmClusterId = ""

    @model_validator(mode="after")
    def _is_whole(self) -> "GenerateDataKeyInput":
        if self.key_spec is None and self.number_of_bytes is None:
            raise InvalidParameter("KeySpec")
        if self.is_hosted_by_kms and self.data_key_name is None:
            raise MissingParameter("DataKeyName")
        return self


# The parameter's name, and what could spell it in JSON or in a query.
_SPELLS_KEEPING = (b"IsHostedByKms", b"\\u", b"%")


class GenerateDataKey(Encrypt):
    """Make a data key: in the clear to use now, and encrypted to keep."""

    audited_fields = ("key_spec", "number_of_bytes")
    Input = GenerateDataKeyInput

    @classmethod
    def is_quick(cls, content: bytes) -> bool:
        """Keeping the data key is not; its name may be spelled in other ways, too."""
        return not any(mark in content for mark in _SPELLS_KEEPING)

    @classmethod
    def variant(cls, data: Mapping[str, Any]) -> type[Operation]:
        """Keeping the data key here is a change, and so an operation of its own."""
        hosted = str(data.get("IsHostedByKms", "")) == "1"
        return registry()["GenerateHostedDataKey"] if hosted else cls

    def check(self, data: Any) -> None:
        """The key must be there, symmetric and enabled."""
        self.key = self.need(self.resources[0], "GenerateDataKey")

    def perform(self, data: Any) -> dict[str, Any]:
        """Draw the data key in the HSM and encrypt it; nothing is stored."""
        size = data.number_of_bytes or SPEC_BYTES[data.key_spec]
        plain = custody.keyring().random(size)
        return {
            "KeyId": str(self.key.id),
            "Plaintext": text(delivered(data, plain)),
            "CiphertextBlob": encrypt(self.key, plain, data.encryption_context),
        }


class GenerateRandomInput(OperationInput):
    """1 to 1024 bytes."""

    number_of_bytes: RandomBytes


class GenerateRandom(CryptographicOperation):
    """Random bytes from the HSM's generator."""

    quick = True
    scope = Scope.ACCOUNT
    Input = GenerateRandomInput

    def perform(self, data: GenerateRandomInput) -> dict[str, Any]:
        """Return them as Base64."""
        return {"Plaintext": text(custody.keyring().random(data.number_of_bytes))}
