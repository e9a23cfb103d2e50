"""Predictor: disparity of any rectified pair, at once or in tiles."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from stereo.checkpoint import LoadedCheckpoint, load_checkpoint
from stereo.data.sample import Image, Map, StereoSample, check_pair
from stereo.device import select_device
from stereo.errors import DataError, NotFiniteError
from stereo.methods.images import pairs_of_batch, to_rgb
from stereo.methods.method import Prediction
from stereo.methods.padding import PRECISIONS as PRECISIONS
from stereo.methods.padding import MapName, PaddedNetwork, Precision
from stereo.methods.result import StereoResult
from stereo.methods.tile_choice import TileChoice
from stereo.methods.tiling import blend_tiles


class Predictor:
    """A stereo network as a method: disparity of any rectified pair.

    Args:
        network: Maps float left and right [1, 3, H, W], RGB in 0 … 1, to an output whose `disparity` is [1, H, W] px;
            its `stride` divides the H and W that it takes, its `min_size` is the least of them (of W its `min_width`,
            where it has one), and its `max_disparity` is its range, px.
        device: Where it runs; the network is moved there.
        band_rows: For images beyond memory: predict bands of so many rows, which share 64 with their neighbors, and
            blend them there. A network that looks at the image as a whole (pyramid pooling, attention) sees a band
            alone, so that the result is near the one without bands, not the same. None: the image at once.
        confidence: Let calls and `predict_sample` give the network's confidence too: the probability of the matches
            near the most probable one, 0 … 1. It leaves the disparities as they are.
        right: Let `predict_sample` give the right view's disparity too, which comes from the left view's costs.
        band_columns: Likewise, tiles of so many columns, which share the network's range and 64 more with their
            neighbors: what a tile's left view shows in its first columns, its right view does not. None: all columns.
        max_memory: Bytes: choose the tiles of each image so that prediction stays within them, by an estimate: on a CPU
            of the whole process, elsewhere of the device's memory. It takes the place of band_rows and band_columns.
        precision: bf16: convolutions and matrix products in bfloat16, which is coarser, and faster and smaller where
            the processor has it. Or fp32.
        in_training: The network is still being trained, or must be measured as it is: leave it so. Otherwise it is made
            ready for inference for good: evaluation mode, the memory layout that is fastest on the device, batch
            normalization folded into the convolutions. It cannot be trained after that.

    Raises: ConfigError for band_rows under 128, or band_columns under the network's range and 128.
    """

    name = "network"

    def __init__(
        self,
        network: nn.Module,
        device: torch.device | str = "cpu",
        band_rows: int | None = None,
        *,
        confidence: bool = False,
        right: bool = False,
        band_columns: int | None = None,
        max_memory: int | None = None,
        precision: Precision = "fp32",
        in_training: bool = False,
    ) -> None:
        self.band_rows = band_rows
        self.band_columns = band_columns
        self.max_memory = max_memory
        self.confidence = confidence
        self.right = right
        self.precision = precision
        self._padded = PaddedNetwork(
            network, torch.device(device), precision, in_training, spare_memory=max_memory is not None
        )
        self._tiles = TileChoice(self._padded, band_rows, band_columns, max_memory)
        self.network, self.device = self._padded.network, self._padded.device
        self.stride, self.min_size = self._padded.stride, self._padded.min_size
        # What the weights were loaded from, where they were.
        self.checkpoint: LoadedCheckpoint | None = None

    @classmethod
    def from_checkpoint(
        cls,
        path: str | Path | None = None,
        device: str = "auto",
        max_disparity: int | None = None,
        band_rows: int | None = None,
        *,
        confidence: bool = False,
        right: bool = False,
        band_columns: int | None = None,
        max_memory: int | None = None,
        precision: Precision = "fp32",
    ) -> "Predictor":
        """Return the predictor of a checkpoint; without a path, of the weights that ship.

        Args:
            path: The checkpoint.
            device: auto, cpu, cuda, cuda:1, mps.
            max_disparity: px, another range than the network was trained with; a multiple of 16.
            band_rows, confidence, right, band_columns, max_memory, precision: As for the class.

        Raises: CheckpointError, ConfigError.
        """
        chosen = select_device(device)
        loaded = load_checkpoint(path, chosen, max_disparity)
        predictor = cls(
            loaded.network,
            chosen,
            band_rows,
            confidence=confidence,
            right=right,
            band_columns=band_columns,
            max_memory=max_memory,
            precision=precision,
        )
        predictor.checkpoint = loaded
        return predictor

    @property
    def max_disparity(self) -> int:
        """Return the network's range, px."""
        return self._padded.max_disparity

    @property
    def settings(self) -> dict[str, Any]:
        """Return what changes the disparities, as plain values."""
        return {
            "checkpoint": None if self.checkpoint is None else str(self.checkpoint.path),
            "max_disparity": self.max_disparity,
            "band_rows": self.band_rows,
            "band_columns": self.band_columns,
            "confidence": self.confidence,
            **({} if self.max_memory is None else {"max_memory": self.max_memory}),
            **({} if self.precision == "fp32" else {"precision": self.precision}),
        }

    def predict_sample(self, sample: StereoSample) -> Prediction:
        """Return the prediction for a sample, of which the images alone are looked at. Raises: As `predict`."""
        return self.predict_samples([sample])[0]

    def predict_samples(self, samples: Sequence[StereoSample]) -> list[Prediction]:
        """Return the predictions for samples of one size, which the network takes at once. Raises: As `predict`."""
        wanted = self._wanted()
        maps = self._predict([sample.left for sample in samples], [sample.right for sample in samples], wanted)
        tile = self._tiles.size_for(samples[0].height, samples[0].width, len(samples), wanted)
        ran_at = self._padded.size_of(*tile)
        return [Prediction(**dict(zip(wanted, one, strict=True)), ran_at=ran_at) for one in maps.swapaxes(0, 1)]

    def predict(self, left: Any, right: Any) -> Map:
        """Return the disparity of the left view.

        How they are padded stands with :class:`stereo.methods.padding.PaddedNetwork`. A network in training mode is
        back in it afterwards.

        Args:
            left, right: One pair, 32 px or more on each side: arrays, tensors, PIL images or paths, as
                :func:`stereo.methods.images.to_rgb` takes them.

        Returns: float32 [H, W], px.
        Raises: DataError where an image is of another kind, or the pair has no common size, is too small, or does not
            fit into memory; FormatError for a file that cannot be read; StereoError where the network's output is not
            finite.
        """
        left, right = to_rgb(left, "left image"), to_rgb(right, "right image")
        return self._predict([left], [right], ["disparity"])[0, 0]

    def __call__(self, left: Any, right: Any) -> Any:
        """Return the result for one pair, or the list of the results for a batch.

        The pairs of a batch are predicted one after another, and may differ in size where they are lists.

        Args:
            left, right: One pair, as :meth:`predict` takes it, or as many left as right images: lists or tuples of
                what it takes, arrays [N, H, W, 3], tensors [N, 3, H, W] or [N, H, W, 3].

        Returns: a StereoResult, or a list of N of them; with confidence where the predictor was made with it.
        Raises: As :meth:`predict`; DataError, which names the pair of a batch.
        """
        pairs = pairs_of_batch(left, right)
        if pairs is None:
            return self._result(left, right)
        results = []
        for number, (one, other) in enumerate(pairs):
            try:
                results.append(self._result(one, other))
            except DataError as error:
                raise DataError(f"pair {number} of the batch: {error}") from None
        return results

    def _result(self, left: Any, right: Any) -> StereoResult:
        left, right = to_rgb(left, "left image"), to_rgb(right, "right image")
        wanted: list[MapName] = ["disparity", "confidence"] if self.confidence else ["disparity"]
        disparity, *confidence = self._predict([left], [right], wanted)[:, 0]
        return StereoResult(left, disparity, confidence[0] if confidence else None)

    def _predict(self, lefts: Sequence[Image], rights: Sequence[Image], wanted: list[MapName]) -> NDArray[np.float32]:
        """Return the maps of these names for pairs of one size: [N, B, H, W]."""
        for left, right in zip(lefts, rights, strict=True):
            check_pair(left, right)
        height, width = lefts[0].shape[:2]
        try:
            with self._padded.ready():
                maps = self._predict_tiles(lefts, rights, wanted)
        except RuntimeError as error:
            if isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error):
                raise DataError(
                    f"a pair of {width}×{height} (width × height) does not fit into the memory of {self.device}; use "
                    "smaller images, a smaller maximal disparity, tiles (max_memory) or another device"
                ) from None
            raise
        if not np.isfinite(maps).all():
            raise NotFiniteError(
                f"the network gives values that are not finite for a pair of {width}×{height} (width × height); its "
                "weights are broken: use another checkpoint"
            )
        return np.ascontiguousarray(maps)

    def _predict_tiles(
        self, lefts: Sequence[Image], rights: Sequence[Image], wanted: list[MapName]
    ) -> NDArray[np.float32]:
        size = (lefts[0].shape[0], lefts[0].shape[1])
        tile = self._tiles.size_for(*size, len(lefts), self._wanted())
        if tile == size:
            return self._padded.predict(lefts, rights, wanted)

        def predict(top: int, bottom: int, first: int, last: int) -> NDArray[np.float32]:
            tiles = [[image[top:bottom, first:last] for image in images] for images in (lefts, rights)]
            return self._padded.predict(tiles[0], tiles[1], wanted)

        return blend_tiles(predict, size, tile, self.max_disparity, [name == "disparity_right" for name in wanted])

    def _wanted(self) -> list[MapName]:
        """Return the maps of a sample's prediction."""
        wanted: list[MapName] = ["disparity"]
        if self.confidence:
            wanted.append("confidence")
        if self.right:
            wanted.append("disparity_right")
        return wanted
