"""Rig: the cameras that pairs come from. It gives each pair its calibration, and rectifies it where that is asked."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stereo.camera.document import read_document
from stereo.camera.model import CameraPair, Size
from stereo.camera.read import form_of, read_camera_pair
from stereo.camera.rectification import Rectification, rectify
from stereo.camera.request import METERS, LengthUnit
from stereo.data.sample import Calibration, Image, Mask
from stereo.errors import ConfigError, DataError, FormatError


@dataclass(frozen=True, eq=False)
class RectifiedViews:
    """A pair that can be matched, and what its cameras say.

    left, right: RGB uint8 [H, W, 3]. calibration: of these views; None where it is not known.
    left_shown, right_shown: bool [H, W], False in black borders; None where they are not known.
    notes: what was taken for granted, sentences for the user.
    """

    left: Image
    right: Image
    calibration: Calibration | None = None
    left_shown: Mask | None = None
    right_shown: Mask | None = None
    notes: tuple[str, ...] = ()


@dataclass
class Rig:
    """The cameras of all pairs, by a file or two of any form, or by numbers.

    files: one or two, as :func:`stereo.camera.read_camera_pair` takes them. unit: that of the files' lengths.
    calibration: of rectified views, instead of files.
    rectified: The views are; otherwise they are rectified with `alpha` and `fov_scale`, as by
        :func:`stereo.camera.rectify`.

    Raises: FormatError for a file of no form that can be read; ConfigError where views would be rectified by numbers.
    """

    files: Sequence[str | Path] = ()
    unit: LengthUnit | None = None
    calibration: Calibration | None = None
    rectified: bool = True
    alpha: float = 0.0
    fov_scale: float = 1.0
    _known: dict[Size, tuple[Calibration, Rectification | None, tuple[str, ...]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # A ZED's file needs the images' size; what is wrong in another one is said before the work.
        if self.files and not form_of(read_document(self.files[0])).startswith("ZED"):
            read_camera_pair(*self.files, unit=self.unit)
        if not self.rectified and not self.files:
            raise ConfigError("rectification needs the calibration file of both cameras, with their distortion")

    def views(self, left: Image, right: Image) -> RectifiedViews:
        """Return a pair as it can be matched, with its calibration.

        Raises: DataError where calibration and images cannot belong together, or the images are yet to be rectified;
            FormatError for what is wrong in a file.
        """
        size = (left.shape[0], left.shape[1])
        if size not in self._known:
            self._known[size] = self._calibrate(size)
        calibration, rectification, notes = self._known[size]
        if rectification is None:
            return RectifiedViews(left, right, calibration, notes=notes)
        left, right = rectification.apply(left, right)
        return RectifiedViews(left, right, calibration, rectification.left_valid, rectification.right_valid, notes)

    def _calibrate(self, size: Size) -> tuple[Calibration, Rectification | None, tuple[str, ...]]:
        notes = []
        rectification = None
        if self.calibration is not None:
            calibration = self.calibration.for_image(*size)
        else:
            pair = read_camera_pair(*self.files, size=size, unit=self.unit)
            notes = [pair.unit_note] if pair.unit_note else []
            notes += _notes(pair, size, self.rectified)
            try:
                if self.rectified:
                    calibration = pair.calibration_for(*size)
                else:
                    rectification = rectify(pair.for_image(*size), size, alpha=self.alpha, fov_scale=self.fov_scale)
                    calibration = rectification.calibration
            except FormatError:
                raise
            except DataError as error:
                raise DataError(f"{self.files[0]}: {error}") from None
        if calibration.cx is None or calibration.cy is None:
            notes.append("the principal point is taken to be the middle of the image")
        return calibration, rectification, tuple(notes)


def calibration_of_numbers(
    focal_length: float,
    baseline: float,
    unit: LengthUnit | None = None,
    cx: float | None = None,
    cy: float | None = None,
    disparity_offset: float = 0.0,
) -> Calibration:
    """Return the calibration that someone says: px, and a baseline in `unit` (None: m).

    Raises: ConfigError for a focal length that is not above 0, or a baseline that cannot be.
    """
    meters = baseline * METERS[unit or "m"]
    if not math.isfinite(disparity_offset):
        raise ConfigError(f"the disparity offset is {disparity_offset:g} px, expected a finite number")
    if not focal_length > 0:
        raise ConfigError(f"the focal length is {focal_length:g} px, expected a number above 0")
    if not 0.0005 <= meters <= 20:
        raise ConfigError(
            f"the baseline is {meters:g} m, expected 0.0005 … 20 m; say its unit where it is not in m: cm or mm"
        )
    return Calibration(focal_length, meters, disparity_offset, cx, cy)


def _notes(pair: CameraPair, size: Size, rectified: bool) -> list[str]:
    notes = []
    if rectified and not pair.rectified:
        notes.append("the images are taken to be rectified already, as the file's projections describe them")
    if not rectified and pair.rectified:
        notes.append("the file describes rectified cameras, so that rectification changes nothing")
    own = (pair.rectified_size or pair.left.size) if rectified else pair.left.size
    if own is not None and own != size:
        notes.append(f"the calibration, of {own[1]}×{own[0]}, is scaled to {size[1]}×{size[0]} (width × height)")
    return notes
