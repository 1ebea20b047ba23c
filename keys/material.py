"""The hot path's one query: a key's state together with the version to work with.

Plain rows by cursor instead of ORM objects: a third of the time (docs/performance.md).
"""

from typing import NamedTuple
from uuid import UUID

from keys import custody
from keys.hsm.keyring import WrappedVersion
from keys.states import KeyKind, kind_of
from kmsconsole.statements import Question, Statement

_SELECT = Statement(
    "SELECT k.state, k.usage, k.owner, k.origin, v.number, v.spec, v.wrapped_material, "
    "v.binding, v.root_epoch, v.mac_epoch, v.check_value, "
    "v.public_key, v.encryptions, k.region, k.creator_uin, k.account_uin "
    "FROM keys_customermasterkey k LEFT JOIN keys_keyversion v "
    "ON v.key_id = k.id AND v.number = COALESCE(%s, k.primary_version) "
    "WHERE k.id = %s AND k.region = %s",
    ("bigint", "uuid", "text"),
)


class KeyMaterial(NamedTuple):
    """A key as one request sees it; `version` is None where there is no material."""

    id: UUID
    account_uin: int
    region: str
    creator_uin: int
    state: str
    usage: str
    kind: KeyKind
    number: int | None
    encryptions: int
    version: WrappedVersion | None
    identity: bytes


def question(key_id: UUID, region: str, number: int | None = None) -> Question:
    """Return what `find` will read, to be read ahead."""
    return _SELECT, (number, key_id.hex, region)


def find(
    key_id: UUID, account_uin: int, region: str, number: int | None = None
) -> KeyMaterial | None:
    """Read the key and one version, the primary one unless `number` names another."""
    row = _SELECT.one((number, key_id.hex, region))
    if row is None or row[-1] != account_uin:
        return None
    (
        state,
        usage,
        owner,
        origin,
        found,
        spec,
        blob,
        binding,
        root,
        mac,
        check,
        public,
        encryptions,
        key_region,
        creator_uin,
        _,
    ) = row
    version = None
    identity = b""
    if blob is not None:
        version = WrappedVersion(
            spec=spec,
            blob=bytes(blob),
            binding=bytes(binding),
            root_epoch=root,
            mac_epoch=mac,
            check_value=bytes(check),
            public_key=bytes(public),
        )
        identity = custody.identity(account_uin, key_id, found, spec, usage, origin)
    return KeyMaterial(
        key_id,
        account_uin,
        key_region,
        creator_uin,
        state,
        usage,
        kind_of(owner, usage, origin),
        found,
        encryptions or 0,
        version,
        identity,
    )
