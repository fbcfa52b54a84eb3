"""Tiny families on disk, and pictures made with them: what worker and web both need."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as Pillow

if TYPE_CHECKING:
    from editing.bundle import Bundle
    from webapp.accounts.models import Team, User
    from webapp.images.models import Image

TINY = "tiny-16"
SLOW = "slow-64"


def write_tiny_family(folder: Path) -> "Bundle":
    """Write the tiny seeded bundle into `folder` and return it as loaded from there."""
    from editing.bundle import load_bundle, save_bundle
    from tests.factories.networks import tiny_bundle, tiny_codes

    bundle = tiny_bundle()
    samples = tiny_codes(bundle.generator, 2, seed=3)
    save_bundle(bundle, folder / TINY, samples={"ada": samples[0], "ben": samples[1]})
    return load_bundle(folder / TINY)


def write_slow_family(folder: Path) -> "Bundle":
    """Write a seeded bundle whose steps take long enough to be interrupted; return it."""
    from editing.bundle import assemble, load_bundle, save_bundle
    from editing.generator import GeneratorConfig
    from tests.factories.networks import tiny_branch, tiny_codes, tiny_generator, tiny_schema

    config = GeneratorConfig(
        resolution=64, w_dim=32, z_dim=16, channels=(48, 48, 48, 48, 48), mapping_layers=2
    )
    generator = tiny_generator(5, config)
    bundle = assemble(
        name=SLOW,
        title="Slow blocks",
        version=1,
        schema=tiny_schema(),
        label_size=64,
        generator=generator,
        branch=tiny_branch(generator, num_members=6),
        probes=tiny_codes(generator, 4),
    )
    samples = tiny_codes(generator, 2, seed=3)
    save_bundle(bundle, folder / SLOW, samples={"ada": samples[0], "ben": samples[1]})
    return load_bundle(folder / SLOW)


def a_team(name: str = "Northlight") -> "tuple[User, Team]":
    """Return a person and the team they own."""
    from webapp.accounts import services as accounts
    from webapp.accounts.models import User

    slug = name.lower().replace(" ", "-")
    owner = User.objects.create_user(f"owner@{slug}.example.com", "a long password")
    return owner, accounts.found_team(name=name, owner=owner)


def a_picture(owner: "User", team: "Team", bundle: "Bundle", *, sample: str = "ada") -> "Image":
    """Return a ready image whose first revision is a sample of `bundle`."""
    import io

    from safetensors.numpy import save

    from webapp.common import artifacts
    from webapp.images import services
    from webapp.jobs.contract import Picture

    assert bundle.path is not None
    code = bundle.samples()[sample].numpy()
    png = (bundle.path / "samples" / f"{sample}.png").read_bytes()
    labels = (bundle.path / "samples" / f"{sample}.labels.png").read_bytes()
    small = io.BytesIO()
    Pillow.open(io.BytesIO(png)).save(small, "WEBP")
    picture = Picture(
        w_plus=artifacts.put(save({"w_plus": code}), content_type="application/octet-stream"),
        picture=artifacts.put(png, content_type="image/png"),
        label_map=artifacts.put(labels, content_type="image/png"),
        thumbnail=artifacts.put(small.getvalue(), content_type="image/webp"),
    )
    return services.add_sample(
        owner=owner, team=team, name=sample, bundle=bundle.name, picture=picture,
        now=datetime.now(UTC),
    )  # fmt: skip


def painted(bundle: "Bundle", *, sample: str = "ada", part: int = 2) -> bytes:
    """Return a painting of a sample, PNG: a square in its middle turned into `part`."""
    import io

    assert bundle.path is not None
    labels = np.array(Pillow.open(bundle.path / "samples" / f"{sample}.labels.png"))
    side = labels.shape[0]
    labels[side // 3 : 2 * side // 3, side // 3 : 2 * side // 3] = part
    out = io.BytesIO()
    Pillow.fromarray(labels.astype(np.uint8)).save(out, "PNG")
    return out.getvalue()
