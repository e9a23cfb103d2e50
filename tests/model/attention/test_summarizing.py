"""Efficient attention that sums a part of its positions: what lies outside has no say, and is answered all the same."""

import pytest
import torch

from stereo.model.attention import EfficientAttention, summarizing

SHARES = (0.5, 0.75)  # 3 of 6 rows, 6 of 8 columns


def drawn(over: str, position: str, normalization: str) -> EfficientAttention:
    attention = EfficientAttention(
        5,
        12,
        6,
        2,
        normalization,  # type: ignore[arg-type]
        over=over,  # type: ignore[arg-type]
        position=position,  # type: ignore[arg-type]
        guide_channels=3 if over == "plane" else None,
    )
    for parameter in attention.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return attention.double().eval()


@pytest.mark.parametrize("normalization", ["softmax", "scaling"])
@pytest.mark.parametrize(("over", "position"), [("volume", "none"), ("volume", "sine"), ("plane", "sine")])
def test_what_is_not_summed_has_no_say(over: str, position: str, normalization: str) -> None:
    attention = drawn(over, position, normalization)
    x, guide = torch.randn(2, 5, 3, 6, 8).double(), torch.randn(2, 3, 6, 8).double()
    changed, changed_guide = x.clone(), guide.clone()
    for tensor in (changed, changed_guide):
        tensor[..., 3:, :] = 9
        tensor[..., 6:] = -9
    with torch.inference_mode(), summarizing(torch.nn.Sequential(attention), SHARES):
        one, other = attention(x, guide), attention(changed, changed_guide)
    torch.testing.assert_close(one[..., :3, :6], other[..., :3, :6], rtol=1e-12, atol=1e-12)
    assert one.shape == x.shape
    with torch.inference_mode():
        assert not torch.allclose(attention(x, guide)[..., :3, :6], attention(changed, changed_guide)[..., :3, :6])


def test_all_positions_ask_the_sum_of_some() -> None:
    """By hand: with softmax, each position adds its queries' mean of the contexts, whatever it is itself."""
    attention = drawn("volume", "none", "softmax")
    x = torch.randn(1, 5, 3, 6, 8).double()
    with torch.inference_mode(), summarizing(attention, SHARES):
        found = attention(x) - x
        inner = x[..., :3, :6].flatten(2)
        parts = (attention.values(inner), attention.keys(inner).softmax(-1), attention.queries(x.flatten(2)))
        values, keys, queries = (part.unflatten(1, (2, -1)) for part in parts)
        asked = values @ keys.mT @ queries.softmax(2)
        torch.testing.assert_close(found.flatten(2), attention.reprojection(asked.flatten(1, 2)))
