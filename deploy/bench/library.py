"""How quick is search in a library of a million edit vectors, and does it find what is there?

A scratch PostgreSQL and Redis of its own, filled by `library_rows`. Words and similarity are
asked over HTTP, inside this process: middleware, sign-in, rate limits, permissions, cards with
signed addresses and JSON are all in the figures, sockets between processes are not. Recall is
measured where one can ask for any effect, one call below; what is nearest is known from
comparing with every vector.
"""

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import numpy as np

from deploy.bench import library_rows
from deploy.bench.library_rows import BLOCK, Floats, Halves, Synthetic, say_figure, uuid_of
from deploy.local.servers import PostgreSQL, Redis

# What a server of this size would be set to; a search is one process's work.
SETTINGS = (
    "shared_buffers=1GB", "work_mem=32MB", "jit=off", "random_page_cost=1.1",
    "max_parallel_workers_per_gather=0",
)  # fmt: skip
MAX_RATE = 10_000_000  # requests a minute: counted, but never refused


@contextmanager
def scratch_installation(keep: Path | None = None) -> Iterator[None]:
    """Run database and Redis of its own with our tables in it, and take all away at the end.

    With `keep` the database lives in that folder, and stays there to be asked again.
    """
    folder = keep or Path(tempfile.mkdtemp(prefix="atelier-library-"))
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    server = PostgreSQL(folder / "postgresql", durable=False, options=SETTINGS)
    redis = Redis(folder / "redis", keep=False)
    try:
        server.start()
        redis.start()
        os.environ.update(
            DJANGO_SETTINGS_MODULE="webapp.config.settings", DATABASE_URL=server.url,
            REDIS_URL=redis.url, SECRET_KEY="x" * 50, RATE_READ=str(MAX_RATE),
            ARTIFACTS_DIR=str(folder / "artifacts"),
        )  # fmt: skip
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", interactive=False, verbosity=0)
        yield
        from django.db import connections

        connections.close_all()
        connections["default"].close_pool()  # type: ignore[attr-defined]  # pooled PostgreSQL
    finally:
        redis.stop()
        server.stop()
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)


def fill(made: Synthetic, say: say_figure, *, memory: str, num_workers: int) -> None:
    """Load what is not there yet from an earlier run, and build the indexes that are missing.

    Raises:
        ValueError: the kept database holds another number of vectors.
    """
    from webapp.library.models import SearchEntry

    num = SearchEntry.objects.count()
    if num not in (0, made.num):
        raise ValueError(f"the kept database holds {num} vectors; say --rows {num}")
    if not num:
        library_rows.load(made, say)
    library_rows.build_indexes(say, memory=memory, num_workers=num_workers)


# ---- asking --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds that each answer took: on the clock; of processor time, on both sides; and
    on the clock in the database's statements alone.

    On a machine that others work on, too, the second says what an idle one would take.
    """

    wall: list[float]
    cpu: list[float]
    sql: list[float]


def _say_timing(say: say_figure, name: str, timing: Timing) -> None:
    for kind, times in (("", timing.wall), ("_cpu", timing.cpu), ("_sql", timing.sql)):
        say(f"{name}{kind}_p50_ms", statistics.median(times), "ms")
        say(f"{name}{kind}_p95_ms", statistics.quantiles(times, n=20)[-1], "ms")
    say(f"{name}_load", os.getloadavg()[0], "")  # of the last minute, this bench included


def _cpu_seconds(backend: int) -> float:
    """Return the processor time of this thread and of a database process, in seconds."""
    other = int(Path(f"/proc/{backend}/schedstat").read_text().split()[0])
    return time.thread_time() + other / 1e9


def _timed(ask: Callable[[int], object], num: int) -> Timing:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend: int = cursor.fetchone()[0]
    in_statements = 0.0

    def statement(execute: Any, *args: Any) -> Any:
        nonlocal in_statements
        began = time.perf_counter()
        try:
            return execute(*args)
        finally:
            in_statements += time.perf_counter() - began

    for number in range(min(10, num)):
        ask(-1 - number)
    wall, cpu, sql = [], [], []
    with connection.execute_wrapper(statement):
        for number in range(num):
            in_statements = 0.0
            began, used = time.perf_counter(), _cpu_seconds(backend)
            ask(number)
            wall.append((time.perf_counter() - began) * 1000)
            cpu.append((_cpu_seconds(backend) - used) * 1000)
            sql.append(in_statements * 1000)
    return Timing(wall, cpu, sql)


class Browser:
    """A person who is signed in and asks for pages of the API."""

    def __init__(self, name: str) -> None:
        from django.conf import settings
        from django.test import Client

        from webapp.accounts.models import User

        self.user = User.objects.get(email=f"{name}@example.com")
        self._client = Client(SERVER_NAME="localhost")
        self._client.force_login(self.user, backend=settings.AUTHENTICATION_BACKENDS[0])

    def get(self, path: str, **query: str) -> bytes:
        """Return the body of an answer.

        Raises:
            RuntimeError: it is a refusal.
        """
        response = self._client.get(f"/api/{path}?{urlencode(query)}")
        if response.status_code != 200:
            raise RuntimeError(f"{path}: {response.status_code} {response.content[:300]!r}")
        return response.content


def queries(made: Synthetic, num: int, *, seed: int = 11) -> list[str]:
    """Return what people type: one to three words, the last one often only begun."""
    rng = np.random.default_rng(seed)
    shares = library_rows.popularity(made.words)
    asked = []
    for _ in range(num):
        chosen = rng.choice(made.words, rng.integers(1, 4), p=shares)
        words = [str(word) for word in chosen]
        if rng.random() < 0.6:
            words[-1] = words[-1][: max(3, len(words[-1]) - 3)]
        asked.append(" ".join(words))
    return asked


def ask_words(made: Synthetic, say: say_figure, *, num: int) -> None:
    """Print how long a page of results for words takes, for all, and inside one team."""
    member, stranger = Browser("member"), Browser("stranger")
    for other in queries(made, num, seed=12):  # as the memory of a running server is filled
        stranger.get("edit-vectors", q=other)
    asked = queries(made, num)
    cases: tuple[tuple[str, Browser, dict[str, str]], ...] = (
        ("words", stranger, {}),
        ("words_most_used", stranger, {"sort": "used"}),
        ("words_newest", stranger, {"sort": "new"}),
        ("words_in_team", member, {"scope": "team"}),
        ("words_with_parts", stranger, {"parts": "hair"}),
    )
    for name, browser, more in cases:

        def ask(number: int, browser: Browser = browser, more: dict[str, str] = more) -> object:
            return browser.get("edit-vectors", q=asked[number], **more)

        _say_timing(say, name, _timed(ask, num))
    _say_timing(say, "browse", _timed(lambda _: stranger.get("edit-vectors", sort="used"), num))
    facets = _timed(lambda number: stranger.get("edit-vectors/facets", q=asked[number]), num)
    _say_timing(say, "facets", facets)


def ask_similar(made: Synthetic, say: say_figure, *, num: int) -> None:
    """Print how long similarity takes and which share of the true nearest it finds.

    `similar_page` is what the page of a vector asks over HTTP, with cards; the others are the
    search for any effect, for 20.
    """
    from webapp.library import search

    rng = np.random.default_rng(13)
    member, stranger = Browser("member"), Browser("stranger")
    some = rng.integers(0, made.team.start, num + 10)
    for one in rng.integers(0, made.team.start, num):
        stranger.get(f"edit-vectors/{uuid_of(int(one))}/similar")
    page = _timed(
        lambda number: stranger.get(f"edit-vectors/{uuid_of(int(some[number]))}/similar"), num
    )
    _say_timing(say, "similar_page", page)
    listed = slice(0, made.team.start)
    for name, user, scope, within in (
        ("similar", stranger.user, "community", listed),
        ("similar_in_team", member.user, "team", made.team),
        ("similar_team_and_community", member.user, "all", slice(0, made.num)),
    ):
        wanted = made.signatures[rng.integers(0, made.num, num + 10)].astype(np.float32)
        wanted += 0.03 * rng.standard_normal(wanted.shape).astype(np.float32)
        wanted = wanted.astype(np.float16).astype(np.float32)  # as the database rounds them
        answers: dict[int, set[UUID]] = {}

        def ask(
            number: int, user: Any = user, scope: Any = scope, wanted: Floats = wanted,
            answers: dict[int, set[UUID]] = answers,
        ) -> None:  # fmt: skip
            signature = library_rows.laid_out(wanted[number][None])[0].tolist()
            found = search.similar(
                user, signature=signature, family="portraits", scope=scope, limit=20
            )
            answers[number] = {pk for pk, _ in found}

        times = _timed(ask, num)
        hits = 0
        for number, best in enumerate(nearest(made.signatures[within], wanted[:num])):
            hits += len(answers[number] & {uuid_of(int(one) + within.start) for one in best})
        _say_timing(say, name, times)
        say(f"{name}_recall_at_20", hits / (20 * num), "")


def nearest(rows: Halves, wanted: Floats, *, count: int = 20) -> list[list[int]]:
    """Return the `count` rows (n, WIDTH) of highest cosine with each wanted one (m, WIDTH)."""
    likeness = np.empty((len(wanted), 0), np.float32)
    numbers = np.empty((len(wanted), 0), np.int64)
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK].astype(np.float32)
        block /= np.linalg.norm(block, axis=1, keepdims=True)
        likeness = np.concatenate([likeness, wanted @ block.T], axis=1)
        here = np.broadcast_to(np.arange(start, start + len(block)), (len(wanted), len(block)))
        numbers = np.concatenate([numbers, here], axis=1)
        best = np.argsort(-likeness, axis=1)[:, :count]
        likeness = np.take_along_axis(likeness, best, axis=1)
        numbers = np.take_along_axis(numbers, best, axis=1)
    found: list[list[int]] = numbers.tolist()
    return found


def measure(
    num_rows: int,
    say: say_figure,
    *,
    num_asked: int = 200,
    keep: Path | None = None,
    memory: str = "3GB",
    num_workers: int = 1,
) -> None:
    """Print every figure of search in a library of `num_rows` vectors.

    The index of effects is built with `memory` and `num_workers` beside the one that asks.
    """
    made = library_rows.invent(num_rows)
    with scratch_installation(keep):
        fill(made, say, memory=memory, num_workers=num_workers)
        ask_words(made, say, num=num_asked)
        ask_similar(made, say, num=num_asked)
