"""Networks in a form that torch.export takes as one graph, and through it ONNX.

program = torch.export.export(exportable(network), (left, right), dynamic_shapes=dynamic_shapes(network))
torch.onnx.export(program, f="network.onnx", dynamo=True)
"""

import copy
from typing import Any

from torch import Tensor, nn
from torch.export import Dim

from stereo.model.attention import EfficientAttention
from stereo.model.layers import fold_batch_norm
from stereo.model.network import StereoNetwork

# px: the height and width up to which a program with dynamic sizes is valid.
_LARGEST = 16_384


class ExportableNetwork(nn.Module):
    """A network's inference with one tensor for each result.

    Export it with gradients enabled, as they are by default: without them the network saves memory by writing in place
    and slab by slab, which would become many nodes of the graph.
    """

    def __init__(self, network: StereoNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        """Return the disparity of the left view, px, and the confidence in it, 0 … 1: [B, H, W] each.

        Args:
            left, right: [B, 3, H, W], RGB in 0 … 1, H and W multiples of 16.
        """
        output = self.network(left, right, with_confidence=True)
        return output.disparity, output.confidence


def exportable(network: StereoNetwork) -> ExportableNetwork:
    """Return a copy of the network, in evaluation mode, that can be exported; the network stays as it is.

    Its results are the network's up to rounding: batch normalization is folded, and efficient attention has the naive
    form, since that of chunks has loops over positions and a gradient of its own, which no graph holds.

    """
    network = copy.deepcopy(network).eval().requires_grad_(False)
    network.aggregation.recompute = False
    fold_batch_norm(network)
    for module in network.modules():
        if isinstance(module, EfficientAttention):
            module.implementation = "naive"
    return ExportableNetwork(network)


def dynamic_shapes(network: StereoNetwork) -> dict[str, dict[int, Any]]:
    """Return the sizes that an exported program leaves open, as torch.export takes them: height and width.

    Both are multiples of the network's stride, no less than its least size, and the width is greater than its range, so
    that the views overlap in every bin of the volume: pad smaller images, or export at their size.
    """
    stride = network.stride
    least_width = max(network.min_size, network.max_disparity + stride)
    rows = Dim("rows", min=network.min_size // stride, max=_LARGEST // stride)
    columns = Dim("columns", min=least_width // stride, max=_LARGEST // stride)
    sizes = {2: stride * rows, 3: stride * columns}
    return {"left": sizes, "right": sizes}
