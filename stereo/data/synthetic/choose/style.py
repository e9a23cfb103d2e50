"""Style: what the scenes of a preset are made of."""

from bisect import bisect
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import TypeVar, cast

from numpy.random import Generator

from stereo.config import SceneStyle, SyntheticConfig
from stereo.data.synthetic.assets.shapes import SHAPES

Name = TypeVar("Name")


@dataclass(frozen=True)
class Style:
    """What the scenes of a preset are made of. Pairs are ranges of uniform distributions; dicts are names and weights.

    near: The nearest disparity of a scene, as a share of max_disparity, unless the settings have `nearest_from`.
    far: The background's disparity, as a share of the nearest one.
    backgrounds: wall, ground (a wall behind a floor), room (with side walls), interior (a box seen from within, with
        windows), tabletop (seen from above), road (a floor that reaches to the horizon).
    forms: fronto_parallel, slanted, curved and folded surfaces of any shape; block (a box with up to three faces);
        ball; upright and lying cylinders.
    shapes: Of outlines; the names of assets.shapes.SHAPES.
    standing: Share of objects that stand on the background, where it is a floor.
    depth: a and b of the beta distribution of the other objects, from the background to the nearest disparity.
    perspective: True: objects have similar sizes in space, and their size in the view follows from their distance.
    count: Numbers of objects, both included; None: those of the settings.
    sizes: Of objects, log-uniform, as shares of the view's smaller side; None: from 0.06 to 0.65, a few of them large.
    wall_looks, object_looks: What surfaces show: names of assets.patterns.PATTERNS, or `any` of these and photographs.
        Empty: any.
    furniture: Mean number of pieces of furniture: tables, chairs, shelves.
    """

    near: tuple[float, float] = (0.15, 1.0)
    far: tuple[float, float] = (0.02, 0.35)
    backgrounds: dict[str, float] = field(default_factory=dict)
    forms: dict[str, float] = field(default_factory=dict)
    shapes: dict[str, float] = field(default_factory=lambda: {name: weight for name, (weight, _) in SHAPES.items()})
    standing: float = 0.0
    depth: tuple[float, float] = (1.1, 1.7)
    perspective: bool = False
    count: tuple[int, int] | None = None
    sizes: tuple[float, float] | None = None
    wall_looks: dict[str, float] = field(default_factory=dict)
    object_looks: dict[str, float] = field(default_factory=dict)
    furniture: float = 0.0


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

_DRIVING = replace(
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
)

STYLES: dict[SceneStyle, Style] = {
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
    "driving": _DRIVING,
    # Plain walls up to the borders of the view, corners, windows, furniture, and things on floors and table tops.
    "rooms": replace(
        _FLYING,
        near=(0.3, 1.0),
        far=(0.1, 0.6),
        backgrounds={"interior": 0.75, "tabletop": 0.25},
        forms=_FLYING.forms | {"fronto_parallel": 0.12, "folded": 0.05, "block": 0.35, "ball": 0.05, "upright": 0.08},
        shapes=_FLYING.shapes | {"frame": 0.1, "bars": 0.12, "lattice": 0.06, "shelves": 0.08, "grille": 0.06},
        standing=0.7,
        wall_looks={"paint": 0.5, "flat": 0.1, "repeated": 0.15, "any": 0.25},
        object_looks={"any": 0.6, "paint": 0.15, "flat": 0.1, "repeated": 0.15},
        furniture=1.2,
    ),
    # Very many small things in mid-air.
    "dense": replace(
        _FLYING,
        count=(100, 200),
        sizes=(0.02, 0.16),
        forms=_FLYING.forms | {"fronto_parallel": 0.3, "slanted": 0.36, "curved": 0.16, "folded": 0.04, "block": 0.06},
        standing=0.0,
        wall_looks={"any": 0.8, "paint": 0.2},
        object_looks={"any": 1.0},
    ),
    # A road or an open floor below the sky, with thin and repeated things on it.
    "terrain": replace(
        _DRIVING,
        backgrounds={"road": 0.7, "ground": 0.3},
        shapes=_DRIVING.shapes | {"poles": 0.08, "grille": 0.06, "foliage": 0.12, "branches": 0.08},
        wall_looks={"any": 0.7, "flat": 0.1, "paint": 0.1, "repeated": 0.1},
        object_looks={"any": 0.75, "flat": 0.1, "repeated": 0.15},
    ),
}

# In equal parts.
BROAD: dict[str, Style] = {
    "rooms": STYLES["rooms"],
    "dense": STYLES["dense"],
    "terrain": STYLES["terrain"],
    "tabletop": replace(
        STYLES["tabletop"],
        wall_looks={"any": 0.6, "paint": 0.25, "repeated": 0.15},
        object_looks={"any": 0.8, "flat": 0.1, "repeated": 0.1},
    ),
}


def choose_style(rng: Generator, config: SyntheticConfig) -> Style:
    """Return the style of one scene: that of the preset or, for `mixed` and `broad`, one of several."""
    if config.preset == "mixed":
        return STYLES[cast(SceneStyle, pick(rng, config.mixture))]
    if config.preset == "broad":
        return BROAD[pick(rng, dict.fromkeys(BROAD, 1.0))]
    return STYLES[config.preset]


def pick(rng: Generator, weights: Mapping[Name, float]) -> Name:
    """Return one of the names, by their weights: as rng.choice with p, but faster."""
    sums = list(accumulate(weights.values()))
    return list(weights)[min(bisect(sums, rng.random() * sums[-1]), len(sums) - 1)]
