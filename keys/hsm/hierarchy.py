"""The keys that live in the token: made once, pinned, and proved before each use.

A pin says what a key was when it was made. Nothing here is ever made because it was
not found: a token that is away looks exactly like a token without keys.
"""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from keys.hsm.errors import BadData, HsmDown, HsmError, HsmMismatch
from keys.hsm.templates import (
    CHECK_BLOCK,
    HIERARCHY,
    KEY_SPECS,
    UNWRAP_TEMPLATE,
    HierarchyKind,
)
from keys.hsm.token import Handle, Token
from kmsconsole import randomness

_PROOF = b"kmsconsole/fingerprint/1"
# The root does nothing but wrap and unwrap, so its pin carries a key wrapped under it,
# of no other use; importing a known key instead would need a right to create objects.
_WITNESS = "WITNESS"
_WITNESS_SPEC = KEY_SPECS["AES_256"]
# The root last: until it is there, nothing can have been made under the others.
_MAKING_ORDER = (
    HierarchyKind.SEAL,
    HierarchyKind.DATA,
    HierarchyKind.MAC,
    HierarchyKind.ROOT,
)


@dataclass(frozen=True)
class Pin:
    """What is recorded of one key in the token.

    `fingerprint` is hex; `template` holds what the HSM said of the key when it was made
    (JSON types), `accepted_missing` the protections an operator agreed to do without.
    """

    kind: HierarchyKind
    epoch: int
    object_id: bytes
    fingerprint: str
    template: Mapping[str, Any]
    accepted_missing: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Hierarchy:
    """The pinned keys as found and proved in one session of the HSM."""

    generation: int
    handles: Mapping[tuple[HierarchyKind, int], Handle]
    newest: Mapping[HierarchyKind, int]
    object_ids: Mapping[tuple[HierarchyKind, int], bytes]


def initialise_hierarchy(
    token: Token, accept_missing: frozenset[str] = frozenset()
) -> list[Pin]:
    """Make root, MAC, sealing and data key, epoch 1, and return their pins.

    The caller asks for it once, explicitly, and stores the pins. Raises HsmMismatch,
    naming what the HSM lacks, unless those names are in `accept_missing`; what was made
    by then is destroyed again.
    """
    made: list[bytes] = []
    try:
        return [_make(token, kind, made, accept_missing) for kind in _MAKING_ORDER]
    except BaseException:
        for object_id in made:
            with suppress(HsmError):
                token.destroy_object(object_id)
        raise


def prove(token: Token, pins: Sequence[Pin]) -> Hierarchy:
    """Find every pinned key and compare it with its pin.

    Raises HsmDown where there are no pins or a key is missing, HsmMismatch where one is
    there twice, is another key, or lost a protection.
    """
    if not pins:
        message = "the HSM has no pinned keys; they are made with init_hsm"
        raise HsmDown(message)
    newest: dict[HierarchyKind, int] = {}
    for pin in pins:
        newest[pin.kind] = max(pin.epoch, newest.get(pin.kind, 0))
    if set(newest) != set(HierarchyKind):
        message = "the pins of the HSM keys are incomplete"
        raise HsmMismatch(message)
    for pin in pins:
        if pin.kind is HierarchyKind.MAC and pin.epoch == newest[pin.kind]:
            token.expect(pin.object_id, _PROOF, pin.fingerprint)
    handles = {(pin.kind, pin.epoch): _prove_one(token, pin) for pin in pins}
    object_ids = {(pin.kind, pin.epoch): pin.object_id for pin in pins}
    generation = handles[pins[-1].kind, pins[-1].epoch].generation
    return Hierarchy(generation, handles, newest, object_ids)


def _make(
    token: Token, kind: HierarchyKind, made: list[bytes], accepted: frozenset[str]
) -> Pin:
    object_id = randomness.token_bytes(16)
    made.append(object_id)
    label = f"kmsconsole-{kind}-1"
    try:
        handle = token.create_hierarchy_key(kind, object_id, label)
    except HsmMismatch:
        # Only a template that was refused whole is asked for without what is accepted.
        if not accepted:
            raise
        handle = token.create_hierarchy_key(kind, object_id, label, without=accepted)
    template: dict[str, Any] = _protections(token, kind, handle)
    missing = _missing(kind, template)
    _refuse(kind, missing - accepted)
    if kind is HierarchyKind.ROOT:
        template[_WITNESS] = token.generate_wrapped(handle, _WITNESS_SPEC).hex()
    fingerprint = _fingerprint(token, kind, handle, object_id, template)
    return Pin(kind, 1, object_id, fingerprint, template, missing)


def _prove_one(token: Token, pin: Pin) -> Handle:
    handle = token.find_object(pin.object_id, pin.kind)
    found = _fingerprint(token, pin.kind, handle, pin.object_id, pin.template)
    if found != pin.fingerprint:
        message = f"the {pin.kind} key in the HSM is not the pinned one"
        raise HsmMismatch(message)
    protections = _protections(token, pin.kind, handle)
    _refuse(pin.kind, _missing(pin.kind, protections) - pin.accepted_missing)
    recorded = {name: value for name, value in pin.template.items() if name != _WITNESS}
    if protections != recorded:
        message = f"the {pin.kind} key in the HSM is not protected as it was recorded"
        raise HsmMismatch(message)
    return handle


def _protections(token: Token, kind: HierarchyKind, handle: Handle) -> dict[str, bool]:
    protections = token.read_template(handle, HIERARCHY[kind].proved)
    if kind is HierarchyKind.ROOT:
        held = token.holds_unwrap_template(handle, _WITNESS_SPEC)
        protections[UNWRAP_TEMPLATE] = held
    return protections


def _missing(kind: HierarchyKind, protections: Mapping[str, bool]) -> frozenset[str]:
    wanted = dict(HIERARCHY[kind].proved)
    if kind is HierarchyKind.ROOT:
        wanted[UNWRAP_TEMPLATE] = True
    return frozenset(
        name for name, value in wanted.items() if protections.get(name) is not value
    )


def _refuse(kind: HierarchyKind, missing: frozenset[str]) -> None:
    if missing:
        names = ", ".join(sorted(missing))
        message = f"the HSM does not hold these protections of the {kind} key: {names}"
        raise HsmMismatch(message)


def _fingerprint(
    token: Token,
    kind: HierarchyKind,
    handle: Handle,
    object_id: bytes,
    template: Mapping[str, Any],
) -> str:
    """Return a digest only this key can produce and that says nothing about it."""
    if kind is HierarchyKind.ROOT:
        proof = _witness_proof(token, handle, template)
    elif kind is HierarchyKind.MAC:
        proof = token.hmac(handle, _PROOF)
    elif kind is HierarchyKind.DATA:
        proof = token.encrypt_block(handle, CHECK_BLOCK)
    else:
        proof = _seal_proof(token, handle, object_id)
    return hashlib.sha256(proof).hexdigest()


def _witness_proof(token: Token, root: Handle, template: Mapping[str, Any]) -> bytes:
    blob = bytes.fromhex(template.get(_WITNESS, ""))
    try:
        witness = token.unwrap(root, _WITNESS_SPEC, blob)
    except BadData:
        message = "the root key in the HSM is not the pinned one"
        raise HsmMismatch(message) from None
    try:
        return blob + token.encrypt_block(witness, CHECK_BLOCK)
    finally:
        token.destroy(witness)


def _seal_proof(token: Token, handle: Handle, object_id: bytes) -> bytes:
    public_key = token.public_key(object_id)
    message = "the two halves of the seal key in the HSM do not belong together"
    key = load_der_public_key(public_key)
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise HsmMismatch(message)
    try:
        key.verify(token.sign_p256(handle, _PROOF), _PROOF, ec.ECDSA(SHA256()))
    except InvalidSignature:
        raise HsmMismatch(message) from None
    return public_key
