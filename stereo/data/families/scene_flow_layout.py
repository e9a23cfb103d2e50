"""Where the files of Scene Flow lie: finding those that are there, whichever way they were unpacked.

These arrangements, and mixtures of them, need no setting:

    original      FlyingThings3D/frames_cleanpass/TRAIN/A/0000/left     FlyingThings3D/disparity/TRAIN/A/0000/left
    torchvision   the same, below SceneFlow/
    PSMNet        frames_cleanpass/TRAIN/A/0000/left                    frames_disparity/TRAIN/A/0000/left
                  monkaa_frames_cleanpass/SCENE/left                    monkaa_disparity/SCENE/left
    GwcNet        frames_finalpass/TRAIN/SCENE/left                     disparity/TRAIN/SCENE/left
    Sampler       FlyingThings3D/RGB_cleanpass/left                     FlyingThings3D/disparity
    subset        FlyingThings3D_subset/train/image_clean/left          FlyingThings3D_subset/train/disparity/left

Each archive may lie in a folder of its own, and folders within folders of the same name. A sample's name is the same in
all of them: scene_flow/FlyingThings3D/TRAIN/A/0000/0006.
"""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from stereo.data.families.folders import subfolders
from stereo.data.families.scene_flow_names import (
    EXPECTED,
    FRAMES,
    SETS,
    Frames,
    Place,
    Rendering,
    SetName,
    Split,
    frames_of,
    is_part,
    is_set_or_half,
    place_of,
)
from stereo.data.families.scene_flow_pairs import collect
from stereo.data.families.scene_flow_truth import find_disparity
from stereo.data.pairs import PairFiles, count_pairs
from stereo.errors import DataError

# data/SceneFlow/FlyingThings3D/frames_cleanpass; below it, Driving nests deepest:
# TRAIN/15mm_focallength/scene_forwards/fast/left.
_DEPTH_TO_FRAMES, _DEPTH_TO_CLIPS = 4, 5
# FlyingThings3D_subset_image_clean/FlyingThings3D_subset/train/image_clean.
_DEPTH_WITHIN_FRAMES = 3


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


def find_trees(
    root: Path, load_right_disparity: bool = False, depth: int = _DEPTH_TO_FRAMES, top: Path | None = None
) -> Found:
    """Return everything of Scene Flow below a folder, complete or not.

    Args:
        load_right_disparity: Note the files of the right view's disparity too.
        depth: How far below the folder the frames may lie. 1: in the folder itself.
        top: The folder below which the disparity may lie. None: the same.
    """
    trees: dict[tuple[str, str, Split, bool], Tree] = {}
    seen: set[tuple[str, str]] = set()
    unrecognized: dict[str, list[str]] = {}
    for folder in _frames_folders(str(root), depth):
        frames = frames_of(folder)
        places = {inside: place_of(inside, frames) for inside in _folders_of_views(folder, "", _DEPTH_TO_CLIPS)}
        disparity = find_disparity(Path(folder), top or root)
        layout = _layout(folder, frames, places, disparity.is_beside)
        for inside, place in places.items():
            if place is None:
                unrecognized.setdefault(folder, []).append(inside)
                continue
            new = Tree(place.set_name, place.split, frames.rendering, layout, Path(folder), place.is_sample)
            tree = trees.setdefault((folder, place.set_name, place.split, place.is_sample), new)
            pairs, unused = collect(place, folder, inside, disparity, load_right_disparity)
            tree.unused += unused
            for pair in pairs:
                if (pair.name, frames.rendering) not in seen:
                    seen.add((pair.name, frames.rendering))
                    (tree.pairs if pair.problem is None else tree.incomplete).append(pair)
    for tree in trees.values():
        tree.pairs.sort(key=lambda pair: pair.name)
    found = [tree for tree in trees.values() if tree.pairs or tree.incomplete]
    found.sort(key=lambda tree: (tree.split == "test", SETS.index(tree.set_name), tree.rendering))
    return Found(found, [_not_recognized(folder, insides) for folder, insides in unrecognized.items()])


def _frames_folders(root: str, depth: int) -> list[str]:
    """Return all folders of frames, PNG before WebP."""
    found: list[str] = []

    def search(folder: str, depth: int) -> None:
        for name in subfolders(Path(folder)):
            path = os.path.join(folder, name)
            if FRAMES.fullmatch(name):
                found.append(path)
                search_within(path, _DEPTH_WITHIN_FRAMES)
            elif depth > 1 and not is_part(name):
                search(path, depth - 1)

    def search_within(folder: str, depth: int) -> None:
        for name in subfolders(Path(folder)):
            path = os.path.join(folder, name)
            if FRAMES.fullmatch(name):
                found.append(path)
                search_within(path, depth)
            elif depth > 1 and is_set_or_half(name):
                search_within(path, depth - 1)

    search(root, depth)
    return sorted(found, key=lambda folder: folder.endswith("_webp"))


def _folders_of_views(frames: str, inside: str, depth: int) -> Iterator[str]:
    """Yield the folders that hold `left` or `right`. Those two are not looked into: they hold thousands of files."""
    names = subfolders(Path(frames, inside))
    if "left" in names or "right" in names:
        yield inside
    elif depth > 0:
        for name in names:
            if not FRAMES.fullmatch(name):  # it is a folder of frames by itself
                yield from _folders_of_views(frames, f"{inside}/{name}" if inside else name, depth - 1)


def _layout(folder: str, frames: Frames, places: dict[str, Place | None], is_beside: bool) -> str:
    """Return the arrangement's name, for what is said of it."""
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


def _not_recognized(folder: str, insides: list[str]) -> str:
    count = f"{len(insides):,} folder{'s' * (len(insides) > 1)} of views"
    return (
        f"{folder}: {count} not recognized, and not used: {insides[0] or 'left and right in it'}"
        + " …" * (len(insides) > 1)
        + "; expected in it TRAIN/A/0000 or TEST/A/0000 (FlyingThings3D), a scene of Monkaa or 15mm_focallength/… "
        "(Driving), and for sample frames the set's name above it: rename the folders so"
    )


def refuse_frames(root: Path) -> None:
    """Raise DataError if a folder lies within the frames of Scene Flow, so that no disparity map lies below it."""
    absolute = Path(os.path.abspath(root))
    above = next((folder for folder in (absolute, *absolute.parents) if FRAMES.fullmatch(folder.name)), None)
    if above is not None:
        raise DataError(
            f"{root}: lies within the frames themselves, and the disparity maps lie beside those; expected the folder "
            f"that holds both: {above.parent}"
        )
