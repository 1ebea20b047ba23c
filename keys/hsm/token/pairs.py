"""What a private key does in the HSM: sign, decrypt, unwrap imported material.

A row says which mechanism stands for which scheme or padding. SoftHSM 2.6.1 signs no
more than a digest with ECDSA and knows no OAEP with SHA-256; for that one it is asked
for the bare RSA operation, and the padding is taken off here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pkcs11 import MGF, KeyType, Mechanism, ObjectClass
from pkcs11.exceptions import KeySizeRange, MechanismInvalid
from pkcs11.util import ec

from keys.crypto import oaep
from keys.hsm.errors import BadData
from keys.hsm.templates import CHECK_BLOCK, KeySpec
from keys.hsm.token import objects

# The DER of a SHA-256 DigestInfo up to the digest: PKCS #1 v1.5 signs both.
_SHA256_DIGEST_INFO: Final = bytes.fromhex("3031300d060960864801650304020105000420")


@dataclass(frozen=True, slots=True)
class _Way:
    """Mechanism and parameters; `prefix` goes before a digest that is signed."""

    mechanism: Mechanism
    parameters: Any = None
    prefix: bytes = b""


_SIGNING: Mapping[str, _Way] = {
    "RSA_PKCS1_SHA256": _Way(Mechanism.RSA_PKCS, prefix=_SHA256_DIGEST_INFO),
    "RSA_PSS_SHA256": _Way(Mechanism.RSA_PKCS_PSS, (Mechanism.SHA256, MGF.SHA256, 32)),
    "ECDSA": _Way(Mechanism.ECDSA),
}
_PADDINGS: Mapping[str, _Way] = {
    "RSAES_PKCS1_V1_5": _Way(Mechanism.RSA_PKCS),
    "RSAES_OAEP_SHA_1": _Way(
        Mechanism.RSA_PKCS_OAEP, (Mechanism.SHA_1, MGF.SHA1, None)
    ),
}
_OAEP_SHA_256: Final = "RSAES_OAEP_SHA_256"


def sign(key: Any, scheme: str, digest: bytes) -> bytes:
    """Return the signature of a digest; ECDSA's as DER."""
    way = _SIGNING[scheme]
    signature: bytes = key.sign(
        way.prefix + digest, mechanism=way.mechanism, mechanism_param=way.parameters
    )
    if way.mechanism is Mechanism.ECDSA:
        return ec.encode_ecdsa_signature(signature)
    return signature


def decrypt(key: Any, padding: str, data: bytes) -> bytes:
    """Return what was encrypted to the public half; BadData where OAEP is not intact.

    Every other fault of the data is the HSM's own error.
    """
    if padding == _OAEP_SHA_256:
        return _open_oaep(key, data)
    way = _PADDINGS[padding]
    plaintext: bytes = key.decrypt(
        data, mechanism=way.mechanism, mechanism_param=way.parameters
    )
    return plaintext


def import_wrapped(
    session: Any, root: Any, wrapping: Any, spec: KeySpec, padding: str, data: bytes
) -> bytes:
    """Return material that was encrypted to `wrapping`, wrapped under the root.

    It goes from one key to the other inside the HSM; only with OAEP and SHA-256 does it
    pass through this process. BadData where it has not the length of the spec.
    """
    if padding == _OAEP_SHA_256:
        value = _open_oaep(wrapping, data)
        if len(value) * 8 != spec.bits:
            raise BadData
        return objects.wrap_once(root, objects.create(session, spec, value))
    way = _PADDINGS[padding]
    key = wrapping.unwrap_key(
        ObjectClass.SECRET_KEY,
        KeyType[spec.key_type],
        data,
        mechanism=way.mechanism,
        mechanism_param=way.parameters,
        store=False,
        capabilities=0,
        template=objects.attributes(spec.generated),
    )
    _require_usable(key)
    blob = objects.wrap_once(root, key)
    # KWP adds eight bytes and fills up to eight; of the lengths between, only whole
    # AES keys were usable.
    if len(blob) != spec.bits // 8 + 8:
        raise BadData
    return blob


def _require_usable(key: Any) -> None:
    # SoftHSM unwraps any length as an AES key, and notices when it is used.
    try:
        key.encrypt(CHECK_BLOCK, mechanism=Mechanism.AES_ECB)
    except (MechanismInvalid, KeySizeRange):
        key.destroy()
        raise BadData from None
    except BaseException:
        key.destroy()
        raise


def _open_oaep(key: Any, data: bytes) -> bytes:
    block: bytes = key.decrypt(data, mechanism=Mechanism.RSA_X_509)
    # Some tokens drop leading zeros.
    message = oaep.unpad_sha256(block.rjust(len(data), b"\0"))
    if message is None:
        raise BadData
    return message
