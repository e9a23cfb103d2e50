"""Extras: thin things and foliage, which the settings add to the scenes of every preset."""

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from stereo.config import SyntheticConfig
from stereo.data.synthetic.assets.shapes import make_shape
from stereo.data.synthetic.assets.thin import crown
from stereo.data.synthetic.choose.backdrop import Backdrop
from stereo.data.synthetic.choose.effects import effects_of
from stereo.data.synthetic.choose.stage import Stage
from stereo.data.synthetic.choose.style import pick
from stereo.data.synthetic.choose.surfaces import choose_angle, choose_slanted
from stereo.data.synthetic.choose.textures import choose_texture
from stereo.data.synthetic.scene.scene import SceneObject
from stereo.data.synthetic.scene.texture import Outline

# Name → weight of a shape, and the ranges of its width and height as shares of the view's, log-uniform.
_THIN = {
    "poles": (0.3, (0.02, 0.3), (0.4, 1.4)),
    "wires": (0.3, (0.3, 1.5), (0.05, 0.5)),
    "grille": (0.4, (0.06, 0.5), (0.1, 0.7)),
}
_THIN_LOOKS = {"flat": 0.6, "any": 0.4}
_LEAF_LOOKS = {"leaves": 0.45, "any": 0.35, "flat": 0.2}


def choose_extras(rng: Generator, config: SyntheticConfig, stage: Stage, backdrop: Backdrop) -> list[SceneObject]:
    """Return thin things and foliage, as many as the settings say on average."""
    effects = effects_of(config)
    found: list[SceneObject] = []
    if effects.thin_objects > 0:
        for _ in range(rng.poisson(effects.thin_objects)):
            found.append(_choose_thin(rng, config, stage, backdrop))
    if effects.foliage > 0:
        for _ in range(rng.poisson(effects.foliage)):
            found += _choose_plant(rng, config, stage, backdrop)
    return found


def _choose_thin(rng: Generator, config: SyntheticConfig, stage: Stage, backdrop: Backdrop) -> SceneObject:
    shape = pick(rng, {name: weight for name, (weight, _, _) in _THIN.items()})
    _, widths, heights = _THIN[shape]
    outline, disparity = _place(rng, stage, backdrop, widths, heights)
    rows, columns = outline.coverage.shape
    coverage = make_shape(rng, rows, columns, outline.density, shape).astype(np.float32) / np.float32(255)
    outline = replace(outline, coverage=coverage)
    x0, y0, x1, y1 = outline.box
    angles = choose_angle(rng, 1.1), choose_angle(rng, 0.4)
    surface = choose_slanted(rng, stage, (x0 + x1) / 2, (y0 + y1) / 2, disparity, 0.0, *angles)
    return SceneObject(surface, choose_texture(rng, config, outline.box, _THIN_LOOKS), outline)


def _choose_plant(rng: Generator, config: SyntheticConfig, stage: Stage, backdrop: Backdrop) -> list[SceneObject]:
    """Return a bush or a tree: layers of leaves and twigs at several distances."""
    outline, disparity = _place(rng, stage, backdrop, (0.1, 0.6), (0.2, 1.0))
    rows, columns = outline.coverage.shape
    x0, y0, x1, y1 = outline.box
    texture = choose_texture(rng, config, outline.box, _LEAF_LOOKS)
    depth = disparity * (x1 - x0) / stage.focal_length * rng.uniform(0.2, 1)
    count = int(rng.integers(2, 6))
    found = []
    for layer, drawn in enumerate(crown(rng, rows, columns, outline.density, count)):
        drawn[:2] = drawn[-2:] = drawn[:, :2] = drawn[:, -2:] = 0
        own = disparity + depth * ((layer + rng.uniform(0, 1)) / count - 0.5)
        own = min(max(own, stage.low), stage.high)
        angles = choose_angle(rng, 0.6), choose_angle(rng, 0.4)
        surface = choose_slanted(rng, stage, (x0 + x1) / 2, (y0 + y1) / 2, own, 0.5 * (x1 - x0), *angles)
        brighter = replace(texture.brightness, amplitude=float(rng.uniform(0, 0.5)))
        coverage = drawn.astype(np.float32) / np.float32(255)
        found.append(SceneObject(surface, replace(texture, brightness=brighter), replace(outline, coverage=coverage)))
    return found


def _place(
    rng: Generator,
    stage: Stage,
    backdrop: Backdrop,
    widths: tuple[float, float],
    heights: tuple[float, float],
) -> tuple[Outline, float]:
    """Return an outline that is still empty, and a disparity before the backgrounds.

    widths, heights: Ranges, log-uniform, as shares of the view's.
    """
    width = float(np.exp(rng.uniform(*np.log(widths)))) * stage.width
    height = float(np.exp(rng.uniform(*np.log(heights)))) * stage.height
    x, y = rng.uniform(0, 1) * stage.width, rng.uniform(0.1, 0.9) * stage.height
    behind = max(surface.at_point(x, y) for surface in backdrop.surfaces)
    disparity = behind + max(stage.near - behind, 0.0) * rng.beta(1.1, 1.5)
    disparity = float(min(max(disparity, stage.low), stage.near))
    density = float(rng.uniform(1.3, 1.8))
    empty = np.zeros((max(16, round(height * density)), max(16, round(width * density))), np.float32)
    return Outline(empty, density, float(x + disparity / 2 - width / 2), float(y - height / 2)), disparity
