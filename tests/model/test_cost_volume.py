"""Cost volumes against a loop over every element."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from stereo.model.correlation import correlate
from stereo.model.cost_volume import ConcatenationVolume, CostVolume, GroupCorrelationVolume


def bins(volume: CostVolume, left: Tensor, right: Tensor, start: int, stop: int) -> Tensor:
    return volume(volume.prepare(left), volume.prepare(right), start, stop)


@pytest.mark.parametrize("num_bins", [1, 4, 9])  # 9 bins are more than the 7 columns
def test_group_correlation_element_by_element(num_bins: int) -> None:
    left, right = torch.randn(2, 2, 6, 3, 7, dtype=torch.float64)
    volume = bins(GroupCorrelationVolume(2), left, right, 0, num_bins)
    assert volume.shape == (2, 2, num_bins, 3, 7)
    for group in range(2):
        channels = slice(3 * group, 3 * group + 3)
        for bin_ in range(num_bins):
            for x in range(7):
                for y in range(3):
                    expected = torch.zeros(2, dtype=torch.float64)
                    if x >= bin_:
                        expected = F.cosine_similarity(left[:, channels, y, x], right[:, channels, y, x - bin_])
                    torch.testing.assert_close(volume[:, group, bin_, y, x], expected)


@pytest.mark.parametrize("num_bins", [1, 4, 9])
def test_concatenation_element_by_element(num_bins: int) -> None:
    left, right = torch.randn(2, 1, 3, 2, 7)
    volume = bins(ConcatenationVolume(3), left, right, 0, num_bins)
    assert volume.shape == (1, 6, num_bins, 2, 7)
    for bin_ in range(num_bins):
        for x in range(7):
            expected = torch.zeros(6, 2)
            if x >= bin_:
                expected = torch.cat([left[0, :, :, x], right[0, :, :, x - bin_]])
            assert torch.equal(volume[0, :, bin_, :, x], expected)


def test_gradients_reach_both_views() -> None:
    left, right = (torch.randn(1, 4, 2, 5, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(lambda a, b: bins(GroupCorrelationVolume(2), a, b, 0, 3), (left, right))
    assert torch.autograd.gradcheck(lambda a, b: bins(ConcatenationVolume(4), a, b, 0, 3), (left, right))


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (0, 5), (2, 4), (3, 9), (7, 12)])  # of 7 columns
def test_the_fast_form_is_the_stack_of_planes(start: int, stop: int) -> None:
    volume = GroupCorrelationVolume(3)
    views = [torch.randn(2, 6, 5, 7, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    upstream = torch.randn(2, 3, stop - start, 5, 7, dtype=torch.float64)

    def with_gradients(form: Callable[..., Tensor]) -> list[Tensor]:
        result = form(*(volume.prepare(view) for view in views), start, stop)
        return [result, *torch.autograd.grad(result, views, upstream)]

    fast, naive = with_gradients(correlate), with_gradients(partial(CostVolume.forward, volume))
    for one, other in zip(fast, naive, strict=True):
        torch.testing.assert_close(one, other)
    assert torch.equal(with_gradients(volume)[0], fast[0])


@pytest.mark.parametrize("autocast", [True, False])
def test_the_fast_form_adds_up_in_float32_and_gives_the_type_of_the_features(autocast: bool) -> None:
    left, right = torch.randn(2, 1, 2, 2, 3, 7)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        exact = correlate(left, right, 0, 4)
        rounded = correlate(left.bfloat16(), right.bfloat16(), 0, 4)
    assert exact.dtype == torch.float32
    assert torch.equal(exact, CostVolume.forward(GroupCorrelationVolume(2), left, right, 0, 4))
    # Rounded once, of products of the rounded features.
    expected = correlate(left.bfloat16().float(), right.bfloat16().float(), 0, 4)
    assert torch.equal(rounded, expected.bfloat16())


@pytest.mark.parametrize("volume", [GroupCorrelationVolume(2), ConcatenationVolume(4)])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_ranges_of_bins_without_gradient_are_the_volume_with_it(
    volume: CostVolume, memory_format: torch.memory_format
) -> None:
    left, right = (torch.randn(2, 4, 3, 7).to(memory_format=memory_format) for _ in range(2))
    whole = bins(volume, left, right, 0, 9)
    with torch.inference_mode():
        parts = [bins(volume, left, right, start, stop) for start, stop in ((0, 4), (4, 8), (8, 9))]
    torch.testing.assert_close(torch.cat(parts, dim=2), whole)
