"""Scene: textured surfaces, objects before backgrounds, and the light that falls on them."""

from dataclasses import dataclass
from functools import cached_property

from stereo.data.synthetic.scene.material import PLAIN, Light, Material, Shadow
from stereo.data.synthetic.scene.pinhole import Pinhole
from stereo.data.synthetic.scene.surface import Surface
from stereo.data.synthetic.scene.texture import Outline, Texture


@dataclass(frozen=True)
class Background:
    """A textured surface that fills the view, but for openings: a wall, a floor.

    outline: Of a wall with openings, wider than both views. None: there are none.
    """

    surface: Surface
    texture: Texture
    material: Material = PLAIN
    outline: Outline | None = None


@dataclass(frozen=True)
class SceneObject:
    """A textured surface within an outline."""

    surface: Surface
    texture: Texture
    outline: Outline
    material: Material = PLAIN

    @cached_property
    def middle_disparity(self) -> float:
        """Return the disparity at the center of the outline's box, px."""
        x0, y0, x1, y1 = self.outline.box
        return self.surface.at_point((x0 + x1) / 2, (y0 + y1) / 2)

    @cached_property
    def bounds(self) -> tuple[float, float]:
        """Return limits, px, between which the disparity lies."""
        return self.surface.bounds(*self.outline.box)


Layer = Background | SceneObject


@dataclass(frozen=True)
class Scene:
    """What two cameras see side by side. Sizes and focal length in px.

    backgrounds: At each pixel the nearest of them is seen. objects: From the farthest to the nearest.
    light: None: textures are shown as they are, without shading and shadows.
    """

    height: int
    width: int
    backgrounds: tuple[Background, ...]
    objects: tuple[SceneObject, ...] = ()
    focal_length: float = 500.0
    light: Light | None = None
    shadows: tuple[Shadow, ...] = ()

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """Return all surfaces, from back to front; a layer's index is the id of the object."""
        return self.backgrounds + self.objects

    @cached_property
    def camera(self) -> Pinhole:
        """Return the left view's camera."""
        return Pinhole.of_frame(self.focal_length, self.height, self.width)

    @cached_property
    def middle_disparities(self) -> list[float]:
        """Return the disparity of each layer, px: objects at their center, backgrounds at the view's."""
        backgrounds = [layer.surface.at_point(self.width / 2, self.height / 2) for layer in self.backgrounds]
        return backgrounds + [layer.middle_disparity for layer in self.objects]

    @cached_property
    def shadows_by_layer(self) -> list[list[Shadow]]:
        """Return the shadows that may fall on each layer."""
        seen = (0.0, 0.0, self.width + max(self.middle_disparities), float(self.height))  # by either view
        receivers = [(seen, layer.surface.low, layer.surface.high) for layer in self.backgrounds]
        receivers += [(layer.outline.box, *layer.bounds) for layer in self.objects]
        return [
            [shadow for shadow in self.shadows if shadow.may_reach(box, nearest, farthest)]
            for box, farthest, nearest in receivers
        ]
