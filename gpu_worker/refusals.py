"""What does a person read when the worker refuses their job?

Codes come from `editing` and travel unchanged; the sentence is for people. A code without a
sentence of its own still ends the job with a plain one, never with an exception's text.
"""

from editing.errors import EditingError


class RefusedJobError(EditingError):
    """A job that contradicts itself or the bundle; `code` is given where it is raised."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


SENTENCES = {
    "region.empty": "Nothing of this edit can be seen in the picture, so there is nothing to "
    "change. Paint a part, then optimize.",
    "labels.size": "The painting does not have the size of this picture's label map.",
    "labels.unknown_part": "The painting holds a part that this family does not have.",
    "labels.invalid": "The painting is not a label map.",
    "optimize.steps": "The number of steps is out of range.",
    "optimize.options": "A setting of the edit is out of range.",
    "invert.options": "A setting of the inversion is out of range.",
    "vector.strength": "A strength is out of range.",
    "vector.other_family": "This vector was made for another family and cannot be used here.",
    "shape.mismatch": "The parts of this job do not belong together.",
    "tensor.not_finite": "A stored code holds numbers that are not finite.",
    "image.unreadable": "The picture cannot be read.",
    "bundle.missing": "This installation has no such family.",
    "bundle.invalid": "The networks of this family cannot be used.",
    "bundle.hash_mismatch": "The networks of this family are not the ones they should be.",
}


def sentence(error: EditingError) -> str:
    """Return what to tell the person whose job was refused."""
    if isinstance(error, RefusedJobError):
        return str(error)
    return SENTENCES.get(error.code, "This cannot be done as asked.")
