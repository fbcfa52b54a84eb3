"""In which type are previews drawn? bfloat16 where the device multiplies it natively.

On a processor with bfloat16 instructions a preview takes two thirds to three quarters of
the time, and differs by a third of a grey level on average, which nobody sees while a
slider moves. Elsewhere it is emulated and slower. Pictures to keep are float32.
"""

import torch


def preview_dtype(device: torch.device) -> torch.dtype | None:
    """Return the type of features for `Synthesis.from_styles`, None for the weights' own."""
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    elif device.type == "cpu":
        found = torch.cpu.get_capabilities()
        native = bool(found.get("avx512_bf16") or found.get("amx_bf16"))
    else:
        native = False
    return torch.bfloat16 if native else None
