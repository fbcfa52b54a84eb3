"""Pictures and the links to them, for operators, as far as they may see them as people."""

from django.contrib import admin

from webapp.common import operators
from webapp.images.models import Image, ShareLink


@admin.register(Image, site=operators.site)
class ImageAdmin(operators.ScopedAdmin[Image]):
    list_display = ("name", "team", "owner", "status", "bundle", "updated_at", "deleted_at")
    list_filter = ("status", "bundle")
    search_fields = ("name",)
    list_select_related = ("team", "owner")


@admin.register(ShareLink, site=operators.site)
class ShareLinkAdmin(operators.ScopedAdmin[ShareLink]):
    list_display = ("image", "access", "made_by", "created_at", "expires_at", "revoked_at")
    list_select_related = ("image", "made_by")
