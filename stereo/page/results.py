"""What the page makes of a pair: the pictures that it shows, the files that it gives, and the points that it draws."""

import math
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from stereo.camera.checked_views import CheckedViews
from stereo.data.formats import read_image, read_pfm, write_disparity_png16, write_image, write_pfm
from stereo.data.sample import Calibration, Image
from stereo.geometry import PointCloud
from stereo.methods.labels import wider_range
from stereo.methods.predictor import Predictor
from stereo.methods.result import StereoResult
from stereo.methods.stored import PNG_LIMIT
from stereo.visualize import color_disparity, color_limit

# px, the longer side of the pictures.
_VIEW_SIDE = 1280


@dataclass(frozen=True)
class Shown:
    """A result as the page shows it.

    height, width: of the images, px. step: every so many-th row and column is shown. lowest, highest: of the
    disparities, px. end: px, of the color scale. seconds: what the prediction took. wider_range: px, the range to try
    where the network's seems too small; None where it suffices. has_png: whether 16 bits hold the disparities.
    warnings: on the pair, for the user.
    """

    height: int
    width: int
    step: int
    lowest: float
    highest: float
    end: float
    seconds: float
    wider_range: int | None
    has_png: bool
    warnings: tuple[str, ...]


def match(predictor: Predictor, left: Image, right: Image) -> tuple[StereoResult, float]:
    """Return the result for a pair, and the seconds it took. Raises: DataError, StereoError."""
    start = time.perf_counter()
    result: StereoResult = predictor(left, right)
    return result, time.perf_counter() - start


def write_result(
    folder: Path, result: StereoResult, seconds: float, max_disparity: int, checked: CheckedViews
) -> Shown:
    """Write what the page shows and gives of a result; of an earlier one nothing is left.

    `image.jpg` and `colors.png` are the left view and its disparity, reduced where they are large. `values` has the
    numbers behind them: disparity, float32, then confidence, uint8 of 255ths, both [H, W] from the top left, little
    endian. `disparity.pfm` and `disparity.png` are to be downloaded. `matched.png`, `shown.png` and the maps are for
    :func:`cloud_of`. What lies in a black border has no confidence, and no point.

    Raises: OutputError.
    """
    disparity, confidence = result.disparity, result.confidence
    assert confidence is not None
    shown = checked.views.left_shown
    if shown is None:
        shown = np.ones_like(disparity, np.bool_)
    confidence = np.where(shown, confidence, np.float32(0))
    height, width = disparity.shape
    step = -(-max(height, width) // _VIEW_SIDE)
    seen = disparity[::step, ::step]
    end = color_limit(disparity)
    image = cv2.resize(result.left, seen.shape[::-1], interpolation=cv2.INTER_AREA)
    write_image(folder / "image.jpg", np.asarray(image, np.uint8))
    write_image(folder / "colors.png", color_disparity(seen, end))
    trust = np.rint(255 * confidence[::step, ::step].clip(0, 1)).astype(np.uint8)
    (folder / "values").write_bytes(seen.astype("<f4").tobytes() + trust.tobytes())
    write_image(folder / "matched.png", result.left)
    write_image(folder / "shown.png", np.repeat(np.uint8(255) * shown[..., None], 3, axis=2))
    write_pfm(folder / "confidence.pfm", confidence)
    write_pfm(folder / "disparity.pfm", disparity)
    highest = float(disparity.max())
    if highest <= PNG_LIMIT:
        write_disparity_png16(folder / "disparity.png", disparity)
    else:
        (folder / "disparity.png").unlink(missing_ok=True)
    wider = wider_range(disparity, max_disparity)
    if checked.largest is not None and checked.largest > max_disparity:
        # Most of such a map is wrong, and little of it at the range's end.
        wider = math.ceil(1.2 * checked.largest / 16) * 16
    return Shown(
        height=height,
        width=width,
        step=step,
        lowest=float(disparity.min()),
        highest=highest,
        end=end,
        seconds=seconds,
        wider_range=wider,
        has_png=highest <= PNG_LIMIT,
        warnings=tuple(checked.warnings.values()),
    )


def cloud_of(folder: Path, calibration: Calibration, min_confidence: float = 0.0) -> PointCloud:
    """Return the point cloud of the result that :func:`write_result` wrote. Raises: FormatError."""
    names = ("disparity.pfm", "confidence.pfm")
    result = StereoResult(read_image(folder / "matched.png"), *(read_pfm(folder / name) for name in names))
    shown = read_image(folder / "shown.png")[..., 0] > 0
    return result.point_cloud(calibration, mask=shown, min_confidence=min_confidence)


def ply_of(folder: Path, cloud: PointCloud) -> bytes:
    """Return a point cloud as a PLY file. Raises: OutputError."""
    path = folder / "cloud.ply"
    cloud.write(path)
    data = path.read_bytes()
    path.unlink()
    return data


def points_for_view(cloud: PointCloud, max_points: int) -> bytes:
    """Return a point cloud as the page draws it, little endian.

    Five float32: how many points there are in all; x, y, z of the middle; the radius that holds 9 of 10 points (m).
    Then at most `max_points` of them, evenly: float32 [N, 3], and uint8 [N, 3] RGB.
    """
    assert cloud.colors is not None
    if not len(cloud):
        return np.zeros(5, "<f4").tobytes()
    chosen = np.arange(0, len(cloud), -(-len(cloud) // max_points))
    points = cloud.points[chosen]
    middle = np.median(points, axis=0)
    radius = np.quantile(np.linalg.norm(points - middle, axis=1), 0.9)
    head = np.array([len(cloud), *middle, radius], "<f4")
    return head.tobytes() + points.astype("<f4").tobytes() + cloud.colors[chosen].tobytes()
