"""What does training need to know about a family that its renderer does not say?

Which small parts matter, which factors pass (a smile) and which last (an iris), how wide
the generator is at each size, and who appears in the gallery. A family of photographs
would bring a recipe without a cast.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from editing.errors import EditingError


class NoRecipeError(EditingError):
    """Nobody has written down how to train this family at this size."""

    code = "training.no_recipe"


@dataclass(frozen=True, slots=True)
class CastMember:
    """One portrait of the gallery: its file name, its title and the factors that make it.

    Factors not named stay at the middle of their range (categories at their first
    option); categories are named by option.
    """

    name: str
    title: str
    factors: Mapping[str, float | str]


@dataclass(frozen=True)
class Recipe:
    """How one family is trained.

    Args:
        channels: features of the generator at 4, 8, ... by picture side.
        extra_w: columns of `w` beside the handed-through code.
        part_weights: loss weights of pixels by part name; others weigh 1.
        passing: factors that change while somebody stays the same person.
        gates: figures a bundle must reach: name -> least value.
        cast: the portraits of the gallery.
    """

    title: str
    channels: Mapping[int, tuple[int, ...]]
    extra_w: int = 160
    part_weights: Mapping[str, float] = field(default_factory=dict)
    passing: frozenset[str] = frozenset()
    gates: Mapping[str, float] = field(default_factory=dict)
    cast: tuple[CastMember, ...] = ()


PORTRAITS = Recipe(
    title="Portraits",
    channels={
        16: (16, 16, 8),
        64: (192, 192, 128, 64, 32),
        128: (192, 192, 128, 64, 32, 32),
    },
    part_weights={
        "brow_left": 3,
        "brow_right": 3,
        "eye_white": 4,
        "iris": 4,
        "pupil": 4,
        "nose": 2,
        "upper_lip": 6,
        "lower_lip": 6,
        "mouth_interior": 6,
        "teeth": 6,
        "ear_left": 2,
        "ear_right": 2,
        "clothing": 1.5,
        "glasses": 4,
        "earrings": 3,
    },
    passing=frozenset(
        {
            "smile",
            "mouth_open",
            "gaze_x",
            "gaze_y",
            "brow_raise",
            "brow_tilt",
            "lid_open",
            "wink_left",
            "wink_right",
            "yaw",
            "pitch",
            "roll",
            "light_x",
            "light_y",
            "backdrop",
            "background_accent",
            "background_light",
            "background_a",
            "background_b",
        }
    ),
    gates={
        "factor_r2_smile": 0.7,
        "factor_r2_mouth_open": 0.85,
        "factor_r2_glasses": 0.9,
        "psnr_from_codes_db": 27.0,
        "inversion_psnr_db": 29.0,
        "segmentation_miou": 0.74,
    },
    cast=(
        CastMember(
            "rosa",
            "Rosa, blue backdrop",
            {
                "iris_tone": 0.15,
                "yaw": -0.15,
                "smile": 0.35,
                "hair_style": "bob",
                "hair_tone": 0.3,
                "hair_volume": 0.4,
                "fringe": 0.7,
                "skin_tone": 0.3,
                "skin_warmth": 0.3,
                "age": 0.45,
                "lashes": 0.7,
                "lip_color": 0.5,
                "clothing_a": 0.7,
                "clothing_light": 0.5,
                "background_light": 0.5,
                "background_a": -0.4,
                "background_b": -0.8,
                "earrings": "studs",
                "backdrop": "bokeh",
                "light_x": -0.5,
                "light_y": -0.4,
            },
        ),
        CastMember(
            "tomas",
            "Tomás, full beard",
            {
                "lashes": 0.05,
                "yaw": 0.2,
                "brow_raise": 0.2,
                "smile": 0.3,
                "hair_style": "swept",
                "hair_tone": 0.25,
                "beard": "full",
                "skin_tone": 0.25,
                "age": 0.5,
                "iris_tone": 0.7,
                "clothing_b": -0.6,
                "clothing_light": 0.35,
                "neckline": "shirt",
                "background_light": 0.7,
                "background_a": -0.4,
                "background_b": 0.3,
                "jaw": 0.6,
                "backdrop": "horizon",
                "light_x": 0.4,
                "nose_size": 0.6,
            },
        ),
        CastMember(
            "amara",
            "Amara, curls in the sun",
            {
                "iris_tone": 0.05,
                "mouth_open": 0.15,
                "smile": 0.6,
                "hair_style": "afro",
                "hair_volume": 0.6,
                "hair_tone": 0.08,
                "skin_tone": 0.85,
                "skin_warmth": 0.3,
                "age": 0.4,
                "lashes": 0.8,
                "lip_color": 0.4,
                "clothing_b": 0.8,
                "clothing_light": 0.7,
                "background_light": 0.75,
                "background_a": 0.3,
                "background_b": 0.7,
                "yaw": 0.25,
                "earrings": "hoops",
                "light_x": 0.5,
                "light_y": -0.3,
            },
        ),
        CastMember(
            "henrik",
            "Henrik, round glasses",
            {
                "lashes": 0.05,
                "yaw": -0.3,
                "brow_raise": 0.3,
                "smile": 0.2,
                "hair_style": "crop",
                "hair_tone": 0.8,
                "skin_tone": 0.12,
                "age": 0.6,
                "glasses": "round",
                "glasses_tone": 0.2,
                "iris_tone": 0.9,
                "neckline": "turtleneck",
                "clothing_light": 0.3,
                "clothing_a": -0.6,
                "background_light": 0.6,
                "background_a": -0.5,
                "background_b": -0.1,
                "hairline": 0.8,
                "fabric": "knit",
                "backdrop": "studio",
                "light_x": -0.6,
                "nose_width": 0.4,
            },
        ),
        CastMember(
            "mei",
            "Mei, long dark hair",
            {
                "iris_tone": 0.05,
                "yaw": 0.1,
                "smile": 0.3,
                "hair_style": "long",
                "hair_tone": 0.05,
                "hair_length": 0.5,
                "fringe": 0.8,
                "skin_tone": 0.22,
                "skin_warmth": 0.4,
                "age": 0.4,
                "lashes": 0.5,
                "eye_tilt": 0.6,
                "clothing_a": -0.7,
                "clothing_light": 0.65,
                "background_light": 0.8,
                "background_a": 0.7,
                "background_b": 0.0,
                "backdrop": "bokeh",
                "background_accent": 0.6,
                "light_x": 0.3,
            },
        ),
        CastMember(
            "yusuf",
            "Yusuf, bald and glad",
            {
                "lashes": 0.05,
                "iris_tone": 0.05,
                "yaw": 0.2,
                "smile": 0.6,
                "mouth_open": 0.12,
                "hair_style": "bald",
                "skin_tone": 0.6,
                "age": 0.55,
                "hair_tone": 0.1,
                "brow_raise": 0.3,
                "neckline": "turtleneck",
                "clothing_light": 0.35,
                "clothing_b": -0.7,
                "background_light": 0.6,
                "background_a": -0.8,
                "background_b": 0.5,
                "fabric": "knit",
                "backdrop": "horizon",
                "light_x": -0.4,
                "light_y": -0.5,
                "nose_width": 0.6,
            },
        ),
        CastMember(
            "freya",
            "Freya, red waves and freckles",
            {
                "smile": 0.5,
                "hair_style": "wavy",
                "hair_tone": 0.5,
                "hair_red": 0.85,
                "fringe": 0.2,
                "parting": 0.5,
                "skin_tone": 0.05,
                "age": 0.42,
                "iris_tone": 0.8,
                "lashes": 0.6,
                "clothing_a": -0.8,
                "clothing_light": 0.4,
                "background_light": 0.65,
                "background_a": -0.5,
                "background_b": 0.2,
                "yaw": -0.3,
                "freckles": 0.9,
                "fabric": "stripes",
                "light_x": 0.5,
            },
        ),
        CastMember(
            "layla",
            "Layla, headscarf",
            {
                "iris_tone": 0.12,
                "yaw": -0.25,
                "smile": 0.4,
                "headwear": "headscarf",
                "skin_tone": 0.45,
                "skin_warmth": 0.3,
                "age": 0.42,
                "lashes": 0.8,
                "lip_color": 0.4,
                "clothing_a": -0.5,
                "clothing_b": -0.5,
                "clothing_light": 0.55,
                "background_light": 0.8,
                "background_b": 0.6,
                "background_a": 0.2,
                "backdrop": "bokeh",
                "light_x": -0.3,
                "background_accent": -0.6,
            },
        ),
        CastMember(
            "kofi",
            "Kofi, trimmed beard",
            {
                "lashes": 0.05,
                "iris_tone": 0.04,
                "yaw": 0.15,
                "smile": 0.4,
                "hair_style": "crop",
                "hair_tone": 0.03,
                "beard": "full",
                "skin_tone": 0.85,
                "age": 0.5,
                "neckline": "shirt",
                "clothing_light": 0.8,
                "clothing_a": 0.2,
                "background_light": 0.5,
                "background_a": 0.3,
                "background_b": -0.7,
                "backdrop": "studio",
                "fabric": "stripes",
                "light_x": 0.6,
                "nose_size": 0.3,
                "jaw": 0.5,
            },
        ),
        CastMember(
            "nina",
            "Nina, eight years old, winking",
            {
                "roll": -0.3,
                "smile": 0.75,
                "mouth_open": 0.35,
                "hair_style": "ponytail",
                "hair_tone": 0.7,
                "fringe": 0.6,
                "skin_tone": 0.15,
                "age": 0.12,
                "eye_size": 0.5,
                "iris_tone": 0.6,
                "clothing_a": 0.4,
                "clothing_b": 0.7,
                "clothing_light": 0.75,
                "background_light": 0.7,
                "background_a": -0.7,
                "background_b": -0.2,
                "wink_left": 0.95,
                "freckles": 0.5,
                "backdrop": "horizon",
            },
        ),
        CastMember(
            "edith",
            "Edith, silver curls",
            {
                "smile": 0.8,
                "mouth_open": 0.35,
                "hair_style": "curly",
                "hair_volume": 0.4,
                "hair_tone": 0.6,
                "skin_tone": 0.15,
                "age": 0.9,
                "glasses": "round",
                "glasses_tone": 0.2,
                "iris_tone": 0.8,
                "roll": 0.25,
                "lip_color": 0.4,
                "clothing_light": 0.5,
                "clothing_b": 0.4,
                "background_light": 0.75,
                "background_a": 0.6,
                "background_b": 0.3,
                "earrings": "studs",
                "light_x": -0.4,
                "cheeks": 0.6,
                "backdrop": "studio",
            },
        ),
        CastMember(
            "priya",
            "Priya, hair up, square glasses",
            {
                "iris_tone": 0.08,
                "smile": 0.35,
                "glasses": "square",
                "glasses_tone": 0.05,
                "hair_style": "bun",
                "hair_tone": 0.12,
                "skin_tone": 0.58,
                "skin_warmth": 0.4,
                "age": 0.43,
                "lashes": 0.9,
                "lip_color": 0.6,
                "eye_size": 0.3,
                "clothing_a": 0.8,
                "clothing_b": -0.2,
                "clothing_light": 0.45,
                "background_light": 0.7,
                "background_a": -0.2,
                "background_b": -0.5,
                "yaw": 0.2,
                "earrings": "hoops",
                "backdrop": "bokeh",
                "light_x": 0.4,
            },
        ),
        CastMember(
            "mateo",
            "Mateo, moustache",
            {
                "lashes": 0.05,
                "iris_tone": 0.2,
                "yaw": -0.2,
                "smile": 0.5,
                "hair_style": "swept",
                "hair_tone": 0.15,
                "beard": "moustache",
                "skin_tone": 0.4,
                "skin_warmth": 0.3,
                "age": 0.48,
                "brow_thickness": 0.4,
                "neckline": "shirt",
                "fabric": "stripes",
                "clothing_light": 0.7,
                "clothing_a": 0.5,
                "clothing_b": 0.5,
                "background_light": 0.6,
                "background_a": -0.5,
                "background_b": -0.4,
                "backdrop": "horizon",
                "light_x": -0.5,
            },
        ),
        CastMember(
            "wren",
            "Wren, pixie cut",
            {
                "iris_tone": 0.75,
                "yaw": 0.3,
                "smile": 0.6,
                "mouth_open": 0.2,
                "hair_style": "pixie",
                "hair_tone": 0.85,
                "hair_volume": 0.4,
                "skin_tone": 0.1,
                "freckles": 0.5,
                "age": 0.4,
                "lashes": 0.5,
                "earrings": "studs",
                "neckline": "turtleneck",
                "clothing_light": 0.4,
                "clothing_a": -0.3,
                "clothing_b": -0.7,
                "background_light": 0.75,
                "background_a": 0.6,
                "background_b": 0.2,
                "background_accent": 0.5,
                "light_x": 0.6,
            },
        ),
    ),
)

CARS = Recipe(
    title="Cars, 64 px",
    channels={
        16: (16, 16, 8),
        64: (192, 192, 128, 64, 32),
        128: (192, 192, 128, 64, 32, 16),
    },
    part_weights={
        "windshield_front": 1.5,
        "windshield_back": 1.5,
        "window_front": 1.5,
        "window_back": 1.5,
        "wheel_front": 2,
        "wheel_back": 2,
        "hub_front": 4,
        "hub_back": 4,
        "spoke_front": 4,
        "spoke_back": 4,
        "light_left": 4,
        "light_right": 4,
        "taillight_left": 3,
        "taillight_right": 3,
        "grille": 3,
        "handle": 4,
        "mirror": 4,
        "plate": 4,
        "interior": 2,
    },
    passing=frozenset(
        {
            "azimuth",
            "elevation",
            "zoom",
            "surroundings",
            "ground_light",
            "ground_warmth",
            "sky_light",
            "sky_a",
            "sky_b",
            "sun_x",
            "sun",
        }
    ),
    gates={"inversion_psnr_db": 25.0, "segmentation_miou": 0.70},
)

_RECIPES = {"portraits": PORTRAITS, "cars": CARS}


def get(family: str) -> Recipe:
    """Return the recipe of a family.

    Raises:
        NoRecipeError: there is none.
    """
    if family not in _RECIPES:
        raise NoRecipeError(f"no recipe for {family!r}; there are {sorted(_RECIPES)}")
    return _RECIPES[family]
