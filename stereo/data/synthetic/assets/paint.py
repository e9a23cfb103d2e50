"""The paint of patterns and shapes: noise, colors that go together, color ramps and characters."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.random import Generator

from stereo.data.synthetic.arrays import Bytes, Float32


def noise(rng: Generator, height: int, width: int, coarsest: float, octaves: int, persistence: float = 0.6) -> Float32:
    """Return multi-octave value noise in 0 … 1, float32 [height, width].

    Args:
        coarsest: Cells of the first octave along the longer side; every further octave has twice as many.
        octaves: Number of octaves, 1 or more; those finer than a texel are left out.
        persistence: Amplitude of each octave relative to the one before: near 1 is rough, near 0 smooth.
    """
    total = np.zeros((2, 2), np.float32)
    amplitude, longest = 1.0, max(height, width)
    for octave in range(octaves):
        cells = coarsest * 2**octave
        if cells > longest and octave > 0:
            break
        grid = (
            min(height, max(2, round(cells * height / longest))),
            min(width, max(2, round(cells * width / longest))),
        )
        layer = rng.random(grid, dtype=np.float32) * np.float32(amplitude)
        # Upsampling the sum before the next octave is added touches the full size only once.
        total = _resized(total, grid, cv2.INTER_LINEAR) + layer
        amplitude *= persistence
    total = _resized(total, (height, width), cv2.INTER_CUBIC)
    low, high = total.min(), total.max()
    return (total - low) / np.maximum(high - low, np.float32(1e-6))


def _resized(array: Float32, size: tuple[int, int], interpolation: int) -> Float32:
    return np.asarray(cv2.resize(array, size[::-1], interpolation=interpolation), np.float32)


def colors(rng: Generator, count: int) -> Float32:
    """Return colors that go together, RGB float32 [count, 3] in 0 … 255: more often muted than bright, as outdoors."""
    hue = rng.uniform(0, 360) + rng.normal(0, rng.choice([8.0, 40.0, 180.0]), count)
    saturation = np.clip(rng.beta(1.0, 2.5) + rng.normal(0, 0.1, count), 0, 1)
    middle, spread = rng.uniform(0.15, 0.85), rng.choice([0.08, 0.25, 0.5])
    value = np.clip(middle + spread * rng.uniform(-1, 1, count), 0.03, 1.0)
    hsv = np.stack([hue % 360, saturation, value], -1).astype(np.float32)[None]
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0] * np.float32(255), np.float32)


def ramp(rng: Generator, values: Float32, count: int | None = None) -> Float32:
    """Color a map of 0 … 1 by a random smooth color ramp: float32 [H, W] → [H, W, 3] in 0 … 255."""
    stops = colors(rng, count or int(rng.integers(2, 7)))
    position = np.linspace(0, len(stops) - 1, 256)
    table = np.stack([np.interp(position, np.arange(len(stops)), channel) for channel in stops.T], -1)
    indices = cv2.merge([cv2.convertScaleAbs(values, alpha=255)] * 3)
    return np.asarray(cv2.LUT(indices, table.astype(np.float32)[None]), np.float32)


@lru_cache(maxsize=512)
def glyph(character: str, font: int) -> Bytes:
    """Return one character as coverage, uint8 [48, 40]; each process keeps it, since OpenCV is slow at writing text."""
    canvas = np.zeros((48, 40), np.uint8)
    cv2.putText(canvas, character, (8, 36), font, 1.1, (255,), 2, cv2.LINE_AA)
    return canvas


def stamp_text(rng: Generator, coverage: Bytes, x: float, y: float, size: float, length: int) -> None:
    """Add `length` random characters of `size` px, beginning at (x, y), to the coverage uint8 [H, W]."""
    height, width = coverage.shape
    font = int(rng.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_TRIPLEX, cv2.FONT_HERSHEY_COMPLEX]))
    glyph_width, glyph_height = max(4, round(size * 0.8)), max(5, round(size))
    row = round(y)
    for character in rng.integers(33, 127, length):
        column = round(x)
        x += size * (0.62 if rng.random() < 0.85 else 1.2)
        if row < 0 or column < 0 or row + glyph_height > height or column + glyph_width > width:
            continue
        stamp = cv2.resize(glyph(chr(character), font), (glyph_width, glyph_height), interpolation=cv2.INTER_AREA)
        part = coverage[row : row + glyph_height, column : column + glyph_width]
        np.maximum(part, stamp, out=part)
