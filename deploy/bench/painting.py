"""Does painting a change find the edit vector that was made by the same change elsewhere?

On an installation of its own: every painting rule of a family is painted on sample portraits
that no vector was made from, and the library is asked by HTTP as the studio asks it. Right
is the vector that came with the bundle for that rule; the clock runs from the request until
the answer with its previews is there.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

from deploy.bench.installation import Installation
from deploy.bench.optimizing import Person, paint
from editing import families
from editing.errors import EditingError

FIRST = 5
PAUSE = 0.02
LEAST_PIXELS = 5


def _edits(person: Person) -> list[tuple[dict[str, Any], dict[str, Any], str, bytes]]:
    """Return (image, head, title of the right vector, painting) of all that can be painted."""
    page = person.get("/api/edit-vectors?scope=team&sort=title")
    titles = {item["title"] for item in page["items"]}
    while page["next"]:
        page = person.get(f"/api/edit-vectors?scope=team&sort=title&cursor={page['next']}")
        titles |= {item["title"] for item in page["items"]}
    kinds = {kind["name"]: kind["family"] for kind in person.get("/api/families")}
    found = []
    for image in person.get("/api/images")["items"]:
        if image["head_revision_id"] is None:
            continue
        revisions = person.get(f"/api/images/{image['id']}/revisions")
        head = next(one for one in revisions if one["is_head"])
        labels = person.http.get(head["label_map_url"]).raise_for_status().content
        family = kinds[image["bundle"]]
        for rule in families.get(family).painting_rules:
            title = rule.replace("_", " ").capitalize()
            if title not in titles:
                continue
            try:
                painting = paint(labels, family=family, rule=rule)
            except EditingError:
                continue  # nothing there that the rule could act on
            if _num_changed(labels, painting) >= LEAST_PIXELS:
                found.append((image, head, title, painting))
    return found


def _num_changed(before: bytes, after: bytes) -> int:
    import io

    import numpy as np
    from PIL import Image

    one, other = (np.array(Image.open(io.BytesIO(data))) for data in (before, after))
    return int((one != other).sum())


def measure(
    installation: Installation,
    say: Callable[[str, float, str], None],
    *,
    email: str,
    password: str,
    num_edits: int = 50,
) -> None:
    """Print how often the right vector is among the first five, and how long answers take."""
    person = Person(installation.url, email=email, password=password)
    edits = _edits(person)
    # Spread over pictures and rules alike.
    chosen = [edits[n * len(edits) // num_edits] for n in range(min(num_edits, len(edits)))]
    ranks: list[int] = []
    times: list[float] = []
    for number, (image, head, title, painting) in enumerate([chosen[0], *chosen]):
        began = time.perf_counter()
        answer = person.post(
            f"/api/images/{image['id']}/painting-searches",
            files={"label_map": ("painting.png", painting, "image/png")},
            data={"base_revision_id": head["id"], "scope": "all"},
        )
        while not answer["is_done"]:
            time.sleep(PAUSE)
            answer = person.get(f"/api/painting-searches/{answer['job_id']}")
        if answer["refusal"]:
            raise RuntimeError(answer["refusal"])
        if number == 0:
            continue  # the first one warms up
        times.append(time.perf_counter() - began)
        found = [match["vector"]["title"] for match in answer["matches"]]
        ranks.append(found.index(title) + 1 if title in found else 0)
    say("painting_edits", len(ranks), "")
    say("painting_first_share", sum(rank == 1 for rank in ranks) / len(ranks), "")
    among = sum(0 < rank <= FIRST for rank in ranks)
    say("painting_first_five_share", among / len(ranks), "")
    say("painting_p95_s", statistics.quantiles(times, n=20)[-1], "s")
    say("painting_median_s", statistics.median(times), "s")
