import django.db.models.functions.text
from django.db import migrations, models

from keys import search


class Migration(migrations.Migration):
    dependencies = [
        ("keys", "0003_list_indexes"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="customermasterkey",
            index=models.Index(
                models.F("account_uin"),
                models.F("region"),
                django.db.models.functions.text.Lower("alias"),
                models.F("id"),
                models.F("alias"),
                models.F("owner"),
                models.F("state"),
                name="keys_by_name",
            ),
        ),
        migrations.AddIndex(
            model_name="customermasterkey",
            index=models.Index(
                models.F("account_uin"),
                models.F("region"),
                django.db.models.functions.text.Lower("usage"),
                django.db.models.functions.text.Lower("origin"),
                models.F("rotation_enabled"),
                models.F("owner"),
                models.F("state"),
                name="keys_by_nature",
            ),
        ),
        # Once more: search rows are numbered by age, and there are indexes to weigh.
        migrations.RunPython(search.install, migrations.RunPython.noop),
    ]
