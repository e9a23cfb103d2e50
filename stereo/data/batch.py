"""StereoBatch: samples of one size as tensors, to train on."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from stereo.data.sample import Image, StereoSample
from stereo.errors import DataError


class StereoBatch(NamedTuple):
    """A training batch. Images are uint8 until they are on the device, so that a quarter of the bytes is moved."""

    left: Tensor  # uint8 [B, 3, H, W], RGB
    right: Tensor  # uint8 [B, 3, H, W]
    disparity: Tensor  # float32 [B, H, W], px, 0 where unknown
    valid: Tensor  # bool [B, H, W]
    names: tuple[str, ...]
    # uint8 [2, B, 3, H, W]: both views before augmentation changed how they look; None where a teacher does not ask
    clean: Tensor | None = None

    @property
    def tensors(self) -> list[Tensor]:
        """Return all but the names, as `StereoBatch.of` takes them."""
        return [*self[:4], *([] if self.clean is None else [self.clean])]

    @staticmethod
    def of(tensors: Sequence[Tensor], names: tuple[str, ...]) -> "StereoBatch":
        """Return the batch of these tensors."""
        left, right, disparity, valid, *clean = tensors
        return StereoBatch(left, right, disparity, valid, names, *clean)

    def to(self, device: torch.device) -> "StereoBatch":
        """Return the batch on the device, with the images as float32 in 0 … 1, as the network takes them."""
        left, right, disparity, valid, *clean = (part.to(device, non_blocking=True) for part in self.tensors)
        left, right, *clean = (views.float().div_(255) for views in (left, right, *clean))
        return StereoBatch(left, right, disparity, valid, self.names, *clean)


def collate(samples: Sequence[StereoSample], clean: Sequence[StereoSample] = ()) -> StereoBatch:
    """Stack samples of one size, and their clean views where these are given.

    Raises: DataError if sizes differ or a sample has no ground truth.
    """
    sizes = {(sample.height, sample.width) for sample in samples}
    if len(sizes) > 1:
        raise DataError(
            f"samples of one batch have different sizes {sorted(sizes)} (height, width); "
            "set data.augmentation.crop_height and crop_width"
        )
    truths = [sample.require_truth("training") for sample in samples]
    clean_views = [_stack([one.left for one in clean]), _stack([one.right for one in clean])] if clean else []
    return StereoBatch(
        left=_stack([sample.left for sample in samples]),
        right=_stack([sample.right for sample in samples]),
        disparity=torch.from_numpy(np.stack([truth.disparity for truth in truths])),
        valid=torch.from_numpy(np.stack([truth.valid for truth in truths])),
        names=tuple(sample.name for sample in samples),
        clean=torch.stack(clean_views) if clean else None,
    )


def _stack(images: list[Image]) -> Tensor:
    """Return RGB images as one tensor, [B, 3, H, W]."""
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous()
