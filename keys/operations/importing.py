"""Key material from outside: wrapped for the HSM, and taken away again."""

import base64
import binascii
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from keys import custody
from keys.crypto import algorithms
from keys.errors import (
    CmkStateNotSupport,
    DecryptMaterialError,
    ImportTokenExpired,
    InvalidKeyUsage,
    MaterialNotMatch,
)
from keys.hsm.errors import AlteredVersion, BadData
from keys.hsm.keyring import WrappedVersion
from keys.models import CustomerMasterKey, ImportParameters, KeyVersion
from keys.operations.base import KeyInput, KeyOperation
from keys.operations.binding import refuse_bound
from keys.operations.metadata import unix
from kmsconsole import clock, randomness
from kmsconsole.errors import InvalidParameterValue
from kmsconsole.inputs import WholeNumber
from kmsconsole.operations import Effect, Scope
from kmsconsole.schedule import clock_guard, database_time, running

LIFETIME = timedelta(hours=24)
# It erases what expires, and what people delete from the files.
MATERIAL_SWEEP = "material"
# The wrapping key belongs to the key it imports into, under a number no version has.
_WRAPPING_NUMBER = 0
_WRAPPING_SPEC = "RSA_2048_IMPORT"
_TOKEN_BYTES = 96
_MOST_WRAPPED_TEXT = 4096
_LATEST = 2_147_443_200

Padding = Literal["RSAES_PKCS1_V1_5", "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"]


class GetParametersForImportInput(KeyInput):
    """How the material will be wrapped; there is one kind of wrapping key."""

    wrapping_algorithm: Padding
    wrapping_key_spec: Literal["RSA_2048"]


class GetParametersForImport(KeyOperation):
    """Make a wrapping key pair in the HSM and a token for one import, good for a day.

    Older parameters of the key end with that.
    """

    effect = Effect.CHANGE
    audited_fields = ("wrapping_algorithm",)
    Input = GetParametersForImportInput

    def prepare(self, data: GetParametersForImportInput) -> None:
        """Let the HSM make the pair; that takes up to seconds."""
        self.wrapping = custody.keyring().generate(
            _WRAPPING_SPEC, _wrapping_identity(self.key)
        )

    def perform(self, data: GetParametersForImportInput) -> dict[str, Any]:
        """Return public key and token."""
        token = randomness.token_bytes(_TOKEN_BYTES)
        expires_at = clock.now().replace(microsecond=0) + LIFETIME
        ImportParameters.objects.update_or_create(
            key=self.key,
            defaults={
                "padding": data.wrapping_algorithm,
                "token_hash": sha256(token).digest(),
                "spec": self.wrapping.spec,
                "expires_at": expires_at,
                **custody.columns(self.wrapping),
            },
        )
        return {
            "KeyId": str(self.key.id),
            "ImportToken": base64.b64encode(token).decode("ascii"),
            "PublicKey": base64.b64encode(self.wrapping.public_key).decode("ascii"),
            "ParametersValidTo": unix(expires_at),
        }


def _base64(name: str) -> AfterValidator:
    def decoded(value: str) -> bytes:
        try:
            return base64.b64decode("".join(value.split()), validate=True)
        except (binascii.Error, ValueError):
            raise InvalidParameterValue(name) from None

    return AfterValidator(decoded)


def _valid_to(value: int) -> datetime | None:
    if not value:
        return None
    if value > _LATEST or value <= clock.now().timestamp():
        raise InvalidParameterValue("ValidTo")
    return datetime.fromtimestamp(value, UTC)


class ImportKeyMaterialInput(KeyInput):
    """Wrapped material, the token it belongs to, and until when it may be used."""

    encrypted_key_material: Annotated[
        str,
        Field(min_length=1, max_length=_MOST_WRAPPED_TEXT, repr=False),
        _base64("EncryptedKeyMaterial"),
    ]
    import_token: Annotated[
        str,
        Field(min_length=1, max_length=_MOST_WRAPPED_TEXT, repr=False),
        _base64("ImportToken"),
    ]
    valid_to: Annotated[WholeNumber, AfterValidator(_valid_to)] = Field(
        default=0, validate_default=True
    )


class ImportKeyMaterial(KeyOperation):
    """Bring material into a key: the first time any, later only the same again."""

    effect = Effect.CHANGE
    Input = ImportKeyMaterialInput

    def prepare(self, data: Any) -> None:
        """Check the token and let the HSM unwrap and wrap the material."""
        parameters = self._parameters(data)
        kind = algorithms.key_type_for_usage(self.key.usage)
        if kind is None:
            raise InvalidKeyUsage("KeyId")
        try:
            self.wrapped: WrappedVersion = custody.keyring().wrap_imported(
                custody.wrapped(parameters),
                _wrapping_identity(self.key),
                parameters.padding,
                data.encrypted_key_material,
                kind.spec,
                custody.identity_of(self.key, 1, kind.spec),
            )
        except AlteredVersion:
            raise
        except BadData:
            raise DecryptMaterialError("EncryptedKeyMaterial") from None

    def perform(self, data: Any) -> dict[str, Any]:
        """Store it, unless the token was replaced meanwhile or it is another one."""
        self._parameters(data)
        key = self.key
        version = key.versions.filter(number=1).first()
        if version is None:
            version = custody.new_version(key, 1, self.wrapped, self.call.principal.uin)
            version.save(force_insert=True)
        elif bytes(version.check_value) != self.wrapped.check_value:
            raise MaterialNotMatch("EncryptedKeyMaterial")
        elif version.wrapped_material is None:
            KeyVersion.objects.filter(pk=version.pk).update(
                **custody.columns(self.wrapped)
            )
        key.primary_version = 1
        key.material_valid_to = data.valid_to
        self.move(key)
        self.save(key, "primary_version", "material_valid_to")
        self.details["ValidTo"] = unix(data.valid_to)
        return {}

    def _parameters(self, data: Any) -> ImportParameters:
        token_hash = sha256(data.import_token).digest()
        parameters = ImportParameters.objects.filter(
            key=self.key, token_hash=token_hash, expires_at__gt=clock.now()
        ).first()
        if parameters is None:
            raise ImportTokenExpired("ImportToken")
        return parameters


class _Erasing(KeyOperation):
    """Takes imported material out again; the key waits for the same material."""

    effect = Effect.CHANGE

    def perform(self, data: KeyInput) -> dict[str, Any]:
        """Erase the blob and keep what recognises the material."""
        key = self.key
        version: KeyVersion = key.versions.get(number=1)
        blob = version.wrapped_material
        key.versions.update(wrapped_material=None, binding=b"")
        key.material_valid_to = None
        self.move(key)
        self.save(key, "material_valid_to")
        if blob is not None:
            custody.keyring().evict(bytes(blob))
        return {}


class DeleteImportedKeyMaterial(_Erasing):
    """Take imported material out again; the key waits for the same material."""

    step_up = True

    def check(self, data: Any) -> None:
        """Refuse a key that encrypts a cloud product's resources."""
        super().check(data)
        refuse_bound(self.resources)

    def perform(self, data: KeyInput) -> dict[str, Any]:
        """Erase it, from the database's files with the next run of a sweep."""
        output = super().perform(data)
        running.owe_wiping(MATERIAL_SWEEP)
        return output


class ExpireKeyMaterial(_Erasing):
    """Take imported material out because its time is over. The scheduler's own.

    Whoever imported it said until when it may be used: that holds for archived keys
    and for those that products use, too.
    """

    api = False
    scope = Scope.SYSTEM

    def check(self, data: Any) -> None:
        """Never early: date and clock are read in this same transaction."""
        super().check(data)
        clock_guard.require_belief()
        end = self.key.material_valid_to
        if end is None or end > clock.now() or end > database_time.now():
            raise CmkStateNotSupport


class EndImportParameters(KeyOperation):
    """Erase import parameters whose day is over. The scheduler's own operation."""

    effect = Effect.CHANGE
    api = False
    scope = Scope.SYSTEM

    def check(self, data: Any) -> None:
        """Never early: newer parameters that came meanwhile stay."""
        super().check(data)
        clock_guard.require_belief()
        parameters = ImportParameters.objects.filter(key=self.key).first()
        moment = min(clock.now(), database_time.now())
        if parameters is None or parameters.expires_at > moment:
            raise CmkStateNotSupport
        self.parameters = parameters

    def perform(self, data: KeyInput) -> dict[str, Any]:
        """Erase the wrapping key; the key itself stays as it is."""
        blob = bytes(self.parameters.wrapped_material)
        self.parameters.delete()
        custody.keyring().evict(blob)
        return {}


def _wrapping_identity(key: CustomerMasterKey) -> bytes:
    return custody.identity_of(key, _WRAPPING_NUMBER, _WRAPPING_SPEC)
