"""The parts of the cars family, close to the 32 of the paper, with a palette.

Front and back belong to the car; left and right are sides of the picture.
"""

from editing.families.schema import Part, PartSchema

_PARTS = (
    ("background", "Background", "#2E3B74", "scene"),
    ("body", "Body", "#BACBAB", "body"),
    ("hood", "Hood", "#E98601", "body"),
    ("roof", "Roof", "#BA5097", "body"),
    ("trunk", "Trunk", "#EDBF41", "body"),
    ("windshield_front", "Windshield, front", "#98AEFE", "glass"),
    ("windshield_back", "Windshield, back", "#6C6AFF", "glass"),
    ("window_front", "Window, front", "#A3E6FF", "glass"),
    ("window_back", "Window, back", "#41ADB1", "glass"),
    ("wheel_front", "Wheel, front", "#131248", "wheels"),
    ("wheel_back", "Wheel, back", "#622601", "wheels"),
    ("hub_front", "Hub, front", "#9E51C8", "wheels"),
    ("hub_back", "Hub, back", "#F984E3", "wheels"),
    ("spoke_front", "Spokes, front", "#FCFFFD", "wheels"),
    ("spoke_back", "Spokes, back", "#FFE0CC", "wheels"),
    ("light_left", "Headlight, left", "#F2E610", "lights"),
    ("light_right", "Headlight, right", "#C8FF4D", "lights"),
    ("taillight_left", "Tail light, left", "#FF4D3D", "lights"),
    ("taillight_right", "Tail light, right", "#860F43", "lights"),
    ("grille", "Grille", "#1E0003", "front"),
    ("bumper_front", "Bumper, front", "#719871", "front"),
    ("bumper_back", "Bumper, back", "#0A4AA8", "back"),
    ("door_front", "Door, front", "#D9A58A", "doors"),
    ("door_back", "Door, back", "#7FB8E8", "doors"),
    ("handle", "Door handle", "#3A0CA3", "doors"),
    ("mirror", "Mirror", "#00C46A", "doors"),
    ("plate", "Number plate", "#FFFFFF", "front"),
    ("interior", "Interior", "#6F7E00", "body"),
)

SCHEMA = PartSchema(
    family="cars",
    version=1,
    parts=tuple(
        Part(id=i, name=name, title=title, color=color, group=group, is_background=i == 0)
        for i, (name, title, color, group) in enumerate(_PARTS)
    ),
)
