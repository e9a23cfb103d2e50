"""Scoring one prediction under many protocols and in many regions at once.

Every pixel belongs to some protocols and some regions. Pixels that belong to the same ones form a cell; there are tens
of cells, where there may be a hundred pairs of a protocol and a region. So each metric is summed once, by cell, and a
pair's sum is that of its cells. :func:`stereo.evaluation.metrics.image_sums` is the naive twin.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stereo.data.sample import Mask
from stereo.evaluation.confidence import confidence_metrics
from stereo.evaluation.metrics import (
    METRICS,
    QUANTILES,
    ImageSums,
    Pixels,
    counts_as_zero,
    quantile_rank,
    select_pixels,
)
from stereo.evaluation.protocols import Protocol
from stereo.evaluation.regions import OCCLUSION_REGIONS, REGIONS, Scene
from stereo.methods.method import Prediction

Scores = dict[tuple[str, str], ImageSums | None]

# Errors are sorted coarsely by their exponent and the first 6 binary digits, between 2^-10 and 2^10 px.
_DIGITS = 6
_LOWEST, _HIGHEST = ((np.array([1.0], np.float32) * np.float32(power)).view(np.uint32)[0] for power in (2**-10, 2**10))
_BINS = int((_HIGHEST >> (23 - _DIGITS)) - (_LOWEST >> (23 - _DIGITS))) + 1


@dataclass(frozen=True)
class Scored:
    """What scoring one image gave.

    scores: the sums by protocol and region; None where the image is left out, or does not have the region.
    missing: the regions of which it is not known which pixels they are.
    occlusion: where the visible and occluded pixels are known from; None where no region needed it.
    """

    scores: Scores
    missing: tuple[str, ...]
    occlusion: str | None


def score(
    prediction: Prediction,
    scene: Scene,
    protocols: Sequence[Protocol],
    regions: Mapping[str, Sequence[str]],
    name: str = "",
) -> Scored:
    """Score one prediction.

    Args:
        prediction, scene: Of one pair.
        protocols: Those that the pair belongs to.
        regions: By protocol, the names of the regions in which it is scored.
        name: The pair's, for messages.

    Raises: StereoError where the prediction is not finite on a pixel that counts.
    """
    truth = scene.truth
    wanted = list(dict.fromkeys(region for protocol in protocols for region in regions[protocol.name]))
    masks = {region: REGIONS[region].mask(scene) for region in wanted}
    own = {protocol.name: protocol.mask(truth) for protocol in protocols}
    counts = np.logical_or.reduce(list(own.values()))
    pixels = select_pixels(prediction.disparity, truth.disparity, counts, prediction.estimated, name)
    there = {region: mask[counts] for region, mask in masks.items() if mask is not None}
    members = {name: mask[counts] for name, mask in own.items()}
    cells = _Cells(pixels, [*members.values(), *there.values()])
    protocol_place = {name: place for place, name in enumerate(members)}
    region_place = {region: place for place, region in enumerate(there, len(members))}
    confidence = None if prediction.confidence is None else prediction.confidence[counts]
    scores: Scores = {}
    for protocol in protocols:
        decision = protocol.decide(own[protocol.name], truth)
        for region in regions[protocol.name]:
            key = protocol.name, region
            if region not in there:
                scores[key] = None
                continue
            if decision != "score":
                zero = decision == "count as 0" and region == "all"
                scores[key] = counts_as_zero() if zero else None
                continue
            sums = cells.sums(protocol_place[protocol.name], region_place[region])
            if sums is not None and confidence is not None and region == "all":
                mask = members[protocol.name]
                found = confidence_metrics(pixels.error[mask], confidence[mask])
                sums = replace(sums, own={**sums.own, **found})
            scores[key] = sums
    used = OCCLUSION_REGIONS.intersection(there)
    missing = tuple(region for region, mask in masks.items() if mask is None)
    return Scored(scores, missing, scene.occlusion[1] if used else None)


class _Cells:
    """The pixels of one image, grouped by which of a list of masks they belong to.

    Args:
        pixels: [N].
        masks: bool [N] each.
    """

    def __init__(self, pixels: Pixels, masks: Sequence[Mask]) -> None:
        self.error = pixels.error
        self.cell, self.members = _group(masks, pixels.error.size)
        count = len(self.members)
        self.pixels = np.bincount(self.cell, minlength=count)
        self.metric_sums = {
            name: np.bincount(self.cell, weights=metric.per_pixel(pixels), minlength=count)
            for name, metric in METRICS.items()
        }
        bins = _coarse(pixels.error)
        self.histograms = np.bincount(self.cell * _BINS + bins, minlength=count * _BINS).reshape(count, _BINS)
        # A stable sort of 16-bit numbers counts them: the time of a few passes.
        self.order = np.argsort(bins, kind="stable")
        self.bin_ends = np.cumsum(self.histograms.sum(axis=0))

    def sums(self, *masks: int) -> ImageSums | None:
        """Return the sums over the pixels that belong to all of these masks, by their places; None without any."""
        chosen = np.logical_and.reduce([self.members[:, place] for place in masks])
        pixels = int(self.pixels[chosen].sum())
        if pixels == 0:
            return None
        sums = {name: float(values[chosen].sum()) for name, values in self.metric_sums.items()}
        return ImageSums(pixels, sums, self._quantiles(chosen, pixels))

    def _quantiles(self, chosen: Mask, pixels: int) -> dict[str, float]:
        """Return the exact quantiles: the histogram tells the bin, and the errors within it are partitioned."""
        ends = np.cumsum(self.histograms[chosen].sum(axis=0))
        found = {}
        for name, share in QUANTILES.items():
            rank = quantile_rank(share, pixels)
            place = int(np.searchsorted(ends, rank, side="right"))
            first = self.bin_ends[place - 1] if place else 0
            inside = self.order[first : self.bin_ends[place]]
            errors = self.error[inside[chosen[self.cell[inside]]]]
            within = rank - (ends[place - 1] if place else 0)
            found[name] = float(np.partition(errors, within)[within])
        return found


def _group(masks: Sequence[Mask], size: int) -> tuple[NDArray[np.intp], Mask]:
    """Return each pixel's group [N], and which masks each group belongs to, bool [groups, masks]."""
    cell = np.zeros(size, np.intp)
    members = np.zeros((1, 0), np.bool_)
    for start in range(0, len(masks), 8):
        batch = masks[start : start + 8]
        code = np.zeros(size, np.uint8)
        for bit, mask in enumerate(batch):
            code |= mask.view(np.uint8) << np.uint8(bit)
        joint = cell * 256 + code
        used = np.flatnonzero(np.bincount(joint, minlength=256 * len(members)))
        numbers = np.zeros(256 * len(members), np.intp)
        numbers[used] = np.arange(used.size)
        cell = numbers[joint]
        old, new = np.divmod(used, 256)
        bits = (new[:, None] >> np.arange(len(batch))) & 1 == 1
        members = np.concatenate([members[old], bits], axis=1)
    return cell, members


def _coarse(error: NDArray[np.float64]) -> NDArray[np.uint16]:
    """Return a bin for each error, in the errors' order."""
    bits = error.astype(np.float32).view(np.uint32)
    clipped = np.clip(bits, _LOWEST, _HIGHEST)
    return ((clipped >> (23 - _DIGITS)) - (_LOWEST >> (23 - _DIGITS))).astype(np.uint16)
