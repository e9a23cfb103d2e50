"""Networks in a form that torch.export takes as one graph, and through it ONNX.

program = torch.export.export(exportable(network), (left, right), dynamic_shapes=dynamic_shapes(network))
torch.onnx.export(program, f="network.onnx", dynamo=True)

`write_onnx` does both and compares the file with the network; scripts/export_onnx.py calls it.
"""

import copy
import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.export import Dim

from stereo.errors import ConfigError, StereoError
from stereo.model.attention import EfficientAttention
from stereo.model.layers import fold_batch_norm
from stereo.model.network import StereoNetwork
from stereo.output import atomic_output, make_output_folder

# px and share: how much ONNX Runtime may give otherwise, by rounding, than PyTorch does.
_TOLERANCE = 1e-2
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


class OnnxComparison(NamedTuple):
    """How a file compares with its network at one size."""

    height: int
    width: int
    disparity: float  # px, the greatest difference
    confidence: float  # likewise, 0 … 1


def write_onnx(network: StereoNetwork, path: str | Path, size: tuple[int, int] | None = None) -> list[OnnxComparison]:
    """Write the network as an ONNX file, run it in ONNX Runtime, and return how it compares with the network.

    Inputs are `left` and `right`, float32 [1, 3, H, W], RGB in 0 … 1; outputs `disparity`, px, and `confidence`, both
    float32 [1, H, W]. The file's metadata hold `stride`, `min_size` and `max_disparity`.

    Args:
        network: On the CPU.
        path: The file. What is written to it is complete or not there.
        size: H and W, multiples of the network's stride. None: they stay open, as `dynamic_shapes` says.

    Raises: ConfigError where a package is missing, or the size does not fit; StereoError where results differ by more
        than 1e-2 px or 1e-2 of confidence; OutputError.
    """
    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]
    if missing:
        names = ", ".join(missing)
        raise ConfigError(f"ONNX needs {names}: pip install .[onnx] in a clone, or pip install {' '.join(missing)}")
    import onnxruntime

    stride, least = network.stride, max(network.min_size, network.max_disparity + network.stride)
    if size is not None and (min(size) < network.min_size or any(length % stride for length in size)):
        raise ConfigError(
            f"--size is {size[0]}x{size[1]} (height × width), expected multiples of {stride} from {network.min_size} on"
        )
    make_output_folder(Path(path).parent)  # before the minute that the rest takes
    example = size or (network.min_size + 2 * stride, least + stride)
    shapes = dynamic_shapes(network) if size is None else None
    with _quietly():
        program = torch.export.export(exportable(network), _random_pair(*example), dynamic_shapes=shapes)
        exported = torch.onnx.export(program, dynamo=True, output_names=["disparity", "confidence"], verbose=False)
    assert exported is not None
    properties = {name: str(getattr(network, name)) for name in ("stride", "min_size", "max_disparity")}
    exported.model.metadata_props.update(properties)
    with atomic_output(Path(path)) as temporary:
        exported.save(temporary)
        session = onnxruntime.InferenceSession(temporary, providers=["CPUExecutionProvider"])
        sizes = [example] if size else [example, (example[0] + 3 * stride, example[1] + 5 * stride)]
        comparisons = [_compare(network, session, *each) for each in sizes]
        worst = max(max(found.disparity, found.confidence) for found in comparisons)
        if not worst <= _TOLERANCE:
            raise StereoError(
                f"{path}: not written: ONNX Runtime gives other results than PyTorch, by up to {worst:.3g}"
            )
    return comparisons


@contextmanager
def _quietly() -> Iterator[None]:
    """Within the block PyTorch's exporter neither prints what it does nor warns of packages that it could use."""
    logger = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        logger.setLevel(level)


def _compare(network: StereoNetwork, session: Any, height: int, width: int) -> OnnxComparison:
    left, right = _random_pair(height, width)
    found = session.run(["disparity", "confidence"], {"left": left.numpy(), "right": right.numpy()})
    with torch.inference_mode():
        output = network.eval()(left, right, with_confidence=True)
    expected = (output.disparity.numpy(), output.confidence.numpy())
    differences = [float(np.abs(one - other).max()) for one, other in zip(found, expected, strict=True)]
    return OnnxComparison(height, width, *differences)


def _random_pair(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Return two views of a texture that is drawn at several scales, the right one shifted by eight pixels."""
    generator = torch.Generator().manual_seed(0)
    texture = torch.zeros(1, 3, height, width + 8)
    for scale in (1, 4, 16):
        coarse = torch.rand(1, 3, -(-height // scale), -(-(width + 8) // scale), generator=generator)
        texture += coarse.repeat_interleave(scale, 2).repeat_interleave(scale, 3)[..., :height, : width + 8] / 3
    return texture[..., :width].contiguous(), texture[..., 8:].contiguous()
