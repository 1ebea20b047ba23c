"""What is done in the HSM: the only module that imports pkcs11.

Templates are written out whole for every key: the defaults of python-pkcs11 would make
a root that decrypts what it wraps, and unwrap keys that can be read.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from pkcs11 import (
    Attribute,
    GCMParams,
    KeyType,
    Mechanism,
    ObjectClass,
    PKCS11Error,
    _pkcs11,
)
from pkcs11.attributes import AttributeMapper
from pkcs11.exceptions import AttributeSensitive, AttributeTypeInvalid
from pkcs11.util import ec

from keys.hsm import library
from keys.hsm.connection import Connection, Handle, TokenSettings, TokenStatus
from keys.hsm.errors import BadData, HsmDown, HsmMismatch, StaleHandle
from keys.hsm.templates import (
    HIERARCHY,
    UNWRAP_REQUIRES,
    UNWRAP_TEMPLATE,
    HierarchyKind,
    KeySpec,
)

__all__ = ("Handle", "Token", "TokenSettings", "TokenStatus")

_IV_BYTES: Final = 12
_TAG_BYTES: Final = 16
_KWP: Final = Mechanism.AES_KEY_WRAP_PAD
_GCM: Final = Mechanism.AES_GCM


class _LockingLibrary(_pkcs11.lib):
    """The module, initialised for many threads instead of for one."""

    def initialize(self) -> None:
        library.initialise(self.so)

    def finalize(self) -> None:
        library.finalise(self.so)


class _Pkcs11Driver:
    """python-pkcs11, as far as a Connection needs it."""

    error: type[Exception] = PKCS11Error

    def __init__(self) -> None:
        self._mapper = AttributeMapper()
        self._mapper.register_handler(
            Attribute.UNWRAP_TEMPLATE, library.pack_flags, bytes
        )

    def load(self, path: str) -> Any:
        return _LockingLibrary(path)

    def find_tokens(self, module: Any, label: str) -> list[Any]:
        tokens = [slot.get_token() for slot in module.get_slots(token_present=True)]
        return [token for token in tokens if token.label == label]

    def open(self, token: Any, pin: str) -> Any:
        return token.open(rw=True, user_pin=pin, attribute_mapper=self._mapper)

    def is_present(self, session: Any) -> bool:
        return bool(session.token.slot.get_token().label == session.token.label)

    def find(self, session: Any, object_id: bytes) -> list[Any]:
        return _find(session, object_id, ObjectClass.SECRET_KEY)

    def hmac(self, key: Any, message: bytes) -> bytes:
        answer: bytes = key.sign(message, mechanism=Mechanism.SHA256_HMAC)
        return answer


class Token:
    """The HSM token of this process. Every method raises nothing but HsmError."""

    def __init__(
        self,
        settings: TokenSettings,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = Connection(settings, _Pkcs11Driver(), monotonic)
        self._run = self._connection.run
        self.expect = self._connection.expect
        self.status = self._connection.status
        self.close = self._connection.close

    @property
    def generation(self) -> int:
        """Number of the present session; handles of another number are stale."""
        return self._connection.generation

    @property
    def initialisations(self) -> int:
        """How often C_Initialize succeeded for this token."""
        return self._connection.initialisations

    @property
    def logins(self) -> int:
        """How often a PIN was presented."""
        return self._connection.logins

    def find_object(self, object_id: bytes, kind: HierarchyKind) -> Handle:
        """Return the key of this id.

        Raises HsmDown where it is missing, as a token that is away looks the same, and
        HsmMismatch where there are several.
        """
        paired = bool(HIERARCHY[kind].curve)
        wanted = ObjectClass.PRIVATE_KEY if paired else ObjectClass.SECRET_KEY
        found = self._connection.run_again(
            lambda session: self._handles(_find(session, object_id, wanted))
        )
        if not found:
            self._connection.doubt()
            message = f"the {kind} key is not in the HSM"
            raise HsmDown(message)
        if len(found) > 1:
            message = f"the {kind} key is in the HSM more than once"
            raise HsmMismatch(message)
        return found[0]

    def create_hierarchy_key(
        self,
        kind: HierarchyKind,
        object_id: bytes,
        label: str,
        without: frozenset[str] = frozenset(),
    ) -> Handle:
        """Make a key in the token, leaving out the attributes named in `without`.

        Raises HsmMismatch where the HSM does not take the template.
        """
        template = HIERARCHY[kind]

        def make(session: Any) -> Handle:
            identity = {Attribute.ID: object_id, Attribute.LABEL: label}
            attributes = identity | _attributes(template.made, without)
            if template.curve:
                public = identity | _attributes(template.public, without)
                key = _make_pair(session, template.curve, public, attributes)
            else:
                if kind is HierarchyKind.ROOT and UNWRAP_TEMPLATE not in without:
                    nested = _attributes(UNWRAP_REQUIRES)
                    attributes[Attribute.UNWRAP_TEMPLATE] = nested
                key = _generate(session, template.key_type, template.bits, attributes)
            return self._handles([key])[0]

        try:
            return self._connection.run_again(make)
        except HsmMismatch:
            message = (
                f"the HSM does not take the template of the {kind} key; if it lacks"
                f" {UNWRAP_TEMPLATE}, that has to be accepted by name"
            )
            raise HsmMismatch(message) from None

    def read_template(self, handle: Handle, names: Iterable[str]) -> dict[str, bool]:
        """Return what the HSM says of the key; what it does not know is left out."""

        def read(_: Any) -> dict[str, bool]:
            values = {}
            for name in names:
                try:
                    values[name] = bool(handle.key[Attribute[name]])
                except (AttributeTypeInvalid, AttributeSensitive):
                    continue
            return values

        return self._run(read, handle)

    def holds_unwrap_template(self, root: Handle, spec: KeySpec) -> bool:
        """Whether no readable key can be unwrapped under the root: tried, not asked."""
        blob = self.generate_wrapped(root, spec)
        try:
            key = self._unwrap(root, spec, blob, {**spec.unwrapped, "SENSITIVE": False})
        except HsmMismatch:
            return True
        # Some tokens give the key what the template says instead of refusing.
        try:
            return self.read_template(key, ["SENSITIVE"]) == {"SENSITIVE": True}
        finally:
            self.destroy(key)

    def public_key(self, object_id: bytes) -> bytes:
        """Return the sealing key's SubjectPublicKeyInfo, DER."""

        def read(session: Any) -> list[bytes]:
            found = _find(session, object_id, ObjectClass.PUBLIC_KEY)
            return [ec.encode_ec_public_key(key) for key in found]

        found = self._connection.run_again(read)
        if len(found) != 1:
            message = "the public half of the seal key is not in the HSM exactly once"
            raise HsmMismatch(message)
        return found[0]

    def generate_wrapped(self, root: Handle, spec: KeySpec) -> bytes:
        """Generate material in the HSM and return it wrapped under the root (KWP)."""
        flags = _attributes(spec.generated)
        return self._run(
            lambda session: _wrap_once(
                root, _generate(session, spec.key_type, spec.bits, flags)
            ),
            root,
        )

    def wrap_value(self, root: Handle, spec: KeySpec, value: bytes) -> bytes:
        """Bring material from outside into the HSM and return it wrapped.

        BadData where it has not the length of the spec.
        """
        if len(value) * 8 != spec.bits:
            raise BadData
        attributes = {
            Attribute.CLASS: ObjectClass.SECRET_KEY,
            Attribute.KEY_TYPE: KeyType[spec.key_type],
            Attribute.VALUE: value,
            **_attributes(spec.generated),
        }
        return self._run(
            lambda session: _wrap_once(root, session.create_object(attributes)),
            root,
            untrusted=True,
        )

    def unwrap(self, root: Handle, spec: KeySpec, blob: bytes) -> Handle:
        """Return the material for use; BadData where the blob is not of this root."""
        return self._unwrap(root, spec, blob, spec.unwrapped)

    def destroy(self, handle: Handle) -> None:
        """Destroy a session object; one that is gone already is no error."""
        if handle.generation != self.generation:
            return
        try:
            self._run(lambda _: handle.key.destroy(), handle)
        except StaleHandle:
            return

    def destroy_object(self, object_id: bytes) -> None:
        """Destroy everything of this id in the token, for ever."""

        def remove(session: Any) -> None:
            for key in list(session.get_objects({Attribute.ID: object_id})):
                key.destroy()

        self._connection.run_again(remove)

    def encrypt_gcm(
        self, handle: Handle, iv: bytes, plaintext: bytes, aad: bytes
    ) -> bytes:
        """Return ciphertext and 16-byte tag; `iv` is 12 bytes, never used before."""
        # The HSM gets its own copy: some choose the nonce themselves and write it into
        # the buffer they were given, which Python believes can't change.
        passed = bytes(bytearray(iv))
        parameters = GCMParams(passed, aad)
        result: bytes = self._run(
            lambda _: handle.key.encrypt(
                plaintext, mechanism=_GCM, mechanism_param=parameters
            ),
            handle,
        )
        if passed != iv:
            message = "the HSM chooses its own nonces, which is not supported"
            raise HsmDown(message)
        return result

    def decrypt_gcm(self, handle: Handle, iv: bytes, data: bytes, aad: bytes) -> bytes:
        """Return the plaintext; BadData unless the tag is right."""
        if len(iv) != _IV_BYTES or len(data) < _TAG_BYTES:
            raise BadData
        parameters = GCMParams(iv, aad)
        result: bytes = self._run(
            lambda _: handle.key.decrypt(
                data, mechanism=_GCM, mechanism_param=parameters
            ),
            handle,
            untrusted=True,
        )
        return result

    def encrypt_block(self, handle: Handle, block: bytes) -> bytes:
        """Return one raw AES block (16 bytes), for check values only."""
        result: bytes = self._run(
            lambda _: handle.key.encrypt(block, mechanism=Mechanism.AES_ECB), handle
        )
        return result

    def hmac(self, handle: Handle, message: bytes) -> bytes:
        """Return HMAC-SHA256 of the message."""
        result: bytes = self._run(
            lambda _: handle.key.sign(message, mechanism=Mechanism.SHA256_HMAC),
            handle,
        )
        return result

    def sign_p256(self, handle: Handle, message: bytes) -> bytes:
        """Return the DER ECDSA signature over SHA-256 of the message."""
        # The token's ECDSA signs whatever it is given; the digest is made here.
        digest = hashlib.sha256(message).digest()
        raw: bytes = self._run(
            lambda _: handle.key.sign(digest, mechanism=Mechanism.ECDSA), handle
        )
        return ec.encode_ecdsa_signature(raw)

    def random(self, length: int) -> bytes:
        """Return `length` bytes of the HSM's generator, at least one."""
        return bytes(
            self._connection.run_again(lambda s: s.generate_random(length * 8))
        )

    def _unwrap(
        self, root: Handle, spec: KeySpec, blob: bytes, flags: Mapping[str, bool]
    ) -> Handle:
        def unwrap(_: Any) -> Handle:
            key = root.key.unwrap_key(
                ObjectClass.SECRET_KEY,
                KeyType[spec.key_type],
                blob,
                mechanism=_KWP,
                store=False,
                capabilities=0,
                template=_attributes(flags),
            )
            return self._handles([key])[0]

        return self._run(unwrap, root, untrusted=True)

    def _handles(self, keys: list[Any]) -> list[Handle]:
        # Only under the lock: elsewhere the number may already be another session's.
        return [Handle(key, self.generation) for key in keys]


def _attributes(
    flags: Mapping[str, bool], without: frozenset[str] = frozenset()
) -> dict[Attribute, Any]:
    return {
        Attribute[name]: value for name, value in flags.items() if name not in without
    }


def _find(session: Any, object_id: bytes, wanted: ObjectClass) -> list[Any]:
    # list() at once: a search left half read blocks the session for everybody.
    return list(session.get_objects({Attribute.ID: object_id, Attribute.CLASS: wanted}))


def _generate(
    session: Any, key_type: str, bits: int, template: dict[Attribute, Any]
) -> Any:
    return session.generate_key(
        KeyType[key_type],
        bits,
        store=template[Attribute.TOKEN],
        capabilities=0,
        template=template,
    )


def _wrap_once(root: Handle, key: Any) -> bytes:
    """Wrap a session key and destroy it, whatever comes of the wrapping."""
    try:
        blob: bytes = root.key.wrap_key(key, mechanism=_KWP)
    finally:
        key.destroy()
    return blob


def _make_pair(
    session: Any,
    curve: str,
    public: dict[Attribute, Any],
    private: dict[Attribute, Any],
) -> Any:
    parameters = session.create_domain_parameters(
        KeyType.EC,
        {Attribute.EC_PARAMS: ec.encode_named_curve_parameters(curve)},
        local=True,
    )
    _, key = parameters.generate_keypair(
        store=True,
        capabilities=0,
        mechanism=Mechanism.EC_KEY_PAIR_GEN,
        public_template=public,
        private_template=private,
    )
    return key
