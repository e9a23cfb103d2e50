"""Finding what is wrong with the pairs of a data set, for scripts/check_dataset.py."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo.camera.checks import find_matches, same_image, swapped_eyes, vertical_offset
from stereo.data.datasets import StereoDataset
from stereo.data.loader import in_order
from stereo.data.sample import Image, Map, StereoSample
from stereo.data.scale import ScaleEstimate, estimate_scale
from stereo.errors import DataError

# Limits of the classes of the histogram, px.
HISTOGRAM: tuple[float, ...] = (0.0, 1.0, 4.0, 16.0, 32.0, 64.0, 96.0, 128.0, 192.0, 256.0, np.inf)


# Views without ground truth differ too much where one is so many times as bright, and by so many gray levels.
_BRIGHTER, _GRAY_LEVELS = 2.0, 20.0
# Features of each view, of which enough match by far.
_FEATURES = 600
# Of a scene that is one plane, nearly all matches agree with the one disparity; in others half of them may, by chance.
_CONSTANT_SHARE = 0.8


@dataclass(frozen=True)
class ItemCheck:
    """What was found in one pair.

    problem: what is wrong with it, in words. scale: what the views say of the ground truth; None if too little.
    histogram: number of pixels in each class of :data:`HISTOGRAM`. smallest, largest: disparity, px.
    pixels: number of pixels of the left view. known: number of those with ground truth.
    """

    name: str
    problem: str | None = None
    scale: ScaleEstimate | None = None
    histogram: tuple[int, ...] = (0,) * (len(HISTOGRAM) - 1)
    smallest: float = np.nan
    largest: float = np.nan
    pixels: int = 0
    known: int = 0

    @property
    def unconfirmed(self) -> bool:
        """Return whether there is ground truth that the views neither confirm nor contradict."""
        return self.known > 0 and self.problem is None and (self.scale is None or not self.scale.confirmed)


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
    """Decode one pair and compare its views with its ground truth; where it has none, with each other."""
    name = dataset.names[index]
    try:
        sample = dataset[index]
    except DataError as error:
        return ItemCheck(name, str(error))
    truth = sample.truth
    if truth is None:
        return ItemCheck(name, "; ".join(_problems_of_views(sample)) or None, pixels=sample.width * sample.height)
    # Where every pixel is known, no copy: it is several MB.
    known = truth.disparity.ravel() if truth.valid.all() else truth.disparity[truth.valid]
    if known.size == 0:
        return ItemCheck(name, "has no pixel with ground truth", pixels=truth.disparity.size)
    scale = estimate_scale(sample)
    lowest, highest = float(known.min()), float(known.max())
    return ItemCheck(
        name,
        _problem_of_truth(known, lowest, highest, sample.width, scale),
        scale,
        _histogram(known, lowest, highest),
        lowest,
        highest,
        truth.disparity.size,
        known.size,
    )


def _histogram(values: Map, lowest: float, highest: float) -> tuple[int, ...]:
    """Return how many values lie in each class of :data:`HISTOGRAM`, whatever their sign.

    Args:
        lowest, highest: the smallest and the largest value.
    """
    if lowest < 0:
        values, lowest, highest = np.abs(values), 0.0, max(-lowest, highest)
    # A pass for each limit that lies among them is many times faster than numpy.histogram, which sorts the values where
    # its classes are of several widths.
    is_below = np.empty(values.shape, bool)  # one for all passes: a new one costs more than a pass

    def below(limit: float) -> int:
        if limit <= lowest:
            return 0
        if limit > highest:
            return values.size
        return int(np.count_nonzero(np.less(values, limit, out=is_below)))

    return tuple(after - before for before, after in itertools.pairwise(map(below, HISTOGRAM)))


def _problem_of_truth(known: Map, lowest: float, highest: float, width: int, scale: ScaleEstimate | None) -> str | None:
    """Return the first thing that is wrong with disparities, those of the pixels where they are known."""
    if lowest == highest == 0:
        return "every disparity is 0, which no protocol and no loss counts: no pixel has ground truth"
    if lowest < 0 and np.count_nonzero(known < 0) > known.size / 2:
        return "most disparities are below 0; negative_disparity=flip turns the sign"
    if scale is not None and scale.problem is not None:
        return scale.problem
    if lowest == highest and (scale is None or not scale.confirmed or scale.share < _CONSTANT_SHARE):
        return f"every disparity is {lowest:g} px, and the views do not confirm it; is this the right file?"
    if highest >= width:
        count = int((known >= width).sum())
        return (
            f"{count:,} of {known.size:,} disparities are as large as the image is wide, or larger (up to "
            f"{highest:,.1f} of {width:,} px): wrong units, or wrong values for what is unknown"
        )
    return None


def _problems_of_views(sample: StereoSample) -> list[str]:
    """Return what is wrong with the views of a pair that has no ground truth."""
    views = {"left": sample.left, "right": sample.right}
    blank = [side for side, view in views.items() if (view[0] == view[0, 0]).all() and (view == view[0, 0]).all()]
    if blank:
        return [f"the {side} view shows one color only" for side in blank]
    matches = find_matches(sample.left, sample.right, _FEATURES)
    found = [check(matches).sentence for check in (vertical_offset, swapped_eyes, same_image)]
    return [sentence for sentence in [*found, _exposure(**views)] if sentence is not None]


def _exposure(left: Image, right: Image) -> str | None:
    """Return how much brighter one view is; None where it is not much."""
    means = {side: float(np.mean(cv2.mean(view)[:3])) for side, view in (("left", left), ("right", right))}
    dark, bright = sorted(means, key=lambda side: means[side])
    if means[bright] < _BRIGHTER * means[dark] or means[bright] - means[dark] < _GRAY_LEVELS:
        return None
    return (
        f"the {bright} view is much brighter than the {dark} one (mean gray levels {means[bright]:.0f} and "
        f"{means[dark]:.0f} of 255): check that both were exposed alike"
    )


def summarize(checks: Sequence[ItemCheck]) -> list[str]:
    """Return lines that say what the pairs with ground truth are like; none if no pair has it."""
    known = [check for check in checks if check.known]
    if not known:
        return []
    share = sum(check.known for check in known) / sum(check.pixels for check in known)
    smallest, largest = min(check.smallest for check in known), max(check.largest for check in known)
    return [
        *_scale_lines(known),
        f"disparities {smallest:.2f} … {largest:.2f} px, known on {share:.1%} of the pixels:",
        *_histogram_lines(np.sum([check.histogram for check in known], axis=0)),
    ]


def _scale_lines(known: Sequence[ItemCheck]) -> Iterator[str]:
    scales = [check.scale for check in known if check.scale is not None]
    confirmed = [scale for scale in scales if scale.confirmed]
    yield f"the views confirm scale and sign of {len(confirmed):,} of {len(known):,}"
    if not confirmed:
        return
    factors = np.array([scale.factor for scale in confirmed])
    weights = np.array([scale.error for scale in confirmed]) ** -2
    mean = float(np.average(factors, weights=weights))
    error = float(weights.mean() ** -0.5)  # the pairs may be wrong together, as the matches of each
    yield (
        f"by them, true disparities are {mean:.3f} ± {error:.3f} times what was read "
        f"({factors.min():.3f} … {factors.max():.3f} in single pairs)"
    )


def _histogram_lines(counts: NDArray[np.int64]) -> Iterator[str]:
    """Yield a bar for each class, from the first to the last one that is not empty."""
    shares = counts / counts.sum()
    filled = np.flatnonzero(counts)
    for number in range(filled[0], filled[-1] + 1):
        low, high = HISTOGRAM[number], HISTOGRAM[number + 1]
        label = f"{low:.0f} … {high:.0f}" if np.isfinite(high) else f"above {low:.0f}"
        yield f"  {label:>11} px  {shares[number]:6.1%}  {'█' * round(40 * float(shares[number]))}"
