"""Where attention stands among the convolutions of its resolution: after them, or beside them."""

from collections.abc import Callable

from torch import Tensor, nn

# From a map to one of the resolution below, and from there to the output of that resolution's convolutions.
Step = Callable[[Tensor], Tensor]


def inline(attention: nn.Module, down: Step, convolve: Step, x: Tensor, features: Tensor) -> Tensor:
    """Return attention over what the convolutions give.

    Args:
        attention: Of the resolution that `down` leads to; or none, which leaves maps as they are.
        down: The strided convolution.
        convolve: All that follows it at its resolution.
        x: [B, C, D, H, W], what `down` takes.
        features: [B, C', H/2, W/2], of the left image at the attention's resolution.
    """
    return attention(convolve(down(x)), features)


def parallel(attention: nn.Module, down: Step, convolve: Step, x: Tensor, features: Tensor) -> Tensor:
    """Return what the convolutions give plus attention over what they take; arguments as for :func:`inline`.

    Source: FoundationStereo (Wen et al., CVPR 2025), section 3.2, has its disparity transformer beside the hourglass.
        There the two branches part at ¼ and meet at ¼; here they do so at each resolution.
    """
    entry = down(x)
    return attention(entry, features, onto=convolve(entry))


PLACEMENTS: dict[str, Callable[[nn.Module, Step, Step, Tensor, Tensor], Tensor]] = {
    "inline": inline,
    "parallel": parallel,
}
