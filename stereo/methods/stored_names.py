"""Where the prediction for a sample lies: the names that benchmarks, other programs and this one give to the files."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from stereo.errors import DataError
from stereo.output import safe_name

# The first that is there counts: a PNG beside a map in floating point is often a picture of it.
_SUFFIXES = (".pfm", ".npy", ".png")
# What a submission to Middlebury holds its scenes in: F, H and Q are resolutions.
_MIDDLEBURY_FOLDERS = tuple(f"{half}{size}" for half in ("training", "test") for size in "FHQ")


class StoredNames:
    """The names under which a folder may hold the prediction for a sample.

    For a sample FAMILY/A/0001 these are, each of them with or without FAMILY/, and with / or with _ between its parts:

        A/0001.pfm, .npy or .png (16 bit, px × 256)       also what `save_prediction` writes, and ETH3D's NAME.pfm
        A/0001/disparity.pfm                              scripts/infer.py; of a list also 00000_A_0001/disparity.pfm
        000000_10.png, disp_0/000000_10.png               KITTI
        low_res_two_view/NAME.pfm                         ETH3D
        NAME/disp0METHOD.pfm                              Middlebury, also below trainingH and the like;
                                                          METHOD_s, its sparse twin, only where it is alone
        TEST/A/0032/0006.pfm, TEST/A/0032/left/0006.pfm   Scene Flow, also below FlyingThings3D, disparity or both

    The files of a benchmark may have any of the first line's suffixes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbered: dict[str, list[Path]] = {}
        for path in sorted(folder.iterdir()):
            if re.match(r"\d{5}_", path.name):
                self._numbered.setdefault(path.name[6:], []).append(path / "disparity.pfm")

    def find(self, name: str) -> Path:
        """Return the file of the sample's prediction. Raises: DataError where there is none, or more than one."""
        stems = list(dict.fromkeys(_stems(name)))
        # os.path's, since pathlib's raises where a name is too long for a file.
        found = [path for stem in stems if (path := self._file(stem)) is not None]
        found += [path for stem in stems if os.path.isfile(path := self.folder / stem / "disparity.pfm")]
        found += [path for path in self._numbered.get(safe_name(name), ()) if os.path.isfile(path)]
        if name.startswith("middlebury"):
            found += [path for stem in stems for path in _middlebury_files(self.folder, stem)]
        if not found:
            base = self.folder / name
            raise DataError(
                f"has no prediction: looked for {base}.pfm, .npy and .png, {base / 'disparity.pfm'}, and other names "
                f"that it may have there, such as {stems[-1]}.png"
            )
        if len(found) > 1:
            raise DataError(
                f"has {len(found)} predictions, {' and '.join(map(str, found))}; leave the one that is meant in the "
                "folder"
            )
        return found[0]

    def _file(self, stem: str) -> Path | None:
        return next((path for suffix in _SUFFIXES if os.path.isfile(path := self.folder / f"{stem}{suffix}")), None)


def path_of(name: str) -> str:
    """Return a sample's name as the path of a file below a folder; most names stay as they are."""
    return "/".join(safe_name(part) for part in name.split("/"))


def _stems(name: str) -> Iterator[str]:
    """Yield the names of files without suffix, and of folders, that a prediction may have."""
    family, _, rest = name.partition("/")
    if not rest:
        family, rest = "", name
    for base in (name, rest):
        yield base
        yield path_of(base)
        yield safe_name(base)
    prefixes = (f"{family}/", "")
    if family.startswith("kitti"):
        for prefix in prefixes:
            yield f"{prefix}{rest}_10"
            yield f"{prefix}disp_0/{rest}_10"
    elif family == "eth3d":
        yield f"low_res_two_view/{rest}"
    elif family == "scene_flow" and rest.count("/") > 1:
        scene_set, *clip, frame = rest.split("/")
        for prefix in prefixes:
            for folders in ([scene_set], [scene_set, "disparity"], ["disparity"], []):
                for side in ([], ["left"]):
                    stem = prefix + "/".join([*folders, *clip, *side, frame])
                    yield stem
                    yield safe_name(stem)


def _middlebury_files(folder: Path, scene: str) -> list[Path]:
    """Return the scene's results of any method; not the ground truth, which may lie beside them."""
    folders = [folder / scene, *(folder / half / scene for half in _MIDDLEBURY_FOLDERS)]
    paths = [path for own in folders for path in sorted(own.glob("disp0?*.pfm"))]
    return [
        path
        for path in paths
        if path.stem != "disp0GT"
        and not path.stem.endswith("confidence")
        and not (path.stem.endswith("_s") and path.with_stem(path.stem.removesuffix("_s")) in paths)
    ]
