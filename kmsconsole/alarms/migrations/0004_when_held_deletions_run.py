"""Held deletions that were confirmed are found by when they run."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("alarms", "0003_watch"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="deletionhold",
            index=models.Index(
                condition=models.Q(("runs_at__isnull", False)),
                fields=["runs_at"],
                name="alarms_hold_runs",
            ),
        ),
    ]
