from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_roles_and_audit")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="digest_sent_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
