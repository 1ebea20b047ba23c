from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_rare_events")]

    operations = [
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(
                fields=["account_uin", "time", "sequence"], name="audit_account_time"
            ),
        ),
        migrations.RemoveIndex(model_name="auditevent", name="audit_account"),
    ]
