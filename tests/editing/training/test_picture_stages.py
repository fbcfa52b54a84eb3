"""Training from pictures: the pieces, and the whole way to a generator that edits can use."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from torch import nn

from editing import bundle as bundles
from editing.generator import Generator
from editing.importers.folder import load_encoder, load_generator, read_generator_manifest
from editing.inversion.picture_encoder import PictureEncoder, config_for
from editing.training import autoencoder as warm
from editing.training import from_pictures, loop, picture_figures
from editing.training.augment import augment
from editing.training.cli import train
from editing.training.discriminator import Discriminator, relativistic, slope
from editing.training.from_pictures import Plan, UnknownSizeError, write_generator
from editing.training.loop import DivergedError
from editing.training.pictures import Pictures
from editing.training.pipeline import StageMissingError
from editing.training.run import Budget, Progress, Run
from tests.factories.killed_training import picture_pipeline, write_pictures
from tests.factories.networks import tiny_branch, tiny_schema


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a tiny pipeline in which every stage ran for some steps."""
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "source").mkdir()
    write_pictures(folder / "source")
    pipeline = picture_pipeline(folder)
    for _ in pipeline.read():
        pass
    for stage, steps in (("autoencoder", 120), ("joint", 4), ("encoder", 4)):
        for _ in pipeline.train(stage, Budget(steps=steps)):
            pass
    return folder


def networks() -> tuple[Generator, PictureEncoder]:
    torch.manual_seed(0)
    config = from_pictures.generator_config(16)
    generator, encoder = Generator(config), warm.new_encoder(config)
    nn.init.normal_(encoder.offsets.weight, std=0.1)
    return generator, encoder


def test_the_autoencoder_learns_to_draw_pictures_again(trained: Path) -> None:
    generator, encoder = networks()
    untrained = picture_figures.reconstructions(
        generator, encoder, Pictures(trained / "pictures")
    )

    state = from_pictures.load_stage(trained, "autoencoder")
    generator.load_state_dict(state["ema"])
    encoder.load_state_dict(state["ema_encoder"])
    learned = picture_figures.reconstructions(
        generator, encoder, Pictures(trained / "pictures")
    )

    assert learned["psnr_held_out"] > untrained["psnr_held_out"] + 4
    assert (trained / "autoencoder" / "sheet.png").stat().st_size > 1000
    assert (trained / "autoencoder" / "loss.png").stat().st_size > 1000


@torch.no_grad()
def test_aiming_the_mapping_moves_samples_to_the_codes_and_leaves_pictures_alone(
    trained: Path,
) -> None:
    generator, encoder = networks()
    pictures = Pictures(trained / "pictures")
    images = pictures.batch(torch.arange(pictures.num_train))
    before = picture_figures.draw_again(generator, encoder, images)

    warm.aim_mapping(generator, encoder, pictures)

    torch.testing.assert_close(
        picture_figures.draw_again(generator, encoder, images), before, rtol=1e-3, atol=1e-3
    )
    codes, _ = encoder.parts(images)
    z = torch.randn(20_000, 128, generator=torch.Generator().manual_seed(9))
    samples = generator.map(z)
    spread = codes.std(dim=0)
    assert ((samples.mean(dim=0) - codes.mean(dim=0)).abs() < 0.05 * spread).all()
    found, wanted = torch.cov(samples.T), torch.cov(codes.T)
    assert (found - wanted).norm() < 0.05 * wanted.norm()


def test_samples_of_an_aimed_mapping_are_nearer_to_the_pictures_than_noise(
    trained: Path,
) -> None:
    state = from_pictures.load_stage(trained, "autoencoder")
    pictures = Pictures(trained / "pictures")
    reader = warm.new_encoder(from_pictures.generator_config(16))
    reader.load_state_dict(state["ema_encoder"])

    def distance(*, aimed: bool) -> float:
        generator, encoder = networks()
        generator.load_state_dict(state["ema"])
        encoder.load_state_dict(state["ema_encoder"])
        if aimed:
            warm.aim_mapping(generator, encoder, pictures)
        return picture_figures.samples(generator, reader, pictures, num=64)["domain_kid"]

    assert distance(aimed=True) < 0.5 * distance(aimed=False)


def test_an_encoder_reads_a_picture_the_same_alone_and_in_company() -> None:
    _, encoder = networks()
    images = torch.randn(5, 3, 16, 16, generator=torch.Generator().manual_seed(0))

    with torch.no_grad():
        together, alone = encoder(images), encoder(images[2:3])

    torch.testing.assert_close(together[2:3], alone, rtol=1e-4, atol=1e-5)


def test_an_encoder_comes_back_from_its_description() -> None:
    config = config_for(resolution=64, num_layers=10, w_dim=32)

    assert config.widths == (32, 64, 128, 128)
    assert type(config).from_json(config.to_json()) == config


def test_augmentation_stays_within_its_bounds_and_lets_gradients_through() -> None:
    image = torch.full((64, 3, 16, 16), 0.2, requires_grad=True)

    changed = augment(image, torch.Generator().manual_seed(0))
    changed.sum().backward()

    again = augment(image, torch.Generator().manual_seed(0))
    assert torch.equal(changed, again)
    # A flat picture keeps no contrast to change: only brightness moves, by up to half,
    # and what moved in from outside is 0.
    inner = changed[:, :, 2:-2, 2:-2].detach()
    assert (inner - 0.2).abs().max() <= 0.5001
    assert inner.amin(dim=(1, 2, 3)).std() > 0.2
    moved = changed[:, 0, 0].detach().abs().amax(dim=1) == 0
    assert 0 < int(moved.sum()) < 64
    assert image.grad is not None
    assert float(image.grad.abs().sum()) > 0


def test_relativistic_losses_compare_the_two_of_a_pair() -> None:
    real, drawn = torch.tensor([3.0, 0.0]), torch.tensor([1.0, 0.0])

    loss = relativistic(real, drawn)

    expected = (torch.log1p(torch.exp(torch.tensor(-2.0))) + torch.log(torch.tensor(2.0))) / 2
    assert float(loss) == pytest.approx(float(expected))


def test_the_slope_is_the_squared_gradient_of_each_pictures_logit() -> None:
    class Linear(nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return 3 * image[:, 0, 0, 0] + 4 * image[:, 1, 2, 2]

    assert float(slope(Linear(), torch.zeros(5, 3, 4, 4))) == pytest.approx(25.0)


def test_a_discriminator_sees_how_alike_the_pictures_of_a_batch_are() -> None:
    torch.manual_seed(0)
    critic = Discriminator((16, 16, 8))
    one = torch.randn(1, 3, 16, 16)

    with torch.no_grad():
        among_twins = critic(one.expand(4, -1, -1, -1))[0]
        among_others = critic(torch.cat([one, torch.randn(3, 3, 16, 16)]))[0]
        alone_with_taste = critic(torch.randn(8, 3, 16, 16))

    assert alone_with_taste.shape == (8,)
    assert not torch.isclose(among_twins, among_others)


def test_the_result_is_a_generator_with_its_encoder_and_becomes_a_bundle(
    trained: Path, tmp_path: Path
) -> None:
    pipeline = picture_pipeline(trained)
    made, encoder, stage = pipeline.load()

    written = write_generator(pipeline, tmp_path / "made", title="Disks", license="CC0-1.0")
    again = write_generator(pipeline, tmp_path / "made", title="Disks", license="CC0-1.0")
    generator = load_generator(tmp_path / "made")
    reader = load_encoder(tmp_path / "made")
    bundle = bundles.assemble(
        name="disks-16",
        title="Disks",
        version=1,
        schema=tiny_schema(),
        label_size=16,
        generator=generator,
        branch=tiny_branch(generator),
        probes=generator.broadcast(generator.map(torch.randn(4, 128))).contiguous(),
        encoder=reader,
    )
    bundles.save_bundle(bundle, tmp_path / "bundle")
    loaded = bundles.load_bundle(tmp_path / "bundle")

    assert stage == "encoder"
    assert written == again == read_generator_manifest(tmp_path / "made")
    assert written.trained is not None
    assert written.trained.num_pictures == 22
    assert {"psnr_held_out", "domain_kid", "domain_kid_floor"} <= written.trained.figures.keys()
    assert written.trained.steps == {"autoencoder": 120, "joint": 4, "encoder": 4}
    images = Pictures(trained / "pictures").batch(torch.arange(3))
    with torch.no_grad():
        assert loaded.encoder is not None
        assert torch.equal(loaded.encoder(images), encoder(images))
        assert torch.equal(
            loaded.render(loaded.encoder(images)), bundle.render(encoder(images))
        )
    assert torch.equal(loaded.generator.w_avg, made.w_avg)


def test_stages_out_of_order_and_unknown_ones_are_refused(
    trained: Path, tmp_path: Path
) -> None:
    (tmp_path / "pictures").symlink_to(trained / "pictures")
    pipeline = picture_pipeline(tmp_path)

    for stage, says in (
        ("joint", "autoencoder first"),
        ("encoder", "joint first"),
        ("x", "'x'"),
    ):
        with pytest.raises(StageMissingError, match=says):
            next(pipeline.train(stage, Budget(steps=1)))
    with pytest.raises(StageMissingError):
        pipeline.load()


def test_a_size_that_no_generator_has_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownSizeError, match="size 48, but pictures are trained at 16"):
        Plan(tmp_path, 48, tmp_path)


def test_a_stage_whose_losses_are_no_numbers_stops_and_keeps_its_checkpoint(
    tmp_path: Path,
) -> None:
    class Exploding:
        name, seed = "exploding", 0

        def parts(self):
            return {"network": nn.Linear(1, 1)}

        def step(self, step, fraction, random):
            return {"loss": torch.tensor(1.0 if step < 2 else float("nan"))}

        def report(self, run):
            return {"figure": 1.0}

        def finish(self):
            pass

    run = Run(tmp_path, Budget(steps=5), itertools.count(0.0).__next__, checkpoint_seconds=0)

    with pytest.raises(DivergedError, match="exploding diverged at step 2"):
        list(loop.train(Exploding(), run))

    state = run.load()
    assert state is not None
    assert state["step"] == 2


def test_stopping_a_stage_loses_nothing(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "pictures").symlink_to(trained / "pictures")
    pipeline = picture_pipeline(tmp_path)

    steps = pipeline.train("autoencoder", Budget(steps=9))
    next(steps), next(steps)
    steps.close()
    resumed = next(pipeline.train("autoencoder", Budget(steps=9)))

    assert resumed.step == 3


def test_progress_says_how_long_it_will_take() -> None:
    assert Progress("s", 3, 0.25, 60.0, {}).seconds_left == 180.0
    assert Progress("s", 0, 0.0, 0.0, {}).seconds_left is None


def test_the_command_reads_trains_and_writes_and_leaves_families_their_command(
    tmp_path: Path,
) -> None:
    (tmp_path / "source").mkdir()
    write_pictures(tmp_path / "source")
    arguments = ["pictures", str(tmp_path / "source"), "--name", "disks", "--size", "16"]
    more = ["--out", str(tmp_path / "out"), "--minutes", "0.004", "--processes", "1"]
    more += ["--device", "cpu", "--batch", "4"]

    small = ["--stage", "renders", "--renders", "128", "--processes", "1"]
    small += ["--out", str(tmp_path / "portraits")]
    listed = CliRunner().invoke(train, ["--help"])
    done = CliRunner().invoke(train, [*arguments, *more])
    family = CliRunner().invoke(train, ["--size", "16", "portraits", *small])
    nothing = CliRunner().invoke(train, ["pictures", str(tmp_path / "x"), "--name", "x"])

    assert done.exit_code == 0, done.output
    assert "24 pictures to train on, 1 left out" in done.output
    assert "007.broken.png: not a picture that can be read" in done.output
    assert "Only 24 pictures" in done.output
    assert "psnr_held_out" in done.output
    assert load_encoder(tmp_path / "out" / "generator") is not None
    assert "FAMILY" in listed.output
    assert "pictures" in listed.output
    # The family's command was reached, with the options before its name.
    assert family.exit_code == 0
    assert (tmp_path / "portraits" / "renders" / "images.npy").exists()
    assert nothing.exit_code == 1
    assert "there is nothing at" in nothing.output
    assert "[pictures.unusable]" in nothing.output
