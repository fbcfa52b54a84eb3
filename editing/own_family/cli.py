"""`python -m editing family`: a family of one's own without a server, step by step.

Every command names the project folder by `--project`. Interrupt a long one at any moment
and start it again: it goes on from its last checkpoint.
"""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import click
import torch
from tqdm import tqdm

from editing.command_line import Refusing, existing_file
from editing.own_family import labels as label_maps
from editing.own_family import project as projects
from editing.own_family import schema as schemas
from editing.own_family.branch import train_branch
from editing.own_family.bring import bring_checkpoint, bring_generator, bring_pictures
from editing.own_family.encoder import reconstruct, train_encoder
from editing.own_family.exchange import Kind, copy_labels, export_labels, import_labels
from editing.own_family.progress import Progress
from editing.own_family.project import open_project
from editing.own_family.publish import publish
from editing.own_family.samples import NUM_PROPOSED, NUM_SAMPLES, draw_samples, read_samples
from editing.own_family.schema import OwnSchema
from editing.training.from_pictures import SIZES
from editing.training.pictures import Fit

folder_path = click.Path(file_okay=False, path_type=Path)
project_option = click.option(
    "--project",
    "folder",
    type=folder_path,
    required=True,
    help="Folder of the family, as made by 'family new'.",
)


@click.group(cls=Refusing)
def family() -> None:
    """Make a family of your own: from a generator and 16 labels to a published bundle."""


@family.command()
@project_option
@click.option("--name", required=True, help="Name of the family and of its bundle.")
@click.option("--title", default="", help="Title for people; default the name.")
@click.option("--seed", default=0, show_default=True, help="Seed of the first sample.")
@click.option(
    "--template", type=click.Choice(list(schemas.templates())), help="Parts to start with."
)
def new(folder: Path, name: str, title: str, seed: int, template: str | None) -> None:
    """Start a family in an empty folder."""
    made = projects.create(folder, name=name, title=title, seed=seed, template=template)
    click.echo(f"Started {made.title} in {folder}. Next: bring a generator.")


@family.command()
@project_option
def status(folder: Path) -> None:
    """Show which of the seven steps are done, and what the others need."""
    for step in projects.status(folder):
        click.echo(f"{'done' if step.is_done else 'open'}  {step.step:<8} {step.sentence}")


@family.command()
@project_option
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.option("--license", default="", help="Licence of SOURCE, an SPDX expression.")
@click.option("--title", default="", help="Title of a checkpoint; default its file name.")
@click.option(
    "--size",
    type=click.Choice([str(s) for s in SIZES]),
    default="64",
    show_default=True,
    help="Side at which to train on pictures.",
)
@click.option(
    "--fit",
    type=click.Choice(["crop", "letterbox"]),
    default="crop",
    show_default=True,
    help="Take the centre square of a picture, or pad it to one.",
)
@click.option("--mirror", is_flag=True, help="Mirror half the pictures; not if it has sides.")
@click.option("--minutes", default=60.0, show_default=True, help="Time to train on pictures.")
@click.option("--processes", default=2, show_default=True, help="One thread each; CPU only.")
@click.option(
    "--replace", is_flag=True, help="Set samples and labels of the present generator aside."
)
def bring(
    folder: Path,
    source: Path,
    license: str,
    title: str,
    size: str,
    fit: Fit,
    mirror: bool,
    minutes: float,
    processes: int,
    replace: bool,
) -> None:
    """Bring a generator: SOURCE is a StyleGAN2 checkpoint, a folder or zip of pictures to
    train on, or the folder of a generator imported before.
    """
    if (source / "manifest.json").is_file():
        bring_generator(folder, source, replace=replace)
        click.echo(f"Took the generator in {source}.")
    elif source.is_dir() or source.suffix.lower() == ".zip":
        device = "cuda" if torch.cuda.is_available() else "cpu"
        _follow(
            "bring",
            bring_pictures(
                folder,
                source,
                clock=time.monotonic,
                size=int(size),
                fit=fit,
                mirror=mirror,
                minutes=minutes,
                device=device,
                num_processes=1 if device == "cuda" else processes,
                license=license,
                replace=replace,
            ),
        )
        report = projects.read_json(open_project(folder).training / "pictures" / "report.json")
        for entry in report["skipped"][:20]:
            click.echo(f"  left out {entry['name']}: {entry['reason']}", err=True)
        for sentence in report["warnings"]:
            click.echo(sentence, err=True)
    else:
        _follow(
            "bring",
            bring_checkpoint(
                folder,
                source,
                clock=time.monotonic,
                title=title,
                license=license,
                replace=replace,
            ),
        )


@family.command()
@project_option
@click.option("--num", default=NUM_SAMPLES, show_default=True, help="Samples to draw.")
@click.option(
    "--propose", default=NUM_PROPOSED, show_default=True, help="Of these, how many to label."
)
@click.option("--psi", default=0.7, show_default=True, help="Truncation; 1 is none.")
def sample(folder: Path, num: int, propose: int, psi: float) -> None:
    """Draw samples and say which are worth labelling, and why."""
    _follow(
        "sample",
        draw_samples(folder, clock=time.monotonic, num=num, num_proposed=propose, psi=psi),
    )
    for each in read_samples(folder).proposed:
        click.echo(f"{each.rank:3d}  sample {each.sample:03d}  {each.reason}")


@family.command()
@project_option
@click.option(
    "--template", type=click.Choice(list(schemas.templates())), help="Take a template's parts."
)
@click.option("--file", "path", type=existing_file, help="Take the parts of a JSON file.")
@click.option(
    "--into",
    type=(str, str),
    multiple=True,
    metavar="REMOVED PART",
    help="What the pixels of a removed part become: another part, or 'unlabelled'. Repeatable.",
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write them here.")
def schema(
    folder: Path,
    template: str | None,
    path: Path | None,
    into: tuple[tuple[str, str], ...],
    out: Path | None,
) -> None:
    """Name the parts, from a template or a JSON file; without either, show them.

    Change them later by writing them with --out, editing the file and giving it back: label
    maps follow, since a part keeps its id.
    """
    project = open_project(folder)
    if template and path:
        raise click.UsageError("give either --template or --file")
    if template or path:
        if path is not None:
            wanted = _schema_file(path, project.schema)
        else:
            wanted = schemas.template(str(template))
            if project.schema is not None:
                wanted = schemas.adopted(wanted, project.schema)
        old = project.schema or wanted
        ids = {part.name: part.id for part in (*wanted.parts, *old.parts)}
        try:
            moves = {
                ids[gone]: None if part == "unlabelled" else ids[part] for gone, part in into
            }
        except KeyError as error:
            raise click.UsageError(f"no part called {error}") from error
        projects.set_schema(folder, wanted, into=moves)
        project = open_project(folder)
    parts = project.parts()
    if out:
        projects.write_json(out, parts.to_json())
    for part in parts.parts:
        note = "  background" if part.is_background else ""
        click.echo(f"{part.id:3d}  {part.name:<20} {part.color}  {part.group:<10}{note}")


def _schema_file(path: Path, known: OwnSchema | None) -> OwnSchema:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError) as error:
        raise schemas.SchemaError(
            [schemas.Problem("schema.unreadable", None, f"{path} is no JSON: {error}")]
        ) from error
    return OwnSchema.from_json(data, known=known)


@family.group()
def labels() -> None:
    """Take label maps in, give them out, copy one from a neighbour."""


@labels.command(name="import")
@project_option
@click.argument("source", type=existing_file)
@click.option("--replace", is_flag=True, help="Also where a sample is labelled already.")
def import_(folder: Path, source: Path, replace: bool) -> None:
    """Take label maps from a zip of PNG or COCO, a COCO file, or one PNG."""
    found = import_labels(folder, source, replace=replace)
    for refused in found.refused:
        click.echo(f"  not taken {refused.name}: {refused.sentence} [{refused.code}]", err=True)
    for sentence in found.warnings:
        click.echo(sentence, err=True)
    click.echo(f"{len(found.samples)} label maps taken, {len(found.refused)} not.")


@labels.command()
@project_option
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--kind", type=click.Choice(["png", "coco"]), default="png", show_default=True)
def export(folder: Path, target: Path, kind: Kind) -> None:
    """Write all label maps with their pictures into the zip TARGET."""
    click.echo(f"{export_labels(folder, target, kind=kind)} label maps written to {target}.")


@labels.command()
@project_option
@click.argument("target", type=int)
@click.option("--from", "source", type=int, help="Default: the most alike that has one.")
@click.option("--replace", is_flag=True, help="Also if the sample is labelled already.")
def copy(folder: Path, target: int, source: int | None, replace: bool) -> None:
    """Give sample TARGET the label map of another sample as a start."""
    if source is None:
        label_maps.check_sample(open_project(folder), target)
        have = set(label_maps.labelled(folder))
        near = [i for i in read_samples(folder).nearest[target] if i in have]
        if not near:
            raise click.UsageError("no sample like it is labelled yet; name one with --from")
        source = near[0]
    kind = copy_labels(folder, source=source, target=target, replace=replace)
    click.echo(f"Sample {target} starts with the {kind} of sample {source}.")


@family.command()
@project_option
@click.option("--fewer", is_flag=True, help="Train although not all proposed are labelled.")
@click.option("--afresh", is_flag=True, help="Forget the branch trained before.")
@click.option(
    "--steps", type=click.IntRange(1, 100_000), help="Default 500, from a branch before 250."
)
def branch(folder: Path, fewer: bool, afresh: bool, steps: int | None) -> None:
    """Train the segmentation branch, then predict all other samples, doubtful ones first."""
    _follow(
        "branch",
        train_branch(
            folder, clock=time.monotonic, allow_fewer=fewer, afresh=afresh, steps=steps
        ),
    )
    project = open_project(folder)
    figures = projects.read_json(project.branch / "figures.json")
    for sentence in figures["remarks"]:
        click.echo(sentence, err=True)
    for name, value in figures["left_out_iou"].items():
        click.echo(f"left_out_iou_{name} {value:.3f}")
    if figures["left_out_miou"] is not None:
        click.echo(f"left_out_miou {figures['left_out_miou']:.3f}")
    ranking = projects.read_json(project.predictions / "ranking.json")
    for entry in ranking["ranked"][:10]:
        click.echo(
            f"sample {entry['sample']:03d}  {entry['uncertainty']:.3f}  {entry['sentence']}"
        )


@family.command()
@project_option
@click.option("--minutes", default=10.0, show_default=True, help="Training time in all.")
def encoder(folder: Path, minutes: float) -> None:
    """Train the encoder, which finds the codes of uploads."""
    _follow("encoder", train_encoder(folder, clock=time.monotonic, minutes=minutes))


@family.command(name="try")
@project_option
@click.argument("pictures", type=existing_file, nargs=-1, required=True)
@click.option("--steps", default=100, show_default=True, help="Steps of optimization.")
def try_(folder: Path, pictures: tuple[Path, ...], steps: int) -> None:
    """See how PICTURES of your own come back."""
    _follow("try", reconstruct(folder, pictures, clock=time.monotonic, steps=steps))
    target = open_project(folder).encoder / "uploads"
    names = {path.name for path in pictures}
    for entry in projects.read_json(target / "uploads.json")["uploads"]:
        if entry["name"] in names:
            click.echo(
                f"{entry['name']}  {entry['psnr_encoder_db']:.1f} dB, optimized "
                f"{entry['psnr_db']:.1f} dB  {entry['sentence']}"
            )
    click.echo(f"Pictures in {target}.")


@family.command(name="publish")
@project_option
@click.option("--license", default="", help="Licence of the weights, an SPDX expression.")
@click.option("--invert-steps", default=100, show_default=True, help="Of each inversion.")
@click.option(
    "--to", type=folder_path, help="Also copy the bundle into this folder of bundles."
)
def publish_command(folder: Path, license: str, invert_steps: int, to: Path | None) -> None:
    """Measure the family and write its bundle, which everything else can use."""
    _follow(
        "publish",
        publish(folder, clock=time.monotonic, license=license, invert_steps=invert_steps),
    )
    project = open_project(folder)
    target = project.bundle if to is None else _installed(project, to)
    click.echo((project.bundle / "README.md").read_text(encoding="utf-8"))
    click.echo(f"Written to {target}. Try: python -m editing draw --bundle {target}")


def _installed(project: projects.Project, to: Path) -> Path:
    """Copy the bundle into a folder of bundles, in one move."""
    target, fresh = to / project.name, to / f".{project.name}.partial"
    shutil.rmtree(fresh, ignore_errors=True)
    to.mkdir(parents=True, exist_ok=True)
    shutil.copytree(project.bundle, fresh)
    shutil.rmtree(target, ignore_errors=True)
    fresh.replace(target)
    return target


def _follow(name: str, steps: Iterator[Progress]) -> None:
    """Run a step behind a bar, with the time left and its sentence."""
    last = None
    form = "{l_bar}{bar}| {postfix}"
    with tqdm(total=1.0, desc=name, bar_format=form, mininterval=0.5) as bar:
        for last in steps:
            bar.update(last.fraction - bar.n)
            left = last.seconds_left
            shown = f"{left / 60:.1f} min left, " if left else ""
            bar.set_postfix_str(f"{shown}{last.sentence}", refresh=False)
    if last is not None:
        click.echo(f"{last.sentence}.")
        if last.sheet is not None and last.sheet.exists():
            click.echo(f"See {last.sheet}.")
