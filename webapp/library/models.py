"""Which edit vectors are there, what was measured of them, and who may find them?

An edit vector is the asset that people name and find; a version is one immutable offset in
W+, with its card once a worker has measured it. Its publication says whether the community
may have it. `SearchEntry` holds what search looks in, in one table of its own: it can be
made anew from the others. Uses are insert-only events.
"""

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Q
from django.db.models.lookups import LessThan
from pgvector.django import HalfVectorField, HnswIndex

from webapp.accounts.models import Team, User
from webapp.common.models import BaseModel

MAX_TITLE = 120
MAX_DESCRIPTION = 2000
MAX_TAG = 40
MAX_TAGS = 12
MAX_NOTES = 500
MAX_REASON = 1000
SIGNATURE_DIM = 568  # as the engine's `effect/1`: a half from label maps, a half from pictures
LABEL_DIM = 384  # of these, the half that a painting has, too


class Tag(models.Model):
    """A word that a team files its edit vectors under, in lower case."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=MAX_TAG)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["team", "name"], name="tag_once_per_team")
        ]


class PublicationState(models.TextChoices):
    """Where an edit vector stands on its way to the community.

    `draft`: of the team alone; `measuring`: wanted by its author, figures awaited; `listed`:
    everyone finds it; `unlisted`: everyone who has its address may use it; `withdrawn`: taken
    back by its author; `removed`: taken out by a moderator.
    """

    DRAFT = "draft"
    MEASURING = "measuring"
    LISTED = "listed"
    UNLISTED = "unlisted"
    WITHDRAWN = "withdrawn"
    REMOVED = "removed"


OPEN_STATES = (PublicationState.LISTED, PublicationState.UNLISTED)
MODERATED_STATES = (*OPEN_STATES, PublicationState.REMOVED)


class EditVectorQuerySet(models.QuerySet["EditVector"]):
    def visible_to(self, user: User) -> "EditVectorQuerySet":
        """Return the edit vectors of the teams of `user` and those open to everyone.

        Removed ones of their teams are included. Moderators see what they took out as well.
        """
        return self.filter(
            Q(team__in=Team.objects.visible_to(user))
            | Q(Publication.open_to(user, of="pk"), deleted_at__isnull=True)
        )

    def live(self) -> "EditVectorQuerySet":
        """Leave out what was removed."""
        return self.filter(deleted_at__isnull=True)


class EditVector(BaseModel):
    """An edit that people can find and apply."""

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="edit_vectors")
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="edit_vectors")
    title = models.CharField(max_length=MAX_TITLE)
    description = models.TextField(max_length=MAX_DESCRIPTION, blank=True)
    tags = models.ManyToManyField(Tag, related_name="edit_vectors", blank=True)
    current_version = models.ForeignKey(
        "EditVectorVersion", on_delete=models.PROTECT, null=True, related_name="+"
    )
    forked_from = models.ForeignKey(
        "EditVectorVersion", on_delete=models.PROTECT, null=True, blank=True,
        related_name="forks",
    )  # fmt: skip
    # What others may do with it; the team itself may always do everything.
    asks_credit = models.BooleanField(default=True)
    allows_commercial = models.BooleanField(default=True)
    allows_derivatives = models.BooleanField(default=True)
    keeps_license = models.BooleanField(default=False)  # forks have the same switches
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = EditVectorQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["team", "-created_at", "-id"])]


class EditVectorVersionQuerySet(models.QuerySet["EditVectorVersion"]):
    def visible_to(self, user: User) -> "EditVectorVersionQuerySet":
        """Return the versions that `user` may apply.

        Those of their teams; of edit vectors open to everyone those up to the current one,
        as newer ones wait for their figures; and those that pictures of their teams hold
        already, unless a moderator took them out.
        """
        teams = Team.objects.visible_to(user)
        held = UseEvent.objects.filter(team__in=teams, version=models.OuterRef("pk"))
        removed = Q(edit_vector__publication__state=PublicationState.REMOVED)
        of_others = Q(
            Publication.open_to(user, of="edit_vector"),
            edit_vector__deleted_at__isnull=True,
            number__lte=models.F("edit_vector__current_version__number"),
        )
        return self.filter(
            Q(edit_vector__team__in=teams) | of_others | (Q(models.Exists(held)) & ~removed)
        )


class EditVectorVersion(BaseModel):
    """One immutable offset: float32, little-endian, row-major (num_layers, w_dim)."""

    edit_vector = models.ForeignKey(
        EditVector, on_delete=models.CASCADE, related_name="versions"
    )
    number = models.PositiveIntegerField()
    notes = models.CharField(max_length=MAX_NOTES, blank=True)
    offset = models.BinaryField()
    num_layers = models.PositiveSmallIntegerField()
    w_dim = models.PositiveSmallIntegerField()
    norm = models.FloatField()
    fingerprint = models.CharField(max_length=64)  # of the generator it was made with
    bundle = models.CharField(max_length=64)
    family = models.CharField(max_length=64)
    parts = ArrayField(models.PositiveSmallIntegerField())
    part_names = ArrayField(models.CharField(max_length=64))
    margin = models.PositiveSmallIntegerField()
    content_hash = models.CharField(max_length=64, db_index=True)  # SHA-256 of `offset`
    learned_from = models.JSONField[Any, Any](default=dict)
    card = models.JSONField[Any, Any](null=True)  # a `Measured`, once it is measured

    objects = EditVectorVersionQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["edit_vector", "number"], name="version_number_once"
            )
        ]
        indexes: ClassVar = [GinIndex(fields=["part_names"], name="version_part_names")]


class UseEvent(BaseModel):
    """Somebody kept a revision that this edit vector went into."""

    edit_vector = models.ForeignKey(EditVector, on_delete=models.CASCADE, related_name="uses")
    version = models.ForeignKey(
        EditVectorVersion, on_delete=models.CASCADE, null=True, related_name="uses"
    )
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, null=True, related_name="+")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["created_at"], name="use_event_when")]


# ---- what search looks in ----------------------------------------------------------------


class SearchEntryQuerySet(models.QuerySet["SearchEntry"]):
    def visible_to(self, user: User) -> "SearchEntryQuerySet":
        """Return the entries of the teams of `user` and the listed ones.

        The teams are read first: with their ids at hand the database picks an index.
        """
        teams = list(Team.objects.visible_to(user).values_list("pk", flat=True))
        return self.filter(Q(team_id__in=teams) | Q(is_listed=True))


class Beginnings(models.Func):
    """What each word of a document begins with: of `hair` h, ha, hai, hair; up to 16 letters.

    Looked up as whole words: an index answers that much faster than it collects all words
    with a given beginning.
    """

    MAX_LETTERS = 16  # as the function in the database
    function = "library_beginnings"
    output_field = SearchVectorField()


class SearchEntry(models.Model):
    """A live edit vector as search sees it; written by `index` alone."""

    edit_vector = models.OneToOneField(
        EditVector, on_delete=models.CASCADE, primary_key=True, related_name="entry"
    )
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    author = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    family = models.CharField(max_length=64)
    bundle = models.CharField(max_length=64)
    is_listed = models.BooleanField(default=False)
    parts = ArrayField(models.CharField(max_length=64))
    tags = ArrayField(models.CharField(max_length=MAX_TAG))
    locality = models.FloatField(null=True)
    identity = models.FloatField(null=True)
    success = models.FloatField(null=True)
    allows_commercial = models.BooleanField(default=True)
    allows_derivatives = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    title_key = models.CharField(max_length=MAX_TITLE)
    num_uses = models.PositiveIntegerField(default=0)
    num_likes = models.PositiveIntegerField(default=0)
    words = SearchVectorField()

    objects = SearchEntryQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            GinIndex(
                Beginnings("words"), "tags", "parts", name="entry_findable", fastupdate=False
            ),
            models.Index(fields=["family"], name="entry_family"),
            models.Index(fields=["bundle"], name="entry_bundle"),
            models.Index(fields=["-num_uses", "-edit_vector"], name="entry_used"),
            models.Index(fields=["-num_likes", "-edit_vector"], name="entry_liked"),
            models.Index(fields=["-created_at", "-edit_vector"], name="entry_new"),
            models.Index(fields=["title_key", "edit_vector"], name="entry_title"),
        ]


class LastByte(models.Func):
    """The last byte of an id, which is random: a fair way to sample rows."""

    template = "get_byte(uuid_send(%(expressions)s), 15)"
    output_field = models.IntegerField()


SAMPLED = Q(is_listed=True) & Q(LessThan(LastByte("edit_vector"), 4))  # one in 64


class EffectEntry(models.Model):
    """What a measured edit vector does, as similarity compares it; written by `index` alone.

    A table of its own: signatures are long, and would make every search for words read more.
    """

    edit_vector = models.OneToOneField(
        EditVector, on_delete=models.CASCADE, primary_key=True, related_name="effect"
    )
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    family = models.CharField(max_length=64)
    bundle = models.CharField(max_length=64)
    is_listed = models.BooleanField(default=False)
    signature = HalfVectorField(dimensions=SIGNATURE_DIM)

    class Meta:
        indexes: ClassVar = [
            HnswIndex(
                fields=["signature"],
                name="effect_signature",
                m=24,
                ef_construction=128,
                opclasses=["halfvec_cosine_ops"],
                condition=Q(is_listed=True),
            ),
            # Says whether the walk through the large one went past a group of vectors.
            HnswIndex(
                fields=["signature"],
                name="effect_sample",
                m=16,
                ef_construction=64,
                opclasses=["halfvec_cosine_ops"],
                condition=SAMPLED,
            ),
        ]


class RollUp(models.Model):
    """Up to when the counts of `SearchEntry` hold every use and like; one row."""

    counted_until = models.DateTimeField()


# ---- publication ---------------------------------------------------------------------------


class Publication(BaseModel):
    """Whether the community may have an edit vector; absent for one never published."""

    edit_vector = models.OneToOneField(
        EditVector, on_delete=models.CASCADE, related_name="publication"
    )
    state = models.CharField(
        max_length=10, choices=PublicationState.choices, default=PublicationState.DRAFT
    )
    is_wanted_listed = models.BooleanField(default=True)  # else open to holders of the address
    published_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    listed_at = models.DateTimeField(null=True, blank=True)
    reasons = ArrayField(models.CharField(max_length=300), default=list)  # why it is not
    changed_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["state", "edit_vector"])]

    @classmethod
    def open_to(cls, user: User, *, of: str) -> models.Exists:
        """Return the condition that the edit vector named by the field `of` is open to `user`.

        Asked row by row: a list of all that are open would be read whole for each page.
        """
        states = MODERATED_STATES if user.is_moderator else OPEN_STATES
        found = cls.objects.filter(edit_vector=models.OuterRef(of), state__in=states)
        return models.Exists(found)


class Verdict(models.TextChoices):
    OPEN = "open"
    UPHELD = "upheld"
    DISMISSED = "dismissed"


class ReportQuerySet(models.QuerySet["Report"]):
    def visible_to(self, user: User) -> "ReportQuerySet":
        """Return all reports for a moderator, one's own for everybody else."""
        return self if user.is_moderator else self.filter(reporter=user)


class Report(BaseModel):
    """Somebody says that a published edit vector should not be there."""

    REASONS = ("person", "stolen", "misleading", "offensive", "other")

    edit_vector = models.ForeignKey(
        EditVector, on_delete=models.CASCADE, related_name="reports"
    )
    reporter = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    reason = models.CharField(max_length=16)
    text = models.CharField(max_length=MAX_REASON, blank=True)
    verdict = models.CharField(max_length=10, choices=Verdict.choices, default=Verdict.OPEN)
    decided_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=MAX_REASON, blank=True)  # for author and reporter

    objects = ReportQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["edit_vector", "reporter"],
                condition=Q(verdict="open"),
                name="one_open_report_per_person",
            )
        ]
        indexes: ClassVar = [models.Index(fields=["verdict", "created_at"])]


class AppealQuerySet(models.QuerySet["Appeal"]):
    def visible_to(self, user: User) -> "AppealQuerySet":
        """Return all appeals for a moderator, one's own for everybody else."""
        return self if user.is_moderator else self.filter(author=user)


class Appeal(BaseModel):
    """The author of a removed edit vector asks for it back."""

    edit_vector = models.ForeignKey(
        EditVector, on_delete=models.CASCADE, related_name="appeals"
    )
    author = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    text = models.CharField(max_length=MAX_REASON)
    verdict = models.CharField(max_length=10, choices=Verdict.choices, default=Verdict.OPEN)
    decided_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=MAX_REASON, blank=True)

    objects = AppealQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["edit_vector"],
                condition=Q(verdict="open"),
                name="one_open_appeal_per_vector",
            )
        ]
        indexes: ClassVar = [models.Index(fields=["verdict", "created_at"])]


# ---- people and their favourites -------------------------------------------------------------


class Like(BaseModel):
    """Somebody likes an edit vector."""

    edit_vector = models.ForeignKey(EditVector, on_delete=models.CASCADE, related_name="likes")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    is_on = models.BooleanField(default=True)  # taken back, it stays to be counted anew
    changed_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["edit_vector", "user"], name="one_like_per_person")
        ]


class Follow(BaseModel):
    """Somebody wants to hear of what a creator lists."""

    creator = models.ForeignKey(User, on_delete=models.CASCADE, related_name="followers")
    follower = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["creator", "follower"], name="follow_once"),
            models.CheckConstraint(
                condition=~Q(creator=models.F("follower")), name="follow_others"
            ),
        ]


class CollectionQuerySet(models.QuerySet["Collection"]):
    def visible_to(self, user: User) -> "CollectionQuerySet":
        """Return the collections of the teams of `user` and their personal ones."""
        teams = Team.objects.visible_to(user)
        return self.filter(
            Q(team__in=teams, is_personal=False) | Q(owner=user, is_personal=True)
        )


class Collection(BaseModel):
    """Edit vectors put together under a name, for the team or for oneself."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="collections")
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="collections")
    is_personal = models.BooleanField(default=False)
    title = models.CharField(max_length=MAX_TITLE)
    description = models.CharField(max_length=MAX_DESCRIPTION, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = CollectionQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["team", "-created_at"])]


class CollectionItem(BaseModel):
    """An edit vector in a collection."""

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="items")
    edit_vector = models.ForeignKey(
        EditVector, on_delete=models.CASCADE, related_name="collected"
    )
    added_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["collection", "edit_vector"], name="vector_once_per_collection"
            )
        ]


class NoticeQuerySet(models.QuerySet["Notice"]):
    def visible_to(self, user: User) -> "NoticeQuerySet":
        """Return what `user` was told."""
        return self.filter(recipient=user)


class Notice(BaseModel):
    """One sentence that the library tells one person, about an edit vector."""

    KINDS = ("listed", "not_listed", "new_version", "forked", "removed", "decided", "creator")

    recipient = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=16)
    text = models.CharField(max_length=500)
    edit_vector = models.ForeignKey(EditVector, on_delete=models.CASCADE, related_name="+")
    read_at = models.DateTimeField(null=True, blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["recipient", "-created_at"])]
