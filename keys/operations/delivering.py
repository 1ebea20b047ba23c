"""Handing plaintext out: as it is, or encrypted to a key that the caller sent."""

from typing import Annotated, Literal

from pydantic import Field

from keys.crypto.delivery import DeliveryRefused, encrypt_to
from keys.datakeys.errors import EncryptionError
from kmsconsole.inputs import OperationInput

_MOST_PEM = 4096
_DEFAULT = "SM2"
EncryptionAlgorithm = Literal[
    "",
    "SM2",
    "SM2_C1C3C2_ASN1",
    "RSAES_PKCS1_V1_5",
    "RSAES_OAEP_SHA_1",
    "RSAES_OAEP_SHA_256",
]


class DeliveredInput(OperationInput):
    """Whom the plaintext is for; without a public key it comes as it is.

    `EncryptionAlgorithm` is SM2 where it is absent, which this installation lacks.
    """

    encryption_public_key: Annotated[str, Field(max_length=_MOST_PEM)] = ""
    encryption_algorithm: EncryptionAlgorithm = ""


def delivered(data: DeliveredInput, plaintext: bytes) -> bytes:
    """Return what leaves: the plaintext, or its encryption to the caller's key."""
    if not data.encryption_public_key:
        return plaintext
    algorithm = data.encryption_algorithm or _DEFAULT
    try:
        return encrypt_to(data.encryption_public_key, algorithm, plaintext)
    except DeliveryRefused:
        raise EncryptionError("EncryptionPublicKey") from None
