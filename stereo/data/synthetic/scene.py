"""What a scene of the procedural world is: textured surfaces, objects before a background, light and two cameras."""

from dataclasses import dataclass
from functools import cached_property

from stereo.data.synthetic.camera import Camera
from stereo.data.synthetic.material import PLAIN, Light, Material, Shadow
from stereo.data.synthetic.pinhole import Pinhole
from stereo.data.synthetic.sampling import Outline, Texture
from stereo.data.synthetic.surface import Surface


@dataclass(frozen=True)
class Layer:
    """One textured surface. outline: None for a background, which is everywhere."""

    surface: Surface
    texture: Texture
    outline: Outline | None = None
    material: Material = PLAIN

    @cached_property
    def middle_disparity(self) -> float:
        """Of an object at the centre of its box, px."""
        assert self.outline is not None
        x0, y0, x1, y1 = self.outline.box
        return self.surface.at_point((x0 + x1) / 2, (y0 + y1) / 2)

    @cached_property
    def bounds(self) -> tuple[float, float]:
        """Limits, px, between which an object's disparity lies."""
        assert self.outline is not None
        return self.surface.bounds(*self.outline.box)


@dataclass(frozen=True)
class Scene:
    """Layers from back to front, and the two cameras that see them. Sizes and focal length in px.

    light: None: textures are shown as they are, without shading and shadows.
    """

    height: int
    width: int
    layers: tuple[Layer, ...]
    cameras: tuple[Camera, Camera]
    focal_length: float = 500.0
    light: Light | None = None
    shadows: tuple[Shadow, ...] = ()

    def shadows_on(self, layer: Layer) -> list[Shadow]:
        """Those that may fall on a layer of this scene."""
        return self._shadows[id(layer)]

    @cached_property
    def _shadows(self) -> dict[int, list[Shadow]]:
        found = {}
        for layer in self.layers:
            if layer.outline is None:  # all that either view shows
                box = (0.0, 0.0, self.width + max(self.middle_disparities), float(self.height))
                farthest, nearest = layer.surface.low, layer.surface.high
            else:
                box, (farthest, nearest) = layer.outline.box, layer.bounds
            found[id(layer)] = [shadow for shadow in self.shadows if shadow.may_reach(box, nearest, farthest)]
        return found

    @cached_property
    def camera(self) -> Pinhole:
        """The left view's eye."""
        return Pinhole(self.focal_length, self.width / 2, self.height / 2)

    @property
    def middle_disparities(self) -> list[float]:
        """Of all surfaces, px: objects at their centre, backgrounds at the view's."""
        return [
            layer.surface.at_point(self.width / 2, self.height / 2) if layer.outline is None else layer.middle_disparity
            for layer in self.layers
        ]
