"""The factors of the cars family: which car stands where, and in what light.

Everything a picture shows follows from these numbers; the renderer itself draws no random
number. Ranges are chosen so that each factor shows at 64 pixels.
"""

from editing.families.factor_space import Categorical, Continuous, Factors, FactorSpace

BODIES = ("hatchback", "saloon", "wagon", "coupe", "pickup", "van")
ROOFS = ("closed", "open")
SPOKES = ("four", "five", "six")
GRILLES = ("wide", "shield", "twin")
SURROUNDINGS = ("studio", "street", "fields")
VIEWS = ("front", "side", "back")
NO_YES = ("no", "yes")

_FACTORS = (
    # Body.
    Categorical("body", BODIES, (0.20, 0.23, 0.17, 0.17, 0.11, 0.12)),
    Categorical("roof", ROOFS, (0.7, 0.3)),
    Continuous("length", -1.0, 1.0, "normal", spread=0.5),
    Continuous("height", -1.0, 1.0, "normal", spread=0.5),
    Continuous("hood_length", -1.0, 1.0, "normal", spread=0.5),
    Continuous("hood_height", -1.0, 1.0, "normal", spread=0.5),
    Continuous("windshield_rake", -1.0, 1.0, "normal", spread=0.5),
    Continuous("tail_rake", -1.0, 1.0, "normal", spread=0.5),
    Continuous("belt", -1.0, 1.0, "normal", spread=0.5),
    Continuous("clearance", -1.0, 1.0, "normal", spread=0.5),
    Continuous("roundness", 0.0, 1.0),
    Categorical("four_doors", NO_YES, (0.35, 0.65)),
    # Wheels.
    Continuous("wheel_size", -1.0, 1.0),
    Continuous("wheelbase", -1.0, 1.0, "normal", spread=0.5),
    Continuous("rim_size", -1.0, 1.0),
    Categorical("spokes", SPOKES, (0.3, 0.4, 0.3)),
    Continuous("spoke_width", -1.0, 1.0),
    Continuous("spoke_turn", -1.0, 1.0),
    Continuous("rim_tone", 0.0, 1.0),
    # Face, tail and trim.
    Continuous("light_size", -1.0, 1.0),
    Continuous("light_shape", 0.0, 1.0),
    Categorical("grille", GRILLES, (0.36, 0.34, 0.30)),
    Continuous("grille_size", -1.0, 1.0),
    Continuous("taillight_size", -1.0, 1.0),
    Categorical("plate", NO_YES, (0.4, 0.6)),
    Categorical("mirror", NO_YES, (0.45, 0.55)),
    Continuous("chrome", 0.0, 1.0),
    Continuous("cladding", 0.0, 1.0),
    # Paint and glass.
    Continuous("paint_light", 0.0, 1.0),
    Continuous("paint_a", -1.0, 1.0),
    Continuous("paint_b", -1.0, 1.0),
    Continuous("gloss", 0.0, 1.0),
    Continuous("glass_tone", 0.0, 1.0),
    # Scene.
    # Three-quarter views and the side, each a little to the left or right: between all views
    # a generator of this size spends itself on where things are.
    Categorical("view", VIEWS, (0.38, 0.34, 0.28)),
    Continuous("azimuth", -1.0, 1.0),
    Continuous("elevation", 0.0, 1.0),
    Continuous("zoom", -1.0, 1.0, "normal", spread=0.4),
    Categorical("surroundings", SURROUNDINGS, (0.36, 0.34, 0.30)),
    Continuous("ground_light", 0.0, 1.0),
    Continuous("ground_warmth", -1.0, 1.0),
    Continuous("sky_light", 0.0, 1.0),
    Continuous("sky_a", -1.0, 1.0),
    Continuous("sky_b", -1.0, 1.0),
    Continuous("sun_x", -1.0, 1.0),
    Continuous("sun", 0.0, 1.0),
)


def _cast(drawn: Factors) -> Factors:
    """Return the draw made plausible: only small cars open, coupés have two doors."""
    body = drawn.get("body")
    may_open = (body == BODIES.index("saloon")) | (body == BODIES.index("coupe"))
    may_open |= body == BODIES.index("hatchback")
    opened = drawn.get("roof") * may_open
    two = (body == BODIES.index("coupe")) | (opened > 0)
    return drawn.replace(roof=opened, four_doors=drawn.get("four_doors") * ~two)


FACTORS = FactorSpace(factors=_FACTORS, casting=_cast)
