"""Style: what the scenes of a preset are made of."""

from bisect import bisect
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import TypeVar

from numpy.random import Generator

from stereo.data.synthetic.assets.shapes import SHAPES

Name = TypeVar("Name")


@dataclass(frozen=True)
class Style:
    """What the scenes of a preset are made of. Pairs are ranges of uniform distributions; dicts are names and weights.

    near: The nearest disparity of a scene, as a share of max_disparity.
    far: The background's disparity, as a share of the nearest one.
    backgrounds: wall, ground (a wall behind a floor), room (with side walls), tabletop (seen from above), road (a floor
        that reaches to the horizon).
    forms: fronto_parallel, slanted, curved and folded surfaces of any shape; block (a box with up to three faces);
        ball; upright and lying cylinders.
    shapes: Of outlines; the names of assets.shapes.SHAPES.
    standing: Share of objects that stand on the background, where it is a floor.
    depth: a and b of the beta distribution of the other objects, from the background to the nearest disparity.
    perspective: True: objects have similar sizes in space, and their size in the view follows from their distance.
    """

    near: tuple[float, float] = (0.15, 1.0)
    far: tuple[float, float] = (0.02, 0.35)
    backgrounds: dict[str, float] = field(default_factory=dict)
    forms: dict[str, float] = field(default_factory=dict)
    shapes: dict[str, float] = field(default_factory=lambda: {name: weight for name, (weight, _) in SHAPES.items()})
    standing: float = 0.0
    depth: tuple[float, float] = (1.1, 1.7)
    perspective: bool = False


_FLYING = Style(
    backgrounds={"wall": 0.6, "ground": 0.2, "room": 0.2},
    forms={
        "fronto_parallel": 0.18,
        "slanted": 0.3,
        "curved": 0.28,
        "folded": 0.06,
        "block": 0.1,
        "ball": 0.05,
        "upright": 0.02,
        "lying": 0.01,
    },
    standing=0.2,
)

STYLES: dict[str, Style] = {
    # Things in mid-air before a far background, at all distances: as in FlyingThings3D.
    "flying": _FLYING,
    # Things standing on a table or before a wall, in a narrow range of distances: as in Middlebury.
    "tabletop": replace(
        _FLYING,
        near=(0.3, 1.0),
        far=(0.15, 0.6),
        backgrounds={"tabletop": 0.4, "wall": 0.25, "room": 0.2, "ground": 0.15},
        forms=_FLYING.forms | {"fronto_parallel": 0.12, "folded": 0.1, "block": 0.18, "ball": 0.07, "upright": 0.06},
        standing=0.6,
    ),
    # A road to the horizon with upright things on it, most of them far away: as in KITTI and Driving.
    "driving": replace(
        _FLYING,
        near=(0.3, 1.0),
        far=(0.0, 0.05),
        backgrounds={"road": 1.0},
        forms={"fronto_parallel": 0.2, "slanted": 0.25, "curved": 0.17, "block": 0.3, "upright": 0.08},
        shapes={
            "box": 0.28,
            "blob": 0.22,
            "bars": 0.15,
            "branches": 0.13,
            "islands": 0.08,
            "lattice": 0.05,
            "frame": 0.04,
            "polygon": 0.03,
            "letters": 0.02,
        },
        standing=0.9,
        perspective=True,
    ),
}


def choose_style(rng: Generator, preset: str, mixture: dict[str, float]) -> Style:
    """Return the style of one scene of a preset; for `mixed`, that of another preset, by these weights."""
    return STYLES[pick(rng, mixture)] if preset == "mixed" else STYLES[preset]


def pick(rng: Generator, weights: dict[Name, float]) -> Name:
    """Return one of the names, by their weights: as rng.choice with p, but faster."""
    sums = list(accumulate(weights.values()))
    return list(weights)[min(bisect(sums, rng.random() * sums[-1]), len(sums) - 1)]
