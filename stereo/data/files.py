"""What the data sets on disk share: finding folders and partners, and loading one pair once its files are
known.
"""

import difflib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stereo.data.calibration import read_calibration
from stereo.data.formats import read_disparity, read_image, read_mask
from stereo.data.sample import Calibration, Map, Mask, StereoSample
from stereo.data.verification import refuse_swapped_views
from stereo.errors import DataError


@dataclass(frozen=True)
class PairFiles:
    """The files of one pair.

    disparity_scale: stored units in one px, for integer files; None: the encoding's own.
    mask: an image that is not 0 where the ground truth may be used.
    visible_mask: an image that is 255 where the left pixel is visible in both views.
    visible_disparity: a disparity map that is known only where the left pixel is visible in both views.
    calibration: what gives focal length and baseline.
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
    calibration: Path | None = None


class PairDataset:
    """A data set on disk: pairs whose files are known, by index.

    Args:
        pairs: In the order of the data set.
        check_views: Refuse a pair whose views seem to be swapped (:mod:`stereo.data.verification`).
    """

    def __init__(self, pairs: Sequence[PairFiles], check_views: bool = True) -> None:
        self.pairs = list(pairs)
        self.check_views = check_views

    @property
    def names(self) -> list[str]:
        """Of all samples, without loading them."""
        return [pair.name for pair in self.pairs]

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> StereoSample:
        """Raises: FormatError for a broken file; DataError where a pair's files do not fit one another."""
        sample = self.load(self.pairs[index])
        if self.check_views:
            refuse_swapped_views(sample, self.pairs[index].left)
        return sample

    def load(self, pair: PairFiles) -> StereoSample:
        """Read the files of one pair."""
        return load_pair(pair)


def load_pair(files: PairFiles, calibration_reader: Callable[[Path], Calibration] = read_calibration) -> StereoSample:
    """Read the files of one pair.

    Raises: FormatError for a broken file; DataError where the sizes do not agree.
    """
    # Decoding lets go of the interpreter's lock, and it is most of the work. A thread for each call rather than a pool:
    # threads do not survive the fork that makes a loader's workers.
    with ThreadPoolExecutor(1) as thread:
        reading = thread.submit(read_image, files.right)
        left = read_image(files.left)
        right = reading.result()
    disparity: Map | None = None
    valid: Mask | None = None
    occluded: Mask | None = None
    disparity_right: Map | None = None
    if files.disparity is not None:
        disparity, valid = read_disparity(files.disparity, files.disparity_scale)
        if files.mask is not None:
            valid = valid & (_of_size(valid, read_mask(files.mask), files.mask) != 0)
            disparity = np.where(valid, disparity, np.float32(0))
        if files.visible_mask is not None:
            occluded = valid & (_of_size(valid, read_mask(files.visible_mask), files.visible_mask) != 255)
        if files.visible_disparity is not None:
            visible = read_disparity(files.visible_disparity, files.disparity_scale)[1]
            occluded = valid & ~_of_size(valid, visible, files.visible_disparity)
    if files.disparity_right is not None:
        disparity_right, _ = read_disparity(files.disparity_right, files.disparity_scale)
    calibration = None if files.calibration is None else calibration_reader(files.calibration)
    return StereoSample(left, right, disparity, valid, occluded, disparity_right, calibration, files.name)


def _of_size(reference: Mask, array: NDArray[Any], path: Path) -> NDArray[Any]:
    if array.shape != reference.shape:
        raise DataError(
            f"{path}: is {array.shape[1]}×{array.shape[0]} (width × height), but the disparity map that it "
            f"belongs to is {reference.shape[1]}×{reference.shape[0]}; check that both are of one resolution"
        )
    return array


def folder_name(folder: Path) -> str:
    """The folder's own name, for `.` and `..` too."""
    return os.path.basename(os.path.abspath(folder))


def require_folder(path: str | Path, family: str) -> Path:
    """The folder of a data set. Raises: DataError if there is none."""
    path = Path(path)
    try:
        if path.is_dir():
            return path
        found = "it is a file" if path.exists() else "there is nothing there"
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        found = str(getattr(error, "strerror", None) or error)
    raise DataError(
        f"{path}: expected the folder of the data set {family}, but {found}; check the path (data/README.md "
        "shows the layout)"
    )


def require_partner(path: Path, of: Path, what: str) -> Path:
    """`path`, the file that belongs to `of`. Raises: DataError if it does not exist."""
    if not path.is_file():
        raise DataError(no_partner(path, of, what))
    return path


def no_partner(path: Path, of: Path, what: str) -> str:
    """What is said where `path`, `what` belongs to `of`, does not exist: with what may be there in its place."""
    names = [entry.name for entry in _entries(path.parent)] if path.parent.is_dir() else []
    images = [path.stem + suffix for suffix in (".png", ".webp", ".jpg") if path.stem + suffix in names]
    if path.suffix == ".pfm" and images:
        return (
            f"{of}: has no ground truth: {path.parent} holds images ({images[0]}) where the disparity maps should be "
            f"({path.name}); put the content of the archive 'Disparity' there"
        )
    close = difflib.get_close_matches(path.name, names, 1, 0.7)
    return (
        f"{of}: has no partner: {what} should be {path}, which does not exist"
        + (f" ({close[0]} does: misnamed?)" if close else "")
        + "; copy or download the missing file, or take away the incomplete pair"
    )


def nothing_found(folder: Path, family: str, expected: str, found: Sequence[str] = ()) -> DataError:
    """The error for a folder without a single pair.

    Args:
        expected: What was looked for.
        found: What is there instead. Empty: the folder's entries.
    """
    names = list(found) or [entry.name + "/" * entry.is_dir() for entry in _entries(folder)]
    shown = ", ".join(names[:8]) + (f" … ({len(names)} entries)" if len(names) > 8 else "")
    return DataError(
        f"{folder}: no pair of {family} found; looked for {expected}; found {shown or 'an empty folder'}; "
        "check the path (data/README.md shows the layout)"
    )


def count_pairs(count: int) -> str:
    """So many pairs, in words."""
    return f"{count:,} pair{'s' * (count != 1)}"


def first_file(folder: Path, names: Sequence[str]) -> Path | None:
    """The first of the names that is a file in the folder."""
    return next((folder / name for name in names if (folder / name).is_file()), None)


def walk_folders(root: Path, depth: int) -> Iterator[Path]:
    """The folder and all folders down to `depth` below it, through links too, each after its parent, by name.

    Raises: DataError for a folder that cannot be read.
    """
    yield root
    if depth > 0:
        for name in subfolders(root):
            yield from walk_folders(root / name, depth - 1)


def subfolders(folder: Path) -> list[str]:
    """The names of the folders in a folder, and of links to folders, sorted. Raises: DataError if it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed: {error.strerror}; check that you may read it") from None


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir(), key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed: {error.strerror}; check that you may read it") from None
