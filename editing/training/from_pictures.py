"""How does a generator come to be from pictures alone? Stages in order, each resumable.

    pictures -> autoencoder -> joint -> encoder -> generator

`pictures` reads a folder or zip, `autoencoder` warms up, `joint` makes samples as good as
reconstructions, `encoder` learns to invert the finished generator, `generator` writes both
where `bundle.assemble` finds them once the family has parts and labels. Every stage keeps a
folder of its own below the output folder: checkpoint, JSONL log, plot, sample sheet. The
same plan runs on a CPU and on a GPU.
"""

import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from editing.errors import EditingError
from editing.generator import Generator, GeneratorConfig
from editing.importers.folder import GeneratorManifest, Trained, save_generator
from editing.inversion.picture_encoder import PictureEncoder
from editing.training import autoencoder as warm
from editing.training import loop, parallel, picture_figures, pictures
from editing.training.autoencoder import Autoencoder, AutoencoderOptions
from editing.training.encoder import EncoderOptions, EncoderStage, Lesson, feature_type
from editing.training.joint import Joint, JointOptions
from editing.training.parallel import Helpers, Team
from editing.training.pictures import Fit, PicturePlan, Pictures, ReadProgress
from editing.training.pipeline import StageMissingError, load_stage
from editing.training.run import Budget, Clock, Progress, Run
from editing.training.sharpen import mixed_styles

# Stages with a budget, and their share of the minutes given for all of them.
SHARES = {"autoencoder": 0.5, "joint": 0.4, "encoder": 0.1}
SIZES = (16, 32, 64, 128, 256)


class UnknownSizeError(EditingError):
    """Nobody has planned a generator of this size."""

    code = "training.size"


@dataclass(frozen=True, slots=True)
class Plan:
    """One training from pictures: which, at which side, where and on what.

    Args:
        mirror: whether half the pictures are mirrored; only where no part has a side.
        half: whether convolutions are computed in bfloat16.
        num_processes: single-thread processes that train together, on a CPU.
    """

    source: Path
    size: int
    out: Path
    fit: Fit = "crop"
    mirror: bool = False
    device: str = "cpu"
    num_processes: int = 1
    batch: int = 16
    half: bool = True

    def __post_init__(self) -> None:
        """Refuse a size that no generator here has.

        Raises:
            UnknownSizeError: it is none of `SIZES`.
        """
        if self.size not in SIZES:
            wanted = ", ".join(map(str, SIZES))
            raise UnknownSizeError(f"size {self.size}, but pictures are trained at {wanted} px")


def generator_config(size: int) -> GeneratorConfig:
    """Return a generator's shape for pictures of `size`: slim, noise off, plain mapping."""
    widest = 128 if size <= 128 else 256
    resolutions = [4 << i for i in range(size.bit_length() - 2)]
    return GeneratorConfig(
        resolution=size,
        w_dim=128,
        z_dim=128,
        channels=tuple(min(widest, 64 * size // r) for r in resolutions),
        mapping="mlp",
        mapping_layers=4,
        mapping_lr_mul=0.1,
    )


@dataclass(frozen=True)
class PicturePipeline:
    """The stages of one plan; `clock` returns rising seconds."""

    plan: Plan
    clock: Clock

    def read(self) -> Iterator[ReadProgress]:
        """Read the pictures; yield after each; go on where reading stopped.

        Raises:
            PicturesError: nothing usable, unsafe, or other pictures than before.
        """
        plan = self.plan
        wanted = PicturePlan(plan.source, plan.size, plan.fit)
        return pictures.read_pictures(wanted, plan.out / "pictures")

    def reading(self) -> pictures.Reading:
        """Return what reading found."""
        return pictures.reading(self.plan.out / "pictures")

    def train(
        self, stage: str, budget: Budget, *, checkpoint_seconds: float = 60.0
    ) -> Iterator[Progress]:
        """Train one stage with a budget of its own; closing the iterator stops it.

        Raises:
            StageMissingError: an earlier stage has not run, or there is none of this name.
            DivergedError: the losses stopped being numbers.
        """
        spec = (self.plan, self.clock, stage, budget, checkpoint_seconds)
        num = self.plan.num_processes
        if stage == "encoder" or num == 1:
            yield from run_stage(*spec, Team())
            return
        rendezvous = str(self.plan.out / f".meet-{uuid.uuid4().hex}")
        with Helpers(_train_part, (rendezvous, *spec), num):
            team = parallel.join(0, num, rendezvous)
            try:
                yield from run_stage(*spec, team)
            finally:
                torch.distributed.destroy_process_group()
                Path(rendezvous).unlink(missing_ok=True)

    def load(self) -> tuple[Generator, PictureEncoder, str]:
        """Return generator and encoder, and the latest stage that trained them.

        Raises:
            StageMissingError: no stage has saved any.
        """
        out, config = self.plan.out, generator_config(self.plan.size)
        game, start = load_stage(out, "joint"), load_stage(out, "autoencoder")
        state = game or start
        if state is None:
            raise StageMissingError("train the stage autoencoder first")
        generator, encoder = Generator(config), warm.new_encoder(config)
        generator.load_state_dict(state["ema"])
        encoder.load_state_dict(state["ema_encoder"])
        stage = "joint" if game else "autoencoder"
        last = load_stage(out, "encoder")
        if game and last:
            encoder.load_state_dict(last["encoder"])
            stage = "encoder"
        if not game:
            warm.aim_mapping(generator, encoder, Pictures(out / "pictures"))
        warm.set_mean_style(generator)
        generator.eval().requires_grad_(False)
        return generator, encoder.eval().requires_grad_(False), stage


def write_generator(
    pipeline: PicturePipeline, path: Path, *, title: str, license: str = ""
) -> GeneratorManifest:
    """Write generator and encoder into the `generator/1` folder `path`, replacing it.

    Raises:
        StageMissingError: no stage has saved any.
    """
    out = pipeline.plan.out
    generator, encoder, _ = pipeline.load()
    read = Pictures(out / "pictures")
    states = {stage: load_stage(out, stage) for stage in SHARES}
    start = states["autoencoder"]
    assert start is not None
    reader = warm.new_encoder(generator.config)
    reader.load_state_dict(start["ema_encoder"])
    figures = picture_figures.reconstructions(generator, encoder, read)
    trained = Trained(
        num_pictures=read.num_train,
        seconds={stage: round(state["seconds"], 1) for stage, state in states.items() if state},
        steps={stage: state["step"] for stage, state in states.items() if state},
        figures=figures | picture_figures.samples(generator, reader, read),
    )
    fresh = path.with_name(f".{path.name}.partial")
    shutil.rmtree(fresh, ignore_errors=True)
    manifest = save_generator(
        generator, fresh, title=title, license=license, trained=trained, encoder=encoder
    )
    shutil.rmtree(path, ignore_errors=True)
    fresh.replace(path)
    return manifest


def _train_part(
    rank: int,
    num: int,
    rendezvous: str,
    plan: Plan,
    clock: Clock,
    stage: str,
    budget: Budget,
    checkpoint_seconds: float,
) -> None:
    team = parallel.join(rank, num, rendezvous)
    for _ in run_stage(plan, clock, stage, budget, checkpoint_seconds, team):
        pass


def run_stage(
    plan: Plan,
    clock: Clock,
    stage: str,
    budget: Budget,
    checkpoint_seconds: float,
    team: Team,
) -> Iterator[Progress]:
    """Run one member's part of a stage."""
    run = Run(
        plan.out / stage,
        budget,
        clock,
        checkpoint_seconds=checkpoint_seconds,
        is_leader=team.is_leader,
    )
    read = Pictures(plan.out / "pictures", device=plan.device)
    config = generator_config(plan.size)
    if stage == "autoencoder":
        options = AutoencoderOptions(batch=plan.batch, mirror=plan.mirror, half=plan.half)
        return loop.train(Autoencoder(config, read, options, team), run, team)
    if stage == "joint":
        start = load_stage(plan.out, "autoencoder")
        if start is None:
            raise StageMissingError("train the stage autoencoder first")
        rules = JointOptions(batch=plan.batch, mirror=plan.mirror, half=plan.half)
        return loop.train(Joint(config, start, read, rules, team), run, team)
    if stage == "encoder":
        return loop.train(_encoder_stage(plan, read), run)
    raise StageMissingError(f"there is no stage {stage!r}; there are {', '.join(SHARES)}")


def _encoder_stage(plan: Plan, read: Pictures) -> EncoderStage:
    """Return the last stage: the joint stage's encoder and its finished generator."""
    state = load_stage(plan.out, "joint")
    if state is None:
        raise StageMissingError("train the stage joint first")
    config = generator_config(plan.size)
    generator = Generator(config)
    generator.load_state_dict(state["ema"])
    generator.eval().requires_grad_(False).to(read.device)
    encoder = warm.new_encoder(config)
    encoder.load_state_dict(state["ema_encoder"])
    encoder.to(read.device)
    options = EncoderOptions(batch=plan.batch, half=plan.half)

    def teach(num: int, random: torch.Generator) -> Lesson:
        num_real = num // 2
        real = warm.real_pictures(read, num_real, random, mirror=plan.mirror)
        z = warm.noise(2 * num_real, generator, random)
        mixed = mixed_styles(generator, z, 0, random)
        drawn = generator.synthesis(mixed, dtype=feature_type(options)).image
        is_known = torch.arange(2 * num_real, device=read.device) >= num_real
        # Nobody knows the codes of real pictures: zeros stand in and do not count.
        codes = torch.cat([torch.zeros_like(mixed), mixed])
        return Lesson(torch.cat([real, drawn]), codes, is_known.float())

    return EncoderStage(
        generator,
        encoder,
        teach,
        options,
        groups=[{"params": list(encoder.parameters()), "factor": 1.0}],
        held_out=read.batch(read.held_out[:64]),
    )
