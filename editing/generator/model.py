"""The whole generator: from noise or a factor code to `w`, `w_plus` and the picture.

Shapes: N images, L layers of `w_plus`.
"""

import numpy as np
import torch
from torch import Tensor, nn

from editing.generator.config import GeneratorConfig
from editing.generator.mapping import Mapping
from editing.generator.synthesis import Rendering, Synthesis


class Generator(nn.Module):
    """Mapping and synthesis of one family."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.mapping = Mapping(config)
        self.synthesis = Synthesis(config)

    @property
    def w_avg(self) -> Tensor:
        """Return the family's mean style (w_dim,), the centre of truncation."""
        return self.mapping.w_avg

    def map(self, z: Tensor, *, psi: float = 1.0, num_truncated: int | None = None) -> Tensor:
        """Return w (N, w_dim), or w_plus (N, L, w_dim) when only some layers are truncated.

        Args:
            z: noise, or the factor code of a "code" mapping, (N, z_dim).
            psi: 1 keeps w, 0 gives the mean style.
            num_truncated: truncate only this many first layers.
        """
        w: Tensor = self.mapping(z)
        if num_truncated is None:
            return w if psi == 1.0 else self.w_avg.lerp(w, psi)
        w_plus = self.broadcast(w).clone()
        w_plus[:, :num_truncated] = self.w_avg.lerp(w_plus[:, :num_truncated], psi)
        return w_plus

    def broadcast(self, w: Tensor) -> Tensor:
        """Return w_plus (N, L, w_dim) that repeats w (N, w_dim) on every layer."""
        return w.unsqueeze(1).expand(-1, self.config.num_layers, -1)

    def sample(
        self, seed: int, *, psi: float = 0.7, with_taps: bool = False
    ) -> tuple[Tensor, Rendering]:
        """Return (w_plus, rendering) of one seed; meant for "mlp" mappings.

        Seeds mean what users of public checkpoints expect, so "seed 85" is the same
        picture everywhere. A "code" mapping is sampled by its family's factor space.
        """
        noise = np.random.RandomState(seed).randn(1, self.config.z_dim)
        z = torch.from_numpy(noise).to(self.w_avg)
        w_plus = self.broadcast(self.map(z, psi=psi))
        return w_plus, self.synthesis(w_plus, with_taps=with_taps)

    def forward(self, z: Tensor) -> Tensor:
        """Return pictures (N, 3, R, R) of z (N, z_dim), untruncated."""
        image: Tensor = self.synthesis(self.broadcast(self.map(z))).image
        return image

    @torch.no_grad()
    def set_w_avg(self, z: Tensor) -> None:
        """Make the mean style that of the codes or noise z (N, z_dim)."""
        self.mapping.w_avg.copy_(self.mapping(z).mean(dim=0))
