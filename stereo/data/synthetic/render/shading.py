"""Light on surfaces: how bright they are, and their highlights.

Shading and shadows belong to the surface: both views see the same. Highlights and reflections differ between the views.
None of it moves the ground truth, which is the surface itself.
"""

from typing import Any

import cv2
import numpy as np

from stereo.data.synthetic.arrays import Float32, Indices
from stereo.data.synthetic.render.sampling import sample_map
from stereo.data.synthetic.scene.material import Light, Material, Shadow
from stereo.data.synthetic.scene.pinhole import Pinhole
from stereo.data.synthetic.scene.scene import Scene
from stereo.data.synthetic.scene.surface import Surface

# x to the right, y down, z towards the camera; each [N], or one for all.
Normal = tuple[Any, Any, Any]


def shade(
    scene: Scene, index: int, x: Float32, y: Float32, disparity: Float32, face: Indices | None, right: bool
) -> tuple[Float32 | float, Float32 | None]:
    """Return the factor of a layer's colors in the scene's light, [N] or one for all, and the highlight to add, [N].

    Without a light the factor is 1. A layer that does not gloss has no highlight: None.

    Args:
        x, y, disparity: Of left-view points, [N], px.
        face: The plane of the surface on which each point lies; None where there is only one.
        right: Which eye looks, which matters to the highlight alone.
    """
    layer, light = scene.layers[index], scene.light
    if light is None:
        return 1.0, None
    normal = _normals(layer.surface, scene.camera, x, y, disparity, face)
    facing: Any = light.direction[0] * normal[0] + light.direction[1] * normal[1] + light.direction[2] * normal[2]
    # clip is three times as fast as np.maximum with a number.
    facing = max(facing, 0.0) if isinstance(facing, float) else facing.clip(0, np.inf)
    brightness: Any = facing * ((1 - light.ambient) / light.exposure) + light.ambient / light.exposure
    shadows = scene.shadows_by_layer[index]
    if shadows and isinstance(brightness, float):
        brightness = np.full(x.shape, brightness, np.float32)
    for shadow in shadows:
        _dim(brightness, shadow, x, y, disparity)
    if layer.material.gloss == 0:
        return brightness, None
    return brightness, _highlight(scene.camera, light, layer.material, normal, x - disparity if right else x, y)


def _normals(
    surface: Surface, camera: Pinhole, x: Float32, y: Float32, disparity: Float32, face: Indices | None
) -> Normal:
    """Return x, y and z, towards the camera, of the unit normals at points [N]; a plane has one for all."""
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
    towards_x, towards_y, away = np.array(planes, np.float32).T.take(face, axis=1)
    return towards_x, towards_y, -away


def _dim(brightness: Float32, shadow: Shadow, x: Float32, y: Float32, disparity: Float32) -> None:
    """Take a shadow's share away from the brightness at left-view points, [N] each."""
    outline = shadow.outline
    rows, columns = outline.coverage.shape
    # Coverage pixels are density (x − x0 − drift (shadow.disparity − disparity)): linear in x and disparity.
    density, drift_x, drift_y = outline.density, *(outline.density * drift for drift in shadow.drift)
    start_x = density * outline.x0 + drift_x * shadow.disparity
    start_y = density * outline.y0 + drift_y * shadow.disparity
    v = y * density + (disparity * drift_y - start_y)
    where = ((v > 0) & (v < rows - 1) & (disparity < shadow.disparity)).nonzero()[0]
    u = x.take(where) * density + (disparity.take(where) * drift_x - start_x)
    inside = (u > 0) & (u < columns - 1)
    where, u = where.compress(inside), u.compress(inside)
    if where.size:
        brightness[where] *= 1 - shadow.strength * sample_map(outline.coverage, u, v.take(where))


def _highlight(camera: Pinhole, light: Light, material: Material, normal: Normal, seen: Float32, y: Float32) -> Float32:
    """Return the Blinn–Phong highlight, [N]. It moves with the eye: the right one looks at a point from further right.

    seen: Column in the looking eye's own view, px.
    """
    view_x, view_y = (camera.center_x - seen) / camera.focal_length, (camera.center_y - y) / camera.focal_length
    shorter = 1 / np.sqrt(view_x * view_x + view_y * view_y + 1)
    half_x = light.direction[0] + view_x * shorter
    half_y = light.direction[1] + view_y * shorter
    half_z = light.direction[2] + shorter
    length = np.sqrt(half_x * half_x + half_y * half_y + half_z * half_z)
    # A power below 1e-6 cannot be seen, and float32 is slow with the numbers near 0 that it would give.
    cosine = (half_x * normal[0] + half_y * normal[1] + half_z * normal[2]) / length
    cosine = cosine.clip(1e-6 ** (1 / material.sharpness), np.inf)
    # cv2.pow is faster than **; before OpenCV 5 it makes a column of a row.
    power = np.asarray(cv2.pow(cosine, material.sharpness), np.float32).reshape(cosine.shape)
    return np.asarray(power * (255 * material.gloss), np.float32)
