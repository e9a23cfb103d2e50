"""From the files of a pair to the files of its prediction."""

import time
from dataclasses import dataclass
from pathlib import Path

from stereo.data.formats import read_image
from stereo.data.pairs import PairFiles
from stereo.errors import DataError
from stereo.methods.method import Prediction
from stereo.methods.predictor import Predictor, wider_range
from stereo.methods.stored import write_prediction
from stereo.output import make_output_folder


@dataclass(frozen=True)
class Inferred:
    """What came of one pair.

    height, width: px. lowest, highest: of the disparities, px. written: the names of the files. seconds: what the
    prediction took. wider_range: px, the range to try where the network's seems too small; None where it suffices.
    """

    height: int
    width: int
    lowest: float
    highest: float
    written: list[str]
    seconds: float
    wider_range: int | None


def infer_pair(predictor: Predictor, pair: PairFiles, folder: Path) -> Inferred:
    """Predict one pair and write the result into a folder, which is made.

    Raises: DataError where the pair cannot be read or taken; OutputError.
    """
    left, right = read_image(pair.left), read_image(pair.right)
    start = time.perf_counter()
    try:
        disparity = predictor.predict(left, right)
    except DataError as error:
        raise DataError(f"{pair.left}, {pair.right}: {error}") from None
    seconds = time.perf_counter() - start
    written = write_prediction(make_output_folder(folder), left, Prediction(disparity))
    return Inferred(
        height=disparity.shape[0],
        width=disparity.shape[1],
        lowest=float(disparity.min()),
        highest=float(disparity.max()),
        written=written,
        seconds=seconds,
        wider_range=wider_range(disparity, predictor.max_disparity),
    )
