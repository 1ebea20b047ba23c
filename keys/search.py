"""An index of every three letters of names and IDs, for finding keys by a part of them.

Kept where the rows are, by triggers, as a scan of many keys takes too long. Its rows
are numbered by when their keys were made, so that it yields the newest of very many
matches without looking at the rest. A migration that makes SQLite rebuild the key table
loses the triggers: it must call `install` again.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from string import ascii_lowercase, digits, hexdigits

from django.apps.registry import Apps
from django.db import connection
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

MOST_CANDIDATES = 1200
_PIECE = 3
# Pieces of a letter that stand in more names than this are not worth looking up.
_MOST_NAMES = 5000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Keys made in one microsecond that the index keeps in order; more of them end up last.
_SLOTS = 1000
# What may follow in a name; the last of them pads its end.
_LETTERS = f"{ascii_lowercase}{digits}-_ "
_FIND = (
    "SELECT rowid, id FROM keys_search WHERE keys_search MATCH %s "
    "AND rowid BETWEEN %s AND %s ORDER BY rowid {} LIMIT %s"
)
_NUMBERS = (-(2**63), 2**63 - 1)
_PIECES_OF = (
    "SELECT term, doc FROM keys_search_pieces "
    "WHERE term > %s AND term < %s AND col = 'name'"
)
# Two signs of percent, as Django takes one for the place of a parameter.
_NUMBER = (
    "((strftime('%%s', {0}.created_at) * 1000000 "
    "+ CAST(substr({0}.created_at || '.000000', 21, 6) AS INTEGER))"
    f" * {_SLOTS})"
)
_NEW = _NUMBER.format("NEW")
# Padded, so that the last letters of a name begin a piece too.
_ADD = f"""
INSERT INTO keys_search (rowid, id, name)
SELECT iif(max(rowid) = {_NEW} + {_SLOTS - 1}, NULL, ifnull(max(rowid) + 1, {_NEW})),
NEW.id, NEW.alias || '  '
FROM keys_search WHERE rowid BETWEEN {_NEW} AND {_NEW} + {_SLOTS - 1};
"""  # noqa: S608 - constants
_REMOVE = (
    "DELETE FROM keys_search WHERE rowid IN "
    "(SELECT rowid FROM keys_search WHERE keys_search MATCH 'id:' || OLD.id);"
)
# Each number is at least its key's own, and above the one before it.
_ADD_ALL = f"""
INSERT INTO keys_search (rowid, id, name)
SELECT place + max(number - place) OVER (ORDER BY place), id, alias || '  '
FROM (
    SELECT id, alias, number, row_number() OVER (ORDER BY number, id) AS place
    FROM (
        SELECT id, alias, {_NUMBER.format("made")} AS number
        FROM keys_customermasterkey AS made
    )
)
"""  # noqa: S608 - constants
_SQLITE = {
    "INSERT": _ADD,
    "DELETE": _REMOVE,
    "UPDATE OF id, alias, created_at": _REMOVE + _ADD,
}
# How many rows share what an index begins with: one row, or most of the table. SQLite
# guesses ten without it, and then walks an account rather than looking up a few keys.
_TABLE = "keys_customermasterkey"
_STATISTICS = {
    f"sqlite_autoindex_{_TABLE}_1": "200000 1",
    "keys_newest": "200000 100000 50000 2 1 1 1 1 1 1",
    "keys_state_newest": "200000 100000 50000 10000 2 1",
    "keys_alias_once": "200000 100000 50000 1",
    "keys_by_name": "200000 100000 50000 2 1 1 1 1",
    "keys_by_nature": "200000 100000 50000 5000 500 50 10 5",
    "keys_cloud_newest": "20 20 10 2 1",
}
_POSTGRESQL = """
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE INDEX IF NOT EXISTS keys_search_name ON keys_customermasterkey
USING gin (UPPER(alias::text) gin_trgm_ops);
DROP INDEX IF EXISTS keys_search_id;
CREATE INDEX keys_search_id ON keys_customermasterkey
USING gin (UPPER(REPLACE(id::text, '-', '')) gin_trgm_ops);
"""


def install(_apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Create the index and what keeps it in step; for `RunPython`.

    PostgreSQL searches slowly where its package lacks the extension `pg_trgm`.
    """
    if editor.connection.vendor == "sqlite":
        _install_on_sqlite(editor)
        return
    with editor.connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'")
        available = cursor.fetchone()
    if available:
        editor.execute(_POSTGRESQL)


def _install_on_sqlite(editor: BaseDatabaseSchemaEditor) -> None:
    for table in ("keys_search_pieces", "keys_search"):
        editor.execute(f"DROP TABLE IF EXISTS {table}")
    editor.execute(
        "CREATE VIRTUAL TABLE keys_search USING fts5(id, name, tokenize='trigram')"
    )
    editor.execute(
        "CREATE VIRTUAL TABLE keys_search_pieces USING fts5vocab('keys_search', 'col')"
    )
    editor.execute(_ADD_ALL)
    editor.execute("INSERT INTO keys_search (keys_search) VALUES ('optimize')")
    for number, (event, statements) in enumerate(_SQLITE.items()):
        editor.execute(f"DROP TRIGGER IF EXISTS keys_searched_{number}")
        editor.execute(
            f"CREATE TRIGGER keys_searched_{number} AFTER {event} "
            f"ON {_TABLE} BEGIN {statements} END"
        )
    # Only this creates the table of statistics.
    editor.execute(f"ANALYZE {_TABLE}")
    editor.execute("DELETE FROM sqlite_stat1 WHERE tbl = %s", [_TABLE])
    for index, numbers in _STATISTICS.items():
        editor.execute(
            "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (%s, %s, %s)",
            [_TABLE, index, numbers],
        )
    editor.execute("ANALYZE sqlite_schema")


@dataclass(frozen=True, slots=True)
class Candidates:
    """IDs of keys, of whatever account, with some words in their name or ID.

    All of them where they are `complete`; else those made first or last, in order.
    """

    ids: list[str]
    complete: bool


def candidates(
    words: str, *, newest_first: bool = True, start: datetime | None = None
) -> Candidates | None:
    """Return up to MOST_CANDIDATES keys with `words`, made at `start` or beyond it.

    None where only a walk through the keys can tell.
    """
    if connection.vendor != "sqlite":
        return None
    question = _question(words.lower())
    if question is None:
        return None
    if not question:
        return Candidates([], complete=True)
    least, most = _NUMBERS
    if start is not None:
        number = (start - _EPOCH) // timedelta(microseconds=1) * _SLOTS
        # Beyond what a number can be, nothing was made.
        number = max(least, min(number, most - _SLOTS))
        least, most = (least, number + _SLOTS - 1) if newest_first else (number, most)
    find = _FIND.format("DESC" if newest_first else "ASC")
    with connection.cursor() as cursor:
        cursor.execute(find, [question, least, most, MOST_CANDIDATES + 1])
        found = cursor.fetchall()
    if len(found) <= MOST_CANDIDATES:
        return Candidates([key_id for _, key_id in found], complete=True)
    # Of those made in one microsecond, the list may want others first.
    last = found[-1][0] // _SLOTS
    ids = [key_id for number, key_id in found if number // _SLOTS != last]
    return Candidates(ids, complete=False) if ids else None


def _question(words: str) -> str | None:
    """Return the index's own query; empty for what no key can match."""
    as_id = words.replace("-", "")
    is_id = bool(as_id) and set(as_id) <= set(hexdigits)
    if not is_id and not set(words) <= set(_LETTERS.rstrip()):
        return ""
    if is_id and len(as_id) < _PIECE:
        return None
    pieces: list[str] | None = [words]
    if len(words) == 1:
        pieces = _pieces_of(words)
    elif len(words) < _PIECE:
        pieces = [f"{words}{end}" for end in _LETTERS]
    if pieces is None:
        return None
    parts = [f'name:"{piece}"' for piece in pieces]
    return " OR ".join([*parts, f'id:"{as_id}"'] if is_id else parts)


def _pieces_of(letter: str) -> list[str] | None:
    """Return what begins with the letter in any name; None where names are too many."""
    pieces, names = [], 0
    with connection.cursor() as cursor:
        # Read one by one, as counting the names of every piece takes its time.
        cursor.execute(_PIECES_OF, [letter, f"{letter}~"])
        while names <= _MOST_NAMES and (row := cursor.fetchone()):
            pieces.append(row[0])
            names += row[1]
    return pieces if names <= _MOST_NAMES else None
