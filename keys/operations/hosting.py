"""Making hosted data keys, and giving out what is kept of them."""

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from django.db import IntegrityError
from django.db.transaction import atomic
from pydantic import AfterValidator, Field, model_validator

from keys import custody, material
from keys.crypto import ciphertext
from keys.crypto.ciphertext import CiphertextBlob, CiphertextRefused
from keys.datakeys.errors import (
    DataKeyNameAlreadyExists,
    InvalidImportKeyMaterial,
    InvalidImportType,
)
from keys.datakeys.models import DataKey, DataKeyTag
from keys.datakeys.states import DataKeyState
from keys.errors import (
    CmkNotFound,
    InvalidCiphertext,
    InvalidKeyId,
    InvalidPlaintext,
    InvalidTag,
)
from keys.material import KeyMaterial
from keys.models import CustomerMasterKey, Origin
from keys.operations.base import HsmClusterId, KeyId, KeyOperation
from keys.operations.cryptography import (
    MOST_RANDOM_BYTES,
    SPEC_BYTES,
    GenerateDataKeyInput,
    decrypt,
    encrypt,
    text,
)
from keys.operations.data_keys import (
    DataKeyInput,
    DataKeyOperation,
    refuse_beyond_limit,
    refuse_taken,
)
from keys.operations.delivering import DeliveredInput, delivered
from keys.operations.naming import DataKeyDescription, DataKeyId, DataKeyName
from keys.operations.tagging import ReadableTags, allowed
from kmsconsole import clock, randomness
from kmsconsole.inputs import OperationInput, WholeNumber
from kmsconsole.operations import Effect

CIPHERTEXT, PLAINTEXT = 1, 2
_NO_CONTEXT = b""
_TAGS_STORED, _TAGS_REFUSED = 0, 2


class HostingOperation(KeyOperation):
    """What keeping a data key is, wherever it comes from.

    The HSM works before the transaction; what is stored is the ciphertext alone.
    """

    effect = Effect.CHANGE
    number: int | None = None

    def refuse_unfit(self, data: Any) -> None:
        """Refuse a taken name, once there is one, and a full account."""
        if data is not None:
            refuse_taken(self, data.data_key_name)
        refuse_beyond_limit(self)

    def material(self, number: int | None = None) -> KeyMaterial:
        """Return the key with a version to work with, the primary one by default."""
        key = self.key
        found = material.find(key.id, key.account_uin, key.region, number)
        if found is None:
            raise CmkNotFound("KeyId")
        self.number = found.number
        return found

    def event_key(self, resource: Any) -> tuple[str | None, int | None]:
        """Name key and version."""
        if resource is None:
            return None, None
        return str(resource.id), self.number

    def store(
        self, data: Any, *, size: int, blob: str, context: bytes, origin: Origin
    ) -> dict[str, Any]:
        """Keep the ciphertext under the name; returns what the answer says of it."""
        call = self.call
        row = DataKey(
            id=randomness.uuid4(),
            key=self.key,
            account_uin=call.principal.account_uin,
            region=call.region,
            name=data.data_key_name,
            description=data.description,
            number_of_bytes=size,
            origin=origin,
            state=DataKeyState.ENABLED,
            blob=blob,
            context=context,
            creator_uin=call.principal.uin,
            created_at=clock.now(),
        )
        try:
            with atomic():
                row.save(force_insert=True)
        except IntegrityError:
            raise DataKeyNameAlreadyExists("DataKeyName") from None
        self.details["DataKeyId"] = str(row.id)
        tag_code, tag_message = self._tag(row, data.tags)
        return {
            "KeyId": str(self.key.id),
            "DataKeyId": str(row.id),
            "TagCode": tag_code,
            "TagMsg": tag_message,
        }

    def _tag(self, row: DataKey, tags: dict[str, str]) -> tuple[int, str]:
        """Store the tags; as with keys, bad ones don't keep it from being made."""
        try:
            allowed(tags)
        except InvalidTag as refusal:
            return _TAGS_REFUSED, refusal.message
        DataKeyTag.objects.bulk_create(
            DataKeyTag(data_key=row, name=name, value=value)
            for name, value in tags.items()
        )
        return _TAGS_STORED, "ok" if tags else ""


class GenerateHostedDataKey(HostingOperation):
    """Make a data key and keep its ciphertext: GenerateDataKey with IsHostedByKms."""

    api = False
    permission = "GenerateDataKey"
    audited_fields = ("key_spec", "number_of_bytes", "data_key_name")
    Input: ClassVar[type[OperationInput]] = GenerateDataKeyInput

    def check(self, data: Any) -> None:
        """The key must be there, symmetric and enabled; the name must be free."""
        super().check(data)
        self.refuse_unfit(data)

    def prepare(self, data: Any) -> None:
        """Draw the data key in the HSM and encrypt it."""
        self.size = data.number_of_bytes or SPEC_BYTES[data.key_spec]
        plain = custody.keyring().random(self.size)
        self.blob = encrypt(self.material(), plain, data.encryption_context)
        self.answer = text(delivered(data, plain))

    def perform(self, data: Any) -> dict[str, Any]:
        """Store the ciphertext; the plaintext is in the answer only."""
        stored = self.store(
            data,
            size=self.size,
            blob=self.blob,
            context=data.encryption_context,
            origin=Origin.HSM,
        )
        return {**stored, "Plaintext": self.answer, "CiphertextBlob": self.blob}


def _import_type(value: int) -> int:
    if value not in (CIPHERTEXT, PLAINTEXT):
        raise InvalidImportType("ImportType")
    return value


class ImportDataKeyInput(OperationInput):
    """A ciphertext of this service (1), or plaintext as Base64 and its key (2)."""

    data_key_name: DataKeyName
    import_key_material: Annotated[str, Field(repr=False)]
    import_type: Annotated[WholeNumber, AfterValidator(_import_type)]
    description: DataKeyDescription = ""
    key_id: Literal[""] | KeyId | None = None
    hsm_cluster_id: HsmClusterId = ""
    tags: ReadableTags = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_a_key(self) -> "ImportDataKeyInput":
        if self.import_type == PLAINTEXT and not self.key_id:
            raise InvalidKeyId("KeyId")
        return self


class ImportDataKey(HostingOperation):
    """Keep a data key that exists already."""

    audited_fields = ("data_key_name", "import_type")
    Input = ImportDataKeyInput

    blob: CiphertextBlob | None = None

    def locate(self, data: ImportDataKeyInput) -> Sequence[CustomerMasterKey | None]:
        """Find the key that is named, or the one that the ciphertext names."""
        wanted = data.key_id or None
        if data.import_type == CIPHERTEXT:
            try:
                self.blob = ciphertext.decode(data.import_key_material)
            except CiphertextRefused:
                self.blob = None
            if wanted is None and self.blob is not None:
                wanted = self.blob.key_id
        if wanted is None:
            return [None]
        self.details["KeyId"] = str(wanted)
        return [self._find([wanted]).get(wanted)]

    def check(self, data: ImportDataKeyInput | None) -> None:
        """Refuse what names another key; absent and foreign ones answer alike."""
        by_blob = data is not None and data.import_type == CIPHERTEXT
        if data and by_blob and not data.key_id and self.resources[0] is None:
            raise InvalidImportKeyMaterial("ImportKeyMaterial")
        super().check(data)
        if by_blob and (self.blob is None or self.blob.key_id != self.key.id):
            raise InvalidImportKeyMaterial("ImportKeyMaterial")
        self.refuse_unfit(data)

    def prepare(self, data: ImportDataKeyInput) -> None:
        """Let the HSM show that the ciphertext opens, or make one of the plaintext."""
        if self.blob is not None:
            try:
                plain = decrypt(
                    self.material(self.blob.version), self.blob, _NO_CONTEXT
                )
            except InvalidCiphertext:
                raise InvalidImportKeyMaterial("ImportKeyMaterial") from None
            if not 0 < len(plain) <= MOST_RANDOM_BYTES:
                raise InvalidImportKeyMaterial("ImportKeyMaterial")
            self.kept = data.import_key_material
        else:
            plain = _plain(data.import_key_material)
            self.kept = encrypt(self.material(), plain, _NO_CONTEXT)
        self.size = len(plain)

    def perform(self, data: ImportDataKeyInput) -> dict[str, Any]:
        """Store the ciphertext."""
        return self.store(
            data,
            size=self.size,
            blob=self.kept,
            context=_NO_CONTEXT,
            origin=Origin.EXTERNAL,
        )


def _plain(value: str) -> bytes:
    try:
        data = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidPlaintext("ImportKeyMaterial") from None
    canonical = base64.b64encode(data).decode("ascii") == value
    if not canonical or not 0 < len(data) <= MOST_RANDOM_BYTES:
        raise InvalidPlaintext("ImportKeyMaterial")
    return data


class GetDataKeyCiphertextBlob(DataKeyOperation):
    """What is kept of a data key, to be decrypted with Decrypt."""

    effect = Effect.READ

    def perform(self, data: DataKeyInput) -> dict[str, Any]:
        """Return the ciphertext."""
        return {"CiphertextBlob": self.data_key.blob}


class GetDataKeyPlaintextInput(DeliveredInput):
    """One data key, and whom its plaintext is for."""

    data_key_id: DataKeyId


class GetDataKeyPlaintext(DataKeyOperation):
    """A data key in the clear; who may not decrypt doesn't get it."""

    effect = Effect.CRYPTOGRAPHY
    permission = "Decrypt"
    Input = GetDataKeyPlaintextInput

    number: int | None = None

    def event_key(self, resource: Any) -> tuple[str | None, int | None]:
        """Name key and version."""
        if resource is None:
            return None, None
        return str(resource.id), self.number

    def perform(self, data: Any) -> dict[str, Any]:
        """Decrypt it in the HSM."""
        row = self.data_key
        blob = ciphertext.decode(row.blob)
        key = material.find(row.key_id, row.account_uin, row.region, blob.version)
        if key is None:
            raise CmkNotFound("KeyId")
        self.number = key.number
        plain = decrypt(key, blob, bytes(row.context))
        return {"Plaintext": text(delivered(data, plain))}
