"""Joins the database to the HSM: which token, which pins, what a row is bound to."""

import logging
import struct
from functools import cache, lru_cache
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db.transaction import atomic

from keys.hsm.keyring import (
    HierarchyKind,
    Keyring,
    Pin,
    WrappedVersion,
    initialise_hierarchy,
)
from keys.hsm.token import Token, TokenSettings
from keys.hsm.turn import turn
from keys.models import CustomerMasterKey, ImportParameters, KeyVersion, TokenKey
from kmsconsole import clock, env, softhsm

log = logging.getLogger(__name__)


class AlreadyInitialised(Exception):
    """The root keys exist; making them again would orphan every key."""


def pin() -> str:
    """Return the PIN from the environment, or from the embedded token's own file.

    Raises OSError where there is neither: a PIN made now would not be the token's.
    """
    return env.secret("PKCS11_PIN") or _pin_file().read_text(encoding="ascii")


def first_pin() -> str:
    """Return the PIN for a token that is about to be made, drawn if none was set."""
    return env.secret("PKCS11_PIN") or env.kept_secret(_pin_file(), 32)


def _pin_file() -> Path:
    home: Path = settings.KMS_HOME
    return home / "pin"


def token_settings() -> TokenSettings:
    """Return where the token is; the PIN is read only when it is needed."""
    return TokenSettings(
        module=str(settings.PKCS11_MODULE or _embedded_module()),
        label=settings.PKCS11_TOKEN_LABEL,
        pin=pin,
        lock=_lock_file(),
    )


def _lock_file() -> Path:
    home: Path = settings.KMS_HOME
    return home / "login.lock"


def _embedded_module() -> str:
    module = softhsm.find_module(settings.KMS_HOME)
    if module is None:
        return ""
    softhsm.write_configuration(settings.KMS_HOME)
    # Nobody of ours writes the file just now, so one that is cut off was left so.
    with turn(_lock_file()):
        mended = softhsm.mend_token_object(settings.KMS_HOME)
    if mended:
        log.warning("the token's own file was cut off; its copy is in its place")
    return str(module)


def load_pins() -> list[Pin]:
    """Return every pinned HSM key."""
    return [
        Pin(
            kind=HierarchyKind(row.kind),
            epoch=row.epoch,
            object_id=bytes(row.object_id),
            fingerprint=row.fingerprint,
            template=row.template,
            accepted_missing=frozenset(row.accepted_missing),
        )
        for row in TokenKey.objects.order_by("kind", "epoch")
    ]


@cache
def keyring() -> Keyring:
    """Return this process's way to the HSM; nothing is opened before it is used."""
    return Keyring(
        Token(token_settings()), load_pins, capacity=settings.KMS_HANDLE_CACHE
    )


def initialise(accept_missing: frozenset[str] = frozenset()) -> list[Pin]:
    """Make the root, MAC, sealing and data key and pin them.

    Raises AlreadyInitialised where any are pinned: their loss must never lead to new
    ones under which nothing old can be read.
    """
    with atomic(durable=True):
        if TokenKey.objects.exists():
            raise AlreadyInitialised
        pins = initialise_hierarchy(Token(token_settings()), accept_missing)
        TokenKey.objects.bulk_create(
            TokenKey(
                kind=str(pin.kind),
                epoch=pin.epoch,
                object_id=pin.object_id,
                fingerprint=pin.fingerprint,
                template=dict(pin.template),
                accepted_missing=sorted(pin.accepted_missing),
                created_at=clock.now(),
            )
            for pin in pins
        )
    keyring.cache_clear()
    return pins


def identity(
    account_uin: int, key_id: UUID, number: int, spec: str, usage: str, origin: str
) -> bytes:
    """Return what a version's blob is bound to, in one canonical form.

    Numbers are big-endian, texts carry their length, so that no two identities share
    their bytes.
    """
    who = struct.pack(">Q16sI", account_uin, key_id.bytes, number)
    return who + _texts(spec, usage, origin)


@lru_cache(maxsize=256)
def _texts(*texts: str) -> bytes:
    encoded = (text.encode("ascii") for text in texts)
    return b"".join(struct.pack(">H", len(text)) + text for text in encoded)


def identity_of(key: CustomerMasterKey, number: int, spec: str) -> bytes:
    """Return what this version of the key is bound to."""
    return identity(key.account_uin, key.id, number, spec, key.usage, key.origin)


def new_version(
    key: CustomerMasterKey, number: int, wrapped: WrappedVersion, creator_uin: int
) -> KeyVersion:
    """Return the row of a version that was just made, not yet saved."""
    return KeyVersion(
        key=key,
        number=number,
        spec=wrapped.spec,
        created_at=clock.now(),
        creator_uin=creator_uin,
        **columns(wrapped),
    )


def columns(wrapped: WrappedVersion) -> dict[str, bytes | int]:
    """Return the columns that hold wrapped material, with what it was bound by."""
    return {
        "wrapped_material": wrapped.blob,
        "binding": wrapped.binding,
        "root_epoch": wrapped.root_epoch,
        "mac_epoch": wrapped.mac_epoch,
        "check_value": wrapped.check_value,
        "public_key": wrapped.public_key,
    }


def wrapped(row: KeyVersion | ImportParameters) -> WrappedVersion:
    """Return a row's material as the keyring takes it; only where there is any."""
    assert row.wrapped_material is not None
    return WrappedVersion(
        spec=row.spec,
        blob=bytes(row.wrapped_material),
        binding=bytes(row.binding),
        root_epoch=row.root_epoch,
        mac_epoch=row.mac_epoch,
        check_value=bytes(row.check_value),
        public_key=bytes(row.public_key),
    )
