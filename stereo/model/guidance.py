"""Guidance: the left image's features say which channels of the volume count at each pixel."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from stereo.model.layers import zeroed


class Gate(nn.Module):
    """Multiplies the volume's channels by a factor of 0 … 2 that the left image's features give at each pixel.

    It is the same for all disparities: 2 · sigmoid of a 1×1 convolution of the features. The convolution starts at
    zero and the factor therefore at one: a fresh gate leaves the network as it is, and trained weights can be given
    gates.

    Source: guided cost volume excitation of CoEx (Bangunharcana et al., IROS 2021), section III-B, which multiplies by
        the sigmoid alone; the factor of two and the start at zero are this project's.
    """

    def __init__(self, feature_channels: int, volume_channels: int) -> None:
        super().__init__()
        self.logits = zeroed(nn.Conv2d, feature_channels, volume_channels, 1)

    def forward(self, volume: Tensor, features: Tensor) -> Tensor:
        """Return the gated volume. Without gradients the volume itself is changed, which saves a copy.

        Args:
            volume: [B, C, D, H, W].
            features: [B, feature_channels, H, W], of the left image at the volume's resolution.
        """
        factor = 2 * self.logits(features).sigmoid().unsqueeze(2)  # [B, C, 1, H, W]
        return volume * factor if torch.is_grad_enabled() else volume.mul_(factor)


class Unguided(nn.Module):
    """Leaves the volume as it is."""

    def __init__(self, feature_channels: int, volume_channels: int) -> None:
        super().__init__()

    def forward(self, volume: Tensor, features: Tensor) -> Tensor:
        return volume


GUIDANCE: dict[str, Callable[[int, int], nn.Module]] = {
    "none": Unguided,
    "gate": Gate,
}
