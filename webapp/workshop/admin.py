"""Families in the making, for operators, as far as they may see them as people."""

from django.contrib import admin

from webapp.common import operators
from webapp.workshop.models import FamilyProject


@admin.register(FamilyProject, site=operators.site)
class FamilyProjectAdmin(operators.ScopedAdmin[FamilyProject]):
    list_display = ("title", "team", "owner", "created_at", "updated_at", "deleted_at")
    search_fields = ("title",)
    list_select_related = ("team", "owner")
