"""The factors of the portraits family: who may appear, wearing and doing what.

Everything a portrait shows follows from these numbers; the renderer itself draws no
random number. Ranges are chosen so that each factor shows at 64 pixels.
"""

from editing.families.factor_space import Categorical, Continuous, Factors, FactorSpace

HAIR_STYLES = ("crop", "bob", "long", "curly", "bun", "bald")
GLASSES = ("none", "round", "square")
BEARDS = ("none", "goatee", "full")
HEADWEAR = ("none", "beanie", "hat", "headscarf")
NECKLINES = ("round", "shirt", "turtleneck")

_FACTORS = (
    # Expression.
    Continuous("smile", -1.0, 1.2, "normal", mean=0.45, spread=0.48),
    Continuous("mouth_open", 0.0, 1.0, "rare", power=2.2),
    Continuous("gaze_x", -1.0, 1.0, "normal", spread=0.45),
    Continuous("gaze_y", -1.0, 1.0, "normal", spread=0.4),
    Continuous("brow_raise", -1.0, 1.3, "normal", mean=0.1, spread=0.5),
    Continuous("brow_tilt", 0.0, 1.0),
    Continuous("lid_open", -1.0, 1.0, "normal", mean=0.1, spread=0.45),
    # Face.
    Continuous("face_width", -1.0, 1.0, "normal", spread=0.5),
    Continuous("face_length", -1.0, 1.0, "normal", spread=0.5),
    Continuous("jaw", -1.0, 1.0),
    Continuous("eye_size", -1.0, 1.0, "normal", spread=0.5),
    Continuous("iris_size", -1.0, 1.0, "normal", spread=0.5),
    Continuous("eye_spacing", -1.0, 1.0, "normal", spread=0.5),
    Continuous("eye_tilt", -1.0, 1.0, "normal", spread=0.5),
    Continuous("iris_tone", 0.0, 1.0),
    Continuous("brow_thickness", -1.0, 1.0, "normal", spread=0.5),
    Continuous("nose_size", -1.0, 1.0, "normal", spread=0.5),
    Continuous("nose_width", -1.0, 1.0, "normal", spread=0.5),
    Continuous("mouth_width", -1.0, 1.0, "normal", spread=0.5),
    Continuous("lip_fullness", -1.0, 1.0, "normal", spread=0.5),
    Continuous("lip_color", 0.0, 1.0, "rare", power=2.0),
    Continuous("lashes", 0.0, 1.0),
    Continuous("ear_size", -1.0, 1.0, "normal", spread=0.5),
    Continuous("skin_tone", 0.0, 1.0),
    Continuous("skin_warmth", -1.0, 1.0, "normal", spread=0.5),
    Continuous("age", 0.0, 1.0),
    # Hair and beard.
    Categorical("hair_style", HAIR_STYLES, (0.27, 0.18, 0.19, 0.18, 0.12, 0.06)),
    Continuous("hair_length", -1.0, 1.0),
    Continuous("hair_volume", -1.0, 1.0),
    Continuous("hair_tone", 0.0, 1.0),
    Continuous("hair_red", 0.0, 1.0, "rare", power=4.0),
    Continuous("fringe", 0.0, 1.0),
    Continuous("parting", -1.0, 1.0),
    Categorical("beard", BEARDS, (0.81, 0.07, 0.12)),
    # Worn.
    Categorical("glasses", GLASSES, (0.70, 0.16, 0.14)),
    Continuous("glasses_tone", 0.0, 1.0),
    Categorical("headwear", HEADWEAR, (0.88, 0.05, 0.035, 0.035)),
    Categorical("neckline", NECKLINES, (0.42, 0.32, 0.26)),
    Continuous("clothing_light", 0.0, 1.0),
    Continuous("clothing_a", -1.0, 1.0),
    Continuous("clothing_b", -1.0, 1.0),
    # Scene.
    Continuous("background_light", 0.0, 1.0),
    Continuous("background_a", -1.0, 1.0),
    Continuous("background_b", -1.0, 1.0),
    Continuous("yaw", -1.0, 1.0, "normal", spread=0.45),
    Continuous("pitch", -1.0, 1.0, "normal", spread=0.4),
    Continuous("roll", -1.0, 1.0, "normal", spread=0.4),
    Continuous("light_x", -1.0, 1.0),
)


def _cast(drawn: Factors) -> Factors:
    """Return the draw made plausible: children stay children, hair suits complexion."""
    age, skin, beard = drawn.get("age"), drawn.get("skin_tone"), drawn.get("beard")
    is_child = age < 0.28
    beard = beard * ~is_child * (drawn.get("headwear") != HEADWEAR.index("headscarf"))
    has_beard = beard > 0
    style = drawn.get("hair_style")
    style = style.where(~(is_child & (style == HAIR_STYLES.index("bald"))), style * 0)
    # Bearded people keep bob, bun and long hair now and then, but mostly wear it short.
    swap = has_beard & (drawn.get("lashes") > 0.3) & (style != HAIR_STYLES.index("bald"))
    style = style.where(~(swap & (style != HAIR_STYLES.index("curly"))), style * 0)
    muted = 1 - 0.75 * (has_beard | is_child).to(age.dtype)
    return drawn.replace(
        beard=beard,
        hair_style=style,
        lip_color=drawn.get("lip_color") * muted,
        lashes=drawn.get("lashes") * (1 - 0.7 * has_beard.to(age.dtype)),
        hair_tone=drawn.get("hair_tone") * (1 - 0.72 * skin**1.5),
        iris_tone=drawn.get("iris_tone") * (1 - 0.8 * skin**1.5),
    )


FACTORS = FactorSpace(factors=_FACTORS, casting=_cast)
