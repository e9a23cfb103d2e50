"""The protocols under which errors are reported: numbers can be compared only under one protocol.

Of the protocols of the literature each is what its authors' code does: which pixels count, which images, and how they
are averaged. docs/evaluation.md has them side by side.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from stereo.data.sample import GroundTruth, Mask
from stereo.evaluation.metrics import Averaging

# What becomes of an image: it is scored, it is left out, or each of its metrics counts as 0.
Decision = Literal["score", "leave out", "count as 0"]

# The images of FlyingThings3D's test half, on which Scene Flow's numbers are published.
SCENE_FLOW_TEST = 4370
_SCENE_FLOW = ("scene_flow", "synthetic", "pairs")
_MIDDLEBURY = ("middlebury2001", "middlebury2003", "middlebury2005", "middlebury2006", "middlebury2014")
# px: the range of the networks that Scene Flow's numbers are of.
_RANGE = 192


def leave_out_empty(counts: Mask, truth: GroundTruth) -> Decision:
    """Score an image unless no pixel counts."""
    return "score" if counts.any() else "leave out"


@dataclass(frozen=True)
class Protocol:
    """Which pixels and images count, and how they are averaged.

    name, description: For reports and messages.
    mask: From the ground truth of an image to the pixels that count, bool [H, W].
    decide: From that mask and the ground truth to what becomes of the image. An image that counts as 0 does so as a
        whole; a region that an image lacks leaves it out.
    averaging: Of the metrics that are means over pixels. The EPE's image mean is reported beside in any case.
    subset: From the names of a data set to the indices of the samples that are evaluated. None: all.
    rendering: The pass of Scene Flow that its numbers are published on; None: any.
    families: The data sets that it is defined on; None: all.
    regions: Those that belong to it, reported in any case.
    full_listing: It is defined on the whole test half of Scene Flow alone.
    """

    name: str
    description: str
    mask: Callable[[GroundTruth], Mask]
    averaging: Averaging
    decide: Callable[[Mask, GroundTruth], Decision] = leave_out_empty
    subset: Callable[[Sequence[str]], Sequence[int]] | None = None
    rendering: Literal["cleanpass", "finalpass"] | None = None
    families: tuple[str, ...] | None = None
    regions: tuple[str, ...] = ("all",)
    full_listing: bool = False

    def refusal(self, names: Sequence[str]) -> str | None:
        """Return why the protocol does not apply to a data set of these samples' names; None where it does."""
        if self.families is not None and not (names and names[0].partition("/")[0] in self.families):
            return f"defined on {_listed(self.families)}"
        if self.full_listing and len(names) != SCENE_FLOW_TEST:
            return f"drawn from the {SCENE_FLOW_TEST:,} samples of Scene Flow's test half; here: {len(names):,}"
        return None

    def notes(self, names: Sequence[str], rendering: str | None) -> list[str]:
        """Return what keeps numbers on this data set from being those that are published under the protocol.

        Args:
            names: Of the samples. rendering: the pass of Scene Flow; None elsewhere.
        """
        notes = []
        if self.families == _SCENE_FLOW:
            if not names[0].startswith("scene_flow/"):
                notes.append("its published numbers are of Scene Flow")
            elif not self.full_listing and len(names) != SCENE_FLOW_TEST:
                notes.append(f"published on {SCENE_FLOW_TEST:,} images of the test half; here: {len(names):,}")
            if rendering is not None and self.rendering not in (None, rendering):
                notes.append(f"published on {self.rendering}; this is {rendering}")
        return notes


def _listed(families: Sequence[str]) -> str:
    return families[0] if len(families) == 1 else f"{', '.join(families[:-1])} and {families[-1]}"


def known_and_positive(truth: GroundTruth) -> Mask:
    """Return where the ground truth is known, finite and above 0."""
    return truth.valid & np.isfinite(truth.disparity) & (truth.disparity > 0)


def _below_range(truth: GroundTruth) -> Mask:
    return truth.valid & (truth.disparity < _RANGE)


def _within_range(truth: GroundTruth) -> Mask:
    return truth.valid & (np.abs(truth.disparity) < _RANGE)


def _ten_percent(counts: Mask, truth: GroundTruth) -> Decision:
    """Leave out an image of which less than 10 % of the pixels with d > 0 count."""
    counted = np.count_nonzero(counts)
    return "score" if counted and 10 * counted >= np.count_nonzero(known_and_positive(truth)) else "leave out"


def raft_subset(names: Sequence[str]) -> list[int]:
    """Return the first 400 of the names, sorted, in the order that RAFT-Stereo draws from seed 1000.

    Source: the authors' `core/stereo_datasets.py` sorts the paths of the left views and draws with NumPy's legacy
    generator. Names sort as those paths do, since what tells two of them apart stands at the same place in both.
    """
    by_path = sorted(range(len(names)), key=lambda index: names[index])
    drawn = np.random.RandomState(1000).permutation(len(by_path))[:400]  # their generator
    return [by_path[position] for position in drawn]


PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            name="all",
            description="every known pixel with finite d > 0, without an upper bound; averaged over pixels",
            mask=known_and_positive,
            averaging="pixels",
        ),
        Protocol(
            # Their code averages the means of batches of 8 in the order of a directory listing, which is not defined.
            name="psmnet",
            description="d < 192, no lower bound; mean of image means, an image without such a pixel counts 0",
            mask=_below_range,
            averaging="images",
            decide=lambda counts, truth: "score" if counts.any() else "count as 0",
            rendering="cleanpass",
            families=_SCENE_FLOW,
        ),
        Protocol(
            name="gwcnet",
            description="0 < d < 192; mean of image means, without images of which under 10 % of d > 0 lie in that",
            mask=lambda truth: known_and_positive(truth) & (truth.disparity < _RANGE),
            averaging="images",
            decide=_ten_percent,
            rendering="finalpass",
            families=_SCENE_FLOW,
        ),
        Protocol(
            name="igev",
            description="|d| < 192; mean of image means, without images that have no such pixel",
            mask=_within_range,
            averaging="images",
            rendering="finalpass",
            families=_SCENE_FLOW,
        ),
        Protocol(
            name="raft400",
            description="as igev, on the 400 test images that RAFT-Stereo's code draws",
            mask=_within_range,
            averaging="images",
            subset=raft_subset,
            rendering="finalpass",
            families=("scene_flow",),
            full_listing=True,
        ),
        Protocol(
            name="stereo_toolbox",
            description="0 < d < 191; mean of image means, bad-τ too, without images that have no such pixel",
            mask=lambda truth: known_and_positive(truth) & (truth.disparity < _RANGE - 1),
            averaging="images",
            families=_SCENE_FLOW,
        ),
        Protocol(
            # The development kit of 2012 averages the images' own shares, that of 2015 counts pixels of all images.
            name="kitti2012",
            description="every known pixel, all and visible (noc); mean of image means; its figure is bad-3",
            mask=known_and_positive,
            averaging="images",
            families=("kitti2012",),
            regions=("all", "visible"),
        ),
        Protocol(
            name="kitti2015",
            description="every known pixel, all and visible (noc), background and foreground; over pixels; "
            "its figure is D1",
            mask=known_and_positive,
            averaging="pixels",
            families=("kitti2015",),
            regions=("all", "visible", "background", "foreground", "visible_background", "visible_foreground"),
        ),
        Protocol(
            name="middlebury",
            description="every known pixel, all and visible (noc); mean of image means, unweighted",
            mask=known_and_positive,
            averaging="images",
            families=_MIDDLEBURY,
            regions=("all", "visible"),
        ),
        Protocol(
            name="eth3d",
            description="every known pixel, all and visible (noc); mean of image means",
            mask=known_and_positive,
            averaging="images",
            families=("eth3d",),
            regions=("all", "visible"),
        ),
    )
}
