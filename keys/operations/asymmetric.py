"""Key pairs: the private half works in the HSM, the public half is anybody's."""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)
from pydantic import AfterValidator, Field

from keys import custody, rates
from keys.crypto import signatures
from keys.crypto.algorithms import SignatureAlgorithm, signature_algorithm
from keys.errors import (
    CmkNotFound,
    CmkStateNotSupport,
    DecryptError,
    LegacyPaddingOff,
)
from keys.hsm.errors import AlteredVersion, BadData
from keys.hsm.keyring import WrappedVersion
from keys.material import KeyMaterial
from keys.models import LegacyPadding
from keys.operations.base import KeyId, KeyInput, KeyOperation
from keys.operations.cryptography import CryptographicOperation, text
from keys.operations.importing import Padding
from keys.states import KeyState, next_state
from kmsconsole import clock
from kmsconsole.errors import InvalidParameterValue, RequestLimitExceeded
from kmsconsole.inputs import OperationInput
from kmsconsole.operations import Effect

MOST_MESSAGE_BYTES = 4096
_MOST_MESSAGE_TEXT = (MOST_MESSAGE_BYTES + 2) // 3 * 4
_MOST_ENCRYPTED_TEXT = 1024
# Its padding check has been an oracle time and again: answers are uniform here, but
# how long they take may still differ inside a token.
# So many failures of one caller on one key in a minute; learning from a padding needs
# hundreds of thousands.
MOST_FAILURES = 100
_FAILURES, _SPAN_SECONDS = "AsymmetricRsaDecrypt failed", 60
_LEGACY = "RSAES_PKCS1_V1_5"


def _bytes_of(name: str, most: int) -> AfterValidator:
    def decoded(value: str) -> bytes:
        try:
            data = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise InvalidParameterValue(name) from None
        if not 0 < len(value) <= most:
            raise InvalidParameterValue(name)
        return data

    return AfterValidator(decoded)


class PairOperation(CryptographicOperation):
    """Works with a key pair; the key must be enabled."""

    key: KeyMaterial

    def locate(self, data: Any) -> Sequence[KeyMaterial | None]:
        """Find the key pair."""
        self.details["KeyId"] = str(data.key_id)
        return [self.find(data.key_id)]

    def check(self, data: Any) -> None:
        """Refuse a key that is absent, of another kind, or not enabled."""
        key = self.resources[0]
        if key is None or key.state == KeyState.DESTROYED:
            raise CmkNotFound("KeyId")
        next_state(type(self).__name__, key.state, key.kind)
        self.key = key

    @property
    def version(self) -> WrappedVersion:
        """The key pair's only version."""
        if self.key.version is None:
            raise CmkStateNotSupport
        return self.key.version


class PairInput(OperationInput):
    """One key pair."""

    key_id: KeyId


class GetPublicKey(PairOperation):
    """The public half, to verify or to encrypt anywhere."""

    Input: ClassVar[type[OperationInput]] = PairInput

    def perform(self, data: Any) -> dict[str, Any]:
        """Return it as Base64 of DER and as PEM, after the HSM vouched for its row."""
        der = custody.keyring().public_key(self.version, self.key.identity)
        pem = load_der_public_key(der).public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )
        return {
            "KeyId": str(self.key.id),
            "PublicKey": text(der),
            "PublicKeyPem": pem.decode("ascii"),
        }


class SignatureInput(OperationInput):
    """A message of up to 4096 bytes, or its digest."""

    key_id: KeyId
    algorithm: Annotated[str, Field(max_length=64)]
    message: Annotated[str, Field(repr=False), _bytes_of("Message", _MOST_MESSAGE_TEXT)]
    message_type: Literal["RAW", "DIGEST"] = "RAW"


class SignByAsymmetricKey(PairOperation):
    """Sign a message, or a digest made elsewhere."""

    audited_fields = ("algorithm", "message_type")
    Input: ClassVar[type[OperationInput]] = SignatureInput

    def check(self, data: Any) -> None:
        """The algorithm must be one of this key, the digest as long as its hash."""
        super().check(data)
        if data is None:
            return
        found = signature_algorithm(data.algorithm, self.key.usage)
        if found is None:
            raise InvalidParameterValue("Algorithm")
        self.algorithm: SignatureAlgorithm = found
        self.digest = _digest(found, data)

    def perform(self, data: Any) -> dict[str, Any]:
        """Return the signature as Base64; DER for elliptic curves."""
        signature = custody.keyring().sign(
            self.version, self.key.identity, self.algorithm.scheme, self.digest
        )
        return {"Signature": text(signature)}


def _digest(algorithm: SignatureAlgorithm, data: Any) -> bytes:
    message: bytes = data.message
    if data.message_type == "RAW":
        if len(message) > MOST_MESSAGE_BYTES:
            raise InvalidParameterValue("Message")
        return hashlib.new(algorithm.hash_name, message).digest()
    if len(message) != algorithm.digest_bytes:
        raise InvalidParameterValue("Message")
    return message


class VerifyInput(SignatureInput):
    """What was signed, and the signature."""

    signature_value: Annotated[str, _bytes_of("SignatureValue", _MOST_ENCRYPTED_TEXT)]


class VerifyByAsymmetricKey(SignByAsymmetricKey):
    """Tell whether a signature is this key's, over this message."""

    Input = VerifyInput

    def perform(self, data: Any) -> dict[str, Any]:
        """Return yes or no; a malformed signature is a no."""
        der = custody.keyring().public_key(self.version, self.key.identity)
        valid = signatures.verify(
            der, self.algorithm.scheme, self.digest, data.signature_value
        )
        return {"SignatureValid": valid}


class RsaDecryptInput(OperationInput):
    """What was encrypted with the public key, and with which padding."""

    key_id: KeyId
    ciphertext: Annotated[str, _bytes_of("Ciphertext", _MOST_ENCRYPTED_TEXT)]
    algorithm: Padding


class AsymmetricRsaDecrypt(PairOperation):
    """Decrypt with the private half; every fault of the data is one answer."""

    audited_fields = ("algorithm",)
    Input = RsaDecryptInput

    @property
    def _failing(self) -> str:
        """Whose failures on which key are counted."""
        return f"{self.key.id}/{self.call.principal.uin}"

    def check(self, data: Any) -> None:
        """PKCS#1 v1.5 has to be allowed for the key; guessing is slowed down."""
        super().check(data)
        if data is None:
            return
        if rates.seen(self._failing, _FAILURES, _SPAN_SECONDS) >= MOST_FAILURES:
            raise RequestLimitExceeded
        if data.algorithm != _LEGACY:
            return
        if not LegacyPadding.objects.filter(key=self.key.id).exists():
            raise LegacyPaddingOff("Algorithm")

    def perform(self, data: Any) -> dict[str, Any]:
        """Return the plaintext as Base64."""
        try:
            plain = custody.keyring().rsa_decrypt(
                self.version, self.key.identity, data.algorithm, data.ciphertext
            )
        except AlteredVersion:
            raise
        except BadData:
            rates.add(self._failing, _FAILURES, _SPAN_SECONDS)
            raise DecryptError("Ciphertext") from None
        return {"KeyId": str(self.key.id), "Plaintext": text(plain)}


class Sm2DecryptInput(OperationInput):
    """What was encrypted with an SM2 public key."""

    key_id: KeyId
    ciphertext: Annotated[str, _bytes_of("Ciphertext", _MOST_ENCRYPTED_TEXT)]


class AsymmetricSm2Decrypt(PairOperation):
    """Decrypt with SM2: the table of states refuses it for every kind of key."""

    Input = Sm2DecryptInput


class AllowLegacyPaddingInput(KeyInput):
    """Whether the key shall decrypt RSAES_PKCS1_V1_5."""

    allowed: bool


class AllowLegacyPadding(KeyOperation):
    """Let a key pair decrypt PKCS#1 v1.5 for old clients, or stop it."""

    effect = Effect.CHANGE
    step_up = True
    audited_fields = ("allowed",)
    Input = AllowLegacyPaddingInput

    def perform(self, data: Any) -> dict[str, Any]:
        """Set the switch; doing it twice is harmless."""
        if not data.allowed:
            LegacyPadding.objects.filter(key=self.key).delete()
            return {}
        LegacyPadding.objects.get_or_create(
            key=self.key,
            defaults={
                "allowed_at": clock.now(),
                "allowed_by_uin": self.call.principal.uin,
            },
        )
        return {}
