"""Atelier from Python: search the library, apply edit vectors to folders, publish.

from atelier_client import Atelier

with Atelier("https://atelier.example.com", token="atl_…") as atelier:
    smile = next(atelier.search("smile"))
    atelier.apply_to_folder(Path("faces"), Path("smiling"), [(smile, 0.8)])
"""

from atelier_client.client import Atelier, AtelierError, Progress
from atelier_client.models import Album, EditVector, Image, Imported

__all__ = ["Album", "Atelier", "AtelierError", "EditVector", "Image", "Imported", "Progress"]
