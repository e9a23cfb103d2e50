"""Materials and light: how surfaces are lit, and what of their look depends on the eye.

None of it moves the ground truth, which is the surface itself, behind a highlight and under a reflection too. Shading
and shadows belong to the surface, so that both views see the same; highlights and reflections differ between them.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo.config import SyntheticConfig
from stereo.data.synthetic.sampling import sample_map

if TYPE_CHECKING:
    from stereo.data.synthetic.scene import Layer, Outline, Scene, Texture

Array = NDArray[np.float32]
Rng = np.random.Generator

# Shadows of more objects than these cost more than they teach.
_MOST_SHADOWS = 5


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
    surroundings: "Texture | None" = None


# No highlight, no reflection, nothing shines through.
PLAIN = Material()


@dataclass(frozen=True)
class Light:
    """One distant light, and light from everywhere.

    direction: unit vector towards it, x to the right, y down, z towards the camera. ambient: share of the light that
    comes from everywhere. focal_length: px, which ties disparity to slant.
    """

    direction: tuple[float, float, float]
    ambient: float
    focal_length: float

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

    outline: "Outline"
    disparity: float
    drift: tuple[float, float]
    strength: float

    def may_reach(self, top: float, bottom: float, farthest: float) -> bool:
        """Whether it may fall on points between two rows and no farther than a disparity."""
        drift = self.drift[1] * (self.disparity - farthest)
        _, y0, _, y1 = self.outline.box
        return farthest < self.disparity and top <= y1 + max(drift, 0) and bottom >= y0 + min(drift, 0)

    def dimmed(self, brightness: Array, x: Array, y: Array, disparity: Array) -> Array:
        """What is left of the brightness at left-view points [N]."""
        behind = np.float32(self.disparity) - disparity
        outline, rows, columns = self.outline, *self.outline.coverage.shape
        density = np.float32(outline.density)
        v = (y - np.float32(outline.y0) - np.float32(self.drift[1]) * behind) * density
        where = np.nonzero((v > 0) & (v < rows - 1) & (behind > 0))[0]
        u = (x[where] - np.float32(outline.x0) - np.float32(self.drift[0]) * behind[where]) * density
        inside = (u > 0) & (u < columns - 1)
        where, u = where[inside], u[inside]
        brightness[where] *= 1 - np.float32(self.strength) * sample_map(outline.coverage, u, v[where])
        return brightness


def lit(
    colors: Array,
    layer: "Layer",
    scene: "Scene",
    x: Array,
    y: Array,
    disparity: Array,
    right: bool,
    reflected: Array | None,
) -> Array:
    """Colours [N, 3] of a layer under the scene's light and shadows, with its highlight and what it reflects.

    Args:
        x, y, disparity: of left-view points, [N], px. right: which eye looks.
        reflected: colours of the surroundings, as this eye sees them in the layer.
    """
    material = layer.material
    if reflected is not None:
        colors = colors * np.float32(1 - material.reflection) + reflected * np.float32(material.reflection)
    if scene.light is not None:
        slant_x, slant_y = _slants(layer, scene.light, x, y, disparity)
        length = np.sqrt(slant_x**2 + slant_y**2 + 1)
        towards = scene.light.direction
        # The normal, towards the camera: nearer means a greater disparity, so it leans against the gradient.
        facing = (towards[2] - np.float32(towards[0]) * slant_x - np.float32(towards[1]) * slant_y) / length
        brightness = np.float32(scene.light.ambient) + np.float32(1 - scene.light.ambient) * np.maximum(facing, 0)
        brightness = brightness / np.float32(scene.light.exposure)
        bounds = float(y.min()), float(y.max()), float(disparity.min())
        for shadow in scene.shadows:
            if shadow.may_reach(*bounds):
                brightness = shadow.dimmed(brightness, x, y, disparity)
        colors = colors * brightness[..., None]
        if material.gloss > 0:
            colors = colors + _highlight(scene, material, slant_x, slant_y, length, x, y, disparity, right)[..., None]
    return np.minimum(colors, np.float32(255))


def _slants(layer: "Layer", light: Light, x: Array, y: Array, disparity: Array) -> tuple[Array, Array]:
    """Tangents of the surface's angles about the vertical and the horizontal axis, [N] each."""
    along_x, along_y = layer.surface.gradient(x, y)
    scale = np.float32(light.focal_length) / np.maximum(disparity, np.float32(0.1))
    return np.asarray(along_x * scale, np.float32), np.asarray(along_y * scale, np.float32)


def _highlight(
    scene: "Scene",
    material: Material,
    slant_x: Array,
    slant_y: Array,
    length: Array,
    x: Array,
    y: Array,
    disparity: Array,
    right: bool,
) -> Array:
    """Blinn–Phong: it moves with the eye, since the right eye sees the same point from further right."""
    assert scene.light is not None
    focal = np.float32(scene.light.focal_length)
    seen = x - disparity if right else x
    view_x, view_y = (np.float32(scene.width / 2) - seen) / focal, (np.float32(scene.height / 2) - y) / focal
    view_length = np.sqrt(view_x**2 + view_y**2 + 1)
    half_x = np.float32(scene.light.direction[0]) + view_x / view_length
    half_y = np.float32(scene.light.direction[1]) + view_y / view_length
    half_z = np.float32(scene.light.direction[2]) + 1 / view_length
    half_length = np.sqrt(half_x**2 + half_y**2 + half_z**2)
    cosine = np.maximum(half_z - half_x * slant_x - half_y * slant_y, 0) / (half_length * length)
    return np.asarray(np.float32(255 * material.gloss) * cosine ** np.float32(material.sharpness), np.float32)


# ------------------------------------------------------------------------------------------------------- drawing


def with_materials(scene: "Scene", rng: Rng, config: SyntheticConfig) -> "Scene":
    """The scene with the materials, the light and the shadows of the settings. Its geometry stays as it is."""
    layers = scene.layers
    if config.materials > 0:
        layers = tuple(_with_material(layer, scene, rng, config.materials) for layer in layers)
    light: Light | None = None
    shadows: tuple[Shadow, ...] = ()
    if config.shading and rng.random() < 0.8:
        angle, height = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 1.2)
        direction = (np.cos(angle) * np.cos(height), np.sin(angle) * np.cos(height), np.sin(height))
        ambient = float(rng.uniform(0.35, 0.8))
        light = Light(tuple(float(part) for part in direction), ambient, scene.focal_length)  # type: ignore[arg-type]
        shadows = _draw_shadows(scene, rng, light)
    return replace(scene, layers=layers, light=light, shadows=shadows)


def _with_material(layer: "Layer", scene: "Scene", rng: Rng, share: float) -> "Layer":
    if rng.random() >= share:
        return layer
    kind = rng.random()
    gloss, sharpness = float(rng.uniform(0.1, 0.9)), float(np.exp(rng.uniform(np.log(4), np.log(120))))
    if kind < 0.6 or layer.outline is None:
        return replace(layer, material=Material(gloss=gloss, sharpness=sharpness))
    if kind < 0.8:
        return replace(layer, material=Material(opacity=float(rng.uniform(0.55, 0.9)), gloss=gloss / 2))
    material = Material(
        gloss=gloss,
        sharpness=sharpness,
        reflection=float(rng.uniform(0.1, 0.5)),
        virtual_disparity=float(rng.uniform(0.1, 0.9) * layer.surface.bounds(*layer.outline.box)[0]),
        surroundings=replace(scene.layers[int(rng.integers(len(scene.layers)))].texture, faces=()),
    )
    return replace(layer, material=material)


def _draw_shadows(scene: "Scene", rng: Rng, light: Light) -> tuple[Shadow, ...]:
    objects = [layer for layer in scene.layers if layer.outline is not None]
    chosen = rng.permutation(len(objects))[: int(rng.integers(1, _MOST_SHADOWS + 1))]
    length = float(rng.uniform(0.3, 2.5))
    strength = float(rng.uniform(0.3, 0.9)) * (1 - light.ambient / 2)
    softness = float(rng.uniform(0.5, 5))
    shadows = []
    for index in chosen:
        outline = objects[index].outline
        assert outline is not None
        margin = int(np.ceil(3 * softness))
        padded = np.pad(outline.coverage, margin)
        blurred = np.asarray(cv2.GaussianBlur(padded, (0, 0), softness), np.float32)
        shift = margin / outline.density
        soft = replace(outline, coverage=blurred, x0=outline.x0 - shift, y0=outline.y0 - shift)
        x0, y0, x1, y1 = outline.box
        middle = np.array((x0 + x1) / 2, np.float32), np.array((y0 + y1) / 2, np.float32)
        drift = (-light.direction[0] * length, -light.direction[1] * length)
        shadows.append(Shadow(soft, float(objects[index].surface.at(*middle)), drift, strength))
    return tuple(shadows)
