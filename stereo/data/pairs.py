"""What the data sets on disk share: the files of a pair, and loading it once they are known."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stereo.camera.document import read_document
from stereo.camera.forms import middlebury
from stereo.camera.read import read_camera_pair
from stereo.config import NegativeDisparity
from stereo.data.formats import read_disparity, read_image, read_mask
from stereo.data.formats.calibration import parse_calibration
from stereo.data.missing import Missing
from stereo.data.sample import Calibration, GroundTruth, Map, Mask, SampleSource, StereoSample
from stereo.data.warping import refuse_swapped_views
from stereo.errors import DataError

_log = logging.getLogger(__name__)
_warned = False

# What reads a file of ground truth: disparity, float32 [H, W] in px, 0 where unknown; and valid, bool [H, W].
TruthReader = Callable[[Path], tuple[Map, Mask]]


@dataclass(frozen=True)
class PairFiles:
    """The files of one pair.

    disparity_scale: stored units in one px, for integer files; None: the encoding's own.
    mask: an image that is not 0 where the ground truth may be used.
    visible_mask: an image that is 255 where the left pixel is visible in both views.
    visible_disparity: a disparity map that is known only where the left pixel is visible in both views.
    hidden_masks: images that are not 0 where the left pixel is not visible in the right view.
    object_map: an image that is not 0 on moving objects.
    calibration: the file that gives focal length and baseline.
    negated: the files of disparity may hold −d, and are read as d.
    problem: why the pair cannot be read, since a file of it is not there; None: it is complete.
    """

    name: str
    left: Path
    right: Path
    disparity: Path | None = None
    disparity_right: Path | None = None
    disparity_scale: float | None = None
    mask: Path | None = None
    visible_mask: Path | None = None
    visible_disparity: Path | None = None
    hidden_masks: tuple[Path, ...] = ()
    object_map: Path | None = None
    calibration: Path | None = None
    negated: bool = False
    problem: Missing | str | None = None


class PairDataset:
    """A data set on disk: pairs whose files are known, by index.

    An incomplete pair is one of them, which cannot be read; :func:`stereo.data.datasets.build_dataset` refuses data
    sets with such pairs unless lists leave them out.

    Args:
        pairs: In the order of the data set.
        check_views: Refuse a pair whose views seem to be swapped (:mod:`stereo.data.warping`).
    """

    def __init__(self, pairs: Sequence[PairFiles], check_views: bool = True) -> None:
        self.pairs = tuple(pairs)
        self.check_views = check_views
        # What becomes of a map with most disparities below 0, see DatasetConfig.
        self.negative_disparity: NegativeDisparity = "refuse"
        # The names of all samples, without loading them.
        self.names = [pair.name for pair in self.pairs]

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> StereoSample:
        """Read sample `index`.

        Raises: FormatError for a broken file; DataError if a pair is incomplete or its files do not fit.
        """
        pair = self.pairs[index]
        if pair.problem is not None:
            raise DataError(str(pair.problem))
        sample = self.load(pair)
        if self.negative_disparity != "keep":
            _make_positive(sample, pair, refuse=self.negative_disparity == "refuse" and not pair.negated)
        if self.check_views:
            refuse_swapped_views(sample, pair.left)
        return sample

    def source(self, index: int) -> SampleSource:
        """Return the source of sample `index`: the sample itself."""
        return self[index]

    def load(self, pair: PairFiles) -> StereoSample:
        """Read the files of one pair."""
        return load_pair(pair)


def read_any_calibration(path: Path) -> Calibration:
    """Read a calibration of any form that :mod:`stereo.camera` knows; of a calib.txt no more than focal length and
    baseline are needed. Raises: DataError.
    """
    document = read_document(path)
    if middlebury.recognizes(document):
        return parse_calibration(document.text, path)
    return read_camera_pair(path).calibration()


def load_pair(
    files: PairFiles,
    calibration_reader: Callable[[Path], Calibration] = read_any_calibration,
    truth_reader: TruthReader | None = None,
) -> StereoSample:
    """Read the files of one pair.

    Training and evaluation need no calibration: one that cannot be read is logged as a warning, once in a process, and
    left out.

    Args:
        truth_reader: Reads the files of ground truth. None: by suffix and depth, with `files.disparity_scale`.

    Raises: FormatError for a broken file; DataError if the sizes do not agree.
    """
    # Decoding is most of the work and releases the interpreter's lock. Each call has a thread of its own and no pool:
    # threads do not survive the fork that makes a loader's workers.
    with ThreadPoolExecutor(1) as thread:
        reading = thread.submit(read_image, files.right)
        left = read_image(files.left)
        right = reading.result()
    truth: GroundTruth | None = None
    if files.disparity is not None:
        occluded: Mask | None = None
        disparity_right: Map | None = None
        foreground: Mask | None = None
        read_truth = truth_reader or partial(read_disparity, scale=files.disparity_scale)
        disparity, valid = read_truth(files.disparity)
        if files.mask is not None:
            valid = valid & (_of_size(valid, read_mask(files.mask), files.mask) != 0)
            disparity = np.where(valid, disparity, np.float32(0))
        if files.visible_mask is not None:
            occluded = valid & (_of_size(valid, read_mask(files.visible_mask), files.visible_mask) != 255)
        if files.visible_disparity is not None:
            visible = read_truth(files.visible_disparity)[1]
            occluded = valid & ~_of_size(valid, visible, files.visible_disparity)
        for path in files.hidden_masks:
            hidden = valid & (_of_size(valid, read_mask(path), path) != 0)
            occluded = hidden if occluded is None else occluded | hidden
        if files.disparity_right is not None:
            disparity_right, _ = read_truth(files.disparity_right)
            _of_size(valid, disparity_right, files.disparity_right)
        if files.object_map is not None:
            foreground = _of_size(valid, read_mask(files.object_map), files.object_map) != 0
        truth = GroundTruth(disparity, valid, occluded, disparity_right, foreground)
    calibration = None if files.calibration is None else _read_or_warn(files.calibration, calibration_reader)
    return StereoSample(left, right, truth, calibration, files.name)


def _read_or_warn(path: Path, reader: Callable[[Path], Calibration]) -> Calibration | None:
    global _warned
    try:
        return reader(path)
    except DataError as error:
        if not _warned:
            _warned = True
            _log.warning("%s (the pair is used without its calibration; further such files are not named)", error)
        return None


def _make_positive(sample: StereoSample, pair: PairFiles, refuse: bool) -> None:
    """Turn the sign of each disparity map of which most values are below 0.

    Raises: DataError where `refuse` is given and it is the left view's. (The right view's has another sign than the
    left view's in some releases, which is no reason to refuse.)
    """
    for name in ("disparity", "disparity_right"):
        disparity = getattr(sample.truth, name, None)
        if disparity is None or not _is_negative(disparity):
            continue
        if name == "disparity" and refuse:
            raise DataError(
                f"{pair.disparity}: most disparities are below 0, as in releases that count from the other view; "
                "negative_disparity=flip turns the sign, negative_disparity=keep takes them as they are"
            )
        np.negative(disparity, out=disparity)


def _is_negative(disparity: Map) -> bool:
    """Return whether most of the values that are known, which 0 is not, are below 0."""
    some = disparity[::8, ::8]  # a few thousand values tell
    known = some[some != 0]
    if known.size < 100:
        known = disparity[disparity != 0]
    return bool(known.size and np.median(known) < 0)


def count_pairs(count: int) -> str:
    """Return a number of pairs in words: "1 pair", "2,000 pairs"."""
    return f"{count:,} pair{'s' * (count != 1)}"


def _of_size(reference: Mask, array: NDArray[Any], path: Path) -> NDArray[Any]:
    if array.shape != reference.shape:
        raise DataError(
            f"{path}: is {array.shape[1]}×{array.shape[0]} (width × height), but the disparity map that it "
            f"belongs to is {reference.shape[1]}×{reference.shape[0]}; check that both are of one resolution"
        )
    return array
