"""Two changes in one account no longer wait for each other's counts on PostgreSQL."""

from django.db import migrations

from keys import counters


class Migration(migrations.Migration):
    dependencies = [("keys", "0006_hosted_data_keys")]

    operations = [
        migrations.RunPython(
            counters.install, migrations.RunPython.noop, elidable=False
        )
    ]
