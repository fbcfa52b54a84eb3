"""People, teams and what they may do, for operators. Secrets are shown nowhere."""

from typing import ClassVar

from allauth.account.models import EmailAddress
from django.contrib import admin
from django.http import HttpRequest

from webapp.accounts.models import ApiToken, AuditEvent, Invitation, Membership, Team, User
from webapp.common import operators


class MembershipInline(admin.TabularInline[Membership, Team]):
    model = Membership
    extra = 0
    raw_id_fields = ("user",)


@admin.register(User, site=operators.site)
class UserAdmin(admin.ModelAdmin[User]):
    """Switching an account off ends its tokens at once, and its sockets within 30 s."""

    list_display = ("email", "name", "is_active", "is_moderator", "is_staff", "joined_at")
    list_filter = ("is_active", "is_moderator", "is_staff")
    search_fields = ("email", "name")
    fields = (
        "email", "name", "is_active", "is_moderator", "is_staff", "is_superuser", "groups",
        "wants_digest", "joined_at", "last_login",
    )  # fmt: skip
    readonly_fields = ("email", "joined_at", "last_login")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # people sign up, so that their address is confirmed

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False  # switched off instead: what they made stays


@admin.register(EmailAddress, site=operators.site)
class EmailAddressAdmin(admin.ModelAdmin[EmailAddress]):
    list_display = ("email", "user", "verified", "primary")
    list_filter = ("verified",)
    search_fields = ("email",)
    raw_id_fields = ("user",)


@admin.register(Team, site=operators.site)
class TeamAdmin(admin.ModelAdmin[Team]):
    """`quotas` holds what this team may have instead of the usual, as {"pictures": 10000}."""

    list_display = ("name", "created_at")
    search_fields = ("name", "memberships__user__email")
    fields = ("name", "quotas")
    inlines: ClassVar = [MembershipInline]

    def has_delete_permission(self, request: HttpRequest, obj: Team | None = None) -> bool:
        return False


@admin.register(Invitation, site=operators.site)
class InvitationAdmin(operators.ReadOnlyAdmin[Invitation]):
    list_display = ("team", "email", "role", "invited_by", "expires_at", "revoked_at")
    search_fields = ("email", "team__name")
    list_select_related = ("team", "invited_by")


@admin.register(ApiToken, site=operators.site)
class ApiTokenAdmin(operators.ReadOnlyAdmin[ApiToken]):
    list_display = ("prefix", "user", "name", "scopes", "last_used_at", "revoked_at")
    search_fields = ("prefix", "user__email")
    list_select_related = ("user",)
    exclude = ("digest",)


@admin.register(AuditEvent, site=operators.site)
class AuditEventAdmin(operators.ReadOnlyAdmin[AuditEvent]):
    list_display = ("created_at", "team", "actor", "action", "title")
    list_filter = ("action",)
    search_fields = ("team__name", "actor__email", "title", "request_id")
    list_select_related = ("team", "actor")
    date_hierarchy = "created_at"
