"""MaskGAN: which picture has this label map and the style of that picture?

A style encoder looks at a picture together with its label map and gives one vector; a
generator draws a label map in that style (the dense mapping network). To edit, the map is
repainted. Training simulates edits: a picture's map is moved both ways, both results are
drawn, and an alpha blender must compose the picture from the two, so that the generator
learns to keep everything else while a map changes (editing behaviour simulated training).

Source: Lee et al. 2020 (MaskGAN), sections 3.1 and 3.2. Ours: the two moved maps come from
the painting rules `smile` and `frown`, opposite edits of the very kind that is asked for
later, where the paper interpolates in the code of a mask autoencoder; and the losses are
those of `translation`.

Letters: N pictures, R their side, K parts, S style columns.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from editing.benchmark.baselines import translation
from editing.benchmark.baselines.translation import TranslationOptions, Translator
from editing.errors import EditingError
from editing.families.family import PaintingRule
from editing.families.schema import PartSchema
from editing.losses import Perceptual
from editing.training.run import Progress, Run

OPTIONS = TranslationOptions(batch=8, seed=32)
BATCH = 16


@dataclass(frozen=True)
class Masked:
    """Pictures uint8 (N, 3, R, R), label maps (N, R, R), and the maps moved both ways."""

    images: Tensor
    labels: Tensor
    raised: Tensor
    lowered: Tensor

    def __len__(self) -> int:
        return len(self.images)


class StyleEncoder(nn.Module):
    """Returns the style (N, S) of a picture, read with its label map beside it.

    Features of the map scale and shift those of the picture (spatial feature transform,
    Wang et al. 2018), stage by stage.
    """

    def __init__(self, num_parts: int, style: int, *, width: int = 32) -> None:
        super().__init__()
        widths = [width << i for i in range(4)]
        self.pictures = nn.ModuleList(
            nn.Conv2d(a, b, 4, stride=2, padding=1)
            for a, b in zip([3, *widths], widths, strict=False)
        )
        self.maps = nn.ModuleList(
            nn.Conv2d(a, b, 4, stride=2, padding=1)
            for a, b in zip([num_parts, *widths], widths, strict=False)
        )
        self.transforms = nn.ModuleList(nn.Conv2d(b, 2 * b, 1) for b in widths)
        self.out = nn.Linear(2 * 16 * widths[-1], style)

    def forward(self, image: Tensor, parts: Tensor) -> Tensor:
        """Return the style of pictures (N, 3, R, R) with one-hot maps (N, K, R, R)."""
        x, y = image, parts
        for picture, layout, transform in zip(
            self.pictures, self.maps, self.transforms, strict=True
        ):
            x, y = picture(x), F.leaky_relu(layout(y), 0.2)
            scale, shift = transform(y).chunk(2, dim=1)
            x = F.leaky_relu(x * (1 + scale) + shift, 0.2)
        both = [F.adaptive_avg_pool2d(x, 4), F.adaptive_max_pool2d(x, 4)]
        return self.out(torch.cat(both, dim=1).flatten(1)).float()


class MaskGan(nn.Module):
    """The dense mapping network with its style encoder and, for training, the blender."""

    def __init__(
        self, num_parts: int, *, style: int = 256, width: int = 24, num_blocks: int = 4
    ) -> None:
        super().__init__()
        self.num_parts = num_parts
        self.encoder = StyleEncoder(num_parts, style, width=width)
        self.draw = Translator(num_parts, width=width, num_blocks=num_blocks, style=style)
        self.blender = Translator(6, 1, width=8, num_blocks=1)

    def style(self, image: Tensor, labels: Tensor) -> Tensor:
        """Return the style (N, S) of pictures (N, 3, R, R) with label maps (N, R, R)."""
        return self.encoder(image, self.one_hot(labels))

    def forward(self, labels: Tensor, style: Tensor) -> Tensor:
        """Return the pictures (N, 3, R, R) of label maps (N, R, R) in styles (N, S)."""
        drawn: Tensor = self.draw(self.one_hot(labels), style)
        return drawn

    def blend(self, one: Tensor, other: Tensor) -> Tensor:
        """Return the alpha composition of two drawings of the same face."""
        alpha = torch.sigmoid(self.blender(torch.cat([one, other], dim=1)))
        return alpha * one + (1 - alpha) * other

    def one_hot(self, labels: Tensor) -> Tensor:
        """Return label maps as one plane per part (N, K, R, R)."""
        return F.one_hot(labels.long(), self.num_parts).permute(0, 3, 1, 2).float()


def paint(rule: PaintingRule, labels: Tensor, schema: PartSchema) -> Tensor:
    """Return label maps (N, R, R) repainted; a map with nothing to paint on stays."""
    painted = labels.clone()
    for i, own in enumerate(labels):
        try:
            painted[i] = rule(own, schema)
        except EditingError:
            continue
    return painted


def train(
    network: MaskGan,
    data: Masked,
    perceptual: Perceptual,
    run: Run,
    options: TranslationOptions = OPTIONS,
    *,
    simulated: float = 0.25,
) -> Iterator[Progress]:
    """Train the network; see `translation.train`.

    The share `simulated` of each batch is blended from two simulated edits, the rest drawn
    from its own map.
    """
    num_simulated = round(simulated * options.batch)

    def turn(
        module: nn.Module, random: torch.Generator
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        assert isinstance(module, MaskGan)
        rows = torch.randint(len(data), (options.batch,), generator=random)
        image = (data.images[rows].float() - 127.5) / 127.5
        labels = data.labels[rows]
        style = module.style(image, labels)
        edited = rows[:num_simulated]
        # One pass: the maps moved up, those moved down, and those left alone.
        maps = torch.cat([data.raised[edited], data.lowered[edited], labels[num_simulated:]])
        own = style[:num_simulated]
        drawn = module(maps, torch.cat([own, own, style[num_simulated:]]))
        up, down, plain = drawn.split(
            [num_simulated, num_simulated, options.batch - num_simulated]
        )
        return torch.cat([module.blend(up, down), plain]), image, {}

    yield from translation.train(network, turn, perceptual, run, options, stage="maskgan")


@torch.no_grad()
def edit(network: MaskGan, images: Tensor, labels: Tensor, painted: Tensor) -> Tensor:
    """Return pictures (N, 3, R, R) redrawn by `painted` maps in their own style.

    `labels` are the maps (N, R, R) of `images` as they are.
    """
    network.eval()
    batches = zip(images.split(BATCH), labels.split(BATCH), painted.split(BATCH), strict=True)
    return torch.cat(
        [network(wanted, network.style(image, own)) for image, own, wanted in batches]
    )
