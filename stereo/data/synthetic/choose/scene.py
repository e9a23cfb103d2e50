"""Choosing a scene: backgrounds, and objects before them, in the style of a preset."""

from dataclasses import replace

from numpy.random import Generator

from stereo.config import SyntheticConfig
from stereo.data.synthetic.choose.backdrop import choose_backdrop
from stereo.data.synthetic.choose.extras import choose_extras
from stereo.data.synthetic.choose.furniture import choose_furniture
from stereo.data.synthetic.choose.objects import ObjectChooser
from stereo.data.synthetic.choose.stage import choose_stage
from stereo.data.synthetic.choose.style import choose_style
from stereo.data.synthetic.choose.textures import choose_texture, with_faces
from stereo.data.synthetic.scene.scene import Background, Scene, SceneObject


def choose_scene(rng: Generator, extras: Generator, config: SyntheticConfig) -> Scene:
    """Return a random scene, without light and with plain materials.

    rng: Chooses all but the thin things and the foliage, which `extras` chooses.
    """
    style = choose_style(rng, config)
    stage = choose_stage(rng, config, style)
    backdrop = choose_backdrop(rng, stage, style)
    chooser = ObjectChooser(rng, config, style, stage, backdrop)
    objects: list[SceneObject] = []
    # Centers are shares of the view. Some objects crowd around a few of them.
    clusters = rng.uniform(-0.05, 1.05, (int(rng.integers(1, 5)), 2))
    clustered = rng.random() * 0.8
    fewest, most = style.count or (config.min_objects, config.max_objects)
    for _ in range(int(rng.integers(fewest, most + 1))):
        center = rng.uniform(-0.05, 1.05, 2)
        if rng.random() < clustered:
            center = clusters[rng.integers(len(clusters))] + rng.normal(0, 0.13, 2)
        objects.append(chooser.choose(center, objects[-1] if objects else None))
    if style.furniture > 0 and backdrop.floor is not None:
        for _ in range(rng.poisson(style.furniture)):
            objects += choose_furniture(rng, config, style, stage, backdrop)
    objects += choose_extras(extras, config, stage, backdrop)
    objects.sort(key=lambda layer: layer.middle_disparity)
    seen = (0.0, 0.0, stage.width + stage.near, float(stage.height))  # by either view
    backgrounds = [
        Background(surface, with_faces(rng, choose_texture(rng, config, seen, style.wall_looks), surface))
        for surface in backdrop.surfaces
    ]
    if backdrop.windows is not None:
        backgrounds[-1] = replace(backgrounds[-1], outline=backdrop.windows)
    return Scene(stage.height, stage.width, tuple(backgrounds), tuple(objects), stage.focal_length)
