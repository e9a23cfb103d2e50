"""Predictions in files: written one folder for each pair, and read back as a method."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from stereo.data.formats import read_disparity, write_disparity_png16, write_image, write_pfm
from stereo.data.sample import Image, StereoSample
from stereo.errors import DataError
from stereo.methods.method import Prediction
from stereo.output import safe_name
from stereo.visualize import preview_panel

# What 16 bits hold of px × 256.
PNG_LIMIT = 65535 / 256

_SUFFIXES = (".pfm", ".npy", ".png")


def write_prediction(folder: Path, left: Image, prediction: Prediction) -> list[str]:
    """Write disparity.pfm (px), disparity.png (16 bit, px × 256) and preview.png; return the names of those written.

    disparity.png is left out where the disparity reaches beyond `PNG_LIMIT`.

    Args:
        folder: An existing one.
        left: RGB uint8 [H, W, 3], for the preview.

    Raises: OutputError.
    """
    disparity = prediction.disparity
    write_pfm(folder / "disparity.pfm", disparity)
    written = ["disparity.pfm"]
    if disparity.max() <= PNG_LIMIT:
        write_disparity_png16(folder / "disparity.png", disparity)
        written.append("disparity.png")
    else:
        (folder / "disparity.png").unlink(missing_ok=True)  # one of an earlier run would belong to another result
    write_image(folder / "preview.png", preview_panel(left, disparity))
    return [*written, "preview.png"]


class StoredPredictions:
    """The predictions of any program as a method: disparity maps in a folder, found by the samples' names.

    For a sample FAMILY/A/0001 the first of these that is there is taken: FAMILY/A/0001.pfm, .npy or .png (16 bit,
    px × 256), FAMILY/A/0001/disparity.pfm; the same without FAMILY; and all of it with _ instead of /, which is how
    scripts/infer.py writes a list of pairs (it also puts a number before the name). A pixel that a file calls unknown
    counts as a disparity of 0.

    Args:
        folder: Where they lie.

    Raises: DataError where there is no such folder.
    """

    device = None
    max_disparity = None

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise DataError(f"{self.folder}: no such folder of predictions")
        self.name = f"predictions:{self.folder.resolve().name}"
        self._numbered: dict[str, Path | None] = {}
        for path in self.folder.iterdir():
            if re.match(r"\d{5}_", path.name):
                # Two of one name cannot be told apart: neither is taken.
                self._numbered[path.name[6:]] = None if path.name[6:] in self._numbered else path

    @property
    def settings(self) -> dict[str, Any]:
        """Return where they lie."""
        return {"folder": str(self.folder)}

    def predict_sample(self, sample: StereoSample) -> Prediction:
        """Return the prediction that was stored for the sample.

        Raises: DataError where there is none, or it is of another size; FormatError where it is broken.
        """
        path = next((path for path in self._candidates(sample.name) if path.is_file()), None)
        if path is None:
            base = self.folder / sample.name
            raise DataError(f"has no prediction: looked for {base}.pfm, .npy and .png, and {base / 'disparity.pfm'}")
        disparity, _ = read_disparity(path)
        if disparity.shape != sample.left.shape[:2]:
            raise DataError(
                f"{path}: is {disparity.shape[1]}×{disparity.shape[0]} (width × height), but the images are "
                f"{sample.width}×{sample.height}; store predictions at the images' own size"
            )
        return Prediction(np.ascontiguousarray(disparity))

    def _candidates(self, name: str) -> Iterator[Path]:
        without_family = name.partition("/")[2] or name
        for base in dict.fromkeys((name, without_family, safe_name(name), safe_name(without_family))):
            for suffix in _SUFFIXES:
                yield self.folder / f"{base}{suffix}"
            yield self.folder / base / "disparity.pfm"
        numbered = self._numbered.get(safe_name(name))
        if numbered is not None:
            yield numbered / "disparity.pfm"
