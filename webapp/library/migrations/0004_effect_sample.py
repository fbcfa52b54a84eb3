"""A sparse index over a sample of effects, to tell where the large one was left too early."""

from typing import ClassVar

import pgvector.django.indexes
from django.db import migrations

import webapp.library.models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("library", "0003_beginnings")]

    operations: ClassVar = [
        migrations.RunSQL("SET LOCAL statement_timeout = 0", migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="effectentry",
            index=pgvector.django.indexes.HnswIndex(
                fields=["signature"], name="effect_sample", m=16, ef_construction=64,
                opclasses=["halfvec_cosine_ops"], condition=webapp.library.models.SAMPLED,
            ),
        ),
    ]  # fmt: skip
