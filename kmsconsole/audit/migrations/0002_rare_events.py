"""What seldom happens to a key, found without reading how often it was used.

The names are those of `keys.operations.history.CHANGES`; a test compares the two.
"""

from django.db import migrations

NAMES = (
    "CreateKey",
    "CreateCloudKey",
    "UpdateAlias",
    "UpdateKeyDescription",
    "TagKey",
    "TagKeys",
    "EnableKey",
    "EnableKeys",
    "DisableKey",
    "DisableKeys",
    "ArchiveKey",
    "CancelKeyArchive",
    "EnableKeyRotation",
    "DisableKeyRotation",
    "RotateKey",
    "ScheduleKeyDeletion",
    "ScheduleKeysDeletion",
    "CancelKeyDeletion",
    "DestroyKey",
    "GetParametersForImport",
    "ImportKeyMaterial",
    "DeleteImportedKeyMaterial",
    "GrantAccess",
    "RevokeAccess",
    "DecideAccessRequest",
)
_LISTED = ", ".join(f"'{name}'" for name in NAMES)


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [
        migrations.RunSQL(
            sql=(
                "CREATE INDEX audit_key_rare ON audit_auditevent (key_id, sequence) "
                f"WHERE operation IN ({_LISTED}) OR outcome <> 'success'"
            ),
            reverse_sql="DROP INDEX audit_key_rare",
        ),
    ]
