"""Choosing a scene: backgrounds, and objects before them, in the style of a preset."""

from numpy.random import Generator

from stereo.config import SyntheticConfig
from stereo.data.synthetic.choose.backdrop import choose_backdrop
from stereo.data.synthetic.choose.objects import ObjectChooser
from stereo.data.synthetic.choose.stage import choose_stage
from stereo.data.synthetic.choose.style import choose_style
from stereo.data.synthetic.choose.textures import choose_texture
from stereo.data.synthetic.scene.scene import Background, Scene, SceneObject


def choose_scene(rng: Generator, config: SyntheticConfig) -> Scene:
    """Return a random scene, without light and with plain materials."""
    style = choose_style(rng, config.preset, config.mixture)
    stage = choose_stage(rng, config, style)
    backdrop = choose_backdrop(rng, stage, style)
    chooser = ObjectChooser(rng, config, style, stage, backdrop)
    objects: list[SceneObject] = []
    # Centers are shares of the view. Some objects crowd around a few of them.
    clusters = rng.uniform(-0.05, 1.05, (int(rng.integers(1, 5)), 2))
    clustered = rng.random() * 0.8
    for _ in range(int(rng.integers(config.min_objects, config.max_objects + 1))):
        center = rng.uniform(-0.05, 1.05, 2)
        if rng.random() < clustered:
            center = clusters[rng.integers(len(clusters))] + rng.normal(0, 0.13, 2)
        objects.append(chooser.choose(center, objects[-1] if objects else None))
    objects.sort(key=lambda layer: layer.middle_disparity)
    seen = (0.0, 0.0, stage.width + stage.near, float(stage.height))  # by either view
    backgrounds = tuple(Background(surface, choose_texture(rng, config, seen)) for surface in backdrop.surfaces)
    return Scene(stage.height, stage.width, backgrounds, tuple(objects), stage.focal_length)
