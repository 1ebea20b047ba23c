"""What the service itself does to keys is rare, too.

The names are those of `keys.operations.history.CHANGES`; a test compares the two.
"""

from importlib import import_module

from django.db import migrations

_before = import_module("kmsconsole.audit.migrations.0002_rare_events")
NAMES = (*_before.NAMES, "RotateDueKey", "ExpireKeyMaterial", "EndAccess")


def _index(names: tuple[str, ...]) -> str:
    listed = ", ".join(f"'{name}'" for name in names)
    return (
        "CREATE INDEX audit_key_rare ON audit_auditevent (key_id, sequence) "
        f"WHERE operation IN ({listed}) OR outcome <> 'success'"
    )


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_events_by_time")]

    operations = [
        migrations.RunSQL("DROP INDEX audit_key_rare", _index(_before.NAMES)),
        migrations.RunSQL(_index(NAMES), "DROP INDEX audit_key_rare"),
    ]
