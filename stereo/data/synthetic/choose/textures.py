"""Choosing textures: which canvas or photograph a surface shows, how it lies there, and in which colors."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.random import Generator

from stereo.config import SyntheticConfig
from stereo.data.sample import Image
from stereo.data.synthetic.arrays import Box, Float32
from stereo.data.synthetic.assets.canvases import CANVAS_SIDES, make_canvas, make_photograph, with_fourth_channel
from stereo.data.synthetic.assets.photographs import crop_of_photograph
from stereo.data.synthetic.choose.style import pick
from stereo.data.synthetic.choose.surfaces import choose_angle
from stereo.data.synthetic.scene.surface import Surface, Wave
from stereo.data.synthetic.scene.texture import Texture
from stereo.data.synthetic.streams import photograph_stream

# Of each size, in a world with a bank: canvases of one pattern alone.
BANK_OF_ONE_PATTERN = 24
# Of a canvas, 0 … 1.
_LEVELS = np.arange(256, dtype=np.float32) / np.float32(255)


def choose_texture(
    rng: Generator, config: SyntheticConfig, box: Box, looks: Mapping[str, float] | None = None
) -> Texture:
    """Return a texture for a surface that fills a box of the left view.

    looks: Names and weights of the patterns to choose from, or of `any` pattern or photograph, from banks. None or
        empty: any, and a crop of a photograph of its own.
    """
    x0, y0, x1, y1 = box
    density = math.exp(rng.uniform(math.log(0.7), math.log(1.6)))
    tilt = rng.normal(0, 0.1) if rng.random() < 0.5 else rng.uniform(0, 2 * np.pi)
    needed = density * math.hypot(x1 - x0, y1 - y0) * 0.8
    side = next((side for side in CANVAS_SIDES if side >= needed), CANVAS_SIDES[-1])
    # All of these are drawn from the stream in any case, so that settings of the look do not move the geometry.
    number, kind, picture = int(rng.integers(2**31)), rng.random(), int(rng.integers(2**31))
    cos, sin = density * math.cos(tilt), density * math.sin(tilt)
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    u, v = rng.uniform(0, side, 2)
    matrix = np.array([[cos, -sin, u - (cos * x - sin * y)], [sin, cos, v - (sin * x + cos * y)]], np.float32)
    frequency = 2 * math.pi / (max(x1 - x0, y1 - y0) * rng.uniform(1.5, 4))
    direction = rng.uniform(0, 2 * np.pi)
    brightness = Wave(
        amplitude=float(rng.uniform(0, 0.4)) if rng.random() < 0.7 else 0.0,
        frequency_x=frequency * math.cos(direction),
        frequency_y=frequency * math.sin(direction),
        phase=choose_angle(rng, np.pi),
    )
    tones = choose_tones(rng)
    if looks:
        canvas = _choose_from_banks(config, side, number, kind, pick(rng, looks))
        return Texture(canvas, matrix, brightness, tones)
    if config.textures is not None and kind < _share_of_photographs(config):
        canvas = crop_of_photograph(photograph_stream(picture), config.textures, side, side)
        return Texture(with_fourth_channel(canvas), matrix, brightness)
    return Texture(_choose_canvas(config, side, number, kind), matrix, brightness, tones)


def _share_of_photographs(config: SyntheticConfig) -> float:
    return 0.0 if config.textures is None else config.texture_share


def _choose_canvas(config: SyntheticConfig, side: int, number: int, kind: float) -> Image:
    """Return a canvas of any pattern. kind: Chooses, 0 … 1; the smallest values are those of photographs."""
    pattern = "dead_leaves" if kind > 1 - config.natural_textures * (1 - _share_of_photographs(config)) else None
    return make_canvas(config.seed, side, _in_bank(number, config.texture_bank), pattern)


def _choose_from_banks(config: SyntheticConfig, side: int, number: int, kind: float, look: str) -> Image:
    """Return a canvas, or a crop of a photograph, that other surfaces show too, each in its own colors."""
    if look != "any":
        bank = min(config.texture_bank, BANK_OF_ONE_PATTERN)
        return make_canvas(config.seed, side, _in_bank(number, bank), look)
    if config.textures is not None and kind < _share_of_photographs(config):
        return make_photograph(_in_bank(number, config.texture_bank), config.textures, side)
    return _choose_canvas(config, side, number, kind)


def _in_bank(number: int, size: int) -> int:
    return number % size if size > 0 else number


def choose_tones(rng: Generator) -> Float32:
    """Return a level for each level of a canvas, float32 [3, 256] in 0 … 255: other colors, another contrast."""
    gamma, gains = np.exp(rng.normal(-0.15, 0.3)), rng.uniform(0.75, 1.2) * (1 + rng.normal(0, 0.08, 3))
    lifted = rng.uniform(0, 0.25) if rng.random() < 0.3 else 0.0
    tones = lifted + (1 - lifted) * _LEVELS ** np.float32(gamma) * gains[:, None]
    return (tones * 255).clip(0, 255).astype(np.float32)


def with_faces(rng: Generator, texture: Texture, surface: Surface) -> Texture:
    """Return the texture with a brightness for each plane of the surface, where it has several."""
    count = len(surface.planes)
    if count == 1:
        return texture
    return replace(texture, faces=tuple(float(tone) for tone in rng.uniform(0.6, 1.3, count)))
