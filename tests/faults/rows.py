"""What the database says, in one look each, by none of the product's code."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import connection

# By the words of tests/faults/oracle.py.
_COLUMNS = {
    "state": "state",
    "primary": "primary_version",
    "rotation": "rotation_enabled",
    "days": "rotate_days",
    "due": "next_rotation_at",
    "rotated_at": "last_rotated_at",
    "valid_to": "material_valid_to",
    "deletion": "deletion_date",
}
_VERSION = (
    *("number", "spec", "wrapped_material", "binding", "root_epoch", "mac_epoch"),
    *("check_value", "public_key"),
)
_OF_KEY = (
    f"SELECT {', '.join(f'k.{column}' for column in _COLUMNS.values())}, "
    "k.account_uin, k.usage, k.origin, "
    f"{', '.join(f'v.{column}' for column in _VERSION)} FROM keys_customermasterkey k "
    "LEFT JOIN keys_keyversion v ON v.key_id = k.id WHERE k.id = %s"
)
_LAST_EVENT = "SELECT coalesce(max(sequence), 0) FROM audit_auditevent"
_EVENTS = "SELECT operation, error_code FROM audit_auditevent WHERE sequence > %s"


@dataclass(frozen=True)
class Version:
    """A row of material, and what it is bound to."""

    account_uin: int
    usage: str
    origin: str
    number: int
    spec: str
    wrapped_material: bytes | None
    binding: bytes
    root_epoch: int
    mac_epoch: int
    check_value: bytes
    public_key: bytes


def of(key_id: str) -> tuple[dict[str, Any], dict[int, Version]]:
    """Return a key's columns, and its versions by number."""
    found = _read(_OF_KEY, UUID(key_id).hex)
    known = len(_COLUMNS)
    seen = zip(_COLUMNS, map(_aware, found[0][:known]), strict=True)
    versions = (Version(*row[known:]) for row in found if row[known + 3] is not None)
    return dict(seen), {version.number: version for version in versions}


def last_event() -> int:
    """Return the number of the newest event."""
    return int(_read(_LAST_EVENT)[0][0])


def events_after(number: int) -> list[tuple[str, str]]:
    """Return operation and code of every event since."""
    return [(operation, code) for operation, code in _read(_EVENTS, number)]


def _read(statement: str, *parameters: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def _aware(fact: Any) -> Any:
    """Give a time its zone; SQLite keeps none."""
    return fact.replace(tzinfo=UTC) if isinstance(fact, datetime) else fact
