"""How do a picture and its exact label map follow from the factors?

Layers are painted back to front. Each is a distance field whose coverage of a pixel
blends its colour into the picture and, where it covers more than half, writes its part
id into the label map. No random number is drawn and all textures have fixed phases, so
a picture depends on its factors alone, smoothly, at any size.
"""

from editing.families.factor_space import Factors
from editing.families.family import Render
from editing.families.portraits import face, hair, scenery, worn
from editing.families.portraits.scene import scene_of


def render(factors: Factors, *, size: int) -> Render:
    """Return the pictures that `factors` describe, and their label maps, at any size."""
    scene = scene_of(factors, size)
    canvas = scenery.paint_backdrop(scene, factors, size=size)
    locks = hair.hair_of(scene, pixel=canvas.pixel)
    nose = face.nose_of(scene)
    hair.paint_back(canvas, scene, locks)
    scenery.paint_body(canvas, scene)
    hair.paint_falling(canvas, scene, locks)
    face.paint_ears(canvas, scene)
    face.paint_skin(canvas, scene, nose)
    face.paint_beard(canvas, scene)
    face.paint_mouth(canvas, scene)
    face.paint_moustache(canvas, scene)
    face.paint_nose(canvas, scene, nose)
    face.paint_eyes(canvas, scene, factors)
    hair.paint_front(canvas, scene, locks)
    face.paint_brows(canvas, scene)
    worn.paint_glasses(canvas, scene, factors)
    worn.paint_earrings(canvas, scene)
    worn.paint_headwear(canvas, scene)
    return Render(image=canvas.rgb.clamp_(0, 1) * 2 - 1, labels=canvas.labels)
