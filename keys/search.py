"""An index of every three letters of names and IDs, for finding keys by a part of them.

Kept where the rows are, by triggers, as a scan of many keys takes too long. A
migration that makes SQLite rebuild the key table loses the triggers: it must call
`install` again.
"""

from itertools import product
from string import ascii_lowercase, digits, hexdigits

from django.apps.registry import Apps
from django.db import connection
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

MOST_CANDIDATES = 1000
_PIECE = 3
# What may follow in a name; the last of them pads its end.
_LETTERS = f"{ascii_lowercase}{digits}-_ "
_FIND = "SELECT id FROM keys_search WHERE keys_search MATCH %s LIMIT %s"
# Padded, so that the last letters of a name begin a piece too.
_ADD = "INSERT INTO keys_search (id, name) VALUES (NEW.id, NEW.alias || '  ');"
_REMOVE = (
    "DELETE FROM keys_search WHERE rowid IN "
    "(SELECT rowid FROM keys_search WHERE keys_search MATCH 'id:' || OLD.id);"
)
_ADD_ALL = (
    "INSERT INTO keys_search (id, name) "
    "SELECT id, alias || '  ' FROM keys_customermasterkey"
)
_SQLITE = {"INSERT": _ADD, "DELETE": _REMOVE, "UPDATE OF id, alias": _REMOVE + _ADD}
# How many rows share what an index begins with: one row, or most of the table. SQLite
# guesses ten without it, and then walks an account rather than looking up a few keys.
_TABLE = "keys_customermasterkey"
_STATISTICS = {
    f"sqlite_autoindex_{_TABLE}_1": "200000 1",
    "keys_newest": "200000 100000 50000 2 1 1 1 1 1 1",
    "keys_state_newest": "200000 100000 50000 10000 2 1",
    "keys_alias_once": "200000 100000 50000 1",
    "keys_cloud_newest": "20 20 10 2 1",
}
_POSTGRESQL = """
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE INDEX IF NOT EXISTS keys_search_name ON keys_customermasterkey
USING gin (UPPER(alias::text) gin_trgm_ops);
CREATE INDEX IF NOT EXISTS keys_search_id ON keys_customermasterkey
USING gin (UPPER(id::text) gin_trgm_ops);
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
    editor.execute("DROP TABLE IF EXISTS keys_search")
    editor.execute(
        "CREATE VIRTUAL TABLE keys_search USING fts5(id, name, tokenize='trigram')"
    )
    editor.execute(_ADD_ALL)
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


def candidates(words: str) -> list[str] | None:
    """Return the IDs of all keys, of whatever account, with `words` in name or ID.

    None where there are more than MOST_CANDIDATES, or where only a walk can tell.
    """
    if connection.vendor != "sqlite":
        return None
    question = _question(words.lower())
    if question is None:
        return None
    if not question:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_FIND, [question, MOST_CANDIDATES + 1])
        found = [key_id for (key_id,) in cursor.fetchall()]
    return found if len(found) <= MOST_CANDIDATES else None


def _question(words: str) -> str | None:
    """Return the index's own query; empty for what no key can match."""
    as_id = words.replace("-", "")
    is_id = bool(as_id) and set(as_id) <= set(hexdigits)
    if not is_id and not set(words) <= set(_LETTERS.rstrip()):
        return ""
    if is_id and len(as_id) < _PIECE:
        return None
    ends = product(_LETTERS, repeat=max(0, _PIECE - len(words)))
    pieces = [f'name:"{words}{"".join(end)}"' for end in ends]
    return " OR ".join([*pieces, f'id:"{as_id}"'] if is_id else pieces)
