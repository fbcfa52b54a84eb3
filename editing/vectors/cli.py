"""`python -m editing vector ...`: what edit vectors say, and new ones made of old."""

import json
from pathlib import Path

import click

from editing import vectors
from editing.bundle import load_bundle
from editing.command_line import bundle_option, existing_file, new_file, out_option, write
from editing.vectors import EditVector
from editing.vectors.card import published_schema

_out = out_option("Edit vector to write.", default="vector.safetensors")
_title = click.option("--title", help="Title of the new vector.")
_vector = click.argument("vector", type=existing_file)


@click.group(name="vector")
def vector_group() -> None:
    """Look at edit vectors, and make new ones of old."""


@vector_group.command()
@_vector
def info(vector: Path) -> None:
    """Print the card of VECTOR as JSON, its signature left out."""
    found = vectors.load(vector)
    card = {key: value for key, value in found.card.items() if key != "signature"}
    card |= {
        "content_hash": found.content_hash,
        "shape": list(found.offset.shape),
        "norm": round(found.norm, 4),
        "has_signature": "signature" in found.card,
    }
    click.echo(json.dumps(card, indent=1, ensure_ascii=False))


@vector_group.command()
@click.option(
    "--vector",
    "stack",
    type=(existing_file, float),
    multiple=True,
    required=True,
    metavar="FILE STRENGTH",
    help="Repeatable.",
)
@_title
@_out
def add(stack: tuple[tuple[Path, float], ...], title: str | None, out: Path) -> None:
    """Add vectors, each times its strength, into one."""
    found = [(vectors.load(path), strength) for path, strength in stack]
    _save(vectors.combine(found), title, out)


@vector_group.command(context_settings={"ignore_unknown_options": True})
@_vector
@click.argument("strength", type=float)
@_title
@_out
def scale(vector: Path, strength: float, title: str | None, out: Path) -> None:
    """Make a vector whose strength 1 is STRENGTH of VECTOR."""
    _save(vectors.scale(vectors.load(vector), strength), title, out)


@vector_group.command()
@_vector
@_title
@_out
def negate(vector: Path, title: str | None, out: Path) -> None:
    """Make the vector that undoes VECTOR."""
    _save(vectors.negate(vectors.load(vector)), title, out)


@vector_group.command()
@_vector
@click.argument("other", type=existing_file)
@_title
@_out
def project(vector: Path, other: Path, title: str | None, out: Path) -> None:
    """Take out of VECTOR what it shares with OTHER."""
    _save(vectors.project_out(vectors.load(vector), vectors.load(other)), title, out)


@vector_group.command()
@_vector
@click.option("--first", type=int, default=0, show_default=True, help="First layer to keep.")
@click.option("--last", type=int, help="Last layer to keep; default the last there is.")
@_title
@_out
def restrict(vector: Path, first: int, last: int | None, title: str | None, out: Path) -> None:
    """Keep VECTOR on some layers; the others become zero."""
    found = vectors.load(vector)
    stop = len(found.offset) if last is None else last + 1
    _save(vectors.restrict(found, range(first, stop)), title, out)


@vector_group.command()
@bundle_option
@_vector
@click.option("--transfer", is_flag=True, help="Even if it was made with another model.")
@click.option("--out", type=new_file, help="Where to write it; default over VECTOR.")
def measure(
    bundle_path: Path, device: str, vector: Path, transfer: bool, out: Path | None
) -> None:
    """Measure VECTOR on the bundle's probe pictures and write its card anew."""
    bundle = load_bundle(bundle_path, device=device)
    found = vectors.load(vector)
    if transfer and vectors.compatibility(bundle, found) != "same":
        measured, card = vectors.transfer(bundle, found)
    else:
        vectors.check(bundle, found)
        card = vectors.measure(bundle, found, num_strips=1)
        measured = vectors.with_card(found, card)
    write(out or vector, vectors.to_bytes(measured))
    click.echo(json.dumps(card.to_json()))


@vector_group.command()
def schema() -> None:
    """Print the JSON Schema of cards."""
    click.echo(published_schema(), nl=False)


def _save(vector: EditVector, title: str | None, out: Path) -> None:
    card = {**vector.card, "title": title} if title else vector.card
    write(out, vectors.to_bytes(EditVector(vector.offset, vector.parts, card)))
    click.echo(f"{out}: norm {vector.norm:.3f}, {vector.content_hash[:12]}")
