"""Which families have teams made themselves, and who may use them?

The networks lie in a folder of `FAMILIES_DIR`; the row ties that folder to a team. A folder
without a row is offered to nobody. What is published never changes: publishing again makes
another row and another folder, and pictures stay with the one they were made with.
"""

from typing import Any, ClassVar

from django.db import models

from webapp.accounts.models import Team, User
from webapp.common.models import BaseModel
from webapp.families import guests


class OwnFamilyQuerySet(models.QuerySet["OwnFamily"]):
    def visible_to(self, user: User) -> "OwnFamilyQuerySet":
        """Return the families of the teams of `user`, and of pictures shared with them."""
        mine = models.Q(team__in=Team.objects.visible_to(user))
        for bundles in guests.shared_bundles(user):
            mine |= models.Q(bundle__in=bundles)
        return self.filter(mine)


class OwnFamily(BaseModel):
    """One published version of a team's own family; `bundle` names its folder."""

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="families")
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    project_id = models.UUIDField()
    bundle = models.CharField(max_length=64, unique=True)
    family = models.CharField(max_length=64)  # shared by the versions of a project
    version = models.PositiveIntegerField()
    title = models.CharField(max_length=80)
    card = models.JSONField[Any, Any](default=dict)

    objects = OwnFamilyQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["project_id", "version"], name="one_family_per_version"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["team", "-created_at"])]
