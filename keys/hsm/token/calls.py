"""The calls of one token, one method each; see pairs.py for private keys."""

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

from pkcs11 import Attribute, GCMParams, Mechanism, ObjectClass
from pkcs11.exceptions import AttributeSensitive, AttributeTypeInvalid
from pkcs11.util import ec

from keys.hsm import apart
from keys.hsm.connection import Connection, Handle, TokenSettings
from keys.hsm.errors import BadData, HsmDown, HsmMismatch, HsmPinRefused, StaleHandle
from keys.hsm.templates import (
    HIERARCHY,
    UNWRAP_REQUIRES,
    UNWRAP_TEMPLATE,
    HierarchyKind,
    KeySpec,
)
from keys.hsm.token import objects, pairs
from keys.hsm.token.driver import Pkcs11Driver

_IV_BYTES: Final = 12
_TAG_BYTES: Final = 16
_GCM: Final = Mechanism.AES_GCM


class Token:
    """The HSM token of this process. Every method raises nothing but HsmError."""

    def __init__(
        self,
        settings: TokenSettings,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._connection = Connection(settings, Pkcs11Driver(), monotonic)
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
            lambda session: self._handles(objects.find(session, object_id, wanted))
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
            attributes = identity | objects.attributes(template.made, without)
            if template.curve:
                public = identity | objects.attributes(template.public, without)
                _, key = objects.generate_on_curve(
                    session, template.curve, public, attributes
                )
            else:
                if kind is HierarchyKind.ROOT and UNWRAP_TEMPLATE not in without:
                    nested = objects.attributes(UNWRAP_REQUIRES)
                    attributes[Attribute.UNWRAP_TEMPLATE] = nested
                key = objects.generate(
                    session, template.key_type, template.bits, attributes
                )
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
            found = objects.find(session, object_id, ObjectClass.PUBLIC_KEY)
            return [ec.encode_ec_public_key(key) for key in found]

        found = self._connection.run_again(read)
        if len(found) != 1:
            message = "the public half of the seal key is not in the HSM exactly once"
            raise HsmMismatch(message)
        return found[0]

    def generate(
        self, root: Handle, root_id: bytes, spec: KeySpec
    ) -> tuple[bytes, bytes]:
        """Generate a key of this kind under the root, which is the one of this id.

        Returns it wrapped, and the SPKI (DER) of a pair.
        """
        if not spec.paired:
            return self.generate_wrapped(root, spec), b""
        if spec.slow:
            return self.generate_apart(root_id, spec)
        return self.generate_pair(root, spec)

    def generate_wrapped(self, root: Handle, spec: KeySpec) -> bytes:
        """Generate a secret key in the HSM and return it wrapped under the root."""
        flags = objects.attributes(spec.generated)
        return self._run(
            lambda session: objects.wrap_once(
                root.key, objects.generate(session, spec.key_type, spec.bits, flags)
            ),
            root,
        )

    def generate_pair(self, root: Handle, spec: KeySpec) -> tuple[bytes, bytes]:
        """Generate a pair; returns the wrapped private half and the SPKI (DER).

        The token is locked meanwhile: see `generate_apart` for kinds that take long.
        """

        def make(session: Any) -> tuple[bytes, bytes]:
            public, private = objects.generate_pair(session, spec)
            blob = objects.wrap_once(root.key, private)
            try:
                return blob, objects.encode_public(public, spec)
            finally:
                public.destroy()

        return self._run(make, root)

    def generate_apart(self, root_id: bytes, spec: KeySpec) -> tuple[bytes, bytes]:
        """Do `generate_pair` in a process of its own: others go on using the token.

        Raises HsmDown where that process does not answer with a pair.
        """
        pin = self._connection.lend_pin()
        try:
            return apart.generate_pair(self._settings, pin, root_id, spec.name)
        except HsmPinRefused:
            self._connection.refuse_pin(pin)
            raise

    def wrap_value(self, root: Handle, spec: KeySpec, value: bytes) -> bytes:
        """Bring material from outside into the HSM and return it wrapped.

        BadData where it has not the length of the spec.
        """
        if len(value) * 8 != spec.bits:
            raise BadData
        return self._run(
            lambda session: objects.wrap_once(
                root.key, objects.create(session, spec, value)
            ),
            root,
            untrusted=True,
        )

    def wrap_imported(
        self, root: Handle, wrapping: Handle, spec: KeySpec, padding: str, data: bytes
    ) -> bytes:
        """Unwrap material that was encrypted to `wrapping`; returns it under the root.

        BadData where padding, ciphertext or length are wrong.
        """
        return self._run(
            lambda session: pairs.import_wrapped(
                session, root.key, wrapping.key, spec, padding, data
            ),
            root,
            wrapping,
            untrusted=True,
        )

    def unwrap(self, root: Handle, spec: KeySpec, blob: bytes) -> Handle:
        """Return the material for use; BadData where the blob is not of this root."""
        return self._unwrap(root, spec, blob, spec.unwrapped)

    def destroy(self, handle: Handle) -> None:
        """Destroy a session object; one that is gone already is no error."""
        with suppress(StaleHandle):
            self._connection.run_if_kept(handle.key.destroy, handle)

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

    def sign_digest(self, handle: Handle, scheme: str, digest: bytes) -> bytes:
        """Return the signature of a digest of the length the scheme asks for."""
        # Tokens cut or fill a digest of another length without a word: callers check.
        return self._run(lambda _: pairs.sign(handle.key, scheme, digest), handle)

    def decrypt_rsa(self, handle: Handle, padding: str, data: bytes) -> bytes:
        """Return what was encrypted to the public half; BadData for every fault."""
        return self._run(
            lambda _: pairs.decrypt(handle.key, padding, data), handle, untrusted=True
        )

    def random(self, length: int) -> bytes:
        """Return `length` bytes of the HSM's generator, at least one."""
        return bytes(
            self._connection.run_again(lambda s: s.generate_random(length * 8))
        )

    def _unwrap(
        self, root: Handle, spec: KeySpec, blob: bytes, flags: Mapping[str, bool]
    ) -> Handle:
        def unwrap(_: Any) -> Handle:
            return self._handles([objects.unwrap(root.key, spec, blob, flags)])[0]

        return self._run(unwrap, root, untrusted=True)

    def _handles(self, keys: list[Any]) -> list[Handle]:
        # Only under the lock: elsewhere the number may already be another session's.
        return [Handle(key, self.generation) for key in keys]
