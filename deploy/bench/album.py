"""How long does a stack on a hundred pictures take, revisions and thumbnails included?

On a machine that others work on, too, the processor time says more than the clock: of all
processes of the installation, this program's questions included.
"""

import os
import time
from collections.abc import Callable

from deploy.bench.installation import Installation
from deploy.bench.optimizing import Person

NUM_PICTURES = 100
PAUSE = 0.2


def measure(
    installation: Installation,
    say: Callable[[str, float, str], None],
    *,
    email: str,
    password: str,
    num_pictures: int = NUM_PICTURES,
) -> None:
    """Print the seconds from asking for a run until every picture of it is done.

    The album is made of the installation's sample pictures, in rounds if there are too few.
    """
    person = Person(installation.url, email=email, password=password)
    page = person.get("/api/images")
    images = [image["id"] for image in page["items"] if image["status"] == "ready"]
    vector = person.get("/api/edit-vectors?q=smile&scope=team")["items"][0]
    num_done, seconds, used = 0, 0.0, installation.cpu_seconds()
    strength = 0.5
    while num_done < num_pictures:
        album = images[: num_pictures - num_done]
        strength += 0.05  # a stack of its own, so that nothing is the same picture twice
        use = {"edit_vector_version_id": vector["version"]["id"], "strength": strength}
        began = time.perf_counter()
        shown = person.post("/api/album-runs", json={"image_ids": album, "stack": [use]})
        while not shown["run"]["is_over"]:
            time.sleep(PAUSE)
            shown = person.get(f"/api/album-runs/{shown['run']['id']}")
        seconds += time.perf_counter() - began
        if shown["run"]["num_done"] != len(album):
            raise RuntimeError(f"{shown['run']['num_failed']} pictures failed")
        num_done += len(album)
    say("album_pictures", num_done, "")
    used = installation.cpu_seconds() - used
    say("album_100_pictures_s", seconds * 100 / num_done, "s")
    say("album_100_pictures_cpu_s", used * 100 / num_done, "s")
    say("album_load", os.getloadavg()[0], "")  # of the last minute, this bench included
