from django.db import migrations

from keys import search


class Migration(migrations.Migration):
    dependencies = [
        ("keys", "0003_list_indexes"),
    ]

    operations = [
        migrations.RunPython(search.install, migrations.RunPython.noop),
    ]
