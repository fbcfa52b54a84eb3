"""Tiny seeded networks: everything that editing does, on the CPU, in milliseconds."""

import torch

from editing.bundle import Bundle, assemble
from editing.errors import EditingError
from editing.families import Factors, FactorSpace, Family, Part, PartSchema, Render
from editing.families.factor_space import Continuous
from editing.generator import Generator, GeneratorConfig
from editing.regressor import Regressor, RegressorConfig
from editing.segmentation.branch import SegmentationBranch

TINY_CONFIG = GeneratorConfig(
    resolution=16,
    w_dim=12,
    z_dim=8,
    channels=(10, 8, 6),
    mapping_layers=2,
)


def tiny_schema(num_parts: int = 4) -> PartSchema:
    """Return a schema of a background and some blocks."""
    names = ["background"] + [f"block_{i}" for i in range(1, num_parts)]
    parts = tuple(
        Part(i, name, name.title(), f"#{40 * i % 256:02X}8040", "all", is_background=i == 0)
        for i, name in enumerate(names)
    )
    return PartSchema(family="blocks", version=1, parts=parts)


def tiny_generator(seed: int = 0, config: GeneratorConfig = TINY_CONFIG) -> Generator:
    """Return a generator with random weights that depend on `seed` alone."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        generator = Generator(config)
        # Fresh biases are all equal, which would hide a mix-up between layers.
        with torch.no_grad():
            for name, parameter in generator.named_parameters():
                if name.endswith("bias"):
                    parameter.add_(0.1 * torch.randn_like(parameter))
            generator.set_w_avg(torch.randn(256, config.z_dim))
    return generator.eval().requires_grad_(False)


def tiny_branch(
    generator: Generator, *, seed: int = 0, num_parts: int = 4, num_members: int = 3
) -> SegmentationBranch:
    """Return a branch with random weights and BatchNorm figures that are not trivial."""
    noise = torch.Generator().manual_seed(seed)
    branch = SegmentationBranch(
        generator.synthesis.tap_shapes, num_parts, num_members=num_members, hidden=(7, 5)
    )
    branch.reset(noise)
    with torch.no_grad():
        for name, tensor in [*branch.named_parameters(), *branch.named_buffers()]:
            fresh = torch.randn(tensor.shape, generator=noise)
            tensor.copy_(fresh.square() + 0.5 if "running_var" in name else 0.5 * fresh)
        # Level the parts, else one of them wins everywhere.
        rendering = generator.synthesis(tiny_codes(generator, 8), with_taps=True)
        logits = branch.to(rendering.image.dtype).logits(rendering.taps, size=16)
        branch.last_bias.sub_(logits.mean(dim=(0, 2, 3)))
    return branch.eval().requires_grad_(False)


def tiny_codes(generator: Generator, num: int, *, seed: int = 1) -> torch.Tensor:
    """Return codes (num, L, w_dim) of random pictures, in W."""
    noise = torch.Generator().manual_seed(seed)
    z = torch.randn(num, generator.config.z_dim, generator=noise)
    with torch.no_grad():
        return generator.broadcast(generator.map(z.to(generator.w_avg))).clone()


def tiny_bundle(
    seed: int = 0,
    *,
    config: GeneratorConfig = TINY_CONFIG,
    dtype: torch.dtype = torch.float32,
    regressor: Regressor | None = None,
    judge: Regressor | None = None,
) -> Bundle:
    """Return a whole bundle in memory: 16 px pictures, four parts, no encoder."""
    generator = tiny_generator(seed, config).to(dtype)
    return assemble(
        name="tiny-16",
        title="Tiny blocks",
        version=1,
        schema=tiny_schema(),
        label_size=16,
        generator=generator,
        branch=tiny_branch(generator, seed=seed).to(dtype),
        probes=tiny_codes(generator, 4),
        regressor=regressor,
        judge=judge,
    )


def blocks_family() -> Family:
    """Return a family of eight factors whose pictures are two-tone squares."""
    names = ("smile", "mouth_open", "glasses", "a", "b", "c", "d", "e")
    space = FactorSpace(tuple(Continuous(name, -1.0, 1.0) for name in names))

    def render(factors: Factors, *, size: int) -> Render:
        shade = factors.values[:, :3, None, None].expand(-1, 3, size, size).clone()
        shade[:, :, : size // 2] *= -1
        labels = torch.zeros(len(factors), size, size, dtype=torch.uint8)
        labels[:, : size // 2] = 1
        return Render(shade, labels)

    def paint_block(labels: torch.Tensor, schema: PartSchema) -> torch.Tensor:
        painted = labels.clone()
        side = labels.shape[-1]
        painted[side // 4 : side // 2, side // 4 : side // 2] = schema.id_of("block_2")
        return painted

    def impossible(labels: torch.Tensor, schema: PartSchema) -> torch.Tensor:
        raise EditingError("nothing to paint on")

    rules = {"smile": paint_block, "never": impossible}
    return Family("blocks", tiny_schema(), space, render, rules)


def tiny_judge(seed: int = 0) -> Regressor:
    """Return a random network that reads eight factors off 16 px pictures."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Regressor(RegressorConfig(16, 8, (), (3, 4), widths=(8, 8), hidden=8))
