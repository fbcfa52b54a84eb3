"""How does noise, or a factor code, become a style?

"mlp" is StyleGAN2's mapping. "code" is ours, for families whose renderer knows every
factor of every picture: a plain MLP spends its capacity on factors that move many
pixels and loses the ones that move few (a smile), so the code is also handed through.

Shapes: N images.
Source: Karras et al. 2019 (StyleGAN), section 2; the code path is our own.
"""

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from editing.generator.config import GeneratorConfig
from editing.generator.layers import SQRT2, EqualizedLinear

NORMALIZATION_EPS = 1e-8


class Mapping(nn.Module):
    """Maps z (N, z_dim) to w (N, w_dim); holds `w_avg` (w_dim,), the family's mean style."""

    w_avg: Tensor

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        hidden = config.w_dim - config.z_dim if config.mapping == "code" else config.w_dim
        widths = [config.z_dim] + [hidden] * config.mapping_layers
        for i, (num_in, num_out) in enumerate(itertools.pairwise(widths)):
            layer = EqualizedLinear(num_in, num_out, lr_mul=config.mapping_lr_mul)
            self.add_module(f"fc{i}", layer)
        self.register_buffer("w_avg", torch.zeros(config.w_dim))

    def forward(self, z: Tensor) -> Tensor:
        """Return w for noise ("mlp", normalized here) or a factor code ("code")."""
        x = z
        if self.config.mapping == "mlp":
            x = z * torch.rsqrt(z.square().mean(dim=1, keepdim=True) + NORMALIZATION_EPS)
        for i in range(self.config.mapping_layers):
            x = F.leaky_relu(self.get_submodule(f"fc{i}")(x), 0.2) * SQRT2
        if self.config.mapping == "code":
            x = torch.cat([x, z * self.config.code_gain], dim=1)
        return x

    def code_of(self, w: Tensor) -> Tensor:
        """Return the factor code (N, z_dim) that w (N, w_dim) of a "code" mapping carries."""
        assert self.config.mapping == "code", "noise cannot be read off a style"
        return w[:, -self.config.z_dim :] / self.config.code_gain
