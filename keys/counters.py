"""Triggers that count keys by account, region, class and state.

Counted where the rows are, so that no path to them can forget it. A migration that
makes SQLite rebuild the key table loses the triggers: it must call `install` again.
"""

from django.apps.registry import Apps
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

_ADD = """
INSERT INTO keys_keycount (account_uin, region, cloud, state, count)
VALUES ({row}.account_uin, {row}.region, {row}.owner <> 'user', {row}.state, {change})
ON CONFLICT (account_uin, region, cloud, state)
DO UPDATE SET count = keys_keycount.count + {change};
"""
_NEW, _OLD = _ADD.format(row="NEW", change="1"), _ADD.format(row="OLD", change="-1")
_SQLITE = {
    "INSERT": _NEW,
    "DELETE": _OLD,
    "UPDATE OF state, owner, region, account_uin": _OLD + _NEW,
}
# One change of an account and region at a time: two that count between the same states
# in opposite directions would else each hold the row that the other one wants.
_POSTGRESQL = f"""
CREATE OR REPLACE FUNCTION keys_count() RETURNS trigger AS $$
BEGIN
PERFORM pg_advisory_xact_lock(hashtextextended(
    'keys_count ' || COALESCE(NEW.account_uin, OLD.account_uin) || ' '
    || COALESCE(NEW.region, OLD.region), 0
));
IF TG_OP <> 'INSERT' THEN {_OLD} END IF;
IF TG_OP <> 'DELETE' THEN {_NEW} END IF;
RETURN NULL;
END $$ LANGUAGE plpgsql;
DROP TRIGGER IF EXISTS keys_counted ON keys_customermasterkey;
CREATE TRIGGER keys_counted
AFTER INSERT OR DELETE OR UPDATE OF state, owner, region, account_uin
ON keys_customermasterkey FOR EACH ROW EXECUTE FUNCTION keys_count();
"""
_COUNT_ALL = """
INSERT INTO keys_keycount (account_uin, region, cloud, state, count)
SELECT account_uin, region, owner <> 'user', state, COUNT(*)
FROM keys_customermasterkey GROUP BY account_uin, region, owner <> 'user', state
"""


def install(_apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Create the triggers and count what is there already; for `RunPython`."""
    if editor.connection.vendor == "sqlite":
        for number, (event, statements) in enumerate(_SQLITE.items()):
            editor.execute(f"DROP TRIGGER IF EXISTS keys_counted_{number}")
            editor.execute(
                f"CREATE TRIGGER keys_counted_{number} AFTER {event} "
                f"ON keys_customermasterkey BEGIN {statements} END"
            )
    else:
        editor.execute(_POSTGRESQL)
    editor.execute("DELETE FROM keys_keycount")
    editor.execute(_COUNT_ALL)
