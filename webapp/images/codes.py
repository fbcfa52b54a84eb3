"""What is in a stored code? The tensor `w_plus` of a safetensors file, float32 (L, w_dim)."""

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

Code = NDArray[np.float32]


def read(data: bytes) -> Code:
    """Return the code in the bytes of an artifact that our worker wrote."""
    code: Code = safetensors.numpy.load(data)["w_plus"]
    assert code.ndim == 2, "a code is (L, w_dim)"
    assert code.dtype == np.float32, "a code is float32"
    return code


def write(code: Code) -> bytes:
    """Return a code as the bytes of an artifact."""
    return safetensors.numpy.save({"w_plus": np.ascontiguousarray(code)})
