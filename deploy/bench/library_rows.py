"""What lies in a library of a million edit vectors, and how does it get into a database fast?

Titles come from a vocabulary whose words are as unequal as those of a language, effects are
scattered around a few hundred kinds of edits, cards are as large as measured ones. 1 % belong
to one team and to nobody else, the others are listed. Python sends numbers, titles and, in
the binary form of COPY, signatures; the database makes the rest. Indexes are made afterwards.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

NUM_PARTS = 20  # of the 40 slots, as in portraits
LABELS, PICTURE, CELLS = 8, 3, 64  # numbers a part has in each half; cells of the grids
WIDTH = NUM_PARTS * (LABELS + PICTURE) + 2 * CELLS  # what is not zero by layout
SIGNATURE_DIM = 2 * NUM_PARTS * (LABELS + PICTURE) + 2 * CELLS
NUM_KINDS = 400
NUM_TEAMS = 1000
TEAM_SHARE = 0.01
VOCABULARY = 30_000
BLOCK = 20_000
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


def laid_out(signatures: NDArray[Any]) -> NDArray[Any]:
    """Return signatures (n, WIDTH) in the layout that search holds, (n, SIGNATURE_DIM).

    The slots of parts that the family does not have are zero.
    """
    labels, colors = NUM_PARTS * LABELS, NUM_PARTS * PICTURE
    ends = np.cumsum([labels, colors, CELLS])
    parts, color, grid, change = np.split(signatures, ends, axis=1)
    no_parts, no_color = np.zeros_like(parts), np.zeros_like(color)
    return np.concatenate([parts, no_parts, grid, color, no_color, change], axis=1)


def popularity(words: list[str]) -> NDArray[np.float64]:
    """Return how likely each word is: the usual ones first, by Zipf's law."""
    shares = 1 / np.arange(1, len(words) + 1) ** 0.9
    return np.asarray(shares / shares.sum())


def uuid_of(number: int) -> UUID:
    """Return the id of the vector with this number, rising as time-sorted ids do."""
    return UUID(int=(0x0198 << 112) | number)


# ---- loading ---------------------------------------------------------------------------------


def load(made: Synthetic, say: say_figure) -> None:
    """Put the vectors and their people into an empty database; all of them or none.

    `member@example.com` belongs to the team that has 1 % to itself, `stranger@example.com` to
    another one.
    """
    from django.db import connection, transaction

    from webapp.accounts.models import Membership, Team, User
    from webapp.library.models import EditVectorVersion, EffectEntry, SearchEntry

    began = time.perf_counter()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SET LOCAL session_replication_role = replica")  # rows fit together
        _drop_indexes(cursor, EditVectorVersion, EffectEntry, SearchEntry)
        member, stranger = (
            User.objects.create_user(f"{name}@example.com", None, name=name.capitalize())
            for name in ("member", "stranger")
        )
        teams = [Team(name=f"Team {n}") for n in range(NUM_TEAMS)]
        Team.objects.bulk_create(teams)
        Membership.objects.create(team=teams[-1], user=member)
        Membership.objects.create(team=teams[0], user=stranger)
        cursor.execute(
            "CREATE TEMPORARY TABLE made (n integer PRIMARY KEY, title text, uses integer,"
            " team_id uuid, is_listed boolean) ON COMMIT DROP"
        )
        ids = [team.pk for team in teams]
        with cursor.copy("COPY made FROM STDIN") as copy:
            for block in _titles(made, ids):
                copy.write(block)
        cursor.execute("ANALYZE made")
        values: dict[str, str | int] = {
            "author": stranger.pk,
            "card": json.dumps(_card()),
            "at": "2026-01-01 00:00Z",
        }
        for statement in STATEMENTS:
            cursor.execute(statement, values)
        with cursor.copy(f"COPY library_effectentry ({EFFECT}) FROM STDIN BINARY") as copy:
            for rows in _effects(made, ids):
                copy.write(rows)
    say("library_load_s", time.perf_counter() - began, "s")


def _drop_indexes(cursor: Any, *models: Any) -> None:
    for model in models:
        for index in model._meta.indexes:
            cursor.execute(f'DROP INDEX "{index.name}"')


def _titles(made: Synthetic, teams: list[UUID]) -> Iterator[str]:
    """Yield the rows of `made` in the text form of COPY."""
    rng = np.random.default_rng(7)
    chosen = rng.choice(len(made.words), (made.num, 4), p=popularity(made.words))
    uses = (rng.pareto(1.2, made.num) * 3).astype(int).clip(max=200_000)
    for start in range(0, made.num, BLOCK):
        lines = []
        for n in range(start, min(made.num, start + BLOCK)):
            title = " ".join(made.words[i] for i in chosen[n])
            listed = "f" if n >= made.team.start else "t"
            lines.append(f"{n}\t{title}\t{uses[n]}\t{_team(n, made, teams)}\t{listed}\n")
        yield "".join(lines)


def _team(number: int, made: Synthetic, teams: list[UUID]) -> UUID:
    return teams[-1] if number >= made.team.start else teams[number % (len(teams) - 1)]


def _card() -> dict[str, Any]:
    """Return a card as large as a measured one: faces, strips and signature included."""
    rng = np.random.default_rng(3)
    hashes = ["".join(rng.choice(list("0123456789abcdef"), 64)) for _ in range(16)]
    return {
        "kind": "measure", "strengths": [-2, -1, 0, 1, 2], "num_probes": 16,
        "strips": [{"pictures": hashes[5 * face : 5 * face + 5]} for face in range(3)],
        "locality": 0.6, "outside_change": 0.01, "identity": 0.97, "success": 0.95,
        "effect_by_part": {"hair": 0.1, "skin": 0.02}, "valid_range": [-2, 2], "norm": 8.0,
        "additivity": 0.95, "heat": hashes[15],
        "signature": rng.standard_normal(SIGNATURE_DIM).round(5).tolist(),
    }  # fmt: skip


VECTOR_ID = "('0198' || lpad(to_hex(n), 28, '0'))::uuid"
VERSION_ID = "('0199' || lpad(to_hex(n), 28, '0'))::uuid"
EFFECT = "edit_vector_id, team_id, family, bundle, is_listed, signature"
STATEMENTS = (
    f"""
    INSERT INTO library_editvector (id, created_at, team_id, author_id, title, description,
      asks_credit, allows_commercial, allows_derivatives, keeps_license, updated_at,
      current_version_id)
    SELECT {VECTOR_ID}, %(at)s, team_id, %(author)s, title, '', true, true, true, false,
      %(at)s, {VERSION_ID}
    FROM made ORDER BY n
    """,  # noqa: S608 - constants above, no input
    f"""
    INSERT INTO library_editvectorversion (id, created_at, edit_vector_id, number, notes,
      "offset", num_layers, w_dim, norm, fingerprint, bundle, family, parts, part_names, margin,
      content_hash, learned_from, card)
    SELECT {VERSION_ID}, %(at)s, {VECTOR_ID}, 1, '', '', 10, 512, 8, '0', 'portraits-64',
      'portraits', '{{2}}', '{{hair}}', 1, to_hex(n), '{{}}', %(card)s
    FROM made ORDER BY n
    """,  # noqa: S608 - constants above, no input
    f"""
    INSERT INTO library_publication (id, created_at, edit_vector_id, state, is_wanted_listed,
      published_by_id, reasons, changed_at)
    SELECT {VECTOR_ID}, %(at)s, {VECTOR_ID}, 'listed', true, %(author)s, '{{}}', %(at)s
    FROM made WHERE is_listed ORDER BY n
    """,  # noqa: S608 - constants above, no input
    f"""
    INSERT INTO library_searchentry (edit_vector_id, team_id, author_id, family, bundle,
      is_listed, parts, tags, locality, identity, success, allows_commercial,
      allows_derivatives, created_at, title_key, num_uses, num_likes, words)
    SELECT {VECTOR_ID}, team_id, %(author)s, 'portraits', 'portraits-64', is_listed, '{{hair}}',
      '{{}}', 0.6, 0.97, 0.95, true, true, %(at)s, title, uses, uses / 8,
      setweight(to_tsvector('simple', title), 'A')
        || setweight(to_tsvector('english', title), 'A')
    FROM made ORDER BY n
    """,  # noqa: S608 - constants above, no input
)


def _effects(made: Synthetic, teams: list[UUID]) -> Iterator[bytes]:
    """Yield the rows of `library_effectentry` in the binary form of COPY.

    Every row has the same length, so a block of them is one array: a count of fields, then
    each field behind its length, numbers big-endian. A halfvec is its dimensions, a reserved
    word and the half floats (https://www.postgresql.org/docs/current/sql-copy.html).
    """
    family, bundle = b"portraits", b"portraits-64"
    values = [("dim", ">u2"), ("unused", ">u2"), ("values", ">f2", (SIGNATURE_DIM,))]
    fields: dict[str, np.dtype[Any]] = {
        "id": np.dtype("V16"),
        "team": np.dtype("V16"),
        "family": np.dtype(("S", len(family))),
        "bundle": np.dtype(("S", len(bundle))),
        "listed": np.dtype("u1"),
        "signature": np.dtype(values),
    }
    layout: list[Any] = [("num_fields", ">i2")]
    for name, kind in fields.items():
        layout += [(f"len_{name}", ">i4"), (name, kind)]
    yield b"PGCOPY\n\xff\r\n\0" + bytes(8)
    for start in range(0, made.num, BLOCK):
        numbers = range(start, min(made.num, start + BLOCK))
        rows = np.zeros(len(numbers), np.dtype(layout))
        rows["num_fields"] = len(fields)
        for name, kind in fields.items():
            rows[f"len_{name}"] = kind.itemsize
        rows["id"] = [np.void(uuid_of(n).bytes) for n in numbers]
        rows["team"] = [np.void(_team(n, made, teams).bytes) for n in numbers]
        rows["family"], rows["bundle"] = family, bundle
        rows["listed"] = np.array(numbers) < made.team.start
        rows["signature"]["dim"] = SIGNATURE_DIM
        rows["signature"]["values"] = laid_out(made.signatures[start : numbers.stop])
        yield rows.tobytes()
    yield b"\xff\xff"


# ---- indexes ---------------------------------------------------------------------------------


def build_indexes(say: say_figure, *, memory: str, num_workers: int) -> None:
    """Make the indexes that are missing and say how long the two of search took, and sizes.

    Stopped in between, it goes on with the next index when called again.
    """
    from django.db import connection

    from webapp.library.models import EditVectorVersion, EffectEntry, SearchEntry

    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(f"SET maintenance_work_mem = '{memory}'")
        cursor.execute(f"SET max_parallel_maintenance_workers = {num_workers}")
        for model in (SearchEntry, EditVectorVersion, EffectEntry):
            for index in model._meta.indexes:
                cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [index.name])
                if cursor.fetchone()[0]:
                    continue
                began = time.perf_counter()
                with connection.schema_editor() as editor:
                    editor.add_index(model, index)
                if index.name in ("effect_signature", "effect_sample", "entry_findable"):
                    say(f"{index.name}_build_s", time.perf_counter() - began, "s")
                    cursor.execute("SELECT pg_relation_size(%s)", [index.name])
                    say(f"{index.name}_size", cursor.fetchone()[0] / 2**20, "MiB")
        cursor.execute("VACUUM (ANALYZE)")
        for table in ("library_searchentry", "library_effectentry"):
            cursor.execute("SELECT pg_total_relation_size(%s)", [table])
            say(f"{table}_size", cursor.fetchone()[0] / 2**20, "MiB")
        cursor.execute("RESET ALL")
