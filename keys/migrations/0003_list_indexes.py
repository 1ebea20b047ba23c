from django.db import migrations, models

from keys import search


class Migration(migrations.Migration):
    dependencies = [
        ("keys", "0002_every_kind_of_key"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="customermasterkey",
            index=models.Index(
                condition=models.Q(("owner", "user"), _negated=True),
                fields=["account_uin", "region", "-created_at", "id"],
                name="keys_cloud_newest",
            ),
        ),
        migrations.RunPython(search.install, migrations.RunPython.noop),
    ]
