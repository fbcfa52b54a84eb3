"""Edit vectors: an edit as a reusable offset of the code, with a card that says what it does.

`w_edited - w` of one picture, added to another picture's code times a strength, makes the
same edit there (Ling et al. 2021, EditGAN, section 3.4). `vector` makes and applies them,
`algebra` makes new ones of old, `files` is the `editvector/1` format with the schema of its
card in `card`, `measure` finds out what one does on the probe pictures of a bundle.
"""

from editing.vectors.algebra import combine, negate, project_out, restrict, scale
from editing.vectors.card import VectorCard, VectorCardError
from editing.vectors.files import (
    FORMAT,
    MAX_FILE_BYTES,
    VectorFileError,
    from_bytes,
    load,
    save,
    to_bytes,
)
from editing.vectors.measure import (
    STRENGTHS,
    Baseline,
    Card,
    PartEffect,
    TransferError,
    baseline,
    measure,
    transfer,
    with_card,
)
from editing.vectors.vector import (
    EditVector,
    OtherFamilyError,
    OtherModelError,
    apply,
    check,
    compatibility,
    make,
)

__all__ = [
    "FORMAT",
    "MAX_FILE_BYTES",
    "STRENGTHS",
    "Baseline",
    "Card",
    "EditVector",
    "OtherFamilyError",
    "OtherModelError",
    "PartEffect",
    "TransferError",
    "VectorCard",
    "VectorCardError",
    "VectorFileError",
    "apply",
    "baseline",
    "check",
    "combine",
    "compatibility",
    "from_bytes",
    "load",
    "make",
    "measure",
    "negate",
    "project_out",
    "restrict",
    "save",
    "scale",
    "to_bytes",
    "transfer",
    "with_card",
]
