"""Falling Things (Tremblay et al., CVPR Workshops 2018): household objects that fall through rendered places.

Depth is a 16-bit PNG in tenths of a millimeter; _camera_settings.json, in the folder of each scene, has the focal
length. The cameras are 6 cm apart.
"""

import json
from pathlib import Path

from stereo.data.families.layout import Layout, PairPaths
from stereo.data.formats.encodings import from_depth, read_whole_numbers
from stereo.data.formats.faults import AGAIN
from stereo.data.formats.text import read_text
from stereo.data.sample import Calibration, Map, Mask
from stereo.errors import FormatError

_BASELINE = 0.06
_UNITS_PER_METER = 10_000


def _read_depth(path: Path) -> tuple[Map, Mask]:
    focal_length = _read_cameras(path.with_name("_camera_settings.json")).focal_length
    return from_depth(read_whole_numbers(path) / _UNITS_PER_METER, focal_length, _BASELINE)


def _read_calibration(path: Path, name: str) -> Calibration:
    return _read_cameras(path)


def _read_cameras(path: Path) -> Calibration:
    text = read_text(path, '"fx": 768.16')
    try:
        intrinsics = json.loads(text)["camera_settings"][0]["intrinsic_settings"]
        fx, fy, cx, cy = (float(intrinsics[key]) for key in ("fx", "fy", "cx", "cy"))
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        fx = fy = cx = cy = 0.0
    if not 0 < fx < float("inf"):
        raise FormatError(f"{path}: has no camera_settings with intrinsic_settings fx, fy, cx, cy, fx > 0; {AGAIN}")
    return Calibration(fx, _BASELINE, cx=cx, cy=cy, focal_length_y=fy if fy != fx else None)


LAYOUT = Layout(
    family="falling_things",
    pairs=tuple(
        PairPaths(
            left=scene + "{frame}.left",
            right=scene + "{frame}.right",
            truth=scene + "{frame}.left.depth.png",
            truth_right=scene + "{frame}.right.depth.png",
            calibration=scene + "_camera_settings.json",
        )
        for scene in ("{part:single}/{object}/{scene}/", "{part:mixed}/{scene}/")
    ),
    read_truth=_read_depth,
    read_calibration=_read_calibration,
)
