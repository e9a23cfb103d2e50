"""What a scene's surfaces do with light, the light, and the shadows that it casts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stereo.data.synthetic.sampling import Outline, Texture, sample_map

Array = NDArray[np.float32]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Material:
    """What a surface does with light beside its texture.

    opacity: 1, or less: what lies behind shines through. gloss: strength of the highlight, 0 … 1; sharpness: its
    exponent. reflection: share of the light that comes from `surroundings`, whose disparity is `virtual_disparity`, px.
    """

    opacity: float = 1.0
    gloss: float = 0.0
    sharpness: float = 20.0
    reflection: float = 0.0
    virtual_disparity: float = 0.0
    surroundings: Texture | None = None


# No highlight, no reflection, nothing shines through.
PLAIN = Material()


@dataclass(frozen=True)
class Light:
    """One distant light, and light from everywhere.

    direction: unit vector towards it, x to the right, y down, z towards the camera. ambient: share of the light that
    comes from everywhere.
    """

    direction: tuple[float, float, float]
    ambient: float

    @property
    def exposure(self) -> float:
        """The brightness of a surface that faces the camera, which keeps its own colours."""
        return self.ambient + (1 - self.ambient) * self.direction[2]


@dataclass(frozen=True)
class Shadow:
    """The soft shadow of one object on whatever is behind it.

    outline: the object's, blurred. disparity: about the object's, px. drift: how far the shadow moves to the right and
    down for each px of disparity between object and receiver. strength: share of the light that it takes.
    """

    outline: Outline
    disparity: float
    drift: tuple[float, float]
    strength: float

    def may_reach(self, box: Box, nearest: float, farthest: float) -> bool:
        """Whether it may fall on points of a box of the left view, with disparities between these, px."""
        behind = max(self.disparity - nearest, 0.0), self.disparity - farthest
        drifts_x, drifts_y = ([drift * reach for reach in behind] for drift in self.drift)
        x0, y0, x1, y1 = self.outline.box
        return (
            behind[1] > 0
            and x0 + min(drifts_x) <= box[2]
            and x1 + max(drifts_x) >= box[0]
            and y0 + min(drifts_y) <= box[3]
            and y1 + max(drifts_y) >= box[1]
        )

    def dim(self, brightness: Array, x: Array, y: Array, disparity: Array) -> None:
        """Take the shadow's share of the brightness at left-view points, [N] each."""
        outline = self.outline
        rows, columns = outline.coverage.shape
        # Canvas coordinates are density (x − x0 − drift (self.disparity − disparity)): linear in x and disparity.
        density, drift_x, drift_y = outline.density, *(outline.density * drift for drift in self.drift)
        start_x = density * outline.x0 + drift_x * self.disparity
        start_y = density * outline.y0 + drift_y * self.disparity
        v = y * density + (disparity * drift_y - start_y)
        where = np.flatnonzero((v > 0) & (v < rows - 1) & (disparity < self.disparity))
        u = x[where] * density + (disparity[where] * drift_x - start_x)
        inside = (u > 0) & (u < columns - 1)
        where, u = where[inside], u[inside]
        if where.size:
            brightness[where] *= 1 - self.strength * sample_map(outline.coverage, u, v[where])
