"""What is sent to each operation: the ids in its address, and a body that would be accepted.

An operation whose address names a picture is asked for in each state of pictures, one that
names an edit vector in each state of those, any other once. A new operation without a body
needs no entry here, only rows in the table.
"""

import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tests.factories import rows
from tests.webapp.permissions.world import IMAGE_STATES, VECTOR_STATES, World

Body = Callable[[World, str], Any]


@dataclass(frozen=True)
class Operation:
    """One operation of the API, as its schema names it."""

    name: str
    method: str
    path: str

    @property
    def states(self) -> tuple[str, ...]:
        """In which states of what it names the operation is asked for."""
        if re.search(r"\{(image|revision|job)_id\}", self.path):
            return IMAGE_STATES
        return VECTOR_STATES if "{edit_vector_id}" in self.path else ("-",)


def operations() -> list[Operation]:
    """Return every operation of the published API."""
    from webapp.config.api import api

    found = []
    for path, methods in api.get_openapi_schema()["paths"].items():
        for method, facts in methods.items():
            found.append(Operation(facts["operationId"], method.upper(), path))
    return found


def stack(world: World, state: str) -> list[dict[str, Any]]:
    version = world.vectors["listed"].current_version_id
    return [{"edit_vector_version_id": str(version), "strength": 1}]


def image_of(world: World, state: str) -> Any:
    return world.images[state if state in world.images else "team"]


# ---- bodies, by name of the operation -----------------------------------------------------

JSON: dict[str, Body] = {
    "choose_team": lambda w, s: {"team_id": str(w.ids["team_id"])},
    "change_person": lambda w, s: {"wants_digest": False},
    "found_team": lambda w, s: {"name": "New"},
    "rename_team": lambda w, s: {"name": "New"},
    "change_role": lambda w, s: {"role": "editor"},
    "hand_over_team": lambda w, s: {"user_id": w.users["editor"].pk},
    "invite": lambda w, s: {},
    "preview_invitation": lambda w, s: {"secret": w.secrets["invitation"]},
    "accept_invitation": lambda w, s: {"secret": w.secrets["invitation"]},
    "create_token": lambda w, s: {"name": "New", "scopes": ["read"]},
    "change_image": lambda w, s: {"name": "New"},
    "invert_image": lambda w, s: {"steps": 3},
    "start_refinement": lambda w, s: {
        "base_revision_id": str(image_of(w, s).head_id), "stack": stack(w, s), "steps": 10,
    },
    "keep": lambda w, s: {
        "base_revision_id": str(image_of(w, s).head_id), "stack": stack(w, s),
    },
    "change_revision": lambda w, s: {"starred": True},
    "save_edit_vector": lambda w, s: {"title": "New"},
    "save_as_version": lambda w, s: {"edit_vector_id": str(w.vectors["team"].pk)},
    "start_album_run": lambda w, s: {
        "image_ids": [str(w.images["team"].pk)], "stack": stack(w, s),
    },
    "share_image": lambda w, s: {},
    "open_share": lambda w, s: {"secret": w.secrets["share"]},
    "change_edit_vector": lambda w, s: {"title": "New"},
    "fork_edit_vector": lambda w, s: {},
    "change_edit_vector_license": lambda w, s: {},
    "publish_edit_vector": lambda w, s: {},
    "report_edit_vector": lambda w, s: {"reason": "other"},
    "appeal_removal": lambda w, s: {"text": "Please look again."},
    "decide_report": lambda w, s: {"is_upheld": True, "note": "Why."},
    "decide_appeal": lambda w, s: {"is_upheld": True, "note": "Why."},
    "add_collection": lambda w, s: {"title": "New"},
    "change_collection": lambda w, s: {"title": "New"},
    "add_webhook": lambda w, s: {"url": "https://example.com/", "events": ["vector.listed"]},
    "change_webhook": lambda w, s: {"is_active": False},
    "add_family_project": lambda w, s: {"title": "New"},
    "change_family_project": lambda w, s: {"title": "New"},
    "begin_family_upload": lambda w, s: {
        "file_name": "new.pkl", "size": 10, "kind": "checkpoint",
    },
    "bring_generator": lambda w, s: {},
    "draw_family_samples": lambda w, s: {},
    "change_family_sample": lambda w, s: {"is_chosen": True},
    "set_family_schema": lambda w, s: {"schema_version": 1, "parts": w.parts},
    "copy_family_label_map": lambda w, s: {
        "version": 1, "from_sample_id": str(w.ids["other_sample_id"]),
    },
    "train_family_encoder": lambda w, s: {},
    "publish_family": lambda w, s: {"name": "new", "title": "New"},
}  # fmt: skip
FORMS: dict[str, Body] = {
    "add_image": lambda w, s: {
        "file": _file(rows.picture_bytes()), "name": "New", "bundle": "tiny-16",
    },
    "start_edit": lambda w, s: {
        "label_map": _file(rows.labels_png(rows.labels(hair_rows=8))),
        "base_revision_id": str(image_of(w, s).head_id),
    },
    "search_by_painting": lambda w, s: {
        "label_map": _file(rows.labels_png(rows.labels(hair_rows=8))),
        "base_revision_id": str(image_of(w, s).head_id),
    },
    "add_family_chunk": lambda w, s: {"offset": 0, "chunk": _file(b"bytes")},
    "save_family_label_map": lambda w, s: {
        "version": 1, "label_map": _file(rows.labels_png(rows.labels())),
    },
    "import_family_labels": lambda w, s: {"file": _file(w.labels)},
    "try_family_upload": lambda w, s: {"file": _file(rows.picture_bytes())},
    "import_edit_vectors": lambda w, s: {"file": _file(w.file)},
    "add_edit_vector_version": lambda w, s: {"file": _file(w.file), "notes": "New"},
}  # fmt: skip
QUERIES: dict[str, Callable[[World], str]] = {
    "list_edit_vectors_of_versions": lambda w: f"ids={_version(w)}",
    "list_conflicts": lambda w: f"ids={_version(w)}",
    "clear_family_label_map": lambda w: "version=1",
}


def _version(world: World) -> Any:
    return world.vectors["listed"].current_version_id


def _file(data: bytes) -> io.BytesIO:
    file = io.BytesIO(data)
    file.name = "file"
    return file


def address(operation: Operation, world: World, state: str) -> str:
    """Return the address at which this operation finds the thing in this state."""
    image = image_of(world, state)
    vector = world.vectors[state if state in world.vectors else "team"]
    ids = {
        "creator_id": world.people.owner.pk,
        **world.ids,
        "image_id": image.pk,
        "revision_id": image.head_id,
        "job_id": world.ids[f"job {state}"] if f"job {state}" in world.ids else uuid4(),
        "edit_vector_id": vector.pk,
    }
    path = re.sub(r"\{(\w+)\}", lambda found: str(ids.get(found[1], uuid4())), operation.path)
    query = QUERIES.get(operation.name)
    return f"{path}?{query(world)}" if query else path


def ask(operation: Operation, world: World, state: str, who: str) -> int:
    """Return the status with which somebody is answered."""
    client = world.browsers[who]
    path, headers = address(operation, world, state), world.header(who)
    if operation.name in FORMS:
        answer = client.post(path, FORMS[operation.name](world, state), headers=headers)
    else:
        body = JSON.get(operation.name)
        text = json.dumps(body(world, state)) if body else ""
        answer = client.generic(
            operation.method, path, text, content_type="application/json", headers=headers
        )
    status: int = answer.status_code
    return status
