"""The patterns that surfaces show: each is a small function (rng, height, width) → RGB float32 in 0 … 255.

Sizes are in texels. A view samples about 0.7 to 1.6 texels per pixel, so `make_pattern` limits the band of each.
"""

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.random import Generator

from stereo.data.synthetic.arrays import Bytes, Float32
from stereo.data.synthetic.assets.paint import colors, noise, ramp, stamp_text

FLAT, PAINT, REPEATED = "flat", "paint", "repeated"


def _base(rng: Generator, height: int, width: int) -> Bytes:
    """Return a ground to paint on: one color, or a soft cloud of a few."""
    if rng.random() < 0.4:
        return np.broadcast_to(colors(rng, 1).astype(np.uint8), (height, width, 3)).copy()
    cloud = noise(rng, height, width, rng.uniform(1.5, 6), int(rng.integers(2, 6)), rng.uniform(0.3, 0.7))
    return ramp(rng, cloud).astype(np.uint8)


def _rotated_axes(rng: Generator, height: int, width: int) -> tuple[Float32, Float32]:
    """Return two perpendicular coordinates in texels, [height, width] each; upright half of the time."""
    angle = rng.choice([0.0, np.pi / 2]) if rng.random() < 0.5 else rng.uniform(0, np.pi)
    x = np.arange(width, dtype=np.float32)[None]
    y = np.arange(height, dtype=np.float32)[:, None]
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return x * cos + y * sin, y * cos - x * sin


def _blend(mask: Float32, over: Float32 | Bytes, under: Float32 | Bytes) -> Float32:
    return np.asarray(cv2.blendLinear(_float(over), _float(under), mask, 1 - mask), np.float32)


def _float(image: Float32 | Bytes) -> Float32:
    return np.asarray(image, np.float32)


def _as_scalar(color: Float32) -> tuple[float, ...]:
    """Return a color as OpenCV takes it."""
    return tuple(color.tolist())


def flat(rng: Generator, height: int, width: int) -> Float32:
    """Return a painted wall: one color, at most a few gray levels of soft or fine variation."""
    soft = noise(rng, height, width, rng.uniform(1, 4), 2) - np.float32(0.5)
    fine = rng.random((height, width), dtype=np.float32) - np.float32(0.5)
    variation = soft * np.float32(rng.uniform(0, 12)) + fine * np.float32(rng.choice([0, rng.uniform(0, 8)]))
    return np.asarray(colors(rng, 1) + variation[..., None], np.float32)


def plaster(rng: Generator, height: int, width: int) -> Float32:
    """Return low-contrast rough grain: plaster, concrete, asphalt, cloth."""
    grain = noise(rng, height, width, rng.uniform(8, 40), 6, rng.uniform(0.7, 1.1)) - np.float32(0.5)
    return np.asarray(colors(rng, 1) + grain[..., None] * np.float32(rng.uniform(15, 90)), np.float32)


def cloud(rng: Generator, height: int, width: int) -> Float32:
    """Return multi-octave noise through a color ramp: stone, earth, clouds."""
    values = noise(rng, height, width, rng.uniform(2, 14), int(rng.integers(4, 9)), rng.uniform(0.45, 1))
    return ramp(rng, values)


def marble(rng: Generator, height: int, width: int) -> Float32:
    """Return contours of noise: veins and islands with sharp borders."""
    values = noise(rng, height, width, rng.uniform(1.5, 8), int(rng.integers(2, 6)), rng.uniform(0.3, 0.6))
    return ramp(rng, np.asarray((values * np.float32(rng.uniform(2, 8))) % 1.0, np.float32))


def wood(rng: Generator, height: int, width: int) -> Float32:
    """Return noise stretched along one axis: wood, brushed metal, woven cloth."""
    stretch = int(rng.integers(4, 24))
    short = noise(rng, height, max(4, width // stretch), rng.uniform(6, 40), 6, rng.uniform(0.5, 0.9))
    values = cv2.resize(short, (width, height), interpolation=cv2.INTER_CUBIC)
    if rng.random() < 0.5:
        values = np.ascontiguousarray(cv2.resize(values.T, (width, height)))
    return ramp(rng, np.clip(values, 0, 1), int(rng.integers(2, 4)))


def stripes(rng: Generator, height: int, width: int) -> Float32:
    """Return repeating stripes, soft or sharp, straight or wavy."""
    u, _ = _rotated_axes(rng, height, width)
    if rng.random() < 0.5:
        u = u + np.float32(rng.uniform(2, 25)) * noise(rng, height, width, rng.uniform(1, 5), 2)
    wave = np.sin(u * np.float32(2 * np.pi / np.exp(rng.uniform(np.log(5), np.log(60)))))
    mask = np.clip(0.5 + wave * rng.choice([0.5, 2.0, 6.0]), 0, 1).astype(np.float32)
    return _blend(mask, _base(rng, height, width), _base(rng, height, width))


def checker(rng: Generator, height: int, width: int) -> Float32:
    """Return a checkerboard or a tartan of two bases."""
    u, v = _rotated_axes(rng, height, width)
    period = float(np.exp(rng.uniform(np.log(8), np.log(70))))
    waves = [np.clip(np.sin(t * np.float32(2 * np.pi / p)) * 4, -1, 1) for t, p in ((u, period), (v, period))]
    mask = (waves[0] * waves[1] if rng.random() < 0.6 else (waves[0] + waves[1]) / 2) * 0.5 + 0.5
    return _blend(np.asarray(mask, np.float32), _base(rng, height, width), _base(rng, height, width))


def bricks(rng: Generator, height: int, width: int) -> Float32:
    """Return bricks, tiles, shelves or windows: a grid of rectangles with joints, each with its own tone."""
    image = _base(rng, height, width)
    cell_height = float(np.exp(rng.uniform(np.log(8), np.log(60))))
    cell_width = cell_height * rng.uniform(0.6, 3)
    joint = rng.uniform(1, 0.3 * cell_height)
    shift = rng.choice([0.0, 0.5])
    palette = colors(rng, int(rng.integers(1, 5)))
    variation = rng.choice([0.0, 6.0, 25.0])
    for row in range(int(height / cell_height) + 1):
        for column in range(-1, int(width / cell_width) + 1):
            x, y = (column + shift * (row % 2)) * cell_width, row * cell_height
            color = palette[rng.integers(len(palette))] + np.float32(rng.normal(0, variation))
            corner = (round(x + cell_width - joint), round(y + cell_height - joint))
            cv2.rectangle(image, (round(x), round(y)), corner, _as_scalar(color), -1)
    return _float(image)


def dots(rng: Generator, height: int, width: int) -> Float32:
    """Return a repeating pattern of dots on a grid."""
    u, v = _rotated_axes(rng, height, width)
    period = np.float32(2 * np.pi / np.exp(rng.uniform(np.log(7), np.log(50))))
    mask = np.clip((np.cos(u * period) + np.cos(v * period) - rng.uniform(-0.5, 1.2)) * 2, 0, 1)
    return _blend(mask.astype(np.float32), _base(rng, height, width), _base(rng, height, width))


def dead_leaves(rng: Generator, height: int, width: int) -> Float32:
    """Return ellipses and quadrilaterals of power-law sizes, one over the other: their statistics are natural ones.

    Source: Lee, Mumford, Huang, "Occlusion models for natural images", IJCV 2001 (sizes ∝ r⁻³).
    """
    image = _base(rng, height, width)
    count = int(rng.integers(120, 400))
    largest = 0.35 * max(height, width)
    radii = np.minimum(rng.uniform(2, 6) / np.sqrt(rng.random(count)), largest)
    palette = colors(rng, 12) + rng.normal(0, 12, (12, 3)).astype(np.float32)
    tones = rng.normal(0, rng.uniform(5, 60), count)
    picks = rng.integers(12, size=count)
    centers = rng.random((count, 2)) * (width, height)
    quads = rng.random(count) < rng.uniform(0, 1)
    corners = rng.uniform(0.4, 1.3, (count, 4, 1)) * radii[:, None, None]
    angles = rng.uniform(0, 2 * np.pi, (count, 1)) + np.arange(4) * np.pi / 2 + rng.normal(0, 0.25, (count, 4))
    points = centers[:, None] + corners * np.stack([np.cos(angles), np.sin(angles)], -1)
    points = (points * 16).astype(np.int32)
    flatness = rng.uniform(0.3, 1, count)
    for i in range(count):
        color = _as_scalar(palette[picks[i]] + tones[i])
        if quads[i]:
            cv2.fillConvexPoly(image, points[i], color, cv2.LINE_AA, 4)
        else:
            axes = (int(radii[i]) + 1, int(radii[i] * flatness[i]) + 1)
            center = (int(centers[i, 0]), int(centers[i, 1]))
            cv2.ellipse(image, center, axes, float(np.degrees(angles[i, 0])), 0, 360, color, -1, cv2.LINE_AA)
    return _float(image)


def leaves(rng: Generator, height: int, width: int) -> Float32:
    """Return foliage, gravel, carpet: many small strokes of similar colors over a dark ground."""
    image = (_base(rng, height, width) * np.float32(rng.uniform(0.2, 0.9))).astype(np.uint8)
    count, size = int(rng.integers(250, 700)), rng.uniform(2, 8)
    palette = colors(rng, 8) * rng.uniform(0.6, 1.2, (8, 1))
    centers = rng.random((count, 2)) * (width, height)
    angle = rng.normal(rng.uniform(0, np.pi), rng.choice([0.3, 3.0]), count)
    ends = np.stack([np.cos(angle), np.sin(angle)], -1) * (rng.uniform(0.5, 2, (count, 1)) * size)
    segments = (np.stack([centers - ends, centers + ends], 1) * 16).astype(np.int32)
    thickness = rng.integers(1, max(2, int(size)), count)
    for i in range(count):
        color = _as_scalar(palette[i % 8])
        cv2.line(image, segments[i, 0], segments[i, 1], color, int(thickness[i]), cv2.LINE_AA, 4)
    return _float(image)


def collage(rng: Generator, height: int, width: int) -> Float32:
    """Return polygons, discs and lines of unrelated colors."""
    image = _base(rng, height, width)
    palette = np.concatenate([colors(rng, 4) for _ in range(4)])
    for _ in range(int(rng.integers(15, 110))):
        color = _as_scalar(palette[rng.integers(16)] * np.float32(rng.uniform(0.7, 1)))
        center, size = rng.random(2) * (width, height), float(np.exp(rng.uniform(1, 4.3)))
        kind = rng.random()
        if kind < 0.25:
            cv2.circle(image, center.astype(int).tolist(), int(size), color, int(rng.choice([-1, -1, 2])), cv2.LINE_AA)
        elif kind < 0.75:
            points = center + rng.normal(0, size, (int(rng.integers(3, 7)), 2))
            cv2.fillPoly(image, [(points * 16).astype(np.int32)], color, cv2.LINE_AA, 4)
        else:
            end = (center + rng.normal(0, size * 3, 2)).astype(int).tolist()
            cv2.line(image, center.astype(int).tolist(), end, color, int(rng.integers(1, 6)), cv2.LINE_AA)
    return _float(image)


def text(rng: Generator, height: int, width: int) -> Float32:
    """Return print: lines of characters on paper, posters and labels."""
    mask = np.zeros((height, width), np.uint8)
    y = rng.uniform(0, 12)
    while y < height:
        size = float(np.exp(rng.uniform(np.log(9), np.log(60))))
        for _ in range(int(rng.integers(1, 6))):
            length = int(rng.uniform(0.3, 1.2) * width / (0.62 * size))
            stamp_text(rng, mask, rng.choice([2.0, rng.uniform(0, width / 2)]), y, size, min(length, 30))
            y += size * 1.05
        y += rng.uniform(0, 40)
    coverage = np.asarray(mask, np.float32) / np.float32(255)
    return _blend(coverage, _base(rng, height, width), _base(rng, height, width))


def speckle(rng: Generator, height: int, width: int) -> Float32:
    """Return random dots of about two texels: the strongest fine pattern of all."""
    values = cv2.GaussianBlur(rng.random((height, width), dtype=np.float32), (0, 0), rng.uniform(0.7, 2))
    values = np.clip((values - 0.5) * np.float32(rng.uniform(2, 10)) + 0.5, 0, 1)
    return ramp(rng, values, int(rng.integers(2, 4)))


def paint(rng: Generator, height: int, width: int) -> Float32:
    """Return the paint of a room: white, gray or a muted color, often textureless, softly shaded."""
    value = 255 * (rng.uniform(0.6, 1.0) if rng.random() < 0.6 else rng.uniform(0.05, 0.7))
    color = np.float32(value) * (1 + rng.normal(0, rng.choice([0.02, 0.12]), 3)).astype(np.float32)
    shade = 1 - np.float32(rng.uniform(0, 0.4)) * noise(rng, height, width, rng.uniform(1, 2.5), 2, 0.3)
    grain = rng.random((height, width), dtype=np.float32) - np.float32(0.5)
    levels = shade + grain * np.float32(rng.choice([0.0, 0.0, rng.uniform(0, 0.04)]))
    return np.asarray(levels[..., None] * color, np.float32)


def repeated(rng: Generator, height: int, width: int) -> Float32:
    """Return one cell over and over, the same to the last texel: panes, bricks, slats, tiles, cloth."""
    rows, columns = (round(math.exp(rng.uniform(math.log(6), math.log(56)))) for _ in range(2))
    kind = rng.random()
    if kind < 0.15:  # upright slats
        rows = height
    elif kind < 0.3:  # slats that lie
        columns = width
    palette = colors(rng, 4)
    cell = np.broadcast_to(palette[0].astype(np.uint8), (rows, columns, 3)).copy()
    for color in palette[1 : int(rng.integers(2, 5))]:
        x0, y0 = rng.uniform(0, 0.4, 2) * (columns, rows)
        x1, y1 = rng.uniform(0.5, 1, 2) * (columns, rows)
        corners = (0 if columns == width else round(x0), 0 if rows == height else round(y0))
        if rng.random() < 0.75 or kind < 0.3:
            cv2.rectangle(cell, corners, (round(x1), round(y1)), _as_scalar(color), -1)
        else:
            middle, axes = (round((x0 + x1) / 2), round((y0 + y1) / 2)), (round((x1 - x0) / 2), round((y1 - y0) / 2))
            cv2.ellipse(cell, middle, axes, 0, 0, 360, _as_scalar(color), -1, cv2.LINE_AA)
    shift = columns // 2 if rng.random() < 0.3 else 0  # every second row, as bricks have it
    pair = np.concatenate([cell, np.roll(cell, shift, axis=1)])
    tiled = np.tile(pair, (height // len(pair) + 1, width // columns + 1, 1))
    return _float(tiled[:height, :width])


# Name → (weight, function). Those of weight 0 are chosen by name alone.
PATTERNS: dict[str, tuple[float, Callable[[Generator, int, int], Float32]]] = {
    FLAT: (0.12, flat),
    "plaster": (0.13, plaster),
    "cloud": (0.13, cloud),
    "marble": (0.06, marble),
    "wood": (0.07, wood),
    "stripes": (0.05, stripes),
    "checker": (0.03, checker),
    "bricks": (0.05, bricks),
    "dots": (0.03, dots),
    "dead_leaves": (0.16, dead_leaves),
    "leaves": (0.05, leaves),
    "collage": (0.06, collage),
    "text": (0.05, text),
    "speckle": (0.03, speckle),
    PAINT: (0.0, paint),
    REPEATED: (0.0, repeated),
}
_NAMES = tuple(PATTERNS)
_WEIGHTS = np.array([weight for weight, _ in PATTERNS.values()])
_WEIGHTS /= _WEIGHTS.sum()


def make_pattern(rng: Generator, height: int, width: int, name: str | None = None) -> Float32:
    """Return a band-limited pattern, RGB float32 [height, width, 3] in 0 … 255.

    Args:
        name: One of PATTERNS; None: choose one by weight.
    """
    name = name or _NAMES[int(rng.choice(len(_NAMES), p=_WEIGHTS))]
    image = PATTERNS[name][1](rng, height, width)
    if name not in (FLAT, PAINT, REPEATED):
        if rng.random() < 0.4:  # washed-out and dark surfaces
            image = image * np.float32(rng.uniform(0.2, 1)) + np.float32(rng.uniform(0, 80))
        if rng.random() < 0.4:  # dirt, wear, soft shadows
            dirt = noise(rng, height, width, rng.uniform(1, 8), int(rng.integers(2, 7)), 0.7)
            image = image * (1 - np.float32(rng.uniform(0.1, 0.6)) * dirt)[..., None]
    sigma = rng.uniform(1, 3) if rng.random() < 0.15 else rng.uniform(0.45, 0.8)
    blurred = np.asarray(cv2.GaussianBlur(np.asarray(image, np.float32), (0, 0), sigma), np.float32)
    return np.clip(blurred, 0, 255)
