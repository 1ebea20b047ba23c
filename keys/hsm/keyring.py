"""Which key wraps what: CMK versions under the root, secrets under the data key.

The material of a CMK version is outside the HSM only as a blob wrapped by the root. The
wrapping cannot say whose it is, so an HMAC by the MAC key binds it to its identity, and
no blob reaches the HSM before that has been verified.
"""

import hmac
import os
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TypeVar
from weakref import WeakSet

from keys.hsm import proofs
from keys.hsm.errors import (
    AlteredVersion,
    BadData,
    HsmError,
    HsmMismatch,
    StaleHandle,
)
from keys.hsm.handles import HandleCache
from keys.hsm.hierarchy import Hierarchy, Pin, initialise_hierarchy, prove
from keys.hsm.templates import KEY_SPECS, HierarchyKind, KeySpec
from keys.hsm.token import Handle, Token, TokenStatus
from keys.hsm.versions import (
    Row,
    WrappedVersion,
    binding_message,
    require_able,
    row,
    spec_of,
)
from kmsconsole import randomness

__all__ = (
    "HierarchyKind",
    "Keyring",
    "Pin",
    "WrappedVersion",
    "initialise_hierarchy",
)

T = TypeVar("T")

# With the seconds until a handle that nobody asks for is found: within a minute.
HANDLE_LIFETIME = timedelta(seconds=55)

_IV_BYTES = 12


class Keyring:
    """What callers do with keys. Raises HsmError, and whatever `load_pins` raises.

    `load_pins` is asked once per session of the HSM, and when an unknown epoch is met.
    """

    def __init__(
        self,
        token: Token,
        load_pins: Callable[[], Sequence[Pin]],
        capacity: int = 2000,
    ) -> None:
        self._token = token
        self._load_pins = load_pins
        self._hierarchy: Hierarchy | None = None
        self._handles: HandleCache[Row] = HandleCache(token, capacity, HANDLE_LIFETIME)
        _keyrings.add(self)

    @property
    def cached_handles(self) -> int:
        """How many unwrapped keys this process holds in the HSM."""
        return len(self._handles)

    def verify_hierarchy(self) -> None:
        """Prove every pinned key; HsmMismatch or HsmDown means: do not start."""
        self._again(self._prove)

    def status(self) -> TokenStatus:
        """Whether the HSM gives known answers under the pinned keys, now."""
        self._handles.sweep()
        try:
            self._again(self._proved)
        except HsmError as error:
            return TokenStatus(ready=False, detail=str(error))
        return self._token.status()

    def generate(self, spec: str, identity: bytes) -> WrappedVersion:
        """Make new material in the HSM for this identity (canonical bytes).

        It is unwrapped once on trial, so what is returned is known to be usable. RSA
        takes seconds, in which this token goes on working for others. HsmMismatch where
        the HSM does not stand by what it made.
        """
        try:
            return self._bind(spec, identity, self._generate)
        except BadData:
            message = "the HSM made a key that cannot be used"
            raise HsmMismatch(message) from None

    def _generate(self, root: Handle, spec: KeySpec) -> tuple[bytes, bytes]:
        hierarchy = self._proved()
        newest = HierarchyKind.ROOT, hierarchy.newest[HierarchyKind.ROOT]
        return self._token.generate(root, hierarchy.object_ids[newest], spec)

    def wrap(self, spec: str, identity: bytes, material: bytes) -> WrappedVersion:
        """Bring material from outside under this identity, as `generate` does its own.

        BadData where the material has not the length of this spec.
        """
        return self._bind(
            spec,
            identity,
            lambda root, kind: (self._token.wrap_value(root, kind, material), b""),
        )

    def wrap_imported(
        self,
        wrapping: WrappedVersion,
        wrapping_identity: bytes,
        padding: str,
        encrypted_material: bytes,
        spec: str,
        identity: bytes,
    ) -> WrappedVersion:
        """Bring material that was encrypted to a wrapping key under this identity.

        `wrapping` is a version of RSA_2048_IMPORT, `padding` RSAES_PKCS1_V1_5,
        RSAES_OAEP_SHA_1 or RSAES_OAEP_SHA_256; ValueError for others. BadData where
        ciphertext, padding or length of the material are wrong, without a word which.
        """
        taken = spec_of(wrapping).import_paddings
        require_able("import in this way", able=padding in taken)

        def wrapped(root: Handle, kind: KeySpec) -> tuple[bytes, bytes]:
            blob = self._use(
                wrapping,
                wrapping_identity,
                lambda handle: self._token.wrap_imported(
                    root, handle, kind, padding, encrypted_material
                ),
            )
            return blob, b""

        return self._bind(spec, identity, wrapped)

    def _bind(
        self,
        spec: str,
        identity: bytes,
        wrapped: Callable[[Handle, KeySpec], tuple[bytes, bytes]],
    ) -> WrappedVersion:
        kind = KEY_SPECS[spec]

        def make() -> WrappedVersion:
            root_epoch, root = self._newest(HierarchyKind.ROOT)
            mac_epoch, mac = self._newest(HierarchyKind.MAC)
            blob, public_key = wrapped(root, kind)
            handle = self._token.unwrap(root, kind, blob)
            try:
                check_value = proofs.check_value(self._token, handle, kind, public_key)
            finally:
                self._token.destroy(handle)
            unbound = WrappedVersion(
                spec, blob, b"", root_epoch, mac_epoch, check_value, public_key
            )
            binding = self._token.hmac(mac, binding_message(unbound, identity))
            return unbound._replace(binding=binding)

        return self._again(make)

    def encrypt(
        self,
        version: WrappedVersion,
        identity: bytes,
        iv: bytes,
        plaintext: bytes,
        aad: bytes,
    ) -> bytes:
        """Return ciphertext and 16-byte tag; `iv` is 12 bytes, fresh for each call."""
        return self._with_material(
            version,
            identity,
            lambda handle: self._token.encrypt_gcm(handle, iv, plaintext, aad),
        )

    def decrypt(
        self,
        version: WrappedVersion,
        identity: bytes,
        iv: bytes,
        data: bytes,
        aad: bytes,
    ) -> bytes:
        """Return the plaintext; BadData where data, nonce, AAD or version are wrong."""
        return self._with_material(
            version,
            identity,
            lambda handle: self._token.decrypt_gcm(handle, iv, data, aad),
        )

    def sign(
        self, version: WrappedVersion, identity: bytes, scheme: str, digest: bytes
    ) -> bytes:
        """Return the signature of a digest the caller made; ECDSA's is DER.

        BadData where the digest is not as long as the scheme's, ValueError where the
        scheme (RSA_PKCS1_SHA256, RSA_PSS_SHA256, ECDSA) is not one of this key.
        """
        spec = spec_of(version)
        require_able("sign in this way", able=scheme in spec.schemes)
        if len(digest) != spec.digest_bytes:
            raise BadData
        return self._with_material(
            version,
            identity,
            lambda handle: self._token.sign_digest(handle, scheme, digest),
        )

    def rsa_decrypt(
        self, version: WrappedVersion, identity: bytes, padding: str, ciphertext: bytes
    ) -> bytes:
        """Return what was encrypted to the public half; BadData for every fault of it.

        `padding` as for `wrap_imported`; ValueError where the key is not for this.
        """
        spec = spec_of(version)
        require_able("decrypt in this way", able=padding in spec.paddings)
        return self._with_material(
            version,
            identity,
            lambda handle: self._token.decrypt_rsa(handle, padding, ciphertext),
        )

    def public_key(self, version: WrappedVersion, identity: bytes) -> bytes:
        """Return the SubjectPublicKeyInfo (DER), its binding being verified.

        AlteredVersion where it does not hold, ValueError where there is no public half.
        """

        def read() -> bytes:
            self._require_bound(version, identity)
            return version.public_key

        public_key = self._again(read)
        require_able("show a public half", able=bool(public_key))
        return public_key

    def verify(self, version: WrappedVersion, identity: bytes) -> None:
        """Unwrap afresh and compare the check value; BadData if it does not hold.

        The private half of a pair has to prove that it belongs to the public one.
        """

        def check() -> None:
            self._token.destroy(self._unwrap(version, identity))

        self._again(check)

    def evict(self, blob: bytes) -> None:
        """Destroy the cached handle of this blob, as its key is being destroyed."""
        self._handles.discard(lambda row: blob in row)

    def seal_secret(self, plaintext: bytes, aad: bytes) -> tuple[int, bytes]:
        """Encrypt a secret of this system; returns data key epoch, iv || ct || tag."""
        iv = randomness.token_bytes(_IV_BYTES)

        def seal() -> tuple[int, bytes]:
            epoch, key = self._newest(HierarchyKind.DATA)
            return epoch, iv + self._token.encrypt_gcm(key, iv, plaintext, aad)

        return self._again(seal)

    def open_secret(self, epoch: int, sealed: bytes, aad: bytes) -> bytes:
        """Return what seal_secret was given; BadData where anything was changed."""
        iv, data = sealed[:_IV_BYTES], sealed[_IV_BYTES:]

        def unseal() -> bytes:
            key = self._of_epoch(HierarchyKind.DATA, epoch)
            return self._token.decrypt_gcm(key, iv, data, aad)

        return self._again(unseal)

    def sign_audit(self, message: bytes) -> tuple[int, bytes]:
        """Sign with the sealing key; returns its epoch and a DER ECDSA signature."""

        def sign() -> tuple[int, bytes]:
            epoch, key = self._newest(HierarchyKind.SEAL)
            return epoch, self._token.sign_p256(key, message)

        return self._again(sign)

    def seal_public_key(self, epoch: int) -> bytes:
        """Return the SubjectPublicKeyInfo (DER) that verifies sign_audit."""

        def read() -> bytes:
            self._of_epoch(HierarchyKind.SEAL, epoch)
            ids = self._proved().object_ids
            return self._token.public_key(ids[HierarchyKind.SEAL, epoch])

        return self._again(read)

    def random(self, length: int) -> bytes:
        """Return `length` bytes from the HSM's generator."""
        return self._again(lambda: self._random(length))

    def _random(self, length: int) -> bytes:
        # A token whose keys were never proved is no source to trust either.
        self._proved()
        return self._token.random(length)

    def _again(self, work: Callable[[], T]) -> T:
        """Do the work, once more with everything found anew if a handle was stale."""
        try:
            return work()
        except StaleHandle:
            self._hierarchy = None
        return work()

    def _with_material(
        self, version: WrappedVersion, identity: bytes, work: Callable[[Handle], T]
    ) -> T:
        return self._again(lambda: self._use(version, identity, work))

    def _use(
        self, version: WrappedVersion, identity: bytes, work: Callable[[Handle], T]
    ) -> T:
        key = row(version, identity)
        lease = self._handles.borrow(key)
        if lease is None:
            lease = self._handles.keep(key, self._unwrap(version, identity))
        try:
            return work(lease.handle)
        except StaleHandle:
            self._handles.drop(key)
            raise
        finally:
            self._handles.release(lease)

    def _unwrap(self, version: WrappedVersion, identity: bytes) -> Handle:
        spec = self._require_bound(version, identity)
        root = self._of_epoch(HierarchyKind.ROOT, version.root_epoch)
        handle = self._token.unwrap(root, spec, version.blob)
        try:
            proofs.require(self._token, handle, version)
        except BaseException:
            self._token.destroy(handle)
            raise
        return handle

    def _require_bound(self, version: WrappedVersion, identity: bytes) -> KeySpec:
        mac = self._of_epoch(HierarchyKind.MAC, version.mac_epoch)
        binding = self._token.hmac(mac, binding_message(version, identity))
        if not hmac.compare_digest(binding, version.binding):
            raise AlteredVersion
        return spec_of(version)

    def _newest(self, kind: HierarchyKind) -> tuple[int, Handle]:
        hierarchy = self._proved()
        epoch = hierarchy.newest[kind]
        return epoch, hierarchy.handles[kind, epoch]

    def _of_epoch(self, kind: HierarchyKind, epoch: int) -> Handle:
        handle = self._proved().handles.get((kind, epoch))
        if handle is None:
            # Another process may have made it since the pins were read.
            handle = self._prove().handles.get((kind, epoch))
        if handle is None:
            message = f"a row names a {kind} key that is not pinned"
            raise HsmMismatch(message)
        return handle

    def _proved(self) -> Hierarchy:
        # Read once: other threads replace it, and what they put there is as good.
        hierarchy = self._hierarchy
        if hierarchy is None or hierarchy.generation != self._token.generation:
            hierarchy = self._prove()
        return hierarchy

    def _prove(self) -> Hierarchy:
        hierarchy = prove(self._token, self._load_pins())
        self._hierarchy = hierarchy
        return hierarchy

    def _after_fork(self) -> None:
        self._hierarchy = None
        self._handles.after_fork()


_keyrings: WeakSet[Keyring] = WeakSet()


def _after_fork() -> None:
    for keyring in _keyrings:
        keyring._after_fork()  # noqa: SLF001 - the hook is the class's own


os.register_at_fork(after_in_child=_after_fork)
