"""Families in the making, from a program and from the command line."""

from pathlib import Path

from click.testing import CliRunner

from atelier_client.cli import cli
from tests.factories import rows
from tests.webapp.workshop import conftest as workshop
from webapp.jobs.contract import PublishedFamily
from webapp.jobs.models import Job


def test_a_family_is_looked_after_from_a_program(labeled, connect, settings, tmp_path):
    labeled.send("/train-branch")
    workshop.hand_in(workshop.branch_trained([3]))
    labeled.send("/train-encoder", {"minutes": 1})
    workshop.hand_in(workshop.encoder_trained())
    told = []

    def work(seconds: float) -> None:
        """Stand in for the worker while the client waits."""
        rows.write_manifest(Path(settings.FAMILIES_DIR), name=bundle_of(labeled))
        workshop.hand_in(
            PublishedFamily(bundle=bundle_of(labeled), samples=(), figures={}, card={})
        )

    atelier = connect(sleep=work)
    (project,) = atelier.family_projects()
    atelier.export_labels(project.id, tmp_path / "labels.zip")
    kept = atelier.import_labels(project.id, tmp_path / "labels.zip")
    replaced = atelier.import_labels(project.id, tmp_path / "labels.zip", replace=True)
    published = atelier.publish_family(
        project.id,
        name="foxes",
        title="Our foxes",
        on_step=lambda step: told.append(step.state),
    )

    assert (project.num_labeled, project.step("label").state) == (3, "done")
    assert (kept.imported, len(kept.skipped)) == (0, 3)
    assert replaced.imported == 3
    assert [each.title for each in published.published] == ["Our foxes"]
    assert told == ["running", "done"]


def bundle_of(labeled):
    """Return the name that the platform gave the bundle which is to be published."""
    return Job.objects.get(kind="publish_family").request["bundle"]


def test_a_family_on_the_command_line_says_what_is_missing_in_one_line(labeled, connect):
    run, connected = CliRunner().invoke, {"connect": connect}

    listed = run(cli, ["family", "list"], obj=connected)
    shown = run(cli, ["family", "show", labeled.id], obj=connected)
    refused = run(
        cli, ["family", "publish", labeled.id, "--name", "x", "--title", "X"], obj=connected
    )

    assert f"{labeled.id}  Foxes · 4 of 7 steps" in listed.output
    assert "branch   ready" in shown.output
    assert str(refused.exception) == "There is no branch yet: label samples and train it first."
