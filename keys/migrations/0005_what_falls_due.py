"""Rows that fall due are found by an index of their own; encryptions are counted."""

from django.db import migrations, models

# What was used before is counted in KeyUsage.
_COUNT = """
UPDATE keys_keyversion SET encryptions = COALESCE((
    SELECT SUM(u.count) FROM keys_keyusage u
    WHERE u.key_id = keys_keyversion.key_id AND u.version = keys_keyversion.number
    AND u.operation IN ('Encrypt', 'ReEncrypt', 'GenerateDataKey')
), 0)
"""


class Migration(migrations.Migration):
    dependencies = [("keys", "0004_list_of_very_many")]

    operations = [
        migrations.RemoveIndex(
            model_name="customermasterkey", name="keys_rotation_due"
        ),
        migrations.AddIndex(
            model_name="customermasterkey",
            index=models.Index(
                condition=models.Q(rotation_enabled=True, state="Enabled"),
                fields=["next_rotation_at"],
                name="keys_rotation_due",
            ),
        ),
        migrations.RenameField(
            model_name="keyversion",
            old_name="encryptions_leased",
            new_name="encryptions",
        ),
        migrations.RunSQL(_COUNT, migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="keyversion",
            index=models.Index(
                condition=models.Q(encryptions__gte=2**31 - 2**24),
                fields=["key"],
                name="keys_version_worn",
            ),
        ),
    ]
