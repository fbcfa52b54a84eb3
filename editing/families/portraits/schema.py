"""The twenty-one parts of the portraits family, with the palette of the interface.

Left and right are sides of the picture, not of the person.
"""

from editing.families.schema import Part, PartSchema

_PARTS = (
    ("background", "Background", "#2E3B74", "scene"),
    ("skin", "Skin", "#BACBAB", "face"),
    ("hair", "Hair", "#622601", "head"),
    ("brow_left", "Brow, left", "#719871", "brows"),
    ("brow_right", "Brow, right", "#0A4AA8", "brows"),
    ("eye_white", "Eye white", "#FCFFFD", "eyes"),
    ("iris", "Iris", "#98AEFE", "eyes"),
    ("pupil", "Pupil", "#131248", "eyes"),
    ("nose", "Nose", "#E98601", "face"),
    ("upper_lip", "Upper lip", "#BA5097", "mouth"),
    ("lower_lip", "Lower lip", "#860F43", "mouth"),
    ("mouth_interior", "Mouth interior", "#1E0003", "mouth"),
    ("teeth", "Teeth", "#A3E6FF", "mouth"),
    ("ear_left", "Ear, left", "#F984E3", "head"),
    ("ear_right", "Ear, right", "#9E51C8", "head"),
    ("neck", "Neck", "#EDBF41", "body"),
    ("clothing", "Clothing", "#41ADB1", "body"),
    ("glasses", "Glasses", "#F2E610", "worn"),
    ("beard", "Beard", "#6F7E00", "head"),
    ("headwear", "Headwear", "#6C6AFF", "worn"),
    ("earrings", "Earrings", "#F3232D", "worn"),
)

SCHEMA = PartSchema(
    family="portraits",
    version=1,
    parts=tuple(
        Part(id=i, name=name, title=title, color=color, group=group, is_background=i == 0)
        for i, (name, title, color, group) in enumerate(_PARTS)
    ),
)
