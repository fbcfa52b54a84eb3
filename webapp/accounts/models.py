"""Who works here? People, the teams they work in, their role in each, and what they did.

Links that invite are not kept: they are signed from the row's id. Of a token only the
SHA-256 of its secret is kept, so nobody who reads the database can use one.
"""

from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from webapp.common.models import BaseModel

# Given in order of joining a team; dark text stays readable on each.
COLORS = (
    "#F2B84B", "#7FB8FF", "#E79AD6", "#9AD66B", "#FF9B7A", "#B9A5FF", "#5FD3D8", "#D9D26A",
)  # fmt: skip


class UserQuerySet(models.QuerySet["User"]):
    def visible_to(self, user: "User") -> "UserQuerySet":
        """Return the people who share a team with `user`, and `user`."""
        shared = models.Q(memberships__team__memberships__user=user)
        return self.filter(shared | models.Q(pk=user.pk)).distinct()


class UserManager(BaseUserManager["User"].from_queryset(UserQuerySet)):  # type: ignore[misc]  # from_queryset makes a class
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Return a new person who signs in by `email`; without password they cannot."""
        user = User(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str, **fields: Any) -> "User":
        """Return a new operator."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A person, who signs in by e-mail address."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=80, blank=True)
    color = models.CharField(max_length=7, default=COLORS[0])
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    is_moderator = models.BooleanField(default=False)  # works the queue of reports
    wants_digest = models.BooleanField(default=True)  # notifications by mail, once a day
    digest_sent_at = models.DateTimeField(null=True, blank=True)
    current_team = models.ForeignKey(
        "Team", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    joined_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    @property
    def display_name(self) -> str:
        """The name to show; what stands before the @ if there is none."""
        return self.name or self.email.partition("@")[0]

    @property
    def initials(self) -> str:
        """One or two letters for the avatar."""
        words = self.display_name.replace(".", " ").replace("-", " ").split()
        letters = [word[0] for word in words if word]
        return "".join(letters[:1] + letters[-1:] if len(letters) > 1 else letters).upper()


class TeamQuerySet(models.QuerySet["Team"]):
    def visible_to(self, user: User) -> "TeamQuerySet":
        """Return the teams that `user` belongs to."""
        return self.filter(memberships__user=user)


class Team(BaseModel):
    """People who share pictures and a library."""

    name = models.CharField(max_length=80)
    members = models.ManyToManyField(User, through="Membership", related_name="teams")
    # Quotas that an operator set for this team alone, by name; absent ones are the usual.
    quotas = models.JSONField[Any, Any](default=dict, blank=True)

    objects = TeamQuerySet.as_manager()


class Role(models.TextChoices):
    """What a member may do: run the team, change what it has, or look."""

    OWNER = "owner"
    EDITOR = "editor"
    VIEWER = "viewer"


EDITING = (Role.OWNER, Role.EDITOR)


class MembershipQuerySet(models.QuerySet["Membership"]):
    def visible_to(self, user: User) -> "MembershipQuerySet":
        """Return the memberships of the teams that `user` belongs to."""
        return self.filter(team__in=Team.objects.visible_to(user))


class Membership(BaseModel):
    """One person's place in one team."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=8, choices=Role.choices, default=Role.EDITOR)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["team", "user"], name="one_membership_per_team")
        ]


# ---- invitations ---------------------------------------------------------------------------


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def visible_to(self, user: User) -> "InvitationQuerySet":
        """Return the invitations to the teams that `user` owns."""
        owned = Membership.objects.filter(user=user, role=Role.OWNER)
        return self.filter(team__in=owned.values("team"))

    def open(self, *, now: datetime) -> "InvitationQuerySet":
        """Leave out what was taken back, has expired or, sent by mail, was accepted."""
        return self.filter(
            revoked_at__isnull=True, accepted_at__isnull=True, expires_at__gt=now
        )


class Invitation(BaseModel):
    """A way into a team: for one address, once; or, without address, for who has the link."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=8, choices=Role.choices, default=Role.EDITOR)
    email = models.EmailField(blank=True)  # in lower case; empty for a link
    invited_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)  # of one sent by mail
    mailed_at = models.DateTimeField(null=True, blank=True)  # the row is its own outbox
    num_uses = models.PositiveIntegerField(default=0)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["team", "-id"], name="invitation_of_team")]


# ---- tokens --------------------------------------------------------------------------------


class Scope(models.TextChoices):
    """What a token may do; each stands alone, so give all that a program needs."""

    READ = "read"
    EDIT = "edit"
    PUBLISH = "publish"
    ADMIN = "admin"


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def visible_to(self, user: User) -> "ApiTokenQuerySet":
        """Return the tokens of `user`."""
        return self.filter(user=user)

    def valid(self, *, now: datetime) -> "ApiTokenQuerySet":
        """Leave out what was revoked or has expired, and tokens of accounts switched off."""
        lasting = models.Q(expires_at__isnull=True) | models.Q(expires_at__gt=now)
        return self.filter(lasting, revoked_at__isnull=True, user__is_active=True)


class ApiToken(BaseModel):
    """Lets a program act for a person, as far as its scopes go."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=16)  # shown, so that people know which one it is
    digest = models.CharField(max_length=64, unique=True)  # SHA-256 of the whole secret
    scopes = ArrayField(models.CharField(max_length=8, choices=Scope.choices))
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ApiTokenQuerySet.as_manager()


# ---- audit ---------------------------------------------------------------------------------


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    def visible_to(self, user: User) -> "AuditEventQuerySet":
        """Return what happened in the teams that `user` owns."""
        owned = Membership.objects.filter(user=user, role=Role.OWNER)
        return self.filter(team__in=owned.values("team"))


class AuditEvent(BaseModel):
    """Something that changed who may do or see what. Never changed, never deleted.

    A trigger of the database holds the last sentence.
    """

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="audit_events")
    actor = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    action = models.CharField(max_length=64)  # dotted, as `team.member_removed`
    target = models.CharField(max_length=64, blank=True)  # id of what it is about
    title = models.CharField(max_length=200, blank=True)  # what it was called then
    before = models.JSONField[Any, Any](null=True)
    after = models.JSONField[Any, Any](null=True)
    request_id = models.CharField(max_length=32, blank=True)

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["team", "-created_at", "-id"], name="audit_of_team")
        ]
