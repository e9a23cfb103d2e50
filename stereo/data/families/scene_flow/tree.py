"""What was found of Scene Flow, set by set."""

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from stereo.data.families.scene_flow.names import (
    EXPECTED,
    FRAMES,
    Frames,
    Place,
    Rendering,
    SetName,
    Split,
    is_set_or_half,
)
from stereo.data.pairs import PairFiles, count_pairs


@dataclass
class Tree:
    """The pairs of one set, split and rendering, below one folder of frames.

    is_sample: sample frames, of which there is no complete number. incomplete: pairs with a `problem`.
    unused: disparity maps without views.
    """

    set_name: SetName
    split: Split
    rendering: Rendering
    layout: str
    frames: Path
    is_sample: bool = False
    pairs: list[PairFiles] = field(default_factory=list)
    incomplete: list[PairFiles] = field(default_factory=list)
    unused: int = 0

    def describe(self) -> str:
        """Return one line: what it is, where it lies, and how many of its pairs are there."""
        count = count_pairs(len(self.pairs))
        expected = EXPECTED.get((self.set_name, self.split))
        if expected is not None and not self.is_sample:
            count += ", complete" if len(self.pairs) == expected else f" of {expected:,}"
        return f"{self.set_name} {self.split} {self.rendering}, layout {self.layout}, {self.frames}: {count}"

    def parts(self) -> Counter[str]:
        """Return the number of pairs by part: A, B and C of FlyingThings3D; 15mm and 35mm of Driving."""
        place = {"FlyingThings3D": 3, "Driving": 2}.get(self.set_name)  # in scene_flow/FlyingThings3D/TRAIN/A/0000/0006
        if place is None or self.is_sample:
            return Counter()
        return Counter(pair.name.split("/")[place].removesuffix("_focallength") for pair in self.pairs)

    def all_pairs(self) -> list[PairFiles]:
        """Return all pairs, complete or not, sorted by name."""
        return sorted([*self.pairs, *self.incomplete], key=lambda pair: pair.name)


@dataclass
class Found:
    """What lies below a folder.

    trees: the training half first, then by set. unrecognized: one line for each folder of frames with views of which
    nothing tells what they are.
    """

    trees: list[Tree] = field(default_factory=list)
    unrecognized: list[str] = field(default_factory=list)


def name_of_layout(folder: str, frames: Frames, places: dict[str, Place | None], is_beside: bool) -> str:
    """Return the name of the arrangement that a folder of frames is part of.

    places: what each folder of views in it holds, by its path in it. is_beside: the disparity lies beside the frames.
    """
    above = os.path.dirname(os.path.abspath(folder))
    known = {inside: place for inside, place in places.items() if place is not None}
    if frames.kind == "rgb":
        layout = "Sampler"
    elif frames.kind == "image":
        layout = "subset"
    elif any(place.is_sample for place in known.values()):
        layout = "sample frames"
    elif frames.prefix or os.path.isdir(os.path.join(above, "frames_disparity")):
        layout = "PSMNet"
    elif any(
        place.set_name != "FlyingThings3D" and is_set_or_half(inside.split("/")[0]) for inside, place in known.items()
    ):
        layout = "GwcNet"
    elif len({place.set_name for place in known.values()}) > 1:
        layout = "original, all sets in one folder"
    else:
        layout = "torchvision" if os.path.basename(os.path.dirname(above)) == "SceneFlow" else "original"
    nested = not is_beside or FRAMES.fullmatch(os.path.basename(above)) is not None
    return f"{layout}, archives in folders of their own" if nested else layout


def not_recognized(folder: str, insides: list[str]) -> str:
    """Return what is said of folders of views, by their paths in a folder of frames, of which nothing tells the set."""
    count = f"{len(insides):,} folder{'s' * (len(insides) > 1)} of views"
    return (
        f"{folder}: {count} not recognized, and not used: {insides[0] or 'left and right in it'}"
        + " …" * (len(insides) > 1)
        + "; expected in it TRAIN/A/0000 or TEST/A/0000 (FlyingThings3D), a scene of Monkaa or 15mm_focallength/… "
        "(Driving), and for sample frames the set's name above it: rename the folders so"
    )
