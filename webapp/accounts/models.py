"""Who works here? People, the teams they work in, and their role in each."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
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

    objects = TeamQuerySet.as_manager()


class Role(models.TextChoices):
    OWNER = "owner"
    MEMBER = "member"


class MembershipQuerySet(models.QuerySet["Membership"]):
    def visible_to(self, user: User) -> "MembershipQuerySet":
        """Return the memberships of the teams that `user` belongs to."""
        return self.filter(team__in=Team.objects.visible_to(user))


class Membership(BaseModel):
    """One person's place in one team."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=8, choices=Role.choices, default=Role.MEMBER)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["team", "user"], name="one_membership_per_team")
        ]
