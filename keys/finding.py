"""Keys by their IDs, as every operation on a key asks for them.

The rows become ORM objects as Django makes them, by its own converters, but the
statement is written once: building it anew costs ten times what the database takes.
"""

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any, Final
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections

from keys.models import CustomerMasterKey
from keys.states import KeyState
from kmsconsole.statements import Statement

_FIELDS = CustomerMasterKey._meta.concrete_fields  # noqa: SLF001 - public in Django
_TABLE: Final = "keys_customermasterkey"
_NAMES = tuple(field.attname for field in _FIELDS)


@lru_cache(maxsize=256)
def _statement(number: int, *, lock: bool) -> Statement:
    columns = ", ".join(f'"{field.column}"' for field in _FIELDS)
    # Locked in one order by everybody, so that two batches can't wait for each other.
    return Statement(
        f"SELECT {columns} FROM {_TABLE} "  # noqa: S608 - constants
        f"WHERE id IN ({', '.join(['%s'] * number)}) AND account_uin = %s "
        f"AND region = %s AND NOT state = '{KeyState.DESTROYED.value}' ORDER BY id"
        + (" FOR UPDATE" if lock else "")
    )


@cache
def _conversions(vendor: str) -> tuple[tuple[int, Any, list[Callable[..., Any]]], ...]:
    """Return place, column and converters of what a database stores differently."""
    database = connections[DEFAULT_DB_ALIAS]
    assert database.vendor == vendor
    columns = [field.get_col(_TABLE) for field in _FIELDS]
    found = (
        database.ops.get_db_converters(column) + column.get_db_converters(database)
        for column in columns
    )
    return tuple(
        (place, column, converters)
        for place, (column, converters) in enumerate(zip(columns, found, strict=True))
        if converters
    )


def find(
    key_ids: Sequence[UUID], account_uin: int, region: str, *, lock: bool
) -> dict[UUID, CustomerMasterKey]:
    """Read keys of this account and region that were not destroyed, by ID.

    `lock` keeps others from changing them until the transaction ends.
    """
    database = connections[DEFAULT_DB_ALIAS]
    statement = _statement(
        len(key_ids), lock=lock and database.features.has_select_for_update
    )
    conversions = _conversions(database.vendor)
    keys = {}
    for row in statement.all((*(key.hex for key in key_ids), account_uin, region)):
        values = list(row)
        for place, column, converters in conversions:
            for convert in converters:
                values[place] = convert(values[place], column, database)
        key = CustomerMasterKey.from_db(DEFAULT_DB_ALIAS, _NAMES, values)
        keys[key.id] = key
    return keys
