"""Where the files of Scene Flow lie: finding those that are there, and writing pairs in the same layout.

What lies below a folder of frames tells what it holds, and its place does not: clips under A, B and C are
FlyingThings3D, those below `…mm_focallength` are Driving, other clips are Monkaa. So these arrangements, and mixtures
of them, need no setting:

    original      FlyingThings3D/frames_cleanpass/TRAIN/A/0000/left     FlyingThings3D/disparity/TRAIN/A/0000/left
    torchvision   the same, below SceneFlow/
    PSMNet        frames_cleanpass/TRAIN/A/0000/left                    frames_disparity/TRAIN/A/0000/left
                  monkaa_frames_cleanpass/SCENE/left                    monkaa_disparity/SCENE/left
    GwcNet        frames_finalpass/TRAIN/SCENE/left                     disparity/TRAIN/SCENE/left
    Sampler       FlyingThings3D/RGB_cleanpass/left                     FlyingThings3D/disparity

A sample's name is the same in all of them: scene_flow/FlyingThings3D/TRAIN/A/0000/0006. What is written is the
original layout.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

import numpy as np

from stereo.data.families.folders import no_partner, subfolders
from stereo.data.formats import write_image, write_pfm
from stereo.data.pairs import PairFiles, count_pairs
from stereo.data.sample import StereoSample
from stereo.errors import DataError, OutputError

Split = Literal["train", "test"]
Rendering = Literal["cleanpass", "finalpass"]

SETS = ("FlyingThings3D", "Monkaa", "Driving")
# Pairs in the complete release. Source: Mayer et al. (2016), table 1, as every published evaluation counts them; those
# of FlyingThings3D's test half by its three parts.
EXPECTED = {
    ("FlyingThings3D", "train"): 22_390,
    ("Monkaa", "train"): 8_664,
    ("Driving", "train"): 4_400,
    ("FlyingThings3D", "test"): 4_370,
}
EXPECTED_TEST_PARTS = {"A": 1_440, "B": 1_470, "C": 1_460}

_FRAMES = re.compile(r"(?:(flyingthings3d|monkaa|driving)_+)?(frames|RGB)_(cleanpass|finalpass)(_webp)?", re.IGNORECASE)
# Words in the names of the folders that lie beside the frames: the disparity, and what is not read here.
_BESIDE_FRAMES = ("disparity", "optical_flow", "motion_boundaries", "object_index", "material_index", "camera_data")
_SUFFIXES = (".png", ".webp")  # in this order: a converted copy beside an original is not a second pair
# SceneFlow/FlyingThings3D/frames_cleanpass; below it, Driving nests deepest: TRAIN/15mm_focallength/scene/fast/left.
_DEPTH_TO_FRAMES, _DEPTH_TO_CLIPS = 3, 5


@dataclass
class Tree:
    """The pairs of one set, split and rendering, below one folder of frames.

    problems: one line for each pair that is not complete, and why. unused: disparity maps without views.
    """

    set_name: str
    split: Split
    rendering: Rendering
    layout: str
    frames: Path
    pairs: list[PairFiles] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    unused: int = 0

    def describe(self) -> str:
        """Return one line: what it is, where it lies, and how many of its pairs are there."""
        count = count_pairs(len(self.pairs))
        if self.layout != "Sampler":
            expected = EXPECTED[self.set_name, self.split]
            count += ", complete" if len(self.pairs) == expected else f" of {expected:,}"
        return f"{self.set_name} {self.split} {self.rendering}, layout {self.layout}, {self.frames}: {count}"

    def parts(self) -> Counter[str]:
        """Return the number of pairs by part: A, B and C of FlyingThings3D; 15mm and 35mm of Driving."""
        if self.set_name == "Monkaa" or self.layout == "Sampler":
            return Counter()
        place = 3 if self.set_name == "FlyingThings3D" else 2  # in scene_flow/FlyingThings3D/TRAIN/A/0000/0006
        return Counter(pair.name.split("/")[place].removesuffix("_focallength") for pair in self.pairs)


def find_trees(root: Path, load_right_disparity: bool = False, depth: int = _DEPTH_TO_FRAMES) -> list[Tree]:
    """Return everything of Scene Flow below a folder, complete or not: the training half first, then by set.

    Args:
        load_right_disparity: Note the files of the right view's disparity too.
        depth: How far below the folder the frames may lie. 1: in the folder itself.
    """
    trees: dict[tuple[Path, str, Split], Tree] = {}
    seen: set[tuple[str, str]] = set()
    for frames in _frames_folders(root, depth):
        match = _FRAMES.fullmatch(frames.name)
        assert match is not None
        clips = list(_clips(frames))
        layout = _layout(frames, match, clips)
        truth = _truth_folder(frames, match)
        for clip in clips:
            rendering: Rendering = "finalpass" if match[3].lower() == "finalpass" else "cleanpass"
            new = Tree(clip.set_name, clip.split, rendering, layout, frames)
            tree = trees.setdefault((frames, clip.set_name, clip.split), new)
            _collect(tree, clip, frames, truth, seen, load_right_disparity)
    for tree in trees.values():
        tree.pairs.sort(key=lambda pair: pair.name)
    found = [tree for tree in trees.values() if tree.pairs or tree.problems]
    return sorted(found, key=lambda tree: (tree.split == "test", SETS.index(tree.set_name), tree.rendering))


def is_part(name: str) -> bool:
    """Return whether a folder of this name, beside frames of Scene Flow, belongs to them."""
    return _FRAMES.fullmatch(name) is not None or any(word in name for word in _BESIDE_FRAMES)


def _frames_folders(root: Path, depth: int) -> list[Path]:
    """Return all folders of frames, PNG before WebP."""
    found: list[Path] = []

    def search(folder: Path, depth: int) -> None:
        for name in subfolders(folder):
            if _FRAMES.fullmatch(name):
                found.append(folder / name)
            elif depth > 1 and "disparity" not in name:
                search(folder / name, depth - 1)

    search(root, depth)
    return sorted(found, key=lambda folder: folder.name.endswith("_webp"))


class _Clip(NamedTuple):
    set_name: str
    split: Split
    inside: Path  # below the folder of frames
    name: str  # of its samples, without the frame's number


def _clips(frames: Path) -> Iterator[_Clip]:
    for inside in _folders_of_views(frames, Path(), _DEPTH_TO_CLIPS):
        parts = inside.parts
        half = parts[0].lower() if parts and parts[0] in ("TRAIN", "TEST") else ""
        rest = parts[1:] if half else parts
        split: Split = "test" if half == "test" else "train"
        if not rest:  # the Sampler: its sets are told apart by their folders' names alone
            yield _Clip(_named_set(frames), "test", inside, "")
        elif half and rest[0] in ("A", "B", "C"):
            yield _Clip("FlyingThings3D", split, inside, "/".join(parts))
        elif rest[0].endswith("mm_focallength"):
            yield _Clip("Driving", "train", inside, "/".join(rest))
        else:
            yield _Clip("Monkaa", "train", inside, "/".join(rest))


def _folders_of_views(frames: Path, inside: Path, depth: int) -> Iterator[Path]:
    """Yield the folders that hold `left` or `right`. Those two are not looked into: they hold thousands of files."""
    names = subfolders(frames / inside)
    if "left" in names or "right" in names:
        yield inside
    elif depth > 0:
        for name in names:
            yield from _folders_of_views(frames, inside / name, depth - 1)


def _named_set(frames: Path) -> str:
    name = os.path.basename(os.path.abspath(frames.parent)).lower()
    return next((known for known in ("Monkaa", "Driving") if known.lower() in name), "FlyingThings3D")


def _layout(frames: Path, match: re.Match[str], clips: list[_Clip]) -> str:
    if match[2].upper() == "RGB":
        return "Sampler"
    if match[1] or (frames.parent / "frames_disparity").is_dir():
        return "PSMNet"
    if any(clip.set_name != "FlyingThings3D" and clip.inside.parts[0] in ("TRAIN", "TEST") for clip in clips):
        return "GwcNet"
    if len({clip.set_name for clip in clips}) > 1:
        return "original, all sets in one folder"
    above = os.path.basename(os.path.dirname(os.path.abspath(frames.parent)))
    return "torchvision" if above == "SceneFlow" else "original"


def _truth_folder(frames: Path, match: re.Match[str]) -> Path:
    """Return the folder of the disparity maps beside a folder of frames; if there is none, where it should be."""
    prefix = frames.name[: match.start(2)]
    names = [f"{prefix}disparity"] if prefix else ["frames_disparity", "disparity"]
    return next((frames.parent / name for name in names if (frames.parent / name).is_dir()), frames.parent / names[-1])


def _collect(
    tree: Tree, clip: _Clip, frames: Path, truth: Path, seen: set[tuple[str, str]], load_right_disparity: bool
) -> None:
    """Add the pairs of one clip to a tree: left and right view and disparity of one name."""
    folder = frames / clip.inside
    left, right = (_files(folder / side, _SUFFIXES) for side in ("left", "right"))
    # The Sampler has the left view's disparity alone, and no folder for the side.
    truth_clip = truth / clip.inside
    truth_left = truth_clip / "left" if (truth_clip / "left").is_dir() or clip.inside.parts else truth_clip
    disparity = _files(truth_left, (".pfm",))
    disparity_right = _files(truth_clip / "right", (".pfm",)) if load_right_disparity else {}
    tree.unused += len(disparity.keys() - left.keys() - right.keys())
    for stem in sorted(left.keys() | right.keys()):
        name = str(PurePosixPath("scene_flow", tree.set_name, clip.name, stem))
        if (name, tree.rendering) in seen:
            continue
        seen.add((name, tree.rendering))
        there = left.get(stem) or right.get(stem)
        assert there is not None
        if stem not in left or stem not in right:
            side = "right" if stem in left else "left"
            tree.problems.append(no_partner(folder / side / there.name, there, f"the {side} view"))
        elif stem not in disparity:
            if not truth.is_dir():
                problem = (
                    f"{there}: has no ground truth: there is no folder {truth}; unpack the archive 'Disparity' beside "
                    f"{frames.name}"
                )
            else:
                problem = no_partner(truth_left / f"{stem}.pfm", there, "the disparity")
            tree.problems.append(problem)
        else:
            tree.pairs.append(
                PairFiles(name, left[stem], right[stem], disparity[stem], disparity_right=disparity_right.get(stem))
            )


def _files(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    """Return the files of a folder by their names without suffix, of the first suffix that is there at all."""
    found: dict[str, dict[str, Path]] = {suffix: {} for suffix in suffixes}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                stem, suffix = os.path.splitext(entry.name)
                if suffix in found:
                    found[suffix][stem] = folder / entry.name
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed: {error.strerror}; check that you may read it") from None
    return next((files for files in found.values() if files), {})


def refuse_frames(root: Path) -> None:
    """Raise DataError if a folder lies within the frames of Scene Flow, so that no disparity map lies below it."""
    absolute = Path(os.path.abspath(root))
    above = next((folder for folder in (absolute, *absolute.parents) if _FRAMES.fullmatch(folder.name)), None)
    if above is not None:
        raise DataError(
            f"{root}: lies within the frames themselves, and the disparity maps lie beside those; expected the folder "
            f"that holds both: {above.parent}"
        )


# ----------------------------------------------------------------------------------------------------------- writing

# Pairs that are written are ten frames to a clip, and clips under A, B and C in turn; frames count as FlyingThings3D's.
_FRAMES_PER_CLIP, _FIRST_FRAME = 10, 6


class PairPaths(NamedTuple):
    """The files of one pair that is written."""

    left: Path
    right: Path
    disparity: Path
    disparity_right: Path


def pair_paths(folder: Path, split: Split, index: int) -> PairPaths:
    """Return where pair `index` of a split is written: in FlyingThings3D, cleanpass."""
    number, frame = divmod(index, _FRAMES_PER_CLIP)
    clip = Path(split.upper(), "ABC"[number % 3], f"{number // 3:04d}")
    stem = f"{_FIRST_FRAME + frame:04d}"
    frames = folder / "FlyingThings3D" / "frames_cleanpass" / clip
    disparity = folder / "FlyingThings3D" / "disparity" / clip
    return PairPaths(
        frames / "left" / f"{stem}.png",
        frames / "right" / f"{stem}.png",
        disparity / "left" / f"{stem}.pfm",
        disparity / "right" / f"{stem}.pfm",
    )


def write_pair(sample: StereoSample, paths: PairPaths) -> None:
    """Write the views and the disparities of a pair. Raises: OutputError; DataError without ground truth."""
    truth = sample.require_truth("Scene Flow")
    for path in paths:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{path.parent}: cannot be created: {error.strerror}") from None
    write_pfm(paths.disparity, np.where(truth.valid, truth.disparity, np.float32(np.inf)))
    if truth.disparity_right is not None:
        write_pfm(paths.disparity_right, truth.disparity_right)
    write_image(paths.right, sample.right)
    # Last: a loader looks for left images and expects the rest of the pair beside them.
    write_image(paths.left, sample.left)
