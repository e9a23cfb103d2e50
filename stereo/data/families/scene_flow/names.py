"""What the names of Scene Flow's folders tell: the set, the half and the rendering of the frames in them.

What lies below a folder of frames tells what it holds: clips below TRAIN/A, B and C (or TEST) are FlyingThings3D, those
below 15mm_focallength are Driving, and Monkaa's scenes have names that are known. Frames that lie in no clip are sample
frames, of the set that a folder above them names. What none of this tells is not recognized, rather than taken for
another set.
"""

import os
import re
from typing import Literal, NamedTuple

Split = Literal["train", "test"]
Rendering = Literal["cleanpass", "finalpass"]
SetName = Literal["FlyingThings3D", "Monkaa", "Driving", "FlyingThings3D_subset"]

SETS: tuple[SetName, ...] = ("FlyingThings3D", "Monkaa", "Driving", "FlyingThings3D_subset")
# Pairs in the complete release. Source: Mayer et al. (2016), table 1, as every published evaluation counts them; those
# of FlyingThings3D's test half by its three parts.
EXPECTED: dict[tuple[SetName, Split], int] = {
    ("FlyingThings3D", "train"): 22_390,
    ("Monkaa", "train"): 8_664,
    ("Driving", "train"): 4_400,
    ("FlyingThings3D", "test"): 4_370,
}
EXPECTED_TEST_PARTS = {"A": 1_440, "B": 1_470, "C": 1_460}

_SET_WORDS: dict[str, SetName] = {
    "flyingthings3d_subset": "FlyingThings3D_subset",
    "flyingthings3d": "FlyingThings3D",
    "flyingthings": "FlyingThings3D",
    "flying": "FlyingThings3D",
    "monkaa": "Monkaa",
    "driving": "Driving",
}
_SET = f"({'|'.join(_SET_WORDS)})"
# Folders of frames: frames_cleanpass, RGB_cleanpass (sample frames), image_clean (the subset); before it the set's
# name, as in monkaa_frames_cleanpass, or in flyingthings3d__frames_cleanpass, which is an archive's own name.
FRAMES = re.compile(rf"(?:{_SET}[_-]+)?(frames|RGB|image)_(clean|final)(?:pass)?(?:_webp)?", re.IGNORECASE)
DISPARITY = re.compile(rf"(?:{_SET}[_-]+)?(?:frames_)?disparity", re.IGNORECASE)
_NAMES_A_SET = re.compile(rf"{_SET}(?:[_-]+(?:sample|release|frames|RGB|image|disparity).*)?", re.IGNORECASE)
# Words in the names of the folders that lie beside the frames: the disparity, and what is not read here.
_BESIDE_FRAMES = ("disparity", "optical_flow", "motion_boundaries", "object_index", "material_index", "camera_data")

_HALVES: dict[str, Split] = {"train": "train", "test": "test"}
_HALVES_OF_SUBSET: dict[str, Split] = {"train": "train", "val": "test"}
_FOCAL_LENGTH = re.compile(r"\d+mm_focallength", re.IGNORECASE)
_MONKAA = re.compile(
    r"(?:a_rain_of_stones|eating|family|flower_storm|funnyworld|lonetree|top_view|treeflight)(?:_\w+)?_x2",
    re.IGNORECASE,
)
# How far above a folder the name of its set is looked for: FlyingThings3D_subset/train/image_clean.
_ABOVE = 4


class Frames(NamedTuple):
    """What the name of a folder of frames, and those above it, tell.

    prefix: before `frames`, as written. kind: frames, rgb or image. half: of the subset alone.
    """

    prefix: str
    kind: str
    rendering: Rendering
    set_name: SetName | None
    half: str


class Place(NamedTuple):
    """What a folder of views holds. name: of its samples, without the frame's number. is_sample: no clip of a set."""

    set_name: SetName
    split: Split
    name: str
    is_sample: bool = False


def is_part(name: str) -> bool:
    """Return whether a folder of this name, beside frames of Scene Flow, belongs to them."""
    return FRAMES.fullmatch(name) is not None or any(word in name.lower() for word in _BESIDE_FRAMES)


def is_set_or_half(name: str) -> bool:
    """Return whether a folder's name is that of a set or of a half."""
    return name.lower() in _SET_WORDS.keys() | _HALVES.keys() | _HALVES_OF_SUBSET.keys()


def named_set(folder: str) -> SetName | None:
    """Return the set that the folder's own name, or that of one not far above it, tells."""
    for name in reversed(os.path.abspath(folder).split(os.sep)[-_ABOVE:]):
        match = _NAMES_A_SET.fullmatch(name)
        if match is not None:
            return _SET_WORDS[match[1].lower()]
    return None


def frames_of(folder: str) -> Frames:
    """Return what is known of a folder whose name :data:`FRAMES` matches."""
    match = FRAMES.fullmatch(os.path.basename(folder))
    assert match is not None
    above = os.path.basename(os.path.dirname(os.path.abspath(folder))).lower()
    kind = match[2].lower()
    half = above if kind == "image" and above in _HALVES_OF_SUBSET else ""
    rendering: Rendering = "finalpass" if match[3].lower() == "final" else "cleanpass"
    return Frames(match[0][: match.start(2)], kind, rendering, named_set(folder), half)


def place_of(inside: str, frames: Frames) -> Place | None:
    """Return what a folder of views holds, by its path below the folder of frames; None where nothing tells."""
    rest = [part for part in inside.split("/") if part]
    if frames.kind == "image":
        if rest or not frames.half:
            return None
        return Place("FlyingThings3D_subset", _HALVES_OF_SUBSET[frames.half], f"FlyingThings3D_subset/{frames.half}")
    named, half = frames.set_name, ""
    while rest and is_set_or_half(rest[0]):
        word = rest.pop(0).lower()
        if word in _HALVES:
            half = word
        else:
            named = _SET_WORDS.get(word, named)
    if not rest:
        name = f"{named}/{half.upper()}" if half else str(named)
        return None if named is None else Place(named, _HALVES.get(half, "test"), name, is_sample=True)
    if rest[0].upper() in ("A", "B", "C"):
        name = "/".join(["FlyingThings3D", half.upper(), rest[0].upper(), *rest[1:]])
        return Place("FlyingThings3D", _HALVES[half], name) if half else None
    if half == "test":
        return None
    if _FOCAL_LENGTH.fullmatch(rest[0]):
        return Place("Driving", "train", "/".join(["Driving", *rest]))
    if len(rest) == 1 and (named == "Monkaa" or _MONKAA.fullmatch(rest[0])):
        return Place("Monkaa", "train", f"Monkaa/{rest[0]}")
    return None
