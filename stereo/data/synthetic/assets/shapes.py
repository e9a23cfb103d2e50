"""The shapes of objects: each is a small function that makes one shape at random.

It takes (rng, height, width, density) and returns coverage, uint8 [height, width], 0 outside and 255 inside, with
anti-aliased borders. `density` is coverage pixels per image pixel: thin parts have a width in image pixels.
"""

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.random import Generator

from stereo.data.synthetic.arrays import Bytes, Float64
from stereo.data.synthetic.assets import thin
from stereo.data.synthetic.assets.paint import noise, stamp_text

_SUBPIXEL_BITS = 4

# A smooth curve has 72 points and a few Fourier terms.
_ANGLES = np.linspace(0, 2 * np.pi, 72, endpoint=False)
_CIRCLE = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], -1)
_FREQUENCIES = np.arange(1, 8)[:, None]


def _empty(height: int, width: int) -> Bytes:
    return np.zeros((height, width), np.uint8)


def _fill(coverage: Bytes, points: Float64, value: int = 255) -> None:
    """Fill a polygon; points [N, 2] in coverage pixels."""
    cv2.fillPoly(coverage, [(points * 2**_SUBPIXEL_BITS).astype(np.int32)], (value,), cv2.LINE_AA, _SUBPIXEL_BITS)


def _line(coverage: Bytes, start: Float64, end: Float64, thickness: float, value: int = 255) -> None:
    """Fill a straight bar of any sub-pixel thickness."""
    # Plain numbers are much faster than arrays of two, and there are dozens of bars in a scene.
    (x0, y0), (x1, y1) = start.tolist(), end.tolist()
    half = thickness / 2 / max(math.hypot(x1 - x0, y1 - y0), 1e-6)
    x, y = (y0 - y1) * half, (x1 - x0) * half
    _fill(coverage, np.array([(x0 + x, y0 + y), (x1 + x, y1 + y), (x1 - x, y1 - y), (x0 - x, y0 - y)]), value)


def _scaled(points: Float64, height: int, width: int) -> Float64:
    """Stretch points until they fill the coverage, less a margin."""
    low, high = points.min(0), points.max(0)
    return (points - low) / np.maximum(high - low, 1e-6) * (np.array([width, height]) - 7) + 3


def _star(rng: Generator, corners: int) -> Float64:
    """Return a star-shaped polygon around the origin, [corners, 2]."""
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
    return np.stack([np.cos(angles), np.sin(angles)], -1) * rng.uniform(0.5, 1.3, (corners, 1))


def _smooth(rng: Generator, roughness: float) -> Float64:
    """Return a smooth closed curve around the origin from a few Fourier terms, [72, 2]."""
    terms = np.array([(rng.normal(0, roughness / frequency), rng.uniform(0, 2 * np.pi)) for frequency in range(1, 8)])
    radius = 1 + terms[:, 0] @ np.cos(_FREQUENCIES * _ANGLES + terms[:, 1:])
    return _CIRCLE * np.minimum(np.maximum(radius, 0.15), 3)[:, None]


def blob(rng: Generator, height: int, width: int, density: float) -> Bytes:
    """Return a smooth shape: people, fruit, cushions, stones."""
    coverage = _empty(height, width)
    _fill(coverage, _scaled(_smooth(rng, rng.uniform(0, 0.4)), height, width))
    return coverage


def polygon(rng: Generator, height: int, width: int, density: float) -> Bytes:
    """Return a polygon of 3 to 9 corners."""
    coverage = _empty(height, width)
    _fill(coverage, _scaled(_star(rng, int(rng.integers(3, 10))), height, width))
    return coverage


def box(rng: Generator, height: int, width: int, density: float) -> Bytes:
    """Return a rectangle, slightly sheared or turned: books, boxes, screens, cars, doors."""
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], float)
    if rng.random() < 0.6:
        angle = rng.normal(0, 0.15) if rng.random() < 0.7 else rng.uniform(0, np.pi)
        corners = corners @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        corners += rng.normal(0, 0.06, corners.shape)
    coverage = _empty(height, width)
    _fill(coverage, _scaled(corners, height, width))
    return coverage


def ellipse(rng: Generator, height: int, width: int, density: float) -> Bytes:
    """Return an upright ellipse: balls, plates, heads."""
    coverage = _empty(height, width)
    _fill(coverage, _scaled(_smooth(rng, 0.0), height, width))
    return coverage


def holed(rng: Generator, height: int, width: int, density: float) -> Bytes:
    """Return a blob, polygon or box with one to six holes."""
    whole = (blob, polygon, box)[int(rng.integers(3))]
    coverage = whole(rng, height, width, density)
    for _ in range(int(rng.integers(1, 7))):
        hole = _smooth(rng, 0.2) if rng.random() < 0.5 else _star(rng, int(rng.integers(3, 7)))
        center = rng.uniform(0.15, 0.85, 2) * (width, height)
        _fill(coverage, center + hole * rng.uniform(0.05, 0.22) * min(height, width), 0)
    return coverage


def frame(rng: Generator, height: int, width: int, density: float) -> Bytes:
    """Return a rectangular frame, crossed by some bars: windows, picture frames, fences, shelves."""
    coverage = _empty(height, width)
    border = min(rng.uniform(2, 16) * density, 0.22 * min(height, width))
    coverage[2:-2, 2:-2] = 255
    edge = 2 + max(1, round(border))
    coverage[edge:-edge, edge:-edge] = 0
    bar = min(border, rng.uniform(1.5, 8) * density)
    for _ in range(int(rng.integers(0, 5))):
        x, y = rng.uniform(0.1, 0.9, 2) * (width, height)
        if rng.random() < 0.5:
            _line(coverage, np.array([x, 3.0]), np.array([x, height - 4.0]), bar)
        else:
            _line(coverage, np.array([3.0, y]), np.array([width - 4.0, y]), bar)
    return coverage


def ring(rng: Generator, height: int, width: int, density: float) -> Bytes:
    """Return a ring between smooth curves: wheels, cups, handles, loops of cable."""
    curve = _scaled(_smooth(rng, rng.uniform(0, 0.3)), height, width)
    coverage = _empty(height, width)
    _fill(coverage, curve)
    center = curve.mean(0)
    _fill(coverage, center + (curve - center) * rng.uniform(0.5, 0.93), 0)
    return coverage


def bars(rng: Generator, height: int, width: int, density: float) -> Bytes:
    """Return thin bars in similar directions: poles, legs, railings, cables."""
    coverage = _empty(height, width)
    angle, spread = rng.choice([np.pi / 2, rng.uniform(0, np.pi)]), rng.choice([0.0, 0.1, 1.0])
    for _ in range(int(rng.integers(1, 9))):
        turned = angle + rng.normal(0, spread)
        middle = rng.uniform(0.15, 0.85, 2) * (width, height)
        half = rng.uniform(0.2, 0.7) * np.array([width, height]) * (np.cos(turned), np.sin(turned))
        low, high = np.array([2.0, 2.0]), np.array([width - 3.0, height - 3.0])
        start, end = np.clip(middle - half, low, high), np.clip(middle + half, low, high)
        _line(coverage, start, end, density * float(np.exp(rng.uniform(np.log(1.6), np.log(12)))))
    return coverage


def lattice(rng: Generator, height: int, width: int, density: float) -> Bytes:
    """Return two sets of parallel bars: fences, grids, scaffolds, chair backs."""
    coverage = _empty(height, width)
    thickness = density * rng.uniform(1.6, 6)
    tilt = rng.normal(0, 0.1) if rng.random() < 0.6 else rng.uniform(0, np.pi)
    middle, reach = np.array([width / 2, height / 2]), float(np.hypot(height, width)) / 2
    for turn in (0.0, np.pi / 2) if rng.random() < 0.6 else (np.pi / 2,):
        along = np.array([np.cos(tilt + turn), np.sin(tilt + turn)])
        across = np.array([-along[1], along[0]])
        spacing = max(4 * thickness, rng.uniform(0.1, 0.4) * min(height, width))
        for offset in np.arange(-reach + rng.uniform(0, spacing), reach, spacing):
            center = middle + across * offset
            _line(coverage, center - along * reach, center + along * reach, thickness)
    return coverage


def branches(rng: Generator, height: int, width: int, density: float) -> Bytes:
    """Return a bush of thin wandering branches, some with leaves."""
    coverage = _empty(height, width)
    leafy = rng.random() < 0.5
    for _ in range(int(rng.integers(3, 9))):
        point = np.array([rng.uniform(0.35, 0.65) * width, height - 3.0])
        angle = rng.normal(-np.pi / 2, 0.5)
        thickness = density * rng.uniform(2.0, 6.0)
        step = 0.14 * height
        for _ in range(int(rng.integers(4, 10))):
            angle += rng.normal(0, 0.35)
            following = point + step * np.array([np.cos(angle), np.sin(angle)])
            _line(coverage, point, following, thickness)
            if leafy:
                size = density * rng.uniform(2, 8)
                _fill(coverage, following + size * _star(rng, 5))
            point, thickness = following, max(1.5 * density, thickness * 0.85)
    return coverage


def islands(rng: Generator, height: int, width: int, density: float) -> Bytes:
    """Return thresholded noise inside an ellipse: foliage, crowds of small things."""
    values = noise(rng, height, width, rng.uniform(3, 12), int(rng.integers(2, 5)), 0.6)
    x = np.linspace(-1, 1, width, dtype=np.float32)[None]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    values -= np.float32(0.5) * np.asarray(x * x + y * y, np.float32)
    level = float(np.quantile(values[::4, ::4], rng.uniform(0.4, 0.75)))
    # A steep slope about the level is an anti-aliased border one to two pixels wide.
    return np.asarray(np.clip((values - level) * 24 * 255 + 128, 0, 255), np.uint8)


def letters(rng: Generator, height: int, width: int, density: float) -> Bytes:
    """Return large characters cut out: signs."""
    coverage = _empty(height, width)
    size = rng.uniform(0.5, 0.95) * height
    stamp_text(rng, coverage, 2.0, rng.uniform(0, max(0.0, height - size - 1)), size, max(1, int(width / size / 0.6)))
    return coverage


def fill_polygon(height: int, width: int, points: Float64) -> Bytes:
    """Return the coverage of one polygon, uint8 [height, width].

    points: [N, 2] in coverage pixels, two or more from the border.
    """
    coverage = _empty(height, width)
    _fill(coverage, points)
    return coverage


# Name → (weight, function). Those of weight 0 are chosen where a style names them.
SHAPES: dict[str, tuple[float, Callable[[Generator, int, int, float], Bytes]]] = {
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
    "poles": (0.0, thin.poles),
    "wires": (0.0, thin.wires),
    "grille": (0.0, thin.grille),
    "shelves": (0.0, thin.shelves),
    "foliage": (0.0, thin.foliage),
}


def make_shape(rng: Generator, height: int, width: int, density: float, name: str) -> Bytes:
    """Return the coverage of one of SHAPES, uint8 [height, width], 0 on the outermost two pixels.

    Args:
        height, width: Size of the coverage, px; 12 or more.
        density: Coverage pixels per image pixel, 1 to 2.
    """
    _, shape = SHAPES[name]
    coverage = shape(rng, height, width, density)
    # Nothing may touch the border: sampling fades to nothing there.
    coverage[:2] = coverage[-2:] = coverage[:, :2] = coverage[:, -2:] = 0
    return coverage
