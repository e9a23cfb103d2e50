"""The first samples of a run's data, looked at before its first step: what is wrong with them is said in seconds."""

import itertools
from collections.abc import Sequence
from typing import cast

import numpy as np
from torch.utils.data import DataLoader

from stereo.config import AugmentationConfig
from stereo.data.batch import StereoBatch
from stereo.data.datasets import StereoDataset
from stereo.data.sample import StereoSample, check_pair
from stereo.data.sample_lists import spread
from stereo.data.training_data import TrainingData
from stereo.data.transforms import Augmentation
from stereo.errors import DataError, StereoError

# Samples of a validation set of files that are looked at.
_LOOKED_AT = 32
# Samples that may be without a pixel of ground truth before the set is taken to have none.
_PROBES = 100
# So many of them are named.
_SHOWN = 4


def check_validation_data(dataset: StereoDataset, setting: str = "data.validation") -> list[str]:
    """Return a line for each thing that will keep validation from scoring some of its samples.

    Looked at are the first, the last and others between; the procedural world's first is like all others.

    Raises: DataError where none of those that were looked at can be scored.
    """
    names = dataset.names
    chosen = spread(len(names), 1 if names[0].startswith("synthetic/") else _LOOKED_AT)
    if len(chosen) == 1:
        _first(dataset, setting, "validation")
        return []
    broken: list[str] = []
    empty: list[str] = []
    for index in chosen:
        try:
            if not _has_pixels(_sample(dataset, index, setting, "validation"), "validation"):
                empty.append(names[index])
        except DataError as error:
            broken.append(str(error))
    if len(broken) + len(empty) == len(chosen):
        raise DataError(broken[0] if broken else _no_pixel(empty, setting, "validation"))
    remarks = []
    if broken:
        remarks.append(f"{len(broken)} of {len(chosen)} samples that were looked at will not be scored; {broken[0]}")
    if empty:
        remarks.append(
            f"{setting}: {len(empty)} of {len(chosen)} samples that were looked at have no pixel with ground "
            f"truth: {_listed(empty)}"
        )
    return remarks


def check_training_data(data: TrainingData, augmentation: AugmentationConfig, least: int, stride: int) -> None:
    """Raise DataError unless the first sample of each training set is there, has ground truth and a size that the
    network takes, and one of the first has pixels with ground truth.

    Args:
        data: The sets.
        augmentation: Its crop is what the network is given.
        least: The least height and width that the network takes, px.
        stride: What divides them.
    """
    if augmentation.crop_height is None and augmentation.scale_probability > 0:
        raise DataError(
            f"data.augmentation.scale_probability is {augmentation.scale_probability}, but without a crop resized "
            "samples have sizes that the network does not take; set data.augmentation.crop_height and crop_width, or "
            "scale_probability to 0"
        )
    for number, dataset in enumerate(data.sets):
        setting = "data.train" if number == 0 else f"data.mix.{number - 1}"
        sample = _first(dataset, setting, "training")
        height, width = sample.height, sample.width
        if augmentation.crop_height is None:
            if min(height, width) < least:
                raise DataError(
                    f"{setting}: {sample.name} is {width}×{height} (width × height), but this network is trained on "
                    f"{least} px or more on each side; use larger samples"
                    + (f" ({setting}.synthetic.height and width)" if sample.name.startswith("synthetic/") else "")
                )
            if height % stride or width % stride:
                raise DataError(
                    f"{setting}: {sample.name} is {width}×{height} (width × height), but this network is trained on "
                    f"multiples of {stride}; set data.augmentation.crop_height and crop_width, null now"
                )
        else:
            try:
                Augmentation(augmentation)(sample, np.random.default_rng(0))
            except DataError as error:
                raise DataError(f"{setting}: {error}") from None


def first_batch(loader: DataLoader[StereoBatch]) -> StereoBatch:
    """Return the loader's first batch, made in this process. Raises: StereoError where it cannot be had."""
    assert loader.collate_fn is not None
    draws = itertools.islice(loader.sampler, loader.batch_size)
    batch = loader.collate_fn([loader.dataset[draw] for draw in draws])
    if isinstance(batch, StereoError):
        raise batch
    return cast(StereoBatch, batch)


def _first(dataset: StereoDataset, setting: str, purpose: str) -> StereoSample:
    """Return the first sample. Raises: DataError unless it can be used, and one of the first has ground truth."""
    first = _sample(dataset, 0, setting, purpose)
    probed = min(_PROBES, len(dataset))
    others = (_sample(dataset, index, setting, purpose) for index in range(1, probed))
    if not any(_has_pixels(sample, purpose) for sample in itertools.chain([first], others)):
        raise DataError(_no_pixel(dataset.names[:probed], setting, purpose))
    return first


def _no_pixel(names: Sequence[str], setting: str, purpose: str) -> str:
    return (
        f"{setting}: no pixel of {_listed(names)} has ground truth, which {purpose} needs; check the disparity files, "
        "or name another data set"
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" … ({len(names)} in all)" if len(names) > _SHOWN else "")


def _sample(dataset: StereoDataset, index: int, setting: str, purpose: str) -> StereoSample:
    try:
        sample = dataset[index]
        sample.require_truth(purpose)
        check_pair(sample.left, sample.right)
    except DataError as error:
        raise DataError(f"{setting}: sample {index} ({dataset.names[index]}) cannot be used: {error}") from None
    return sample


def _has_pixels(sample: StereoSample, purpose: str) -> bool:
    truth = sample.require_truth(purpose)
    return bool((truth.valid & (truth.disparity > 0)).any())
