"""The Python client and its command line, against the real API by a real token."""

import json
from pathlib import Path

import httpx
import numpy as np
import pytest
from click.testing import CliRunner

from atelier_client import Atelier, AtelierError, models
from atelier_client.cli import cli
from tests.atelier_client.conftest import serve
from tests.factories import rows
from webapp.accounts.models import Scope
from webapp.jobs import worker
from webapp.jobs.contract import Measured
from webapp.library import services
from webapp.library.models import EditVector

CONTRACT = Path(__file__).parents[1] / "contract" / "http.json"


def card() -> Measured:
    return Measured(
        strengths=(-1.0, 0.0, 1.0), strips=(), num_probes=16, locality=0.9,
        outside_change=0.01, identity=None, success=0.9, effect_by_part={"hair": 0.1},
        valid_range=(-1.0, 1.0), norm=3.0,
    )  # fmt: skip


def save(who, title="Smile", *, seed=0):
    offset = np.random.default_rng(seed).standard_normal((rows.LAYERS, rows.W_DIM))
    return services.save_edit_vector(
        actor=who.owner, team=who.team, bundle="tiny-16", offset=offset.astype(np.float32),
        parts=(2,), margin=1, learned_from={}, title=title, description="", tags=(),
        card=card(), now=rows.NOW,
    )  # fmt: skip


def test_search_goes_on_over_pages(who, connect):
    for number in range(30):
        save(who, f"Smile {number}", seed=number)

    found = list(connect().search("smi", sort="title"))

    assert len({vector.id for vector in found}) == 30
    assert found[0].version.parts == ["hair"]


def test_publishing_needs_the_scope_and_then_lists(who, connect):
    vector = save(who)

    with pytest.raises(AtelierError) as caught:
        connect(Scope.READ).publish(vector.pk)

    assert caught.value.code == "accounts.scope"
    assert connect().publish(vector.pk).publication.state == "listed"
    assert connect().withdraw(vector.pk).publication.state == "withdrawn"


def test_a_wrong_token_and_a_silent_server_are_said_in_words(connect):
    transport = httpx.MockTransport(serve)
    with pytest.raises(AtelierError) as caught:
        next(Atelier("http://atelier.test", token="atl_x", transport=transport).search())
    assert caught.value.code == "accounts.bad_token"

    def refuse(request):
        raise httpx.ConnectError("no route")

    silent = Atelier("http://x", token="y", transport=httpx.MockTransport(refuse))
    with pytest.raises(AtelierError) as caught:
        next(silent.search())
    assert caught.value.code == "client.unreachable"


def test_files_go_out_and_come_in(who, connect, tmp_path):
    vector = save(who)
    atelier = connect()

    atelier.export(vector.pk, tmp_path / "smile.safetensors")
    services.remove_edit_vector(actor=who.owner, edit_vector_id=vector.pk, now=rows.NOW)
    imported = atelier.import_file(tmp_path / "smile.safetensors")

    (item,) = imported.items
    assert (item.title, item.refusal) == ("Smile", None)
    assert EditVector.objects.live().get().pk == item.edit_vector_id


def test_a_folder_of_pictures_goes_through_and_what_is_refused_is_named(who, connect, tmp_path):
    vector = save(who)
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for name in ("a", "b"):
        (source / f"{name}.png").write_bytes(rows.picture_bytes())
    (source / "broken.png").write_bytes(b"no picture")
    seen = []

    def work(seconds: float) -> None:
        """Stand in for the worker while the client waits."""
        for lane in ("interactive", "batch"):
            while (job := worker.claim(lane, now=rows.NOW, lease_seconds=30)) is not None:
                if job.request.kind == "invert":
                    worker.finish(job, rows.inverted(seed=len(seen)), now=rows.later(1))
                elif job.request.kind == "render":
                    edited = rows.edited(40 + len(seen), kind="render")
                    worker.finish(job, edited, now=rows.later(2))
                seen.append(job.request.kind)

    atelier = connect(sleep=work)
    smile = atelier.edit_vector(vector.pk)
    stages = []
    refusals = atelier.apply_to_folder(
        source, target, [(smile, 0.5)], on_progress=lambda at: stages.append(at.stage)
    )

    assert list(refusals) == ["broken.png"]
    assert sorted(path.name for path in target.iterdir()) == ["a.png", "b.png"]
    assert (target / "a.png").read_bytes().startswith(b"\x89PNG")
    assert list(dict.fromkeys(stages)) == ["upload", "understand", "apply", "download"]


def test_the_command_line_searches_publishes_and_refuses_in_one_line(who, connect):
    vector = save(who)
    run = CliRunner().invoke

    found = run(cli, ["search", "smi"], obj={"connect": connect})
    published = run(cli, ["publish", str(vector.pk)], obj={"connect": connect})
    unsigned = run(cli, ["search"], env={"ATELIER_URL": "", "XDG_CONFIG_HOME": "/nowhere"})

    assert f"{vector.pk}  Smile v1 · Olive Owner · hair · draft" in found.output
    assert published.output == "Smile is listed.\n"
    assert unsigned.exit_code == 1
    assert "Sign in first" in unsigned.output


@pytest.mark.parametrize("model", models.ANSWERS, ids=lambda model: model.__name__)
def test_every_answer_is_a_part_of_the_published_schema(model):
    schemas = json.loads(CONTRACT.read_text())["components"]["schemas"]

    published = schemas[models.SCHEMAS.get(model, f"{model.__name__}Out")]

    unknown = set(model.model_fields) - set(published["properties"])
    assert not unknown, f"{model.__name__} has {unknown}, which no answer holds"
    optional = set(published["properties"]) - set(published.get("required", ()))
    assert not set(model.model_fields) & optional
