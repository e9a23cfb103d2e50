"""Choosing materials, a light and the shadows that it casts."""

from dataclasses import replace

import cv2
import numpy as np
from numpy.random import Generator

from stereo.config import SyntheticConfig
from stereo.data.synthetic.choose.effects import effects_of
from stereo.data.synthetic.scene.material import Light, Material, Shadow
from stereo.data.synthetic.scene.scene import Background, Scene, SceneObject

# More shadows than these take longer than they are worth.
_MOST_SHADOWS = 5


def with_materials(scene: Scene, rng: Generator, config: SyntheticConfig) -> Scene:
    """Return the scene with materials, a light and shadows by the settings. Its geometry stays as it is."""
    backgrounds, objects = scene.backgrounds, scene.objects
    if config.materials > 0:
        backgrounds = tuple(_choose_for_background(rng, layer, config.materials) for layer in backgrounds)
        objects = tuple(_choose_for_object(rng, layer, scene, config.materials) for layer in objects)
    light: Light | None = None
    shadows: tuple[Shadow, ...] = ()
    if config.shading and rng.random() < 0.8:
        light = _choose_light(rng)
        shadows = _choose_shadows(rng, scene, light)
    return replace(scene, backgrounds=backgrounds, objects=objects, light=light, shadows=shadows)


def with_other_light(scene: Scene, rng: Generator, config: SyntheticConfig) -> Scene:
    """Return the scene as the right view sees it: in a share of pairs it is lit from elsewhere, with other shadows."""
    if scene.light is None or rng.random() >= effects_of(config).unequal_light:
        return scene
    light = _choose_light(rng)
    return replace(scene, light=light, shadows=_choose_shadows(rng, scene, light))


def _choose_light(rng: Generator) -> Light:
    angle, height = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 1.2)
    direction = (np.cos(angle) * np.cos(height), np.sin(angle) * np.cos(height), np.sin(height))
    ambient = float(rng.uniform(0.35, 0.8))
    return Light((float(direction[0]), float(direction[1]), float(direction[2])), ambient)


def _choose_for_background(rng: Generator, layer: Background, share: float) -> Background:
    if rng.random() >= share:
        return layer
    rng.random()  # an object's kind takes this number: the stream must go on as it does there
    gloss, sharpness = _choose_gloss(rng)
    return replace(layer, material=Material(gloss=gloss, sharpness=sharpness))


def _choose_for_object(rng: Generator, layer: SceneObject, scene: Scene, share: float) -> SceneObject:
    if rng.random() >= share:
        return layer
    kind = rng.random()
    gloss, sharpness = _choose_gloss(rng)
    if kind < 0.6:
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


def _choose_gloss(rng: Generator) -> tuple[float, float]:
    """Return the strength and the exponent of a highlight."""
    return float(rng.uniform(0.1, 0.9)), float(np.exp(rng.uniform(np.log(4), np.log(120))))


def _choose_shadows(rng: Generator, scene: Scene, light: Light) -> tuple[Shadow, ...]:
    """Return the shadows of a few objects in a light."""
    chosen = rng.permutation(len(scene.objects))[: int(rng.integers(1, _MOST_SHADOWS + 1))]
    length = float(rng.uniform(0.3, 2.5))
    strength = float(rng.uniform(0.3, 0.9)) * (1 - light.ambient / 2)
    softness = float(rng.uniform(0.5, 5))
    drift = (-light.direction[0] * length, -light.direction[1] * length)
    shadows = []
    for index in chosen:
        layer = scene.objects[index]
        outline = layer.outline
        margin = int(np.ceil(3 * softness))
        padded = np.pad(outline.coverage, margin)
        blurred = np.asarray(cv2.GaussianBlur(padded, (0, 0), softness), np.float32)
        shift = margin / outline.density
        soft = replace(outline, coverage=blurred, x0=outline.x0 - shift, y0=outline.y0 - shift)
        shadows.append(Shadow(soft, layer.middle_disparity, drift, strength))
    return tuple(shadows)
