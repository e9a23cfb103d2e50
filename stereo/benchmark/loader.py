"""Training samples a second of one loader process: plain loading, ours, and ours from a packed copy."""

import re
import statistics
import time
import timeit
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageEnhance
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from stereo.config import AugmentationConfig, DataConfig, DatasetConfig, SyntheticConfig
from stereo.data.datasets import build_dataset
from stereo.data.families.scene_flow.writing import pair_paths
from stereo.data.generation import write_pairs
from stereo.data.loader import build_loader, iterate
from stereo.data.packing import pack
from stereo.data.pairs import PairDataset, PairFiles

CROP = (256, 512)
BATCH = 4
FORMS = ("plain", "ours", "ours as floats", "packed")
ENHANCERS = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class PlainDataset(Dataset[tuple[Tensor, ...]]):
    """The usual arrangement: one image after the other, each through its own chain of transforms."""

    def __init__(self, pairs: Sequence[PairFiles], draws: int) -> None:
        self.pairs, self.draws = pairs, draws

    def __len__(self) -> int:
        return self.draws

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        rng = np.random.default_rng(index)
        pair = self.pairs[index % len(self.pairs)]
        left, right = (Image.open(path).convert("RGB") for path in (pair.left, pair.right))
        assert pair.disparity is not None
        disparity = _read_pfm(pair.disparity)
        height, width = CROP
        x, y = int(rng.integers(left.width - width + 1)), int(rng.integers(left.height - height + 1))
        left, right = (image.crop((x, y, x + width, y + height)) for image in (left, right))
        disparity = disparity[y : y + height, x : x + width]
        both = rng.uniform(0.7, 1.4, 4)
        views = []
        for image in (left, right):
            draw = both if rng.random() < 0.5 else rng.uniform(0.7, 1.4, 4)
            for enhance, factor in zip(ENHANCERS, draw[:3], strict=True):
                image = enhance(image).enhance(factor)
            values = (np.asarray(image).astype(np.float32) / 255) ** draw[3]
            views.append(values)
        if rng.random() < 0.5:
            views, disparity = [view[::-1] for view in views], disparity[::-1]
        if rng.random() < 0.5:
            views[1] = views[1].copy()
            top, start = rng.integers(height - 60), rng.integers(width - 100)
            views[1][top : top + 60, start : start + 100] = views[1].mean((0, 1))
        tensors = [
            (torch.from_numpy(np.ascontiguousarray(view.transpose(2, 0, 1))) - torch.tensor(MEAN).view(3, 1, 1))
            / torch.tensor(STD).view(3, 1, 1)
            for view in views
        ]
        return *tensors, torch.from_numpy(np.ascontiguousarray(disparity))


def _read_pfm(path: Path) -> NDArray[np.float32]:
    with path.open("rb") as file:
        assert file.readline().rstrip() == b"Pf"
        match = re.match(rb"(\d+)\s(\d+)\s", file.readline())
        assert match is not None
        scale = float(file.readline())
        data = np.fromfile(file, "<f" if scale < 0 else ">f")
    return np.flipud(data.reshape(int(match[2]), int(match[1]))).astype(np.float32)


def samples_per_second(
    config: DatasetConfig, dataset: PairDataset, folder: Path, samples: int, rounds: int
) -> dict[str, list[float]]:
    """Measure each of FORMS on a data set of files, in turn, so many rounds of so many samples.

    Args:
        config: what `dataset` was built from; its first len(dataset) pairs are loaded.
        folder: where the packed copy goes.
    """
    pack((dataset[index] for index in range(len(dataset))), folder / "packed", {})
    config = replace(config, limit=len(dataset))
    speeds: dict[str, list[float]] = {form: [] for form in FORMS}
    for _ in range(rounds):
        for form in FORMS:
            source = DatasetConfig(family="packed", path=str(folder / "packed")) if form == "packed" else config
            batches = _plain(dataset.pairs, samples) if form == "plain" else _ours(source, samples)
            if form == "ours as floats":
                batches = (batch.to(torch.device("cpu")) for batch in batches)
            speeds[form].append(_measure(batches))
    return speeds


def speed_lines(speeds: dict[str, list[float]]) -> Iterator[str]:
    """Return a line for each form: the median, and the median ratio to plain loading in the same round."""
    for form, mine in speeds.items():
        ratio = statistics.median(one / plain for one, plain in zip(mine, speeds["plain"], strict=True))
        yield f"{form:15} {statistics.median(mine):8.1f} samples/s of one worker   {ratio:6.2f}× plain"


def _measure(batches: Iterator[Any]) -> float:
    """Return samples a second, from the second batch on: the first one waits for the process to start."""
    next(batches)
    start = time.perf_counter()
    count = sum(1 for _ in batches)
    return count * BATCH / (time.perf_counter() - start)


def _plain(pairs: Sequence[PairFiles], samples: int) -> Iterator[Any]:
    dataset = PlainDataset(pairs, samples)
    return iter(DataLoader(dataset, BATCH, num_workers=1, drop_last=True))


def _ours(source: DatasetConfig, samples: int) -> Iterator[Any]:
    augmentation = AugmentationConfig(
        crop_height=CROP[0], crop_width=CROP[1], asymmetric_color_probability=0.5, right_erase_probability=0.5
    )
    config = DataConfig(train=source, augmentation=augmentation, batch_size=BATCH, workers=1)
    return iterate(build_loader(config, 0, 0, samples // BATCH))


def generate(folder: Path, count: int) -> DatasetConfig:
    """Write procedural pairs of Scene Flow's size, in its layout, and return their settings."""
    world = SyntheticConfig(height=540, width=960, max_disparity=192, length=count)
    for _ in write_pairs(folder, "train", world, range(count)):
        pass
    return DatasetConfig(family="scene_flow", path=str(folder), split="train")


def index_seconds(folder: Path, count: int) -> float:
    """Return the seconds of one core that finding so many pairs of FlyingThings3D takes: the least of five rounds.

    Their files are empty, since finding them opens none.
    """
    for index in range(count):
        for path in pair_paths(folder, "train", index)[:3]:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    config = DatasetConfig(family="scene_flow", path=str(folder), split="train")
    return min(timeit.repeat(lambda: build_dataset(config), number=1, timer=time.process_time))
