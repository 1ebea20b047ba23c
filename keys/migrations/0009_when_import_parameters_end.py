"""Import parameters that are over are found by an index of their own."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("keys", "0008_rates"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="importparameters",
            index=models.Index(fields=["expires_at"], name="keys_parameters_due"),
        ),
    ]
