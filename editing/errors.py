"""Refusals of the editing library: what a caller did that cannot be done, and its code.

`EditingError` is the base of everything a person can act on. Each subclass carries a stable
dotted `code` that travels through jobs and HTTP unchanged, and is defined in the module that
raises it; only errors shared by several modules live here.
"""


class EditingError(Exception):
    """Something the caller asked for that cannot be done as asked."""

    code = "editing.error"


class ShapeMismatchError(EditingError):
    """Two tensors that must agree in shape do not."""

    code = "shape.mismatch"


class NotFiniteError(EditingError):
    """A tensor holds NaN or infinity where only finite numbers make sense."""

    code = "tensor.not_finite"
