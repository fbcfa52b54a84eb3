"""How quick is search in a library of a million edit vectors, and does it find what is there?

A scratch PostgreSQL of its own, filled with synthetic vectors: titles from a vocabulary whose
words are as unequal as those of a language, effects scattered around a few hundred kinds of
edits. 1 % belong to one team and to nobody else, the others are listed. Search is asked
through the same functions as over HTTP, cards and permissions included; what is nearest is
known from comparing with every vector.
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
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from deploy.local.servers import PostgreSQL

NUM_PARTS = 20  # of the 40 slots, as in portraits
LABELS, PICTURE, CELLS = 8, 3, 64  # numbers a part has in each half; cells of the grids
WIDTH = NUM_PARTS * (LABELS + PICTURE) + 2 * CELLS  # what is not zero by layout
NUM_KINDS = 400
NUM_TEAMS = 1000
TEAM_SHARE = 0.01
VOCABULARY = 30_000
BLOCK = 20_000
BUFFERS = ("shared_buffers=1GB", "work_mem=32MB", "jit=off")
# Beside these, made from syllables: what people of the portraits family would type.
USUAL = """
    smile wide gentle grin lips mouth open closed eyes bigger gaze left right brows
    raised hair fringe longer shorter beard goatee glasses round square nose hat beanie
    happy sad young old soft sharp summer winter portrait painted clean natural strong
    shy calm
"""

say_figure = Callable[[str, float, str], None]
Floats = NDArray[np.float32]
Halves = NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class Synthetic:
    """The vectors of the bench: `signatures` (n, WIDTH), as the database rounds them."""

    signatures: Halves
    words: list[str]
    team: slice  # those of one team alone

    @property
    def num(self) -> int:
        return len(self.signatures)


def invent(num: int, *, seed: int = 5) -> Synthetic:
    """Return `num` vectors, the last 1 % of them one team's own."""
    rng = np.random.default_rng(seed)
    kinds = np.zeros((NUM_KINDS, WIDTH), np.float32)
    for kind in kinds:
        for part in rng.choice(NUM_PARTS, rng.integers(1, 5), replace=False):
            kind[LABELS * part : LABELS * (part + 1)] = rng.standard_normal(LABELS)
            color = NUM_PARTS * LABELS + PICTURE * part
            kind[color : color + PICTURE] = 0.5 * rng.standard_normal(PICTURE)
        place = rng.choice(CELLS, 8, replace=False)
        kind[NUM_PARTS * (LABELS + PICTURE) + place] = 0.5
        kind[NUM_PARTS * (LABELS + PICTURE) + CELLS + place] = 0.3
    # In blocks: a million of these fill a third of the memory at once otherwise.
    signatures = np.empty((num, WIDTH), np.float16)
    for start in range(0, num, BLOCK):
        rows = kinds[rng.integers(0, NUM_KINDS, min(BLOCK, num - start))]
        rows = rows * rng.uniform(0.5, 1.5, rows.shape).astype(np.float32)
        rows += 0.03 * rng.standard_normal(rows.shape, dtype=np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        signatures[start : start + len(rows)] = rows.astype(np.float16)
    syllables = ["ka", "lo", "mi", "ren", "tu", "va", "sol", "be", "dri", "fen", "gos", "pli"]
    made = {"".join(rng.choice(syllables, rng.integers(2, 5))) for _ in range(3 * VOCABULARY)}
    words = [*USUAL.split(), *sorted(made)[:VOCABULARY]]
    first = num - max(1, int(num * TEAM_SHARE))
    return Synthetic(signatures, words, slice(first, num))


def laid_out(signature: NDArray[Any]) -> list[float]:
    """Return a signature (WIDTH,) in the layout that search holds, zeros in unused slots."""
    labels, colors = NUM_PARTS * LABELS, NUM_PARTS * PICTURE
    ends = np.cumsum([labels, colors, CELLS])
    parts, color, grid, change = np.split(signature.astype(np.float64), ends)
    whole = np.concatenate(
        [parts, np.zeros(labels), grid, color, np.zeros(colors), change]
    )  # 40 slots, of which the family uses half
    plain: list[float] = whole.tolist()
    return plain


def uuid_of(number: int) -> UUID:
    """Return the id of the vector with this number, rising as time-sorted ids do."""
    return UUID(int=(0x0198 << 112) | number)


@contextmanager
def scratch_database(keep: Path | None = None) -> Iterator[None]:
    """Run a PostgreSQL of its own with our tables in it, and take all away at the end.

    With `keep` it lives in that folder, and stays there to be asked again.
    """
    folder = keep or Path(tempfile.mkdtemp(prefix="atelier-library-"))
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    server = PostgreSQL(folder / "postgresql", durable=False, options=BUFFERS)
    try:
        server.start()
        os.environ.update(
            DJANGO_SETTINGS_MODULE="webapp.config.settings", DATABASE_URL=server.url,
            REDIS_URL="redis://127.0.0.1:1/0", SECRET_KEY="x" * 50,
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
        server.stop()
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)


# ---- filling -------------------------------------------------------------------------------

CARD = (
    '{"kind":"measure","strengths":[-2,-1,0,1,2],"strips":[],"num_probes":16,"locality":0.6,'
    '"outside_change":0.01,"identity":0.97,"success":0.95,"effect_by_part":{"hair":0.1},'
    '"valid_range":[-2,2],"norm":8.0}'
)


def fill(made: Synthetic, say: say_figure) -> Any:
    """Load the vectors and build the indexes; return a member of the team and a stranger."""
    from django.db import connection

    from webapp.accounts.models import Membership, Team, User
    from webapp.library.models import SearchEntry

    if SearchEntry.objects.exists():  # kept from an earlier run
        return [
            User.objects.get(email=f"{name}@example.com") for name in ("member", "stranger")
        ]
    people = [
        User.objects.create_user(f"{name}@example.com", None, name=name.capitalize())
        for name in ("member", "stranger")
    ]
    teams = [Team(name=f"Team {n}") for n in range(NUM_TEAMS)]
    Team.objects.bulk_create(teams)
    Membership.objects.create(team=teams[-1], user=people[0])
    Membership.objects.create(team=teams[0], user=people[1])
    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("SET maintenance_work_mem = '3GB'")
        cursor.execute("SET session_replication_role = replica")  # the rows do fit together
        indexes = _drop_indexes(cursor)
        for table, columns, rows in _tables(made, people[1].pk, [team.pk for team in teams]):
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for block in rows:
                    copy.write(block)
        cursor.execute(
            "UPDATE library_searchentry SET words = setweight(to_tsvector('simple', title_key),"
            " 'A') || setweight(to_tsvector('english', title_key), 'A')"
        )
        cursor.execute("VACUUM FULL library_searchentry")
        say("library_load_s", time.perf_counter() - began, "s")
        for name, definition in indexes:
            began = time.perf_counter()
            cursor.execute(definition)
            if name in ("effect_signature", "entry_words"):
                cursor.execute("SELECT pg_relation_size(%s)", [name])
                size = cursor.fetchone()[0]
                say(f"{name}_build_s", time.perf_counter() - began, "s")
                say(f"{name}_size", size / 2**20, "MiB")
        cursor.execute("ANALYZE")
        for table in ("library_searchentry", "library_effectentry"):
            cursor.execute("SELECT pg_total_relation_size(%s)", [table])
            say(f"{table}_size", cursor.fetchone()[0] / 2**20, "MiB")
        # As after some minutes of service: what is asked often is in memory.
        cursor.execute("SELECT count(*) FROM library_searchentry WHERE words IS NOT NULL")
    return people


def _drop_indexes(cursor: Any) -> list[tuple[str, str]]:
    """Drop what is quicker made afterwards; return the names and definitions."""
    cursor.execute(
        "SELECT indexname, indexdef FROM pg_indexes"
        " WHERE tablename IN ('library_searchentry', 'library_effectentry')"
        " AND indexname NOT LIKE '%pkey'"
    )
    found: list[tuple[str, str]] = list(cursor.fetchall())
    for name, _ in found:
        cursor.execute(f'DROP INDEX "{name}"')
    return found


def _tables(
    made: Synthetic, author: int, teams: list[UUID]
) -> Iterator[tuple[str, str, Iterator[str]]]:
    """Yield table, columns and rows, in the text form of COPY."""
    rng = np.random.default_rng(7)
    popularity = 1 / np.arange(1, len(made.words) + 1) ** 0.9
    chosen = rng.choice(len(made.words), (made.num, 4), p=popularity / popularity.sum())
    uses = (rng.pareto(1.2, made.num) * 3).astype(int).clip(max=200_000)
    at = "2026-01-01 00:00:00+00"

    def blocks(row: Callable[[int], str]) -> Iterator[str]:
        for start in range(0, made.num, BLOCK):
            numbers = range(start, min(made.num, start + BLOCK))
            yield "".join(row(number) for number in numbers)

    def title(number: int) -> str:
        return " ".join(made.words[i] for i in chosen[number])

    def team(number: int) -> UUID:
        return teams[-1] if number >= made.team.start else teams[number % (len(teams) - 1)]

    def stored(number: int) -> str:
        return "[" + ",".join(f"{v:.3g}" for v in laid_out(made.signatures[number])) + "]"

    def is_listed(number: int) -> str:
        return "f" if number >= made.team.start else "t"

    def version_id(number: int) -> UUID:
        return UUID(int=(0x0199 << 112) | number)

    yield (
        "library_editvector",
        "id, created_at, team_id, author_id, title, description, asks_credit,"
        " allows_commercial, allows_derivatives, keeps_license, updated_at, current_version_id",
        blocks(
            lambda n: (
                f"{uuid_of(n)}\t{at}\t{team(n)}\t{author}\t{title(n)}\t\tt\tt\tt\tf\t{at}"
                f"\t{version_id(n)}\n"
            )
        ),
    )
    yield (
        "library_editvectorversion",
        'id, created_at, edit_vector_id, number, notes, "offset", num_layers, w_dim, norm,'
        " fingerprint, bundle, family, parts, part_names, margin, content_hash, learned_from,"
        " card",
        blocks(
            lambda n: (
                f"{version_id(n)}\t{at}\t{uuid_of(n)}\t1\t\t\\\\x00\t10\t512\t8\t0\t"
                f"portraits-64\tportraits\t{{2}}\t{{hair}}\t1\t{n:x}\t{{}}\t{CARD}\n"
            )
        ),
    )
    listed = range(made.team.start)
    yield (
        "library_publication",
        "id, created_at, edit_vector_id, state, is_wanted_listed, published_by_id, reasons,"
        " changed_at",
        iter(
            [
                f"{uuid_of(n)}\t{at}\t{uuid_of(n)}\tlisted\tt\t{author}\t{{}}\t{at}\n"
                for n in listed
            ]
        ),
    )
    yield (
        "library_searchentry",
        "edit_vector_id, team_id, author_id, family, bundle, is_listed, parts, tags, locality,"
        " identity, success, allows_commercial, allows_derivatives, created_at, title_key,"
        " num_uses, num_likes, words",
        blocks(
            lambda n: (
                f"{uuid_of(n)}\t{team(n)}\t{author}\tportraits\tportraits-64\t{is_listed(n)}\t"
                f"{{hair}}\t{{}}\t0.6\t0.97\t0.95\tt\tt\t{at}\t{title(n)}\t{uses[n]}\t"
                f"{uses[n] // 8}\t\n"
            )
        ),
    )
    yield (
        "library_effectentry",
        "edit_vector_id, team_id, family, bundle, is_listed, signature",
        blocks(
            lambda n: (
                f"{uuid_of(n)}\t{team(n)}\tportraits\tportraits-64\t{is_listed(n)}\t"
                f"{stored(n)}\n"
            )
        ),
    )


# ---- asking --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds that each answer took: on the clock, and of processor time on both sides.

    On a machine that others work on, too, the second says what an idle one would take.
    """

    wall: list[float]
    cpu: list[float]


def _say_timing(say: say_figure, name: str, timing: Timing) -> None:
    for kind, times in (("", timing.wall), ("_cpu", timing.cpu)):
        say(f"{name}{kind}_p50_ms", statistics.median(times), "ms")
        say(f"{name}{kind}_p95_ms", statistics.quantiles(times, n=20)[-1], "ms")


def _cpu_seconds(backend: int) -> float:
    """Return the processor time of this thread and of a database process, in seconds."""
    other = int(Path(f"/proc/{backend}/schedstat").read_text().split()[0])
    return time.thread_time() + other / 1e9


def _timed(ask: Callable[[int], object], num: int) -> Timing:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend: int = cursor.fetchone()[0]
    for number in range(min(10, num)):
        ask(-1 - number)
    wall, cpu = [], []
    for number in range(num):
        began, used = time.perf_counter(), _cpu_seconds(backend)
        ask(number)
        wall.append((time.perf_counter() - began) * 1000)
        cpu.append((_cpu_seconds(backend) - used) * 1000)
    return Timing(wall, cpu)


def queries(made: Synthetic, num: int, *, seed: int = 11) -> list[str]:
    """Return what people type: one to three words, the last one often only begun."""
    rng = np.random.default_rng(seed)
    popularity = 1 / np.arange(1, len(made.words) + 1) ** 0.9
    asked = []
    for _ in range(num):
        chosen = rng.choice(made.words, rng.integers(1, 4), p=popularity / popularity.sum())
        words = [str(word) for word in chosen]
        if rng.random() < 0.6:
            words[-1] = words[-1][: max(3, len(words[-1]) - 3)]
        asked.append(" ".join(words))
    return asked


def ask_words(made: Synthetic, people: Any, say: say_figure, *, num: int) -> None:
    """Print how long a page of results for words takes, for all, and inside one team."""
    from webapp.library import search
    from webapp.library.search import Filters

    member, stranger = people
    asked = queries(made, num)
    cases = (
        ("words", stranger, Filters(), "relevance"),
        ("words_most_used", stranger, Filters(), "used"),
        ("words_in_team", member, Filters(scope="team"), "relevance"),
        ("words_with_parts", stranger, Filters(parts=("hair",)), "relevance"),
    )
    for name, user, filters, sort in cases:

        def ask(
            number: int, user: Any = user, filters: Filters = filters, sort: Any = sort
        ) -> object:
            return search.find(user, query=asked[number], filters=filters, sort=sort)

        _say_timing(say, name, _timed(ask, num))
    _say_timing(say, "browse", _timed(lambda _: search.find(stranger, sort="used"), num))


def ask_similar(made: Synthetic, people: Any, say: say_figure, *, num: int) -> None:
    """Print how long similarity takes and which share of the true nearest it finds."""
    from webapp.library import search

    rng = np.random.default_rng(13)
    member, stranger = people
    listed = slice(0, made.team.start)
    for name, user, scope, within in (
        ("similar", stranger, "community", listed),
        ("similar_in_team", member, "team", made.team),
        ("similar_team_and_community", member, "all", slice(0, made.num)),
    ):
        wanted = made.signatures[rng.integers(0, made.num, num + 10)].astype(np.float32)
        wanted += 0.03 * rng.standard_normal(wanted.shape).astype(np.float32)
        answers: dict[int, set[UUID]] = {}

        def ask(
            number: int, user: Any = user, scope: Any = scope, wanted: Floats = wanted,
            answers: dict[int, set[UUID]] = answers,
        ) -> None:  # fmt: skip
            signature = laid_out(wanted[number])
            found = search.similar(
                user, signature=signature, family="portraits", scope=scope, limit=20
            )
            answers[number] = {pk for pk, _ in found}

        times = _timed(ask, num)
        truth = likeness(made.signatures[within], wanted[:num])
        hits = 0
        for number in range(num):
            best = np.argpartition(-truth[:, number], 20)[:20] + within.start
            hits += len(answers[number] & {uuid_of(int(one)) for one in best})
        _say_timing(say, name, times)
        say(f"{name}_recall_at_20", hits / (20 * num), "")


def likeness(rows: Halves, wanted: Floats) -> Floats:
    """Return the cosine of every row (n, WIDTH) with every wanted one (m, WIDTH), (n, m)."""
    found = np.empty((len(rows), len(wanted)), np.float32)
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK].astype(np.float32)
        block /= np.linalg.norm(block, axis=1, keepdims=True)
        found[start : start + BLOCK] = block @ wanted.T
    return found


def measure(
    num_rows: int, say: say_figure, *, num_asked: int = 200, keep: Path | None = None
) -> None:
    """Print every figure of search in a library of `num_rows` vectors."""
    made = invent(num_rows)
    with scratch_database(keep):
        people = fill(made, say)
        ask_words(made, people, say, num=num_asked)
        ask_similar(made, people, say, num=num_asked)
