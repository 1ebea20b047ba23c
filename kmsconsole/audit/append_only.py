"""Triggers that make the event table append-only.

A migration that makes SQLite rebuild the table loses them: it must call `protect`
again as its last step.
"""

from django.apps.registry import Apps
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

_SQLITE = """
CREATE TRIGGER IF NOT EXISTS audit_no_{verb} BEFORE {verb} ON audit_auditevent
BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END
"""
_POSTGRESQL = """
CREATE OR REPLACE FUNCTION audit_append_only() RETURNS trigger AS $$
BEGIN RAISE EXCEPTION 'audit events are append-only'; END $$ LANGUAGE plpgsql;
DROP TRIGGER IF EXISTS audit_no_change ON audit_auditevent;
CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE
ON audit_auditevent FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only();
"""


def protect(_apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Create the triggers; for `RunPython`."""
    if editor.connection.vendor == "sqlite":
        for verb in ("update", "delete"):
            editor.execute(_SQLITE.format(verb=verb))
    else:
        editor.execute(_POSTGRESQL)
