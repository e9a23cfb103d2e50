"""Material, Light and Shadow: what surfaces do with light, and the light that falls on them."""

from dataclasses import dataclass

from stereo.data.synthetic.arrays import Box
from stereo.data.synthetic.scene.texture import Outline, Texture


@dataclass(frozen=True)
class Material:
    """What a surface does with light, beside showing its texture.

    opacity: 1, or less: then the surfaces behind shine through. gloss: Strength of the highlight, 0 … 1. sharpness: Its
    exponent. reflection: Share of the light that comes from `surroundings`, whose disparity is `virtual_disparity`, px.
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
    """One distant source of light, and light from everywhere.

    direction: Unit vector towards the source: x to the right, y down, z towards the camera. ambient: Share of the light
    that comes from everywhere.
    """

    direction: tuple[float, float, float]
    ambient: float

    @property
    def exposure(self) -> float:
        """Return the brightness of a surface that faces the camera, which keeps its own colors."""
        return self.ambient + (1 - self.ambient) * self.direction[2]


@dataclass(frozen=True)
class Shadow:
    """The soft shadow of one object on whatever is behind it.

    outline: The object's, blurred. disparity: About the object's, px. drift: How far the shadow moves to the right and
    down for each px of disparity between object and receiver. strength: Share of the light that the shadow takes away.
    """

    outline: Outline
    disparity: float
    drift: tuple[float, float]
    strength: float

    def may_reach(self, box: Box, nearest: float, farthest: float) -> bool:
        """Return whether it may fall on points of a box that have disparities between these two, px."""
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
