"""Actions of the source that need what this installation doesn't have.

Everybody gets the same answer, whatever they send: it tells nothing about anybody's
keys, so no right goes with it.
"""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from keys.errors import NotPurchased, UnsupportedKeyUsage
from keys.operations.delivering import DeliveredInput
from kmsconsole.errors import KMSError
from kmsconsole.inputs import OperationInput, WholeNumber
from kmsconsole.operations import Effect, Operation, Scope

_LONGEST_TEXT = 8192
Text = Annotated[str, Field(max_length=_LONGEST_TEXT)]
Records = list[dict[str, Any]] | None


class AbsentOperation(Operation):
    """Reads its input as documented and refuses."""

    effect = Effect.READ
    scope = Scope.CALLER
    refusal: ClassVar[type[KMSError]]

    def check(self, data: Any) -> None:
        """Refuse."""
        raise self.refusal


class WhiteBoxOperation(AbsentOperation):
    """White-box keys are a product of their own, which is not here."""

    refusal = NotPurchased


class WhiteBoxKeyInput(OperationInput):
    """One white-box key."""

    key_id: Text


class WhiteBoxKeysInput(OperationInput):
    """Up to 50 white-box keys."""

    key_ids: Annotated[list[Text], Field(max_length=50)]


class CreateWhiteBoxKeyInput(OperationInput):
    """Name and algorithm."""

    alias: Text
    algorithm: Text
    description: Text = ""
    tags: Records = None


class CreateWhiteBoxKey(WhiteBoxOperation):
    """Make a white-box key: not available."""

    Input = CreateWhiteBoxKeyInput


class DeleteWhiteBoxKey(WhiteBoxOperation):
    """Delete a white-box key: not available."""

    Input = WhiteBoxKeyInput


class DescribeWhiteBoxKey(WhiteBoxOperation):
    """Show a white-box key: not available."""

    Input = WhiteBoxKeyInput


class DescribeWhiteBoxKeyDetailsInput(OperationInput):
    """A page of white-box keys."""

    key_status: WholeNumber | None = None
    offset: WholeNumber | None = None
    limit: WholeNumber | None = None
    tag_filters: Records = None


class DescribeWhiteBoxKeyDetails(WhiteBoxOperation):
    """List white-box keys: not available."""

    Input = DescribeWhiteBoxKeyDetailsInput


class DescribeWhiteBoxDecryptKey(WhiteBoxOperation):
    """The decryption half of a white-box key: not available."""

    Input = WhiteBoxKeyInput


class DescribeWhiteBoxDeviceFingerprints(WhiteBoxOperation):
    """The devices a white-box key is for: not available."""

    Input = WhiteBoxKeyInput


class OverwriteWhiteBoxDeviceFingerprintsInput(WhiteBoxKeyInput):
    """The devices it shall be for."""

    device_fingerprints: Records = None


class OverwriteWhiteBoxDeviceFingerprints(WhiteBoxOperation):
    """Replace the devices a white-box key is for: not available."""

    Input = OverwriteWhiteBoxDeviceFingerprintsInput


class DescribeWhiteBoxServiceStatus(AbsentOperation):
    """Whether there are white-box keys here: there are none."""

    def check(self, data: Any) -> None:
        """Nothing can be wrong with the question."""

    def perform(self, data: Any) -> dict[str, Any]:
        """Say no."""
        return {"ServiceEnabled": False}


class EnableWhiteBoxKey(WhiteBoxOperation):
    """Enable a white-box key: not available."""

    Input = WhiteBoxKeyInput


class EnableWhiteBoxKeys(WhiteBoxOperation):
    """Enable white-box keys: not available."""

    Input = WhiteBoxKeysInput


class DisableWhiteBoxKey(WhiteBoxOperation):
    """Disable a white-box key: not available."""

    Input = WhiteBoxKeyInput


class DisableWhiteBoxKeys(WhiteBoxOperation):
    """Disable white-box keys: not available."""

    Input = WhiteBoxKeysInput


class EncryptByWhiteBoxInput(WhiteBoxKeyInput):
    """What to encrypt."""

    plain_text: Annotated[Text, Field(repr=False)]
    initialization_vector: Text = ""


class EncryptByWhiteBox(WhiteBoxOperation):
    """Encrypt with a white-box key: not available."""

    Input = EncryptByWhiteBoxInput


class PostQuantumOperation(AbsentOperation):
    """No token of this service makes Kyber or Dilithium pairs."""

    refusal = UnsupportedKeyUsage


class PostQuantumCryptoEncryptInput(OperationInput):
    """What to encrypt, and with which key."""

    key_id: Text
    plain_text: Annotated[Text, Field(repr=False)]


class PostQuantumCryptoEncrypt(PostQuantumOperation):
    """Encrypt with Kyber: not available."""

    Input = PostQuantumCryptoEncryptInput


class PostQuantumCryptoDecryptInput(DeliveredInput):
    """What to decrypt."""

    ciphertext_blob: Annotated[str, Field(max_length=16_384)]


class PostQuantumCryptoDecrypt(PostQuantumOperation):
    """Decrypt with Kyber: not available."""

    Input = PostQuantumCryptoDecryptInput


class PostQuantumCryptoSignInput(OperationInput):
    """What to sign, and with which key."""

    message: Text
    key_id: Text


class PostQuantumCryptoSign(PostQuantumOperation):
    """Sign with Dilithium: not available."""

    Input = PostQuantumCryptoSignInput


class PostQuantumCryptoVerifyInput(PostQuantumCryptoSignInput):
    """What was signed, and the signature."""

    signature_value: Text


class PostQuantumCryptoVerify(PostQuantumOperation):
    """Verify a Dilithium signature: not available."""

    Input = PostQuantumCryptoVerifyInput


ABSENT: tuple[type[Operation], ...] = (
    CreateWhiteBoxKey,
    DeleteWhiteBoxKey,
    DescribeWhiteBoxKey,
    DescribeWhiteBoxKeyDetails,
    DescribeWhiteBoxDecryptKey,
    DescribeWhiteBoxDeviceFingerprints,
    OverwriteWhiteBoxDeviceFingerprints,
    DescribeWhiteBoxServiceStatus,
    EnableWhiteBoxKey,
    EnableWhiteBoxKeys,
    DisableWhiteBoxKey,
    DisableWhiteBoxKeys,
    EncryptByWhiteBox,
    PostQuantumCryptoEncrypt,
    PostQuantumCryptoDecrypt,
    PostQuantumCryptoSign,
    PostQuantumCryptoVerify,
)
