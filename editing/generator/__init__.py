"""What turns a code into a picture: the StyleGAN2 generator and its feature taps."""

from editing.generator.config import GeneratorConfig
from editing.generator.model import Generator
from editing.generator.synthesis import Rendering, Synthesis

__all__ = ["Generator", "GeneratorConfig", "Rendering", "Synthesis"]
