"""Keys as objects of the HSM: found, made, wrapped, unwrapped.

Templates are written out whole for every key: the defaults of python-pkcs11 would make
a root that decrypts what it wraps, and unwrap keys that can be read.
"""

from collections.abc import Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.constants import DEFAULT
from pkcs11.util import ec

from keys.hsm.templates import KeySpec

KWP: Final = Mechanism.AES_KEY_WRAP_PAD

# python-pkcs11 names these for every key; a private key of that template is refused.
_OF_OTHER_CLASSES: Final = {
    Attribute.ENCRYPT: DEFAULT,
    Attribute.VERIFY: DEFAULT,
    Attribute.WRAP: DEFAULT,
}


def attributes(
    flags: Mapping[str, bool], without: frozenset[str] = frozenset()
) -> dict[Attribute, Any]:
    """Return a template of these flags, leaving out those named in `without`."""
    return {
        Attribute[name]: value for name, value in flags.items() if name not in without
    }


def find(session: Any, object_id: bytes, wanted: ObjectClass) -> list[Any]:
    """Return the keys of this id and class."""
    # list() at once: a search left half read blocks the session for everybody.
    return list(session.get_objects({Attribute.ID: object_id, Attribute.CLASS: wanted}))


def generate(
    session: Any, key_type: str, bits: int, template: dict[Attribute, Any]
) -> Any:
    """Return a new secret key."""
    return session.generate_key(
        KeyType[key_type],
        bits,
        store=template[Attribute.TOKEN],
        capabilities=0,
        template=template,
    )


def generate_on_curve(
    session: Any,
    curve: str,
    public: dict[Attribute, Any],
    private: dict[Attribute, Any],
) -> tuple[Any, Any]:
    """Return public and private half of a new pair on the named curve."""
    parameters = session.create_domain_parameters(
        KeyType.EC,
        {Attribute.EC_PARAMS: ec.encode_named_curve_parameters(curve)},
        local=True,
    )
    pair: tuple[Any, Any] = parameters.generate_keypair(
        store=private[Attribute.TOKEN],
        capabilities=0,
        mechanism=Mechanism.EC_KEY_PAIR_GEN,
        public_template=public,
        private_template=private,
    )
    return pair


def generate_pair(session: Any, spec: KeySpec) -> tuple[Any, Any]:
    """Return public and private half of a new pair of this kind."""
    public, private = attributes(spec.public), attributes(spec.generated)
    if spec.curve:
        return generate_on_curve(session, spec.curve, public, private)
    pair: tuple[Any, Any] = session.generate_keypair(
        KeyType[spec.key_type],
        spec.bits,
        store=False,
        capabilities=0,
        public_template=public,
        private_template=private,
    )
    return pair


def encode_public(key: Any, spec: KeySpec) -> bytes:
    """Return the public half as SubjectPublicKeyInfo, DER."""
    if spec.curve:
        encoded: bytes = ec.encode_ec_public_key(key)
        return encoded
    numbers = rsa.RSAPublicNumbers(
        int.from_bytes(key[Attribute.PUBLIC_EXPONENT]),
        int.from_bytes(key[Attribute.MODULUS]),
    )
    return numbers.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )


def create(session: Any, spec: KeySpec, value: bytes) -> Any:
    """Return a secret key of this value, as extractable as a generated one."""
    return session.create_object(
        {
            Attribute.CLASS: ObjectClass.SECRET_KEY,
            Attribute.KEY_TYPE: KeyType[spec.key_type],
            Attribute.VALUE: value,
            **attributes(spec.generated),
        }
    )


def wrap_once(root: Any, key: Any) -> bytes:
    """Wrap a session key and destroy it, whatever comes of the wrapping."""
    try:
        blob: bytes = root.wrap_key(key, mechanism=KWP)
    finally:
        key.destroy()
    return blob


def unwrap(root: Any, spec: KeySpec, blob: bytes, flags: Mapping[str, bool]) -> Any:
    """Return the session key inside a blob, with these flags."""
    template = attributes(flags)
    if spec.paired:
        template |= _OF_OTHER_CLASSES
    return root.unwrap_key(
        ObjectClass.PRIVATE_KEY if spec.paired else ObjectClass.SECRET_KEY,
        KeyType[spec.key_type],
        blob,
        mechanism=KWP,
        store=False,
        capabilities=0,
        template=template,
    )
