"""The factors of the portraits family: who may appear, wearing and doing what.

Everything a portrait shows follows from these numbers; the renderer itself draws no
random number. Ranges are chosen so that each factor shows at 64 pixels.
"""

import torch

from editing.families.factor_space import Categorical, Continuous, Factors, FactorSpace

HAIR_STYLES = (
    "crop", "bob", "long", "curly", "bun", "bald",
    "wavy", "afro", "ponytail", "pixie", "swept",
)  # fmt: skip
GLASSES = ("none", "round", "square")
BEARDS = ("none", "goatee", "full", "moustache")
HEADWEAR = ("none", "beanie", "hat", "headscarf")
NECKLINES = ("round", "shirt", "turtleneck")
EARRINGS = ("none", "studs", "hoops")
FABRICS = ("plain", "stripes", "knit")
BACKDROPS = ("studio", "horizon", "bokeh")

_FACTORS = (
    # Expression.
    Continuous("smile", -1.0, 1.2, "normal", mean=0.45, spread=0.48),
    Continuous("mouth_open", 0.0, 1.0, "rare", power=2.2),
    Continuous("gaze_x", -1.0, 1.0, "normal", spread=0.45),
    Continuous("gaze_y", -1.0, 1.0, "normal", spread=0.4),
    Continuous("brow_raise", -1.0, 1.3, "normal", mean=0.1, spread=0.5),
    Continuous("brow_tilt", 0.0, 1.0),
    Continuous("lid_open", -1.0, 1.0, "normal", mean=0.2, spread=0.45),
    Continuous("wink_left", 0.0, 1.0, "rare", power=16.0),
    Continuous("wink_right", 0.0, 1.0, "rare", power=16.0),
    # Face.
    Continuous("face_width", -1.0, 1.0, "normal", spread=0.5),
    Continuous("face_length", -1.0, 1.0, "normal", spread=0.5),
    Continuous("jaw", -1.0, 1.0),
    Continuous("cheeks", -1.0, 1.0, "normal", spread=0.5),
    Continuous("eye_size", -1.0, 1.0, "normal", spread=0.5),
    Continuous("iris_size", -1.0, 1.0, "normal", spread=0.5),
    Continuous("eye_spacing", -1.0, 1.0, "normal", spread=0.5),
    Continuous("eye_tilt", -1.0, 1.0, "normal", spread=0.5),
    Continuous("iris_tone", 0.0, 1.0),
    Continuous("brow_thickness", -1.0, 1.0, "normal", spread=0.5),
    Continuous("nose_size", -1.0, 1.0),
    Continuous("nose_width", -1.0, 1.0),
    Continuous("mouth_width", -1.0, 1.0, "normal", spread=0.5),
    Continuous("lip_fullness", -1.0, 1.0),
    Continuous("lip_color", 0.0, 1.0, "rare", power=2.0),
    Continuous("lashes", 0.0, 1.0),
    Continuous("ear_size", -1.0, 1.0, "normal", spread=0.5),
    Continuous("skin_tone", 0.0, 1.0),
    Continuous("skin_warmth", -1.0, 1.0, "normal", spread=0.5),
    Continuous("freckles", 0.0, 1.0, "rare", power=4.0),
    Continuous("age", 0.0, 1.0),
    # Hair and beard.
    Categorical(
        "hair_style",
        HAIR_STYLES,
        (0.14, 0.11, 0.10, 0.11, 0.08, 0.05, 0.10, 0.08, 0.07, 0.07, 0.09),
    ),
    Continuous("hair_length", -1.0, 1.0),
    Continuous("hair_volume", -1.0, 1.0),
    Continuous("hair_tone", 0.0, 1.0),
    Continuous("hair_red", 0.0, 1.0, "rare", power=4.0),
    Continuous("hairline", -1.0, 1.0, "normal", spread=0.5),
    Continuous("fringe", 0.0, 1.0),
    Continuous("parting", -1.0, 1.0),
    Categorical("beard", BEARDS, (0.74, 0.07, 0.12, 0.07)),
    # Worn.
    Categorical("glasses", GLASSES, (0.70, 0.16, 0.14)),
    Continuous("glasses_tone", 0.0, 1.0),
    Categorical("earrings", EARRINGS, (0.72, 0.14, 0.14)),
    Categorical("headwear", HEADWEAR, (0.88, 0.05, 0.035, 0.035)),
    Categorical("neckline", NECKLINES, (0.42, 0.32, 0.26)),
    Categorical("fabric", FABRICS, (0.50, 0.26, 0.24)),
    Continuous("clothing_light", 0.0, 1.0),
    Continuous("clothing_a", -1.0, 1.0),
    Continuous("clothing_b", -1.0, 1.0),
    # Scene.
    Categorical("backdrop", BACKDROPS, (0.46, 0.28, 0.26)),
    Continuous("background_accent", -1.0, 1.0),
    Continuous("background_light", 0.0, 1.0),
    Continuous("background_a", -1.0, 1.0),
    Continuous("background_b", -1.0, 1.0),
    Continuous("yaw", -1.0, 1.0, "normal", spread=0.45),
    Continuous("pitch", -1.0, 1.0, "normal", spread=0.4),
    Continuous("roll", -1.0, 1.0, "normal", spread=0.4),
    Continuous("light_x", -1.0, 1.0),
    Continuous("light_y", -1.0, 1.0),
)


def _cast(drawn: Factors) -> Factors:
    """Return the draw made plausible: children stay children, hair suits complexion."""
    age, skin, beard = drawn.get("age"), drawn.get("skin_tone"), drawn.get("beard")
    style, headwear = drawn.get("hair_style"), drawn.get("headwear")
    is_child = age < 0.28
    has_scarf = headwear == HEADWEAR.index("headscarf")
    beard = beard * ~is_child * ~has_scarf
    short = style * 0
    style = style.where(~(is_child & (style == HAIR_STYLES.index("bald"))), short)
    # Bearded people keep bob, bun and long hair now and then, but mostly wear it short.
    has_beard = beard > 0
    is_short = torch.isin(
        style, torch.tensor([float(HAIR_STYLES.index(name)) for name in _SHORT])
    )
    swap = has_beard & (drawn.get("lashes") > 0.3) & ~is_short
    swept = short + HAIR_STYLES.index("swept")
    style = style.where(~swap, short.where(drawn.get("parting") > 0, swept))
    # A tall head of hair leaves no room for a cap; a wink closes one eye, not both.
    is_tall = torch.isin(
        style, torch.tensor([float(HAIR_STYLES.index(name)) for name in _TALL])
    )
    is_capped = (headwear > 0) & ~has_scarf
    style = style.where(~(is_tall & is_capped), short + HAIR_STYLES.index("curly"))
    wink_left, wink_right = drawn.get("wink_left"), drawn.get("wink_right")
    # Bearded people and children wear studs at most.
    earrings = drawn.get("earrings") * ~has_scarf
    earrings = torch.where(has_beard | is_child, earrings.clamp(max=1), earrings)
    muted = 1 - 0.75 * (has_beard | is_child).to(age.dtype)
    return drawn.replace(
        beard=beard,
        hair_style=style,
        wink_right=wink_right * (1 - wink_left).clamp(min=0),
        earrings=earrings,
        freckles=drawn.get("freckles") * (1 - 0.6 * skin),
        lip_color=drawn.get("lip_color") * muted,
        lashes=drawn.get("lashes") * (1 - 0.7 * has_beard.to(age.dtype)),
        hair_tone=drawn.get("hair_tone") * (1 - 0.72 * skin**1.5),
        iris_tone=drawn.get("iris_tone") * (1 - 0.8 * skin**1.5),
    )


_SHORT = ("crop", "curly", "bald", "afro", "pixie", "swept")
_TALL = ("afro", "bun", "swept")

FACTORS = FactorSpace(factors=_FACTORS, casting=_cast)
