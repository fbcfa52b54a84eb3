"""Members become editors, and the database itself refuses to change the audit log."""

from django.db import migrations

PROTECT = """
CREATE FUNCTION accounts_audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The audit log is append-only.';
END $$;
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE ON accounts_auditevent
    FOR EACH ROW EXECUTE FUNCTION accounts_audit_is_append_only();
"""
RELEASE = """
DROP TRIGGER audit_is_append_only ON accounts_auditevent;
DROP FUNCTION accounts_audit_is_append_only();
"""
EDITORS = "UPDATE accounts_membership SET role = 'editor' WHERE role = 'member'"
MEMBERS = "UPDATE accounts_membership SET role = 'member' WHERE role IN ('editor', 'viewer')"


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_people")]

    operations = [
        migrations.RunSQL(EDITORS, MEMBERS),
        migrations.RunSQL(PROTECT, RELEASE),
    ]
