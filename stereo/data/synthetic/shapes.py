"""Mask families of the procedural world: each a small function that draws one object's outline.

A family gets (rng, height, width, density) and returns coverage, uint8 [height, width], 0 outside and 255 inside, with
anti-aliased borders. `density` is canvas pixels per image pixel, so that thin parts have their width in image pixels.
"""

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo.data.synthetic.paint import noise, stamp_text

Mask = NDArray[np.uint8]
Points = NDArray[np.float64]
Rng = np.random.Generator

_SUBPIXEL_BITS = 4

# Of smooth outlines: 72 points, and a few Fourier terms.
_ANGLES = np.linspace(0, 2 * np.pi, 72, endpoint=False)
_CIRCLE = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], -1)
_FREQUENCIES = np.arange(1, 8)[:, None]


def _canvas(height: int, width: int) -> Mask:
    return np.zeros((height, width), np.uint8)


def _fill(mask: Mask, points: Points, value: int = 255) -> None:
    """Fill a polygon; points [N, 2] in canvas pixels."""
    cv2.fillPoly(mask, [(points * 2**_SUBPIXEL_BITS).astype(np.int32)], (value,), cv2.LINE_AA, _SUBPIXEL_BITS)


def _line(mask: Mask, start: Points, end: Points, thickness: float, value: int = 255) -> None:
    """Fill a straight bar of any sub-pixel thickness."""
    # Plain numbers: arrays of two take six times as long, and there are dozens of bars in a scene.
    (x0, y0), (x1, y1) = start.tolist(), end.tolist()
    half = thickness / 2 / max(math.hypot(x1 - x0, y1 - y0), 1e-6)
    x, y = (y0 - y1) * half, (x1 - x0) * half
    _fill(mask, np.array([(x0 + x, y0 + y), (x1 + x, y1 + y), (x1 - x, y1 - y), (x0 - x, y0 - y)]), value)


def _scaled(points: Points, height: int, width: int) -> Points:
    """Stretch points to fill the canvas but a margin."""
    low, high = points.min(0), points.max(0)
    return (points - low) / np.maximum(high - low, 1e-6) * (np.array([width, height]) - 7) + 3


def _star(rng: Rng, corners: int) -> Points:
    """A star-shaped polygon around the origin."""
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
    return np.stack([np.cos(angles), np.sin(angles)], -1) * rng.uniform(0.5, 1.3, (corners, 1))


def _smooth(rng: Rng, roughness: float) -> Points:
    """A smooth closed curve around the origin from a few Fourier terms."""
    terms = np.array([(rng.normal(0, roughness / frequency), rng.uniform(0, 2 * np.pi)) for frequency in range(1, 8)])
    radius = 1 + terms[:, 0] @ np.cos(_FREQUENCIES * _ANGLES + terms[:, 1:])
    return _CIRCLE * np.minimum(np.maximum(radius, 0.15), 3)[:, None]


def blob(rng: Rng, height: int, width: int, density: float) -> Mask:
    """A smooth outline: people, fruit, cushions, stones."""
    mask = _canvas(height, width)
    _fill(mask, _scaled(_smooth(rng, rng.uniform(0, 0.4)), height, width))
    return mask


def polygon(rng: Rng, height: int, width: int, density: float) -> Mask:
    """A polygon of 3 to 9 corners."""
    mask = _canvas(height, width)
    _fill(mask, _scaled(_star(rng, int(rng.integers(3, 10))), height, width))
    return mask


def box(rng: Rng, height: int, width: int, density: float) -> Mask:
    """A rectangle, slightly sheared or turned: books, boxes, screens, cars, doors."""
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], float)
    if rng.random() < 0.6:
        angle = rng.normal(0, 0.15) if rng.random() < 0.7 else rng.uniform(0, np.pi)
        corners = corners @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        corners += rng.normal(0, 0.06, corners.shape)
    mask = _canvas(height, width)
    _fill(mask, _scaled(corners, height, width))
    return mask


def ellipse(rng: Rng, height: int, width: int, density: float) -> Mask:
    """An upright ellipse: balls, plates, heads."""
    mask = _canvas(height, width)
    _fill(mask, _scaled(_smooth(rng, 0.0), height, width))
    return mask


def holed(rng: Rng, height: int, width: int, density: float) -> Mask:
    """A blob, polygon or box with one to six holes."""
    outline = (blob, polygon, box)[int(rng.integers(3))]
    mask = outline(rng, height, width, density)
    for _ in range(int(rng.integers(1, 7))):
        hole = _smooth(rng, 0.2) if rng.random() < 0.5 else _star(rng, int(rng.integers(3, 7)))
        center = rng.uniform(0.15, 0.85, 2) * (width, height)
        _fill(mask, center + hole * rng.uniform(0.05, 0.22) * min(height, width), 0)
    return mask


def frame(rng: Rng, height: int, width: int, density: float) -> Mask:
    """A rectangular frame, crossed by some bars: windows, picture frames, fences, shelves."""
    mask = _canvas(height, width)
    border = min(rng.uniform(2, 16) * density, 0.22 * min(height, width))
    mask[2:-2, 2:-2] = 255
    edge = 2 + max(1, round(border))
    mask[edge:-edge, edge:-edge] = 0
    bar = min(border, rng.uniform(1.5, 8) * density)
    for _ in range(int(rng.integers(0, 5))):
        x, y = rng.uniform(0.1, 0.9, 2) * (width, height)
        if rng.random() < 0.5:
            _line(mask, np.array([x, 3.0]), np.array([x, height - 4.0]), bar)
        else:
            _line(mask, np.array([3.0, y]), np.array([width - 4.0, y]), bar)
    return mask


def ring(rng: Rng, height: int, width: int, density: float) -> Mask:
    """A ring of any smooth outline: wheels, cups, handles, loops of cable."""
    curve = _scaled(_smooth(rng, rng.uniform(0, 0.3)), height, width)
    mask = _canvas(height, width)
    _fill(mask, curve)
    center = curve.mean(0)
    _fill(mask, center + (curve - center) * rng.uniform(0.5, 0.93), 0)
    return mask


def bars(rng: Rng, height: int, width: int, density: float) -> Mask:
    """Thin bars in similar directions: poles, legs, railings, cables."""
    mask = _canvas(height, width)
    angle, spread = rng.choice([np.pi / 2, rng.uniform(0, np.pi)]), rng.choice([0.0, 0.1, 1.0])
    for _ in range(int(rng.integers(1, 9))):
        turned = angle + rng.normal(0, spread)
        middle = rng.uniform(0.15, 0.85, 2) * (width, height)
        half = rng.uniform(0.2, 0.7) * np.array([width, height]) * (np.cos(turned), np.sin(turned))
        low, high = np.array([2.0, 2.0]), np.array([width - 3.0, height - 3.0])
        start, end = np.clip(middle - half, low, high), np.clip(middle + half, low, high)
        _line(mask, start, end, density * float(np.exp(rng.uniform(np.log(1.6), np.log(12)))))
    return mask


def lattice(rng: Rng, height: int, width: int, density: float) -> Mask:
    """Two families of parallel bars: fences, grids, scaffolds, chair backs."""
    mask = _canvas(height, width)
    thickness = density * rng.uniform(1.6, 6)
    tilt = rng.normal(0, 0.1) if rng.random() < 0.6 else rng.uniform(0, np.pi)
    middle, reach = np.array([width / 2, height / 2]), float(np.hypot(height, width)) / 2
    for turn in (0.0, np.pi / 2) if rng.random() < 0.6 else (np.pi / 2,):
        along = np.array([np.cos(tilt + turn), np.sin(tilt + turn)])
        across = np.array([-along[1], along[0]])
        spacing = max(4 * thickness, rng.uniform(0.1, 0.4) * min(height, width))
        for offset in np.arange(-reach + rng.uniform(0, spacing), reach, spacing):
            center = middle + across * offset
            _line(mask, center - along * reach, center + along * reach, thickness)
    return mask


def branches(rng: Rng, height: int, width: int, density: float) -> Mask:
    """A bush of thin wandering branches, some with leaves."""
    mask = _canvas(height, width)
    leafy = rng.random() < 0.5
    for _ in range(int(rng.integers(3, 9))):
        point = np.array([rng.uniform(0.35, 0.65) * width, height - 3.0])
        angle = rng.normal(-np.pi / 2, 0.5)
        thickness = density * rng.uniform(2.0, 6.0)
        step = 0.14 * height
        for _ in range(int(rng.integers(4, 10))):
            angle += rng.normal(0, 0.35)
            following = point + step * np.array([np.cos(angle), np.sin(angle)])
            _line(mask, point, following, thickness)
            if leafy:
                size = density * rng.uniform(2, 8)
                _fill(mask, following + size * _star(rng, 5))
            point, thickness = following, max(1.5 * density, thickness * 0.85)
    return mask


def islands(rng: Rng, height: int, width: int, density: float) -> Mask:
    """Thresholded noise inside an ellipse: foliage, crowds of small things."""
    values = noise(rng, height, width, rng.uniform(3, 12), int(rng.integers(2, 5)), 0.6)
    x = np.linspace(-1, 1, width, dtype=np.float32)[None]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    values -= np.float32(0.5) * np.asarray(x * x + y * y, np.float32)
    level = float(np.quantile(values[::4, ::4], rng.uniform(0.4, 0.75)))
    # A steep slope about the level is an anti-aliased border one to two pixels wide.
    return np.asarray(np.clip((values - level) * 24 * 255 + 128, 0, 255), np.uint8)


def letters(rng: Rng, height: int, width: int, density: float) -> Mask:
    """Large characters cut out: signs."""
    mask = _canvas(height, width)
    size = rng.uniform(0.5, 0.95) * height
    stamp_text(rng, mask, 2.0, rng.uniform(0, max(0.0, height - size - 1)), size, max(1, int(width / size / 0.6)))
    return mask


def fill_polygon(height: int, width: int, points: Points) -> Mask:
    """A canvas with one polygon, points [N, 2] in canvas pixels, within its two outermost pixels."""
    mask = _canvas(height, width)
    _fill(mask, points)
    return mask


# Family → (weight, function).
FAMILIES: dict[str, tuple[float, Callable[[Rng, int, int, float], Mask]]] = {
    "blob": (0.24, blob),
    "polygon": (0.12, polygon),
    "box": (0.2, box),
    "ellipse": (0.06, ellipse),
    "holed": (0.08, holed),
    "frame": (0.05, frame),
    "ring": (0.04, ring),
    "bars": (0.08, bars),
    "lattice": (0.03, lattice),
    "branches": (0.04, branches),
    "islands": (0.05, islands),
    "letters": (0.02, letters),
}
_NAMES = tuple(FAMILIES)
_WEIGHTS = np.array([weight for weight, _ in FAMILIES.values()])
_WEIGHTS /= _WEIGHTS.sum()


def draw_mask(rng: Rng, height: int, width: int, density: float, family: str | None = None) -> Mask:
    """Coverage of one object, uint8 [height, width], 0 on the outermost two pixels.

    Args:
        height, width: Size of the canvas, px; 12 or more.
        density: Canvas pixels per image pixel, 1 to 2.
        family: One of FAMILIES; None draws one by weight.
    """
    name = family or _NAMES[int(rng.choice(len(_NAMES), p=_WEIGHTS))]
    mask = FAMILIES[name][1](rng, height, width, density)
    # Nothing may touch the canvas's border: sampling fades to nothing there.
    mask[:2] = mask[-2:] = mask[:, :2] = mask[:, -2:] = 0
    return mask
