"""Predictor: pad → network → crop. The only padding code of the project."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stereo.checkpoint import load_checkpoint
from stereo.data.sample import Image, Map, check_pair
from stereo.device import select_device
from stereo.errors import ConfigError, DataError, StereoError
from stereo.methods.tiling import BAND_OVERLAP, band_weight, bands
from stereo.model.layers import fold_batch_norm


class Predictor:
    """Disparity of any rectified pair by a stereo network.

    Args:
        network: maps float left and right [1, 3, H, W], RGB in 0 … 1, to an output whose `disparity` is [1, H, W]
            px; its `stride` divides the H and W that it takes, and its `min_size` is the least of them. Moved to
            the device.
        device: where it runs.
        band_rows: for images beyond memory: predict bands of so many rows, which share 64 with their neighbours, and
            blend them there. A network that looks at the image as a whole (pyramid pooling, attention) sees a band
            alone, so that the result is near the one without bands, not the same. None: the image at once.

    Raises: ConfigError for band_rows under 128.
    """

    name = "network"

    def __init__(self, network: nn.Module, device: torch.device | str = "cpu", band_rows: int | None = None) -> None:
        if band_rows is not None and band_rows < 2 * BAND_OVERLAP:
            raise ConfigError(f"bands of {band_rows} rows are too low, expected {2 * BAND_OVERLAP} or more")
        self.band_rows = band_rows
        self.device = torch.device(device)
        self.network = network.to(self.device)
        # Plain ints, hidden by nn.Module.__getattr__.
        self.stride = int(network.stride)  # type: ignore[arg-type]
        self.min_size = int(network.min_size)  # type: ignore[arg-type]

    @classmethod
    def from_checkpoint(
        cls,
        path: str | Path | None = None,
        device: str = "auto",
        max_disparity: int | None = None,
        band_rows: int | None = None,
    ) -> "Predictor":
        """The predictor of a checkpoint; without a path, of the weights that ship.

        Args:
            path: the checkpoint.
            device: auto, cpu, cuda, cuda:1, mps.
            max_disparity: px, overrides the network's range; a multiple of 16.
            band_rows: as for the class.

        Raises: CheckpointError, ConfigError.
        """
        chosen = select_device(device)
        network = load_checkpoint(path, chosen, max_disparity).network
        fold_batch_norm(network)
        return cls(network, chosen, band_rows)

    def predict(self, left: Image, right: Image) -> Map:
        """Disparity of the left view.

        Padding goes to the right and the bottom, as replicas of the last column and row: x and y keep their values,
        so that the network's grid of cells begins at pixel (0, 0) whatever the size, and the crop is the top left
        corner. (PSMNet pads the top and the right with zeros.) Both views are padded alike, which leaves disparities
        as they are. A network in training mode is back in it afterwards.

        Args:
            left, right: RGB uint8 [H, W, 3], 32 px or more on each side.

        Returns: float32 [H, W], px.
        Raises: DataError where the pair has no common size, is too small, or does not fit into memory; StereoError
            where the network's output is not finite.
        """
        check_pair(left, right)
        height, width = left.shape[:2]
        training = self.network.training
        self.network.eval()
        try:
            with torch.inference_mode():
                disparity = self._predict_bands(left, right)
        except RuntimeError as error:
            if isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error):
                raise DataError(
                    f"a pair of {width}×{height} (width × height) does not fit into the memory of {self.device}; use "
                    "smaller images, a smaller maximal disparity, bands of rows (band_rows) or another device"
                ) from None
            raise
        finally:
            self.network.train(training)
        if not np.isfinite(disparity).all():
            raise StereoError(
                f"the network gives values that are not finite for a pair of {width}×{height} (width × height); its "
                "weights are broken: use another checkpoint"
            )
        return np.ascontiguousarray(disparity)

    def _predict_bands(self, left: Image, right: Image) -> Map:
        height = len(left)
        if self.band_rows is None or height <= self.band_rows:
            return self._predict_whole(left, right)
        total, weights = np.zeros(left.shape[:2], np.float32), np.zeros((height, 1), np.float32)
        for top, bottom in bands(height, self.band_rows):
            rows = slice(top, bottom)
            weight = band_weight(top, bottom, height)[:, None]
            total[rows] += weight * self._predict_whole(left[rows], right[rows])
            weights[rows] += weight
        return total / weights

    def _predict_whole(self, left: Image, right: Image) -> Map:
        height, width = left.shape[:2]
        output = self.network(self._to_input(left), self._to_input(right))
        return output.disparity[0, :height, :width].float().cpu().numpy()

    def _to_input(self, image: Image) -> Tensor:
        height, width = image.shape[:2]
        pixels = torch.from_numpy(np.array(image)).to(self.device)  # a copy: the image may be read-only or flipped
        pixels = pixels.permute(2, 0, 1)[None].float() / 255.0  # [1, 3, H, W]
        right, bottom = (max(self.min_size, -(-size // self.stride) * self.stride) - size for size in (width, height))
        return F.pad(pixels, (0, right, 0, bottom), mode="replicate")
