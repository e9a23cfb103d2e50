"""Pad → network → crop: a network of whole cells takes images of any size. The only padding code of the project."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, get_args

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from stereo.data.sample import Image
from stereo.device import keep_freed_memory, release_freed_memory
from stereo.model.layers import fold_batch_norm
from stereo.model.network import StereoNetwork

Precision = Literal["fp32", "bf16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
MapName = Literal["disparity", "confidence", "disparity_right"]
# px: beyond, what the features of an image have freed (some 150 bytes a pixel) is given back before the aggregation.
_LARGE = 1 << 20
# What the network's call is asked for each map of its output beside the disparity.
_OPTIONS = {"confidence": "with_confidence", "disparity_right": "with_right"}


class PaddedNetwork:
    """A network that takes images of any size.

    Padding goes to the right and the bottom, as replicas of the last column and row: x and y keep their values, so that
    the network's grid of cells begins at pixel (0, 0) whatever the size, and the crop is the top left corner. (PSMNet
    pads the top and the right with zeros.) Both views are padded alike, which leaves disparities as they are. All
    images of one size are padded alike, to the least that the network takes: attention over the whole image would let
    another padding change disparities far from the border.

    Args:
        network: As for :class:`stereo.methods.predictor.Predictor`.
        device: Where it runs; the network is moved there.
        precision: Of convolutions and matrix products.
        in_training: Leave the network as it is. Otherwise it is made ready for inference for good.
        spare_memory: Keep no memory that could be given back, whatever it costs in time.
    """

    def __init__(
        self,
        network: nn.Module,
        device: torch.device,
        precision: Precision,
        in_training: bool,
        spare_memory: bool = False,
    ) -> None:
        self.network = network.to(device)
        self.device = device
        self.precision = precision
        self._spares_memory = spare_memory
        self._shape: torch.Size | None = None  # of the last pair's features
        self._keeps_memory = device.type == "cpu" and not spare_memory and not in_training
        # Plain ints, hidden by nn.Module.__getattr__.
        self.stride = int(network.stride)  # type: ignore[arg-type]
        self.min_size = int(network.min_size)  # type: ignore[arg-type]
        self._min_width = int(getattr(network, "min_width", self.min_size))
        if not in_training:
            if isinstance(network, StereoNetwork):
                network.with_fast_layout(device)
            fold_batch_norm(network.eval())

    @property
    def max_disparity(self) -> int:
        """Return the network's range, px."""
        return int(self.network.max_disparity)  # type: ignore[arg-type]

    def size_of(self, height: int, width: int) -> tuple[int, int]:
        """Return the rows and columns that the network takes an image of this size at."""
        rows, columns = (-(-size // self.stride) * self.stride for size in (height, width))
        return max(self.min_size, rows), max(self._min_width, columns)

    @contextmanager
    def ready(self) -> Iterator[None]:
        """The network in evaluation mode, without gradients."""
        training = self.network.training
        self.network.eval()
        if self._keeps_memory:
            keep_freed_memory()
        hooks = []
        if isinstance(self.network, StereoNetwork):  # the features are done when the aggregation begins
            hooks.append(self.network.aggregation.register_forward_pre_hook(self._release))
        try:
            with torch.inference_mode(), torch.autocast(self.device.type, torch.bfloat16, self.precision == "bf16"):
                yield
        finally:
            for hook in hooks:
                hook.remove()
            self.network.train(training)

    def _release(self, aggregation: nn.Module, inputs: tuple[Any, ...]) -> None:
        """Give back what the features have freed, unless the next pair can use it: a small one, of the same size."""
        shape = inputs[2].quarter.shape  # [B, C, H/4, W/4], of the left features
        of_one_size = self._shape in (None, shape)
        self._shape = shape
        if self._spares_memory or not of_one_size or 16 * shape[0] * shape[2] * shape[3] > _LARGE:
            release_freed_memory(self.device)

    def predict(
        self, lefts: Sequence[Image], rights: Sequence[Image], wanted: Sequence[MapName]
    ) -> NDArray[np.float32]:
        """Return the wanted maps for pairs of one size, [N, B, H, W] for B RGB uint8 [H, W, 3]; within `ready`."""
        height, width = lefts[0].shape[:2]
        options = {_OPTIONS[name]: True for name in wanted if name in _OPTIONS}
        output = self.network(self._to_input(lefts), self._to_input(rights), **options)
        return np.stack([getattr(output, name)[:, :height, :width].float().cpu().numpy() for name in wanted])

    def _to_input(self, images: Sequence[Image]) -> Tensor:
        height, width = images[0].shape[:2]
        pixels = torch.from_numpy(np.stack(images)).to(self.device)  # a copy: images may be read-only or flipped
        pixels = pixels.permute(0, 3, 1, 2).float() / 255.0  # [B, 3, H, W]
        rows, columns = self.size_of(height, width)
        return F.pad(pixels, (0, columns - width, 0, rows - height), mode="replicate")
