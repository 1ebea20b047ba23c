"""Which key wraps what: CMK versions under the root, secrets under the data key.

The material of a CMK version is outside the HSM only as a blob wrapped by the root. The
wrapping cannot say whose it is, so an HMAC by the MAC key binds it to its identity, and
no blob reaches the HSM before that has been verified.
"""

import hashlib
import hmac
import os
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias, TypeVar
from weakref import WeakSet

from keys.hsm.errors import AlteredVersion, HsmError, HsmMismatch, StaleHandle
from keys.hsm.handles import HandleCache, Lease
from keys.hsm.hierarchy import (
    CHECK_BLOCK,
    Hierarchy,
    Pin,
    initialise_hierarchy,
    prove,
)
from keys.hsm.templates import KEY_SPECS, HierarchyKind, KeySpec
from keys.hsm.token import Handle, Token, TokenStatus
from kmsconsole import randomness

__all__ = (
    "HierarchyKind",
    "Keyring",
    "Pin",
    "WrappedVersion",
    "initialise_hierarchy",
)

T = TypeVar("T")

_Row: TypeAlias = tuple[bytes, str, bytes, bytes, int, int, bytes]

HANDLE_LIFETIME = timedelta(seconds=60)

_BINDING_PURPOSE = b"kmsconsole/version/1"
_IV_BYTES = 12
_CHECK_VALUE_BYTES = 8


@dataclass(frozen=True, slots=True)
class WrappedVersion:
    """One CMK version as the database keeps it.

    `blob` is the wrapped material, `binding` the HMAC (32 bytes) of identity and blob,
    `check_value` 8 bytes that recognise the material and say nothing about it.
    """

    spec: str
    blob: bytes
    binding: bytes
    root_epoch: int
    mac_epoch: int
    check_value: bytes
    public_key: bytes = b""


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
        self._handles: HandleCache[_Row] = HandleCache(token, capacity, HANDLE_LIFETIME)
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

        It is unwrapped once on trial, so what is returned is known to be usable.
        """
        return self._bind(spec, identity, self._token.generate_wrapped)

    def wrap(self, spec: str, identity: bytes, material: bytes) -> WrappedVersion:
        """Bring material from outside under this identity, as `generate` does its own.

        BadData where the material has not the length of this spec.
        """
        return self._bind(
            spec,
            identity,
            lambda root, template: self._token.wrap_value(root, template, material),
        )

    def _bind(
        self, spec: str, identity: bytes, wrapped: Callable[[Handle, KeySpec], bytes]
    ) -> WrappedVersion:
        def make() -> WrappedVersion:
            root_epoch, root = self._newest(HierarchyKind.ROOT)
            mac_epoch, mac = self._newest(HierarchyKind.MAC)
            blob = wrapped(root, KEY_SPECS[spec])
            handle = self._token.unwrap(root, KEY_SPECS[spec], blob)
            try:
                check_value = self._check_value(handle)
            finally:
                self._token.destroy(handle)
            unbound = WrappedVersion(
                spec, blob, b"", root_epoch, mac_epoch, check_value
            )
            binding = self._token.hmac(mac, _binding_message(unbound, identity))
            return WrappedVersion(
                spec, blob, binding, root_epoch, mac_epoch, check_value
            )

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

    def verify(self, version: WrappedVersion, identity: bytes) -> None:
        """Unwrap afresh and compare the check value; BadData if it does not hold."""

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
        key = _row(version, identity)

        def use() -> T:
            lease = self._lease(key, version, identity)
            try:
                return work(lease.handle)
            except StaleHandle:
                self._handles.drop(key)
                raise
            finally:
                self._handles.release(lease)

        return self._again(use)

    def _lease(self, key: _Row, version: WrappedVersion, identity: bytes) -> Lease:
        lease = self._handles.borrow(key)
        if lease is None:
            lease = self._handles.keep(key, self._unwrap(version, identity))
        return lease

    def _unwrap(self, version: WrappedVersion, identity: bytes) -> Handle:
        spec = KEY_SPECS.get(version.spec)
        mac = self._of_epoch(HierarchyKind.MAC, version.mac_epoch)
        binding = self._token.hmac(mac, _binding_message(version, identity))
        if spec is None or not hmac.compare_digest(binding, version.binding):
            raise AlteredVersion
        root = self._of_epoch(HierarchyKind.ROOT, version.root_epoch)
        handle = self._token.unwrap(root, spec, version.blob)
        if not hmac.compare_digest(self._check_value(handle), version.check_value):
            self._token.destroy(handle)
            raise AlteredVersion
        return handle

    def _check_value(self, handle: Handle) -> bytes:
        return self._token.encrypt_block(handle, CHECK_BLOCK)[:_CHECK_VALUE_BYTES]

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


def _row(version: WrappedVersion, identity: bytes) -> _Row:
    # All of it, so that a hit in the cache means that these very bytes were verified.
    return (
        identity,
        version.spec,
        version.blob,
        version.binding,
        version.root_epoch,
        version.mac_epoch,
        version.check_value,
    )


def _binding_message(version: WrappedVersion, identity: bytes) -> bytes:
    spec = version.spec.encode()
    return b"".join(
        (
            _BINDING_PURPOSE,
            struct.pack(">I", len(identity)),
            identity,
            struct.pack(">I", len(spec)),
            spec,
            struct.pack(">II", version.root_epoch, version.mac_epoch),
            hashlib.sha256(version.blob).digest(),
            version.check_value,
        )
    )


_keyrings: WeakSet[Keyring] = WeakSet()


def _after_fork() -> None:
    for keyring in _keyrings:
        keyring._after_fork()  # noqa: SLF001 - the hook is the class's own


os.register_at_fork(after_in_child=_after_fork)
