"""Pictures of disparity maps: color maps, error maps, and panels of them with a scale in px.

Everything here takes and gives RGB uint8 [H, W, 3] and float32 [H, W] px; nothing is written to disk.
"""

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo.data.sample import Image, Map, Mask
from stereo.errors import DataError

# Upper ends of the error bins, px, and their colors: blue up to 3 px, from yellow to red above; the last is open.
ERROR_BINS = (0.1875, 0.375, 0.75, 1.5, 3.0, 6.0, 12.0, 24.0, 48.0)
_ERROR_COLORS = np.array(
    [
        (49, 54, 149),
        (69, 117, 180),
        (116, 173, 209),
        (171, 217, 233),
        (224, 243, 248),
        (254, 224, 144),
        (253, 174, 97),
        (244, 109, 67),
        (215, 48, 39),
        (165, 0, 38),
    ],
    np.uint8,
)
_WHITE = (255, 255, 255)
# px: a preview's image is made so large where it is smaller, for its words to be legible, and no larger than that.
_LEAST_SIDE, _MOST_SIDE = 160, 1280
# Share of a scale's end above which all disparities are so large that it need not begin at 0.
_LARGE = 0.4

# Of OpenCV; the first is the usual one.
COLOR_MAPS = {
    "turbo": cv2.COLORMAP_TURBO,
    "magma": cv2.COLORMAP_MAGMA,
    "viridis": cv2.COLORMAP_VIRIDIS,
    "gray": None,
}


def color_disparity(
    disparity: Map, maximum: float, minimum: float = 0.0, valid: Mask | None = None, color_map: str = "turbo"
) -> Image:
    """Draw disparity in a color map, Turbo from blue (far) to red (near); black where invalid or not finite.

    Args:
        disparity: [H, W], px.
        maximum, minimum: px, the ends of the color map; beyond them it is clipped.
        valid: bool [H, W]: where to draw it. None: everywhere.
        color_map: One of :data:`COLOR_MAPS`.

    Returns: RGB uint8 [H, W, 3].
    """
    known = np.isfinite(disparity) if valid is None else valid & np.isfinite(disparity)
    span = max(maximum - minimum, 1e-6)
    level = np.clip((np.where(known, disparity, minimum) - minimum) / span, 0, 1)
    return np.where(known[..., None], _colored(np.rint(255 * level).astype(np.uint8), color_map), np.uint8(0))


def color_error(error: Map, valid: Mask) -> Image:
    """Draw the absolute error in the logarithmic colors of the KITTI 2015 devkit; black where invalid.

    Each of the ten bins is twice as wide as the one before (`ERROR_BINS`): blue up to 3 px, yellow to red above. The
    devkit also counts an error below 5 % of d as small; here the px alone decide. A non-finite error is dark red.

    Args:
        error: [H, W], px, 0 or more.
        valid: bool [H, W]: where it is known.

    Returns: RGB uint8 [H, W, 3].
    """
    bins = np.searchsorted(ERROR_BINS, np.nan_to_num(error, nan=np.inf), side="left")
    return np.where(valid[..., None], _ERROR_COLORS[bins], np.uint8(0))


def color_limit(disparity: Map, valid: Mask | None = None) -> float:
    """Return a good upper end of the color map, px: the 99.5th percentile, so that outliers do not darken the rest."""
    known = np.isfinite(disparity) if valid is None else valid & np.isfinite(disparity)
    return max(float(np.percentile(disparity[known], 99.5)), 1.0) if known.any() else 1.0


def preview_panel(
    left: Image, disparity: Map, maximum: float | None = None, minimum: float = 0.0, color_map: str = "turbo"
) -> Image:
    """Draw the left image beside its disparity, with a scale in px.

    Args:
        left: RGB uint8 [H, W, 3].
        disparity: [H, W], px.
        maximum, minimum: px, the ends of the scale. None: see :func:`color_limit`.
        color_map: One of :data:`COLOR_MAPS`.

    Returns: RGB uint8, larger than twice the image.
    """
    _check_size(left, disparity)
    end = color_limit(disparity) if maximum is None else maximum
    return np.hstack(
        [
            tile(left, "left"),
            tile(
                color_disparity(disparity, end, minimum, color_map=color_map),
                "disparity, px",
                _disparity_scale(left.shape[0], end, minimum, color_map),
            ),
        ]
    )


def preview_picture(
    left: Image, disparity: Map, span: tuple[float, float] | None = None, color_map: str = "turbo"
) -> Image:
    """Draw what :func:`preview_panel` draws, at a legible size: small images enlarged, large ones reduced.

    The disparities, and so the numbers of the scale, stay those of the image's own size.

    Args:
        span: px, the ends of the scale. None: from 0, or from near the least disparity where all of them are large, as
            of things close by, to :func:`color_limit`.
    """
    _check_size(left, disparity)
    if span is None:
        end, least = color_limit(disparity), float(np.nanpercentile(disparity, 0.5))
        span = (math.floor(0.9 * least) if least > _LARGE * end else 0.0, end)
    minimum, end = span
    height, width = disparity.shape
    enlargement = min(-(-_LEAST_SIDE // min(height, width)), _MOST_SIDE // max(height, width))
    if enlargement > 1:
        left, disparity = (np.repeat(np.repeat(array, enlargement, 0), enlargement, 1) for array in (left, disparity))
    elif max(height, width) > _MOST_SIDE:
        ratio = _MOST_SIDE / max(height, width)
        size = max(1, round(width * ratio)), max(1, round(height * ratio))
        left = np.asarray(cv2.resize(left, size, interpolation=cv2.INTER_AREA), np.uint8)
        disparity = np.asarray(cv2.resize(disparity, size, interpolation=cv2.INTER_AREA), np.float32)
    return preview_panel(left, disparity, end, minimum, color_map)


def evaluation_panel(
    left: Image,
    prediction: Map,
    disparity: Map,
    valid: Mask,
    title: str = "",
) -> Image:
    """Draw left image and prediction above, ground truth and error below; both disparities on the ground truth's scale.

    Args:
        left: RGB uint8 [H, W, 3].
        prediction, disparity: [H, W], px: the estimate and the ground truth.
        valid: bool [H, W]: where the ground truth is known.
        title: stands above the error, for instance its mean.

    Returns: RGB uint8, larger than twice the image in both directions.
    """
    _check_size(left, prediction, disparity, valid)
    end = color_limit(disparity, valid)
    height = left.shape[0]
    scale = _disparity_scale(height, end)
    with np.errstate(invalid="ignore"):  # inf - inf, where the ground truth is unknown
        error = np.abs(prediction - disparity)
    truth = tile(color_disparity(disparity, end, valid=valid), "ground truth, px", scale)
    # An empty scale beside the left image keeps both columns aligned.
    image = tile(left, "left", np.zeros_like(scale))
    above = np.hstack([image, tile(color_disparity(prediction, end), "prediction, px", scale)])
    wrong = tile(color_error(error, valid), f"error, px  {title}".rstrip(), _error_scale(height))
    return np.vstack([above, np.hstack([truth, wrong])])


# ----------------------------------------------------------------------------------------------------------- parts


def _colored(level: NDArray[np.uint8], color_map: str) -> Image:
    number = COLOR_MAPS[color_map]
    if number is None:
        return np.repeat(level[..., None], 3, axis=2)
    blue_green_red = np.asarray(cv2.applyColorMap(np.ascontiguousarray(level), number), np.uint8)
    return blue_green_red[..., ::-1]


def _font_scale(height: int) -> float:
    return min(max(height / 900, 0.4), 1.5)


def put_text(image: Image, text: str, x: int, baseline: int, font_scale: float) -> None:
    """Write white ASCII text into an image, beginning at column x on row `baseline`."""
    cv2.putText(
        image,
        text.encode("ascii", "replace").decode(),  # OpenCV crashes on a name that is no UTF-8
        (x, baseline),
        cv2.FONT_HERSHEY_SIMPLEX,
        font_scale,
        _WHITE,
        max(1, round(1.5 * font_scale)),
        cv2.LINE_AA,
    )


def tile(image: Image, caption: str, scale: Image | None = None) -> Image:
    """Draw an image below its caption, with its scale at the right and a thin black margin around."""
    height = image.shape[0]
    font_scale = _font_scale(height)
    body = image if scale is None else np.hstack([image, scale])
    band = np.zeros((round(36 * font_scale) + 6, body.shape[1], 3), np.uint8)
    put_text(band, caption, 4, band.shape[0] - round(10 * font_scale) - 2, font_scale)
    return np.pad(np.vstack([band, body]), ((0, 4), (4, 4), (0, 0)))


def _scale(colors: Image, positions: Sequence[float], labels: Sequence[str]) -> Image:
    """Draw a vertical bar of colors [H, 3], bottom to top, with labels at positions 0 (bottom) … 1 (top).

    A label without room above the one before it is left out.
    """
    height = colors.shape[0]
    font_scale = _font_scale(height)
    gap, bar = round(12 * font_scale), round(32 * font_scale)
    text_left = gap + bar + round(8 * font_scale)
    canvas = np.zeros((height, text_left + round(84 * font_scale), 3), np.uint8)
    canvas[:, gap : gap + bar] = colors[::-1, None]
    half = round(11 * font_scale)  # half the height of a digit
    free = height  # the last row, from the top, that a label may stand on
    for position, label in zip(positions, labels, strict=True):
        row = round((1 - position) * (height - 1))
        cv2.line(canvas, (gap + bar, row), (gap + bar + round(4 * font_scale), row), _WHITE, 1)
        baseline = min(max(row + half, 2 * half + 1), height - 2)
        if baseline <= free:
            put_text(canvas, label, text_left, baseline, font_scale)
            free = baseline - 2 * half - 4
    return canvas


def _disparity_scale(height: int, end: float, begin: float = 0.0, color_map: str = "turbo") -> Image:
    """Draw the scale of :func:`color_disparity` from `begin` to `end` px."""
    level = np.linspace(0, 255, height).round().astype(np.uint8)
    span = max(end - begin, 1e-6)
    # The round step (1, 2 or 5 times a power of ten) that gives four to ten labels, where they have room.
    raw = span / (6 if height >= 120 else 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = power * max(factor for factor in (1, 2, 5) if factor * power <= raw)
    values = [step * index for index in range(math.ceil(begin / step - 1e-6), int(end / step + 1e-6) + 1)]
    positions = [(value - begin) / span for value in values]
    return _scale(_colored(level[:, None], color_map)[:, 0], positions, [f"{value:g}" for value in values])


def _error_scale(height: int) -> Image:
    """Draw the scale of :func:`color_error`."""
    count = len(_ERROR_COLORS)
    colors = _ERROR_COLORS[np.arange(height) * count // height]
    shown = range(count - 1) if height >= 240 else (4,)
    positions = [(index + 1) / count for index in shown]
    return _scale(colors, positions, [f"{ERROR_BINS[index]:.2g}" for index in shown])


def _check_size(left: Image, *maps: NDArray[np.generic]) -> None:
    for array in maps:
        if array.shape != left.shape[:2]:
            raise DataError(f"a map of {list(array.shape)} does not fit an image of {list(left.shape[:2])} [H, W]")
