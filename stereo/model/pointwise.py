"""The control for attention: a block of the same size that sees one position alone."""

import torch.nn.functional as F
from torch import Tensor, nn

from stereo.model.layers import PointwiseConv, zeroed


class PointwiseBlock(nn.Module):
    """Two 1×1 convolutions with ReLU between, added to the map; no position sees another.

    What attention gains over it comes from what attention looks at, not from its parameters: the block has as many as
    efficient attention over the volume with these key and value channels, as nearly as whole hidden channels allow (to
    1 % where key and value channels are 50 or more together). The second convolution starts at zero, so that a fresh
    block is the identity, as fresh attention is. It has no bias, with which the numbers would be further apart.

    Args:
        in_channels: Channels C of the input and the output.
        key_channels, value_channels: Of the attention that it stands in for.
    """

    def __init__(self, in_channels: int, key_channels: int, value_channels: int) -> None:
        super().__init__()
        # Keys and queries, values, reprojection; each with a bias.
        parameters = (in_channels + 1) * (2 * key_channels + value_channels) + (value_channels + 1) * in_channels
        hidden = max(1, round(parameters / (2 * in_channels + 1)))
        self.expand = PointwiseConv(in_channels, hidden)
        self.contract = zeroed(nn.Conv1d, hidden, in_channels, kernel_size=1, bias=False)

    def forward(self, x: Tensor, guide: Tensor | None = None, *, onto: Tensor | None = None) -> Tensor:
        """Return `onto` (None: x) plus what the block makes of each position of x; the guide is not looked at.

        Args:
            x, onto: [B, C, *spatial].
        """
        change = self.contract(F.relu(self.expand(x.flatten(2)), inplace=True)).view_as(x)
        return (x if onto is None else onto) + change
