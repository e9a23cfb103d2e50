"""Predictions in files: written, one folder or one file for each pair, and read back as a method."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from stereo.data.formats import read_disparity, read_mask, read_pfm, write_image, write_pfm
from stereo.data.sample import Map, Mask, StereoSample
from stereo.errors import DataError, FormatError, OutputError
from stereo.methods.holes import HOLES, fill_from_background
from stereo.methods.method import Prediction
from stereo.methods.resizing import is_resized, resize_prediction
from stereo.methods.stored_names import StoredNames, path_of
from stereo.output import make_output_folder

# What 16 bits hold of px × 256.
PNG_LIMIT = 65535 / 256


def save_prediction(folder: Path, name: str, prediction: Prediction) -> Path:
    """Write a prediction so that StoredPredictions gives the same again, to the last bit; return the path of the map.

    NAME.pfm holds the disparity (px), holes filled; NAME.confidence.pfm the confidence, and NAME.estimated.png where
    the method itself gave the value (white), where the prediction has them. Each is written whole, NAME.pfm last. The
    right view's disparity and `ran_at` are not kept.

    Args:
        folder: Where the tree of predictions lies; folders in it are made.
        name: The sample's.

    Raises: OutputError.
    """
    path = folder / f"{path_of(name)}.pfm"
    path = make_output_folder(path.parent) / path.name
    confidence, estimated = path.with_suffix(".confidence.pfm"), path.with_suffix(".estimated.png")
    # What an earlier run left beside it would belong to another prediction.
    for old in (confidence, estimated):
        try:
            old.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{old}: cannot be removed: {error.strerror}; use another folder") from None
    if prediction.confidence is not None:
        write_pfm(confidence, prediction.confidence)
    if prediction.estimated is not None and not prediction.estimated.all():
        write_image(estimated, np.repeat(prediction.estimated[..., None], 3, axis=2) * np.uint8(255))
    write_pfm(path, prediction.disparity)
    return path


class StoredPredictions:
    """The predictions of any program as a method: disparity maps in a folder, found by the samples' names.

    The names that the files may have are those of :class:`stereo.methods.stored_names.StoredNames`. A pixel that a file
    calls unknown is filled from the background. Beside a map NAME.pfm may lie NAME.confidence.pfm or
    NAME_confidence.pfm, 0 … 1, and NAME.estimated.png, which is 0 where a value was filled in.

    Args:
        folder: Where they lie.
        resize: Bring predictions of another size to that of the images, instead of refusing them.

    Raises: DataError where there is no such folder.
    """

    device = None
    max_disparity = None

    def __init__(self, folder: str | Path, resize: bool = False) -> None:
        self.folder = Path(os.path.expanduser(folder))
        if not os.path.isdir(self.folder):
            raise DataError(f"{self.folder}: no such folder of predictions")
        self.name = f"predictions:{self.folder.resolve().name}"
        self.resize = resize
        self._names = StoredNames(self.folder)

    @property
    def settings(self) -> dict[str, Any]:
        """Return where they lie, and what is done to them."""
        return {"folder": str(self.folder), "resize": self.resize, "holes": HOLES}

    def predict_sample(self, sample: StereoSample) -> Prediction:
        """Return the prediction that was stored for the sample.

        Raises: DataError where there is none, more than one, or it is of another size; FormatError where it is broken.
        """
        path = self._names.find(sample.name)
        disparity, known = read_disparity(path)
        if np.count_nonzero(disparity < 0) > disparity.size / 2:
            raise DataError(
                f"{path}: most disparities are below 0, as where a program stores the flow from left to right; store "
                "them with their sign changed"
            )
        estimated = known & _read_estimated(path, disparity)
        prediction = Prediction(
            disparity if known.all() else fill_from_background(disparity, known),
            confidence=_read_confidence(path, disparity),
            estimated=None if estimated.all() else estimated,
        )
        if disparity.shape == (sample.height, sample.width):
            return prediction
        self._check_size(path, disparity, sample)
        return resize_prediction(prediction, sample.height, sample.width)

    def _check_size(self, path: Path, disparity: Map, sample: StereoSample) -> None:
        sizes = (
            f"{path}: is {disparity.shape[1]}×{disparity.shape[0]} (width × height), but the images are "
            f"{sample.width}×{sample.height}"
        )
        if not is_resized(disparity.shape, (sample.height, sample.width)):
            raise DataError(f"{sizes}, of another shape; store predictions at the images' own size")
        if not self.resize:
            raise DataError(
                f"{sizes}; store predictions at the images' own size, or let them be resized (--resize-predictions)"
            )


def _read_estimated(path: Path, disparity: Map) -> Mask:
    beside = path.with_suffix(".estimated.png")
    if not os.path.isfile(beside):
        return np.ones(disparity.shape, np.bool_)
    estimated = read_mask(beside) > 0
    _check_beside(beside, estimated, disparity)
    return estimated


def _read_confidence(path: Path, disparity: Map) -> Map | None:
    names = [f"{path.stem}.confidence.pfm", f"{path.stem}_confidence.pfm"]
    if path.name == "disparity.pfm":  # the folder is this pair's
        names.append("confidence.pfm")
    beside = next((path.with_name(name) for name in names if os.path.isfile(path.with_name(name))), None)
    if beside is None:
        return None
    confidence = read_pfm(beside)
    _check_beside(beside, confidence, disparity)
    low, high = float(confidence.min()), float(confidence.max())
    if not (low >= 0 and high <= 1):  # so that NaN is refused too
        raise FormatError(f"{beside}: holds {low:g} … {high:g}, expected a confidence of 0 … 1 for each pixel")
    return confidence


def _check_beside(path: Path, array: Map | Mask, disparity: Map) -> None:
    if array.shape != disparity.shape:
        raise FormatError(
            f"{path}: is {array.shape[1]}×{array.shape[0]} (width × height), but the disparity map beside it is "
            f"{disparity.shape[1]}×{disparity.shape[0]}; they do not belong together"
        )
