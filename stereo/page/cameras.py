"""What a stranger's calibration files give the page: numbers for its fields, and cameras to rectify by."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stereo.camera import CameraPair, read_camera_pair, rectify
from stereo.camera.rig import RectifiedViews
from stereo.data.sample import Calibration, Image
from stereo.errors import DataError, FormatError
from stereo.page.inputs import renamed

# The first file, and the other camera's or the extrinsics, for the forms that have two.
FIRST: Final = "calibration"
SECOND: Final = "second"


@dataclass(frozen=True, eq=False)
class Filed:
    """What the calibration files of a page say.

    cameras: of the images as they were taken. calibration: of the left image's size, after rectification.
    unrectified: the files describe no rectified images, so that theirs must be rectified first. note: for the user.
    """

    cameras: CameraPair
    calibration: Calibration
    unrectified: bool
    note: str


def take_calibration(folder: Path, kind: str, data: bytes, size: tuple[int, int], max_pixels: int) -> Filed:
    """Keep an uploaded calibration file in the folder; return what the one or the two of them say.

    Args:
        kind: FIRST, which drops both that were there, or SECOND.
        size: Rows and columns of the left image.

    Raises: DataError where they cannot be read, or do not belong to the images; the first is kept, for a second.
    """
    first, second = folder / FIRST, folder / SECOND
    if kind == FIRST:
        second.unlink(missing_ok=True)
    elif not os.path.exists(first):
        raise DataError("choose the first calibration file before the second one")
    (folder / kind).write_bytes(data)
    try:
        return _read(first, second if kind == SECOND else None, size, max_pixels)
    except FormatError as error:
        for path, name in ((second, "the second calibration file"), (first, "the calibration file")):
            error = renamed(error, path, name)
        # Some forms name a file that has to lie beside theirs.
        raise FormatError(str(error).replace(f"{folder}{os.sep}", "")) from None
    finally:
        second.unlink(missing_ok=True)


def rectified_views(filed: Filed | None, left: Image, right: Image, max_pixels: int) -> RectifiedViews:
    """Return a pair rectified by the calibration files. Raises: DataError where they do not say how."""
    if filed is None:
        raise DataError("to rectify takes a calibration file of both cameras: choose one, or untick 'Rectify first'")
    size = (left.shape[0], left.shape[1])
    cameras = _cameras_for(filed.cameras, size, max_pixels)
    rectification = rectify(cameras, size)
    left, right = rectification.apply(left, right)
    return RectifiedViews(left, right, rectification.calibration, rectification.left_valid, rectification.right_valid)


def _read(first: Path, second: Path | None, size: tuple[int, int], max_pixels: int) -> Filed:
    cameras = read_camera_pair(first, second, size=size)
    if not cameras.must_be_rectified:
        return Filed(cameras, cameras.calibration_for(*size), False, cameras.unit_note)
    calibration = rectify(_cameras_for(cameras, size, max_pixels), size).calibration
    notes = [cameras.unit_note, "its images are rectified before they are matched: compute the disparity again"]
    return Filed(cameras, calibration, True, "; ".join(filter(None, notes)))


def _cameras_for(cameras: CameraPair, size: tuple[int, int], max_pixels: int) -> CameraPair:
    """Return the cameras of images of this size. Raises: DataError where the rectified ones would be too large."""
    cameras = cameras.for_image(*size)
    height, width = cameras.rectified_size or size
    if height * width > max_pixels:
        raise DataError(
            f"the calibration makes rectified images of {width}×{height} (width × height), more than "
            f"{max_pixels / 1e6:g} million pixels: use scripts/infer.py"
        )
    return cameras
