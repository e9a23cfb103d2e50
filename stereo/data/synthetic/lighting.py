"""Light on surfaces, and drawing materials, light and shadows at random.

Shading and shadows belong to the surface, so that both views see the same; highlights and reflections differ between
them. None of it moves the ground truth, which is the surface itself.
"""

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo.config import SyntheticConfig
from stereo.data.synthetic.material import Light, Material, Shadow
from stereo.data.synthetic.pinhole import Pinhole
from stereo.data.synthetic.scene import Layer, Scene
from stereo.data.synthetic.surface import Surface

Array = NDArray[np.float32]
Indices = NDArray[np.intp]
Rng = np.random.Generator
# x to the right, y down, z towards the camera; each [N], or one for all.
Normal = tuple[Any, Any, Any]

# Shadows of more objects than these cost more than they teach.
_MOST_SHADOWS = 5


def lit(
    layer: Layer, scene: Scene, x: Array, y: Array, disparity: Array, face: Indices | None, right: bool
) -> tuple[Array | float, Array | None]:
    """What the scene's light multiplies colours by, [N] or one for all, and the highlight that it adds, [N] or none.

    Args:
        x, y, disparity: of left-view points, [N], px. right: which eye looks.
        face: which of the surface's planes they lie on; None where there is but one.
    """
    light = scene.light
    assert light is not None
    normal = _normals(layer.surface, scene.camera, x, y, disparity, face)
    facing: Any = light.direction[0] * normal[0] + light.direction[1] * normal[1] + light.direction[2] * normal[2]
    facing = max(facing, 0.0) if isinstance(facing, float) else np.maximum(facing, 0)
    brightness: Any = facing * ((1 - light.ambient) / light.exposure) + light.ambient / light.exposure
    shadows = scene.shadows_on(layer)
    if shadows and isinstance(brightness, float):
        brightness = np.full(x.shape, brightness, np.float32)
    for shadow in shadows:
        shadow.dim(brightness, x, y, disparity)
    if layer.material.gloss == 0:
        return brightness, None
    return brightness, _highlight(scene, light, layer.material, normal, x - disparity if right else x, y)


def _normals(surface: Surface, camera: Pinhole, x: Array, y: Array, disparity: Array, face: Indices | None) -> Normal:
    """x, y and z, towards the camera, of unit normals at points [N]; of a plane one for all."""
    if surface.waves or surface.dome is not None:
        # As Pinhole.normal, of the plane that touches the surface at each point.
        slope_x, slope_y = surface.gradient(x, y)
        at_center = disparity - slope_x * (x - camera.center_x) - slope_y * (y - camera.center_y)
        right, down = slope_x * -camera.focal_length, slope_y * -camera.focal_length
        shorter = 1 / np.sqrt(right * right + down * down + at_center * at_center)
        return right * shorter, down * shorter, at_center * shorter
    planes = [camera.normal(plane) for plane in surface.planes]
    if face is None:
        return float(planes[0][0]), float(planes[0][1]), -float(planes[0][2])
    towards_x, towards_y, away = np.array(planes, np.float32).T[:, face]
    return towards_x, towards_y, -away


def _highlight(scene: Scene, light: Light, material: Material, normal: Normal, seen: Array, y: Array) -> Array:
    """Blinn–Phong: it moves with the eye, since the right eye sees the same point from further right.

    seen: column in the looking eye's own view, px.
    """
    camera = scene.camera
    view_x, view_y = (camera.center_x - seen) / camera.focal_length, (camera.center_y - y) / camera.focal_length
    shorter = 1 / np.sqrt(view_x * view_x + view_y * view_y + 1)
    half_x = light.direction[0] + view_x * shorter
    half_y = light.direction[1] + view_y * shorter
    half_z = light.direction[2] + shorter
    length = np.sqrt(half_x * half_x + half_y * half_y + half_z * half_z)
    cosine = np.maximum(half_x * normal[0] + half_y * normal[1] + half_z * normal[2], 0) / length
    # A power below 1e-6 is as good as none, and numbers too small for float32's usual form are slow to reckon with.
    cosine = np.maximum(cosine, 1e-6 ** (1 / material.sharpness))
    return np.asarray(
        cv2.pow(cosine, material.sharpness).reshape(cosine.shape) * (255 * material.gloss), np.float32
    )  # a quarter of **'s time


# ------------------------------------------------------------------------------------------------------- drawing


def with_materials(scene: Scene, rng: Rng, config: SyntheticConfig) -> Scene:
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
        light = Light((float(direction[0]), float(direction[1]), float(direction[2])), ambient)
        shadows = _draw_shadows(scene, rng, light)
    return replace(scene, layers=layers, light=light, shadows=shadows)


def _with_material(layer: Layer, scene: Scene, rng: Rng, share: float) -> Layer:
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
        virtual_disparity=float(rng.uniform(0.1, 0.9) * layer.bounds[0]),
        surroundings=replace(scene.layers[int(rng.integers(len(scene.layers)))].texture, faces=()),
    )
    return replace(layer, material=material)


def _draw_shadows(scene: Scene, rng: Rng, light: Light) -> tuple[Shadow, ...]:
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
        drift = (-light.direction[0] * length, -light.direction[1] * length)
        shadows.append(Shadow(soft, objects[index].middle_disparity, drift, strength))
    return tuple(shadows)
