"""When TF32 and graphs are used, how graphs share out a batch, and what they draw."""

import pytest
import torch

from editing.generator.cuda import GraphedSynthesis, allow_tf32, can_graph
from tests.factories.networks import tiny_codes, tiny_generator


class Replayed:
    """Stands in for a captured graph where there is no device: draws its whole batch."""

    def __init__(self, synthesis, size: int) -> None:
        self.synthesis, self.size = synthesis, size
        self.seen: list[int] = []

    def replay(self, styles):
        self.seen.append(len(styles[0]))
        padded = tuple(
            torch.cat([s, s.new_zeros(self.size - len(s), s.shape[1])]) for s in styles
        )
        return self.synthesis.from_styles(padded).image


@pytest.mark.parametrize(("num", "used"), [(1, {1: [1]}), (3, {4: [3]}), (6, {4: [4], 2: [2]})])
def test_a_batch_goes_to_the_smallest_graph_that_holds_it(num, used):
    synthesis = tiny_generator().synthesis
    graphs = {size: Replayed(synthesis, size) for size in (1, 2, 4)}
    styles = synthesis.styles(tiny_codes(tiny_generator(), num))

    drawn = GraphedSynthesis(synthesis, graphs).from_styles(styles)

    torch.testing.assert_close(drawn, synthesis.from_styles(styles).image)
    assert {size: graph.seen for size, graph in graphs.items() if graph.seen} == used


@pytest.mark.parametrize(("device", "precision"), [("cpu", "highest"), ("cuda", "high")])
def test_matrices_are_multiplied_in_tf32_on_cuda_devices_alone(device, precision):
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        is_allowed = allow_tf32(torch.device(device))

        assert torch.get_float32_matmul_precision() == precision
        assert is_allowed == (device == "cuda")
    finally:
        torch.set_float32_matmul_precision(before)


@pytest.mark.parametrize(
    ("device", "resolution", "capability", "graphed"),
    [
        ("cpu", 64, (9, 0), False),
        ("cuda", 64, (9, 0), True),
        ("cuda", 256, (7, 0), True),
        ("cuda", 512, (9, 0), False),
        ("cuda", 64, (6, 1), False),
        ("cuda", 64, None, False),
    ],
)
def test_graphs_are_for_small_pictures_on_devices_that_have_them(
    device, resolution, capability, graphed, monkeypatch
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: capability is not None)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)

    assert can_graph(torch.device(device), resolution) is graphed


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_replayed_graphs_draw_what_the_forward_pass_draws():
    generator = tiny_generator().cuda()
    graphed = GraphedSynthesis.capture(generator.synthesis)

    for num in (1, 3, 9, 2):
        styles = generator.synthesis.styles(tiny_codes(generator, num, seed=num))
        expected = generator.synthesis.from_styles(styles).image
        torch.testing.assert_close(graphed.from_styles(styles), expected, rtol=1e-4, atol=1e-4)
