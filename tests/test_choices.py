"""Every choice of the schema has its entry in the dictionary that the code looks it up in."""

from collections.abc import Collection, Iterator
from dataclasses import is_dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from stereo.config import PRESETS, Config
from stereo.data.datasets import BUILDERS
from stereo.data.synthetic.choose.style import STYLES
from stereo.model.aggregation.build import AGGREGATIONS
from stereo.model.aggregation.hourglass import CONVOLUTIONS
from stereo.model.attention import IMPLEMENTATIONS, KINDS, EfficientAttention
from stereo.model.attention.placement import PLACEMENTS
from stereo.model.attention.positions import OVER, POSITION_CODES
from stereo.model.attention.streaming import PASSES
from stereo.model.cost_volume import COST_VOLUMES
from stereo.model.features.build import FEATURES
from stereo.model.guidance import GUIDANCE
from stereo.model.refinement.bodies import BODIES
from stereo.model.refinement.evidence import EVIDENCE, MATCHINGS
from stereo.model.regression import ESTIMATES, UPSAMPLINGS
from stereo.training.losses import LOSSES
from stereo.training.schedule import SCHEDULES

# Of each setting with choices: where they are looked up, and the choices that stand for "nothing to look up".
LOOKED_UP: dict[str, tuple[Collection[str], set[str]]] = {
    "preset": (PRESETS, set()),
    "model.features.kind": (FEATURES, set()),
    "model.cost_volume.kind": (COST_VOLUMES, set()),
    "model.aggregation.kind": (AGGREGATIONS, set()),
    "model.aggregation.convolutions": (CONVOLUTIONS, set()),
    "model.aggregation.guidance": (GUIDANCE, set()),
    "model.attention.kind": (KINDS, {"none", "pointwise"}),
    "model.attention.over": (OVER, set()),
    "model.attention.position": (POSITION_CODES, set()),
    "model.attention.placement": (PLACEMENTS, set()),
    "model.view_attention.kind": (KINDS, {"none"}),
    "model.view_attention.position": (POSITION_CODES, set()),
    "model.attention.normalization": (PASSES.keys() & EfficientAttention.normalizations.keys(), set()),
    "model.attention.implementation": (IMPLEMENTATIONS, set()),
    "model.regression.upsampling": (UPSAMPLINGS, set()),
    "model.regression.estimate": (ESTIMATES, set()),
    "model.refinement.kind": (EVIDENCE, {"none"}),
    "model.refinement.matching": (MATCHINGS, set()),
    "model.refinement.body": (BODIES, set()),
    "loss.kind": (LOSSES, set()),
    "optimizer.schedule": (SCHEDULES, set()),
    "data.train.family": (BUILDERS, set()),
    "data.train.synthetic.preset": (STYLES, {"mixed", "broad"}),
}
# Switches with two or three values that one line of code reads, each by name.
SWITCHES = {
    "data.train.half",
    "data.train.split",
    "data.train.rendering",
    "data.train.negative_disparity",
    "training.precision",
    "model.normalization",
    "training.initial_trunk",
    "model.attention.sites",
}


def choices(schema: Any, key: str = "") -> Iterator[tuple[str, tuple[str, ...]]]:
    """The settings that take one of some names, with these names."""
    for name, kind in get_type_hints(schema).items():
        full = f"{key}.{name}".lstrip(".")
        if full in ("data.validation", "data.mix", "data.also_validate"):
            continue  # of the same type as data.train
        for option in (kind, *get_args(kind)):
            if get_origin(option) is Literal:
                yield full, get_args(option)
            elif is_dataclass(option):
                yield from choices(option, full)


CHOICES = dict(choices(Config))


def test_the_table_knows_every_setting_with_choices() -> None:
    assert set(CHOICES) == set(LOOKED_UP) | SWITCHES


@pytest.mark.parametrize("setting", LOOKED_UP)
def test_every_choice_is_looked_up(setting: str) -> None:
    entries, nothing = LOOKED_UP[setting]
    assert set(CHOICES[setting]) == set(entries) | nothing
