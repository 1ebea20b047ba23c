"""Holding and confirming a deletion is rare, too.

The names are those of `keys.operations.history.CHANGES`; a test compares the two.
"""

from importlib import import_module

from django.db import migrations

_before = import_module("kmsconsole.audit.migrations.0004_rare_events_of_the_service")
NAMES = (*_before.NAMES, "HoldKeyDeletion", "ConfirmKeyDeletion")


def _index(names: tuple[str, ...]) -> str:
    listed = ", ".join(f"'{name}'" for name in names)
    return (
        "CREATE INDEX audit_key_rare ON audit_auditevent (key_id, sequence) "
        f"WHERE operation IN ({listed}) OR outcome <> 'success'"
    )


class Migration(migrations.Migration):
    dependencies = [("audit", "0004_rare_events_of_the_service")]

    operations = [
        migrations.RunSQL("DROP INDEX audit_key_rare", _index(_before.NAMES)),
        migrations.RunSQL(_index(NAMES), "DROP INDEX audit_key_rare"),
    ]
