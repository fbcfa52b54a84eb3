"""Atelier on the command line: `python -m atelier_client --help`.

Address and token come from `ATELIER_URL` and `ATELIER_TOKEN`, or from a file that `sign-in`
writes for the owner's eyes only.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import click
from tqdm import tqdm

from atelier_client.client import Atelier, AtelierError, LabelForm, Progress, Scope, Sort
from atelier_client.models import EditVector

STAGES = {
    "upload": "Uploading",
    "understand": "Finding codes",
    "apply": "Applying",
    "download": "Fetching",
}


def place() -> Path:
    """Return where address and token are kept."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "atelier" / "sign-in.json"


def connect() -> Atelier:
    """Return the installation that the person signed in to.

    Raises:
        ClickException: they did not yet.
    """
    url, token = os.environ.get("ATELIER_URL"), os.environ.get("ATELIER_TOKEN")
    if not (url and token) and place().is_file():
        kept = json.loads(place().read_text())
        url, token = url or kept["url"], token or kept["token"]
    if not (url and token):
        raise click.ClickException("Sign in first: atelier sign-in --url … --token …")
    return Atelier(url, token=token)


Make = Callable[[], Atelier]


@click.group()
@click.pass_context
def cli(context: click.Context) -> None:
    """Search the library of Atelier, apply edit vectors to folders, and publish."""
    context.ensure_object(dict)
    context.obj.setdefault("connect", connect)


def _atelier(context: click.Context) -> Atelier:
    make: Make = context.obj["connect"]
    return make()


@cli.command("sign-in")
@click.option("--url", required=True, help="Address of the installation.")
@click.option("--token", prompt=True, hide_input=True, help="Made on the account page.")
def sign_in(url: str, token: str) -> None:
    """Keep address and token, after trying them."""
    with Atelier(url, token=token) as atelier:
        next(atelier.search(), None)
    target = place()
    target.parent.mkdir(parents=True, exist_ok=True)
    target.touch(mode=0o600)
    target.write_text(json.dumps({"url": url, "token": token}))
    click.echo(f"Signed in. Kept in {target}.")


@cli.command()
@click.argument("words", nargs=-1)
@click.option("--scope", type=click.Choice(get_args(Scope)), default="all", show_default=True)
@click.option("--sort", type=click.Choice(get_args(Sort)), default="relevance")
@click.option("--part", "parts", multiple=True, help="Only what changes this part. Repeatable.")
@click.option("--most", default=20, show_default=True, help="How many to show.")
@click.pass_context
def search(
    context: click.Context,
    words: tuple[str, ...],
    scope: Scope,
    sort: Sort,
    parts: tuple[str, ...],
    most: int,
) -> None:
    """Find edit vectors by name, tag or person; one a line, its id first."""
    with _atelier(context) as atelier:
        found = atelier.search(" ".join(words), scope=scope, sort=sort, parts=parts)
        for _, vector in zip(range(most), found, strict=False):
            click.echo(
                f"{vector.id}  {vector.title} v{vector.version.number} · {_about(vector)}"
            )


def _about(vector: EditVector) -> str:
    parts = ", ".join(part.replace("_", " ") for part in vector.version.parts)
    return f"{vector.author.name} · {parts} · {vector.publication.state}"


@cli.command()
@click.argument("source", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("target", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--vector",
    "stack",
    nargs=2,
    type=(str, float),
    multiple=True,
    required=True,
    metavar="ID STRENGTH",
    help="An edit vector and its strength. Repeatable.",
)
@click.pass_context
def apply(
    context: click.Context, source: Path, target: Path, stack: tuple[tuple[str, float], ...]
) -> None:
    """Apply edit vectors to every picture of the folder SOURCE, into the folder TARGET."""
    with _atelier(context) as atelier, tqdm(unit="picture") as bar:

        def show(progress: Progress) -> None:
            bar.set_description(STAGES[progress.stage])
            bar.total = progress.total
            bar.n = progress.done
            bar.refresh()

        vectors = [(atelier.edit_vector(name), strength) for name, strength in stack]
        refusals = atelier.apply_to_folder(source, target, vectors, on_progress=show)
    for name, reason in refusals.items():
        click.echo(f"{name}: {reason}", err=True)
    if refusals:
        raise click.ClickException(f"{len(refusals)} pictures were left out.")


@cli.command()
@click.argument("edit_vector_id")
@click.option("--unlisted", is_flag=True, help="Only for who has its address.")
@click.pass_context
def publish(context: click.Context, edit_vector_id: str, unlisted: bool) -> None:
    """Bring an edit vector to the community; it is measured first."""
    with _atelier(context) as atelier:
        _say_standing(atelier.publish(edit_vector_id, is_listed=not unlisted))


@cli.command()
@click.argument("edit_vector_id")
@click.pass_context
def withdraw(context: click.Context, edit_vector_id: str) -> None:
    """Take an edit vector back; pictures that hold it keep it."""
    with _atelier(context) as atelier:
        _say_standing(atelier.withdraw(edit_vector_id))


def _say_standing(vector: EditVector) -> None:
    reasons = f": {'; '.join(vector.publication.reasons)}" if vector.publication.reasons else ""
    click.echo(f"{vector.title} is {vector.publication.state}{reasons}.")


@cli.command("export")
@click.argument("id_")
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--collection", is_flag=True, help="ID names a collection: one archive.")
@click.pass_context
def export(context: click.Context, id_: str, target: Path, collection: bool) -> None:
    """Write an edit vector, or a whole collection, to a file."""
    with _atelier(context) as atelier:
        if collection:
            atelier.export_collection(id_, target)
        else:
            atelier.export(id_, target)
    click.echo(f"Wrote {target}.")


@cli.command("import")
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_context
def import_(context: click.Context, source: Path) -> None:
    """Take in an edit vector file or an archive of them."""
    with _atelier(context) as atelier:
        imported = atelier.import_file(source)
    for item in imported.items:
        click.echo(f"{item.name}: {item.refusal or f'imported as {item.edit_vector_id}'}")


@cli.group()
def family() -> None:
    """Look after the families that your teams are making."""


@family.command("list")
@click.pass_context
def list_families(context: click.Context) -> None:
    """List them, one a line, its id first."""
    with _atelier(context) as atelier:
        for project in atelier.family_projects():
            done = sum(step.state == "done" for step in project.steps)
            click.echo(f"{project.id}  {project.title} · {done} of {len(project.steps)} steps")


@family.command()
@click.argument("project_id")
@click.pass_context
def show(context: click.Context, project_id: str) -> None:
    """Say how each step of a family stands, and why."""
    with _atelier(context) as atelier:
        project = atelier.family_project(project_id)
    click.echo(f"{project.title}, by {project.owner.name}")
    for step in project.steps:
        click.echo(f"  {step.key:8} {step.state:8} {step.why}")
    for version in project.published:
        click.echo(f"  version {version.version} is {version.name}")


@family.command("export-labels")
@click.argument("project_id")
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--form", type=click.Choice(get_args(LabelForm)), default="png")
@click.pass_context
def export_labels(
    context: click.Context, project_id: str, target: Path, form: LabelForm
) -> None:
    """Write a family's label maps to a zip, as indexed PNG or COCO."""
    with _atelier(context) as atelier:
        atelier.export_labels(project_id, target, form=form)
    click.echo(f"Wrote {target}.")


@family.command("import-labels")
@click.argument("project_id")
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Also samples that are labelled already.")
@click.pass_context
def import_labels(context: click.Context, project_id: str, source: Path, replace: bool) -> None:
    """Take label maps from a zip of indexed PNGs or from COCO."""
    with _atelier(context) as atelier:
        found = atelier.import_labels(project_id, source, replace=replace)
    for one in found.skipped:
        click.echo(f"{one.name}: {one.reason}", err=True)
    click.echo(f"{found.imported} label maps came in.")
    if found.skipped:
        raise click.ClickException(f"{len(found.skipped)} were left out.")


@family.command("publish")
@click.argument("project_id")
@click.option("--name", required=True, help="Small letters, digits and hyphens.")
@click.option("--title", required=True, help="As people read it.")
@click.option("--description", default="")
@click.option("--license", default=None, help="Of the weights, an SPDX expression.")
@click.pass_context
def publish_family(context: click.Context, /, project_id: str, **wish: Any) -> None:
    """Publish a family to its team, or its next version; waits for the end."""
    with _atelier(context) as atelier:
        project = atelier.publish_family(project_id, **wish)
    newest = project.published[0]
    click.echo(f"{newest.title}, version {newest.version}, is {newest.name}.")


def main(**options: Any) -> None:
    """Run the command line; a refusal is said in one line, with exit status 1."""
    try:
        cli.main(standalone_mode=False, **options)
    except AtelierError as refusal:
        click.echo(f"Error: {refusal}", err=True)
        raise SystemExit(1) from None
    except click.ClickException as error:
        error.show()
        raise SystemExit(error.exit_code) from None
    except click.Abort:
        raise SystemExit(130) from None
