"""How does a program talk to Atelier? Through one object that holds address and token.

Every method is one use of the published HTTP API. Refusals are raised as `AtelierError`
with the platform's own sentence; waiting is reported through a callback, never printed.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from uuid import UUID, uuid4

import httpx
from pydantic import ValidationError

from atelier_client.models import (
    Album,
    EditVector,
    EditVectorPage,
    FamilyProject,
    FamilyStep,
    Image,
    Imported,
    ImportedLabels,
    Problem,
    Revision,
)

Scope = Literal["all", "team", "community"]
Sort = Literal["relevance", "new", "title", "used", "liked"]
LabelForm = Literal["png", "coco"]
PICTURES = (".png", ".jpg", ".jpeg", ".webp")
POLL_SECONDS = 0.5
TIMEOUT = httpx.Timeout(60.0)


class AtelierError(Exception):
    """The platform refused, or could not be reached; `code` says what it is about."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a folder is: what happens now, and how many pictures are through it."""

    stage: Literal["upload", "understand", "apply", "download"]
    done: int
    total: int


OnProgress = Callable[[Progress], None]


def _ignore(_: Progress) -> None:
    return None


class Atelier:
    """One installation, on behalf of the person whose token it is.

    Args:
        url: address of the installation.
        token: made on the account page; scopes `read`, `edit` and `publish` as needed.
        transport: for tests, instead of the network.
        sleep: waits so many seconds; for tests.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._http = httpx.Client(
            base_url=url.rstrip("/"),
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            timeout=TIMEOUT,
            transport=transport,
        )
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # ---- the library -------------------------------------------------------------------

    def search(
        self,
        words: str = "",
        *,
        scope: Scope = "all",
        parts: Sequence[str] = (),
        tags: Sequence[str] = (),
        sort: Sort = "relevance",
    ) -> Iterator[EditVector]:
        """Yield the edit vectors that fit, page after page, as many as are asked for."""
        query: dict[str, Any] = {
            "q": words, "scope": scope, "sort": sort,
            "parts": ",".join(parts), "tags": ",".join(tags),
        }  # fmt: skip
        while True:
            page = EditVectorPage.model_validate(self._get("/api/edit-vectors", params=query))
            yield from page.items
            if page.next is None:
                return
            query["cursor"] = page.next

    def edit_vector(self, edit_vector_id: UUID | str) -> EditVector:
        """Return one edit vector."""
        return EditVector.model_validate(self._get(f"/api/edit-vectors/{edit_vector_id}"))

    def publish(self, edit_vector_id: UUID | str, *, is_listed: bool = True) -> EditVector:
        """Bring an edit vector to the community; needs a token with the scope `publish`."""
        answer = self._post(
            f"/api/edit-vectors/{edit_vector_id}/publish", json={"is_listed": is_listed}
        )
        return EditVector.model_validate(answer)

    def withdraw(self, edit_vector_id: UUID | str) -> EditVector:
        """Take an edit vector back; needs a token with the scope `publish`."""
        answer = self._post(f"/api/edit-vectors/{edit_vector_id}/withdraw")
        return EditVector.model_validate(answer)

    def export(self, edit_vector_id: UUID | str, target: Path) -> None:
        """Write the file of an edit vector to `target`."""
        target.write_bytes(self._bytes(f"/api/edit-vectors/{edit_vector_id}/file"))

    def export_collection(self, collection_id: UUID | str, target: Path) -> None:
        """Write a whole collection to `target`, as one archive."""
        target.write_bytes(self._bytes(f"/api/collections/{collection_id}/file"))

    def import_file(self, source: Path) -> Imported:
        """Take in an edit vector file or an archive of them."""
        files = {"file": (source.name, source.read_bytes(), "application/octet-stream")}
        return Imported.model_validate(self._post("/api/edit-vectors/import", files=files))

    # ---- pictures ----------------------------------------------------------------------

    def upload(self, source: Path, *, bundle: str) -> Image:
        """Return a new picture; a worker looks for its code from now on."""
        answer = self._post(
            "/api/images",
            files={"file": (source.name, source.read_bytes())},
            data={"name": source.stem[:120], "bundle": bundle},
            headers={"Idempotency-Key": uuid4().hex},
        )
        return Image.model_validate(answer)

    def image(self, image_id: UUID | str) -> Image:
        """Return one picture."""
        return Image.model_validate(self._get(f"/api/images/{image_id}"))

    def picture(self, image_id: UUID | str, revision_id: UUID | str) -> bytes:
        """Return a revision of a picture as the bytes of a PNG."""
        for one in self._get(f"/api/images/{image_id}/revisions"):
            revision = Revision.model_validate(one)
            if str(revision.id) == str(revision_id):
                return self._bytes(revision.picture_url)
        raise AtelierError("images.unknown_revision", "This revision is not there any more.")

    # ---- albums ------------------------------------------------------------------------

    def apply(
        self, image_ids: Sequence[UUID | str], stack: Sequence[tuple[EditVector, float]]
    ) -> Album:
        """Begin to apply a stack to pictures; follow it with `album`."""
        body = {
            "image_ids": [str(one) for one in image_ids],
            "stack": [
                {"edit_vector_version_id": str(vector.version.id), "strength": strength}
                for vector, strength in stack
            ],
        }
        return Album.model_validate(self._post("/api/album-runs", json=body))

    def album(self, run_id: UUID | str) -> Album:
        """Return how far a run is."""
        return Album.model_validate(self._get(f"/api/album-runs/{run_id}"))

    def apply_to_folder(
        self,
        source: Path,
        target: Path,
        stack: Sequence[tuple[EditVector, float]],
        *,
        on_progress: OnProgress = _ignore,
    ) -> dict[str, str]:
        """Apply a stack to every picture of a folder and write the results as PNG.

        Returns the refusals, by name of the file; empty if all went through.

        Raises:
            AtelierError: the folder has no pictures, the stack is empty or of several
                models, or the platform refused all of it.
        """
        files = sorted(path for path in source.iterdir() if path.suffix.lower() in PICTURES)
        bundles = {vector.bundle for vector, _ in stack}
        if not files:
            raise AtelierError("client.no_pictures", f"{source} holds no PNG, JPEG or WebP.")
        if len(bundles) != 1:
            raise AtelierError(
                "client.stack", "A stack needs vectors of one and the same model."
            )
        (bundle,) = bundles
        refusals: dict[str, str] = {}
        images: dict[UUID, Path] = {}
        for number, path in enumerate(files):
            on_progress(Progress("upload", number, len(files)))
            try:
                images[self.upload(path, bundle=bundle).id] = path
            except AtelierError as refusal:
                refusals[path.name] = str(refusal)
        ready = self._until_ready(images, refusals, on_progress)
        if not ready:
            return refusals
        album = self.apply(ready, stack)
        while not album.run.is_over:
            on_progress(Progress("apply", album.run.num_done, len(ready)))
            self._sleep(POLL_SECONDS)
            album = self.album(album.run.id)
        target.mkdir(parents=True, exist_ok=True)
        for number, one in enumerate(album.pictures):
            on_progress(Progress("download", number, len(ready)))
            path = images[one.image_id]
            if one.revision_id is None:
                refusals[path.name] = one.refusal or f"This picture was {one.state}."
                continue
            data = self.picture(one.image_id, one.revision_id)
            (target / f"{path.stem}.png").write_bytes(data)
        on_progress(Progress("download", len(ready), len(ready)))
        return refusals

    def _until_ready(
        self, images: dict[UUID, Path], refusals: dict[str, str], on_progress: OnProgress
    ) -> list[UUID]:
        """Wait until the code of each picture was found; return those that have one."""
        waiting, ready = list(images), []
        while waiting:
            on_progress(Progress("understand", len(images) - len(waiting), len(images)))
            still = []
            for image_id in waiting:
                status = self.image(image_id).status
                if status == "ready":
                    ready.append(image_id)
                elif status == "failed":
                    refusals[images[image_id].name] = "No worker could understand this picture."
                else:
                    still.append(image_id)
            waiting = still
            if waiting:
                self._sleep(POLL_SECONDS)
        return ready

    # ---- families in the making --------------------------------------------------------

    def family_projects(self) -> list[FamilyProject]:
        """Return the families that the person's teams are making, the newest first."""
        return [FamilyProject.model_validate(one) for one in self._get("/api/family-projects")]

    def family_project(self, project_id: UUID | str) -> FamilyProject:
        """Return a family in the making: its seven steps and what was published."""
        return FamilyProject.model_validate(self._get(f"/api/family-projects/{project_id}"))

    def export_labels(
        self, project_id: UUID | str, target: Path, *, form: LabelForm = "png"
    ) -> None:
        """Write a zip of the label maps with their pictures to `target`."""
        place = f"/api/family-projects/{project_id}/labels?form={form}"
        target.write_bytes(self._bytes(place))

    def import_labels(
        self, project_id: UUID | str, source: Path, *, replace: bool = False
    ) -> ImportedLabels:
        """Take label maps from a zip of indexed PNGs or from COCO.

        Samples that are labelled already keep their label maps, unless `replace`.
        """
        answer = self._post(
            f"/api/family-projects/{project_id}/labels",
            files={"file": (source.name, source.read_bytes(), "application/octet-stream")},
            data={"replace": "true" if replace else "false"},
        )
        return ImportedLabels.model_validate(answer)

    def publish_family(
        self,
        project_id: UUID | str,
        *,
        name: str,
        title: str,
        description: str = "",
        license: str | None = None,
        on_step: Callable[[FamilyStep], None] = lambda step: None,
    ) -> FamilyProject:
        """Publish a family to its team, wait, and return it; needs the scope `publish`.

        `on_step` is told how the step stands, now and then.

        Raises:
            AtelierError: the platform refused, or the step failed; the text says why.
        """
        wish = {"name": name, "title": title, "description": description, "license": license}
        before = len(self.family_project(project_id).published)
        self._post(f"/api/family-projects/{project_id}/publish", json=wish)
        while True:
            project = self.family_project(project_id)
            step = project.step("publish")
            on_step(step)
            if len(project.published) > before:
                return project
            if step.state != "running":
                raise AtelierError("client.step", step.why)
            self._sleep(POLL_SECONDS)

    # ---- requests ----------------------------------------------------------------------

    def _get(self, path: str, **options: Any) -> Any:
        return self._send("GET", path, **options).json()

    def _post(self, path: str, **options: Any) -> Any:
        return self._send("POST", path, **options).json()

    def _bytes(self, path: str) -> bytes:
        return self._send("GET", path).content

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            answer = self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            raise AtelierError(
                "client.unreachable", f"Atelier does not answer: {error}"
            ) from error
        if answer.is_success:
            return answer
        try:
            problem = Problem.model_validate_json(answer.content)
        except ValidationError:
            raise AtelierError(
                "client.answer", f"Atelier answered {answer.status_code} without a reason."
            ) from None
        raise AtelierError(problem.code, problem.detail)
