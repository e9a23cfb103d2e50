"""Shapes of thin parts, in exact repetition, and foliage: (rng, height, width, density) → coverage, as assets.shapes.

Widths of thin parts are given in image pixels, `density` coverage pixels each.
"""

import math

import cv2
import numpy as np
from numpy.random import Generator

from stereo.data.synthetic.arrays import Bytes, Float64

_SUBPIXEL_BITS = 4
# OpenCV draws smooth polygons wider than they are by about so much, coverage pixels.
_WIDENED = 1.45


def draw_bars(coverage: Bytes, starts: Float64, ends: Float64, thickness: Float64 | float) -> None:
    """Fill straight bars, [N, 2] coverage pixels from end to end, of any sub-pixel thickness."""
    along = ends - starts
    length = np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-6)
    drawn = np.maximum(np.asarray(thickness) - _WIDENED, 0.05)
    across = np.stack([-along[:, 1], along[:, 0]], -1) * (drawn / 2 / length)[:, None]
    fill_convex(coverage, np.stack([starts + across, ends + across, ends - across, starts - across], 1))


def fill_convex(coverage: Bytes, polygons: Float64) -> None:
    """Fill convex polygons [N, corners, 2] of coverage pixels."""
    for polygon in np.rint(polygons * 2**_SUBPIXEL_BITS).astype(np.int32):
        cv2.fillConvexPoly(coverage, polygon, (255,), cv2.LINE_AA, _SUBPIXEL_BITS)


def poles(rng: Generator, height: int, width: int, density: float) -> Bytes:
    """Return one to four poles, upright or nearly so, 1.3 to 4 px wide."""
    count = int(rng.integers(1, 5))
    x = rng.uniform(0.1, 0.9, count) * width
    lean = rng.normal(0, 0.02, count) * height
    starts = np.stack([x, np.full(count, 2.0)], -1)
    ends = np.stack([x + lean, np.full(count, height - 3.0)], -1)
    coverage = np.zeros((height, width), np.uint8)
    draw_bars(coverage, starts, ends, density * np.exp(rng.uniform(math.log(1.3), math.log(4), count)))
    return coverage


def wires(rng: Generator, height: int, width: int, density: float) -> Bytes:
    """Return one to five wires that hang from side to side, 1.3 to 2.2 px wide."""
    coverage = np.zeros((height, width), np.uint8)
    x = np.linspace(2.0, width - 3.0, 17)
    share = np.linspace(-1, 1, 17)
    slope, sag = rng.normal(0, 0.2) * height, rng.uniform(0, 0.3) * height
    for _ in range(int(rng.integers(1, 6))):
        y = rng.uniform(0.1, 0.7) * height + slope * share / 2 + sag * (1 - share**2)
        points = np.stack([x, np.clip(y, 2.0, height - 3.0)], -1)
        draw_bars(coverage, points[:-1], points[1:], density * rng.uniform(1.3, 2.2))
    return coverage


def grille(rng: Generator, height: int, width: int, density: float) -> Bytes:
    """Return equal bars, 1.3 to 4 px wide, at equal distances in a rim: chair backs, railings, radiators, fences."""
    thickness = density * rng.uniform(1.3, 4)
    rim = thickness * rng.uniform(1, 3)
    left, top, right, bottom = 2 + rim / 2, 2 + rim / 2, width - 3 - rim / 2, height - 3 - rim / 2
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    coverage = np.zeros((height, width), np.uint8)
    draw_bars(coverage, corners, np.roll(corners, -1, axis=0), rim)
    spacing = max(density * math.exp(rng.uniform(math.log(4), math.log(30))), 2.5 * thickness)
    kinds = ((True, False), (False, True), (True, True))[int(rng.integers(3))]
    if kinds[0]:
        x = np.arange(left + spacing, right, spacing)
        draw_bars(coverage, np.stack([x, 0 * x + top], -1), np.stack([x, 0 * x + bottom], -1), thickness)
    if kinds[1]:
        y = np.arange(top + spacing, bottom, spacing)
        draw_bars(coverage, np.stack([0 * y + left, y], -1), np.stack([0 * y + right, y], -1), thickness)
    return coverage


def shelves(rng: Generator, height: int, width: int, density: float) -> Bytes:
    """Return boards at equal distances, with or without uprights between them: shelves, racks, window frames."""
    board = min(density * rng.uniform(2, 9), 0.1 * min(height, width))
    rows, columns = int(rng.integers(2, 8)), int(rng.integers(1, 5))
    low, high = 2 + board / 2, np.array([width, height]) - 3 - board / 2
    coverage = np.zeros((height, width), np.uint8)
    y, x = np.linspace(low, high[1], rows + 1), np.linspace(low, high[0], columns + 1)
    draw_bars(coverage, np.stack([0 * y + low, y], -1), np.stack([0 * y + high[0], y], -1), board)
    draw_bars(coverage, np.stack([x, 0 * x + low], -1), np.stack([x, 0 * x + high[1]], -1), board)
    return coverage


def foliage(rng: Generator, height: int, width: int, density: float) -> Bytes:
    """Return one layer of a bush or a tree."""
    return crown(rng, height, width, density, 1)[0]


def crown(rng: Generator, height: int, width: int, density: float, layers: int) -> list[Bytes]:
    """Return a bush or a tree: twigs on branches and hundreds of small leaves, spread over so many layers."""
    starts, ends, thickness = _grow(rng, height, width, density)
    tips = ends[len(ends) // 3 :]  # of the thinner branches
    fewer = min(1.0, height * width / density**2 / 8000)  # fewer leaves on a small bush
    count = max(12, round(fewer * rng.uniform(150, 500)))
    size = density * math.exp(rng.uniform(math.log(1.5), math.log(6)))
    spread = rng.uniform(0.02, 0.09) * min(height, width)
    centers = tips[rng.integers(len(tips), size=count)] + rng.normal(0, 1, (count, 2)) * spread
    angles = rng.uniform(0, np.pi, count)
    half = size * rng.uniform(0.6, 1.3, count)
    flat = half * rng.uniform(0.3, 0.7)
    along = np.stack([np.cos(angles), np.sin(angles)], -1) * half[:, None]
    across = np.stack([-np.sin(angles), np.cos(angles)], -1) * flat[:, None]
    leaves = np.stack([centers + along, centers + across, centers - along, centers - across], 1)
    bare = rng.random() < 0.15
    of_bar, of_leaf = rng.integers(layers, size=len(starts)), rng.integers(layers, size=count)
    stems = thickness >= 0.99 * thickness.max()
    found = []
    for layer in range(layers):
        coverage = np.zeros((height, width), np.uint8)
        mine = of_bar == layer
        if layer == layers // 2:
            mine |= stems  # whole, so that the plant does not float
        draw_bars(coverage, starts[mine], ends[mine], thickness[mine])
        if not bare:
            fill_convex(coverage, leaves[of_leaf == layer])
        found.append(coverage)
    return found


def _grow(rng: Generator, height: int, width: int, density: float) -> tuple[Float64, Float64, Float64]:
    """Return the starts and ends [N, 2] and the thickness [N] of branches that fork four times, coverage pixels."""
    stems = int(rng.integers(1, 5))  # one: a tree; several: a bush
    x = width * (0.5 + rng.uniform(-0.15, 0.15, stems))
    points, angles = np.stack([x, np.full(stems, height - 3.0)], -1), rng.normal(-np.pi / 2, 0.3, stems)
    length, thick = 0.3 * height, density * rng.uniform(1.5, 6.0)
    starts, ends, widths = [], [], []
    for _ in range(5):
        steps = length * rng.uniform(0.6, 1.2, len(points))[:, None]
        tips = points + np.stack([np.cos(angles) * width / height, np.sin(angles)], -1) * steps
        starts.append(points)
        ends.append(np.clip(tips, 3, (width - 4, height - 4)))
        widths.append(np.full(len(points), max(density, thick)))
        forks = 2 if len(points) < 40 else 1
        points = np.repeat(ends[-1], forks, axis=0)
        angles = np.repeat(angles, forks) + rng.normal(0, 0.55, len(points))
        length, thick = length * 0.72, thick * 0.6
    return np.concatenate(starts), np.concatenate(ends), np.concatenate(widths)
