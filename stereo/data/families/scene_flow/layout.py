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
from collections.abc import Iterator
from pathlib import Path

from stereo.data.families.folders import subfolders
from stereo.data.families.scene_flow.names import (
    FRAMES,
    SETS,
    Split,
    frames_of,
    is_part,
    is_set_or_half,
    place_of,
)
from stereo.data.families.scene_flow.pairs import collect
from stereo.data.families.scene_flow.tree import Found, Tree, name_of_layout, not_recognized
from stereo.data.families.scene_flow.truth import find_disparity
from stereo.errors import DataError

# data/SceneFlow/FlyingThings3D/frames_cleanpass; below it, Driving nests deepest:
# TRAIN/15mm_focallength/scene_forwards/fast/left.
_DEPTH_TO_FRAMES, _DEPTH_TO_CLIPS = 4, 5
# FlyingThings3D_subset_image_clean/FlyingThings3D_subset/train/image_clean.
_DEPTH_WITHIN_FRAMES = 3


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
        layout = name_of_layout(folder, frames, places, disparity.is_beside)
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
    return Found(found, [not_recognized(folder, insides) for folder, insides in unrecognized.items()])


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


def refuse_frames(root: Path) -> None:
    """Raise DataError if a folder lies within the frames of Scene Flow, so that no disparity map lies below it."""
    absolute = Path(os.path.abspath(root))
    above = next((folder for folder in (absolute, *absolute.parents) if FRAMES.fullmatch(folder.name)), None)
    if above is not None:
        raise DataError(
            f"{root}: lies within the frames themselves, and the disparity maps lie beside those; expected the folder "
            f"that holds both: {above.parent}"
        )
