"""One index finds edit vectors by the beginnings of their words, their tags and their parts."""

from typing import ClassVar

import django.contrib.postgres.indexes
from django.db import migrations, models

import webapp.library.models

# A large library takes longer to index than a request may.
NO_TIMEOUT = "SET LOCAL statement_timeout = 0"
# As costly as it is: rows are to be found by the index, never by asking each.
FUNCTION = """
CREATE FUNCTION library_beginnings(words tsvector) RETURNS tsvector
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 10000
RETURN (
  SELECT array_to_tsvector(array_agg(left(lexeme, num)))
  FROM unnest(words) AS word (lexeme, positions, weights),
    generate_series(1, least(length(lexeme), 16)) AS num
)
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("library", "0002_community")]

    operations: ClassVar = [
        migrations.RunSQL(NO_TIMEOUT, NO_TIMEOUT),
        migrations.RunSQL(FUNCTION, "DROP FUNCTION library_beginnings"),
        migrations.RemoveIndex(model_name="searchentry", name="entry_words"),
        migrations.AddIndex(
            model_name="searchentry",
            index=django.contrib.postgres.indexes.GinIndex(
                webapp.library.models.Beginnings("words"), "tags", "parts",
                name="entry_findable", fastupdate=False,
            ),
        ),
        migrations.AddIndex(
            model_name="searchentry",
            index=models.Index(fields=["family"], name="entry_family"),
        ),
        migrations.AddIndex(
            model_name="searchentry",
            index=models.Index(fields=["bundle"], name="entry_bundle"),
        ),
    ]
