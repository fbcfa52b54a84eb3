"""Previews are half precision exactly where the processor has the instructions."""

import pytest
import torch

from editing.generator.precision import preview_dtype


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"avx512_bf16": True}, torch.bfloat16),
        ({"avx512_bf16": False, "amx_bf16": True}, torch.bfloat16),
        ({"avx512_f": True}, None),
        ({}, None),
    ],
)
def test_previews_are_half_precision_where_the_processor_can(
    capabilities, expected, monkeypatch
):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)

    assert preview_dtype(torch.device("cpu")) is expected
