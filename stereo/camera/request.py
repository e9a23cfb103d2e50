"""What a form's reader is asked for."""

from dataclasses import dataclass
from typing import Literal

from stereo.camera.document import Document
from stereo.camera.model import Size

LengthUnit = Literal["m", "cm", "mm"]
METERS: dict[LengthUnit, float] = {"m": 1.0, "cm": 0.01, "mm": 0.001}


@dataclass(frozen=True)
class Request:
    """Files to be read as a pair of cameras.

    second: the right camera's file, or the one with the extrinsics; None where all is in one file.
    size: rows and columns of the images, for files that hold calibrations of several sizes; None where not known.
    unit: the unit of lengths, for files that do not say; None: told by their size.
    """

    first: Document
    second: Document | None = None
    size: Size | None = None
    unit: LengthUnit | None = None

    def one_file(self) -> Document:
        """Return the only file. Raises: FormatError if there are two."""
        if self.second is not None:
            raise self.second.error(f"is one file too many: {self.first.path} describes both cameras")
        return self.first

    def two_files(self) -> tuple[Document, Document]:
        """Return the files of the left and of the right camera. Raises: FormatError if there is one."""
        if self.second is None:
            raise self.first.error("describes one camera of two; give the file of the other one too")
        return self.first, self.second

    def meters(self, length: float, square_size: float | None = None) -> tuple[float, str]:
        """Return what to multiply lengths with to get meters, and a sentence on it, where a file does not say its unit.

        Args:
            length: The length of the baseline, as in the file.
            square_size: The side of the calibration board's squares, as in the file.

        Raises: FormatError if the unit can be meters or millimeters, or is the side of a square.
        """
        if self.unit is not None:
            return METERS[self.unit], f"baseline in {self.unit}, as asked"
        if square_size == 1:
            raise self.first.error(
                f"counts its baseline, {length:g}, in squares of the board (square_size is 1); "
                "multiply it by the side of a square and say the unit: m, cm or mm"
            )
        # A square measures 3 mm to 30 cm, a baseline 2 cm to 2 m; endoscopes and trucks must say their unit.
        if square_size is not None and (0 < square_size < 0.5 or square_size >= 10):
            unit: LengthUnit = "m" if square_size < 0.5 else "mm"
            return METERS[unit], f"baseline in {unit}: a square of the board measures {square_size:g}"
        if square_size is None and (0 < length <= 2 or length >= 20):
            unit = "m" if length <= 2 else "mm"
            return METERS[unit], f"baseline taken to be in {unit}: it measures {length:g}"
        measure = f"baseline of {length:g}" if square_size is None else f"square of {square_size:g}"
        raise self.first.error(f"has a {measure} in a unit that it does not say; say the unit: m, cm or mm")
