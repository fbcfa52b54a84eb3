"""Why was a foreign file refused? One class, and one stable code, per reason.

The child process names a refusal by its code; the parent raises the class of that code.
"""

from editing.errors import EditingError


class ImportRefusedError(EditingError):
    """A foreign file was not imported."""

    code = "import.refused"


class UnreadableError(ImportRefusedError):
    """There is no such file, or it may not be read, or the target is taken."""

    code = "import.unreadable"


class UnknownFormatError(ImportRefusedError):
    """The file is of no kind that is read."""

    code = "import.format"


class TruncatedError(ImportRefusedError):
    """The file ends before its content does."""

    code = "import.truncated"


class MalformedError(ImportRefusedError):
    """The file contradicts its own format."""

    code = "import.malformed"


class ForbiddenError(ImportRefusedError):
    """The file asks for something that a checkpoint has no need of, such as a call."""

    code = "import.forbidden"


class LimitError(ImportRefusedError):
    """The file is larger, deeper or longer than any checkpoint needs to be."""

    code = "import.limit"


class TimeoutRefusedError(ImportRefusedError):
    """Reading took longer than it may."""

    code = "import.timeout"


class NotFiniteWeightsError(ImportRefusedError):
    """A tensor holds NaN or infinity."""

    code = "import.not_finite"


class ObjectArrayError(ImportRefusedError):
    """An array of Python objects, which is a pickle in disguise."""

    code = "import.object_array"


class StyleGan3Error(ImportRefusedError):
    """The network is a StyleGAN3, which has no layers that an edit could name."""

    code = "import.stylegan3"


class TensorFlowError(ImportRefusedError):
    """The file was written by the TensorFlow version of StyleGAN."""

    code = "import.tensorflow"


class ConditionalError(ImportRefusedError):
    """The generator wants a class label beside the noise."""

    code = "import.conditional"


class ArchitectureError(ImportRefusedError):
    """The networks are not those of a StyleGAN2 skip generator."""

    code = "import.architecture"


class ShapesError(ImportRefusedError):
    """Tensors that belong to one network do not fit each other."""

    code = "import.shapes"


class SpaceError(ImportRefusedError):
    """Codes or directions of a space that cannot be edited here."""

    code = "import.space"


class ChoiceNeededError(ImportRefusedError):
    """The file does not say something that only its owner knows."""

    code = "import.choice"


def by_code(code: str) -> type[ImportRefusedError]:
    """Return the class with this code, or the base class if there is none."""
    found = {each.code: each for each in ImportRefusedError.__subclasses__()}
    return found.get(code, ImportRefusedError)
