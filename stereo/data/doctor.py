"""Finding what is wrong with the pairs of a data set, for scripts/check_dataset.py."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stereo.data.datasets import StereoDataset
from stereo.data.loader import in_order
from stereo.data.warping import check_by_warping
from stereo.errors import DataError

# Limits of the classes of the histogram, px.
HISTOGRAM = (0.0, 1.0, 4.0, 16.0, 32.0, 64.0, 96.0, 128.0, 192.0, 256.0, np.inf)


@dataclass(frozen=True)
class ItemCheck:
    """What was found in one pair.

    problem: what is wrong with it, in words. confirmed: warping confirms scale and sign.
    histogram: number of pixels in each class of :data:`HISTOGRAM`. smallest, largest: disparity, px.
    pixels: number of pixels of the left view. known: number of those with ground truth.
    """

    name: str
    problem: str | None = None
    confirmed: bool = False
    histogram: tuple[int, ...] = (0,) * (len(HISTOGRAM) - 1)
    smallest: float = np.nan
    largest: float = np.nan
    pixels: int = 0
    known: int = 0


def check_items(dataset: StereoDataset, indices: Sequence[int], workers: int) -> Iterator[ItemCheck]:
    """Yield the check of each of these pairs, computed in so many processes where there are enough of them."""
    return in_order(_Checks(dataset), 0 if workers == 1 or len(indices) < 4 * workers else workers, indices)


class _Checks:
    """The checks of all pairs, each made when it is asked for."""

    def __init__(self, dataset: StereoDataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> ItemCheck:
        return check_item(self.dataset, index)


def check_item(dataset: StereoDataset, index: int) -> ItemCheck:
    """Decode one pair and verify its ground truth by warping."""
    name = dataset.names[index]
    try:
        sample = dataset[index]
    except DataError as error:
        return ItemCheck(name, str(error))
    truth = sample.truth
    if truth is None:
        return ItemCheck(name, pixels=sample.width * sample.height)
    known: NDArray[np.float32] = truth.disparity[truth.valid]
    if known.size == 0:
        return ItemCheck(name, "has no pixel with ground truth", pixels=truth.disparity.size)
    check = check_by_warping(sample)
    problem = None
    if np.median(known) < 0:
        problem = "most disparities are below 0; negative_disparity=flip turns the sign"
    elif check is not None and check.best != 1.0:
        problem = check.verdict()
    return ItemCheck(
        name,
        problem,
        check is not None and check.confirmed,
        tuple(np.histogram(np.abs(known), HISTOGRAM)[0].tolist()),
        float(known.min()),
        float(known.max()),
        truth.disparity.size,
        known.size,
    )


def summarize(checks: Sequence[ItemCheck]) -> list[str]:
    """Return lines that say what the pairs with ground truth are like; none if no pair has it."""
    known = [check for check in checks if check.known]
    if not known:
        return []
    share = sum(check.known for check in known) / sum(check.pixels for check in known)
    smallest, largest = min(check.smallest for check in known), max(check.largest for check in known)
    return [
        f"warping confirms scale and sign of {sum(check.confirmed for check in checks):,} of {len(known):,}",
        f"disparities {smallest:.2f} … {largest:.2f} px, known on {share:.1%} of the pixels:",
        *_histogram_lines(np.sum([check.histogram for check in known], axis=0)),
    ]


def _histogram_lines(counts: NDArray[np.int64]) -> Iterator[str]:
    """Yield a bar for each class, from the first to the last one that is not empty."""
    shares = counts / counts.sum()
    filled = np.flatnonzero(counts)
    for number in range(filled[0], filled[-1] + 1):
        low, high = HISTOGRAM[number], HISTOGRAM[number + 1]
        label = f"{low:.0f} … {high:.0f}" if np.isfinite(high) else f"above {low:.0f}"
        yield f"  {label:>11} px  {shares[number]:6.1%}  {'█' * round(40 * float(shares[number]))}"
