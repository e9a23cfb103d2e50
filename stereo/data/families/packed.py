"""A decoded copy of a data set: raw arrays in a few large files, read through memory maps.

Decoding takes most of the time of a training sample, and a crop needs a part of the pixels only. From a memory map
a crop reads just its own rows. The price is disk space, 5 MB for a 540×960 pair. `scripts/pack_dataset.py` writes it.

    DIR/index.json      the samples: name, size, and where in which shard each of their arrays begins
    DIR/shard_0000.bin  the arrays one after the other, each from a multiple of 64 bytes on
"""

import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stereo.data.families.folders import require_folder
from stereo.data.families.shard_cache import ShardCache
from stereo.data.formats.containers import read_bytes
from stereo.data.sample import Calibration, GroundTruth, SampleSource, StereoSample
from stereo.errors import DataError
from stereo.files import refusal

VERSION = 1
# Type and channels of each array of a sample.
ARRAYS: dict[str, tuple[type[np.generic], tuple[int, ...]]] = {
    "left": (np.uint8, (3,)),
    "right": (np.uint8, (3,)),
    "disparity": (np.float32, ()),
    "valid": (np.bool_, ()),
    "occluded": (np.bool_, ()),
    "disparity_right": (np.float32, ()),
    "foreground": (np.bool_, ()),
}


class PackedDataset:
    """The samples of a folder that stereo/data/packing.py wrote. Their arrays are views of the files, copied on write.

    Args:
        path: The folder.
        cache: A folder for copies of the shards, from which they are read. None: they are read where they are.

    Raises: DataError if there is no such folder or no index, or if the files do not fit it; as :class:`ShardCache`.
    """

    def __init__(self, path: str | Path, cache: str | Path | None = None) -> None:
        self.folder = require_folder(path, "packed")
        index = self.folder / "index.json"
        if not os.path.isfile(index) and refusal(index) is None:
            raise DataError(
                f"{self.folder}: has no index.json, so it is no packed data set, or one whose packing broke off; make "
                "it by scripts/pack_dataset.py"
            )
        try:
            content = json.loads(read_bytes(index))
            if content["version"] != VERSION:
                raise DataError(
                    f"{index}: is of version {content['version']}, expected {VERSION}; make it again by "
                    "scripts/pack_dataset.py"
                )
            self._samples = [_Entry(entry) for entry in content["samples"]]
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            raise DataError(f"{index}: is damaged; make it again by scripts/pack_dataset.py") from None
        if not self._samples:
            raise DataError(f"{index}: holds no sample")
        needed: dict[int, int] = {}
        for entry in self._samples:
            needed[entry.shard] = max(needed.get(entry.shard, 0), entry.end)
        for shard, size in needed.items():
            path = self._shard_path(shard)
            found = path.stat().st_size if os.path.isfile(path) else None
            if found is None or found < size:
                what = "is not there" if found is None else f"has {found:,} bytes, expected {size:,}"
                raise DataError(f"{path}: {what}; copy it again, or make the folder again by scripts/pack_dataset.py")
        # The names of all samples, without loading them.
        self.names = [entry.name for entry in self._samples]
        self._maps: dict[int, NDArray[np.uint8]] = {}
        sizes = {self._shard_path(shard): size for shard, size in needed.items()}
        self._cache = None if cache is None else ShardCache(Path(cache), index, sizes)

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> StereoSample:
        entry = self._samples[index]
        shard = self._map(entry.shard)
        arrays: dict[str, Any] = {}
        for name, start in entry.offsets.items():
            dtype, _ = ARRAYS[name]
            shape = entry.shape(name)
            size = math.prod(shape) * np.dtype(dtype).itemsize
            arrays[name] = shard[start : start + size].view(dtype).reshape(shape)
        left, right = arrays.pop("left"), arrays.pop("right")
        truth: GroundTruth | None = None
        if "disparity" in arrays:
            arrays.setdefault("valid", np.ones((entry.height, entry.width), np.bool_))
            truth = GroundTruth(**arrays)
        return StereoSample(left, right, truth, entry.calibration, entry.name)

    def source(self, index: int) -> SampleSource:
        """Return the source of sample `index`: the sample itself."""
        return self[index]

    def _map(self, shard: int) -> NDArray[np.uint8]:
        if shard in self._maps:
            return self._maps[shard]
        path = self._shard_path(shard)
        local = path if self._cache is None else self._cache.local(path)
        # "c": a page that somebody writes to is copied, so that the file stays as it is.
        mapped = np.asarray(np.memmap(local or path, np.uint8, "c"))
        if local is not None:  # else it is being copied, and looked for again the next time
            self._maps[shard] = mapped
        return mapped

    def _shard_path(self, shard: int) -> Path:
        return self.folder / f"shard_{shard:04d}.bin"

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_maps": {}}  # a spawned worker maps the files itself


class _Entry:
    """One sample of the index. Raises: KeyError, TypeError or ValueError if it is damaged."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.name = str(values["name"])
        self.height, self.width, self.shard = (int(values[key]) for key in ("height", "width", "shard"))
        self.offsets = {name: int(start) for name, start in values["offsets"].items()}
        if min(self.height, self.width, self.shard + 1, *(start + 1 for start in self.offsets.values())) < 1:
            raise ValueError
        if not {"left", "right"} <= self.offsets.keys() <= ARRAYS.keys():
            raise ValueError
        calibration = values.get("calibration")
        self.calibration = None if calibration is None else Calibration(**calibration)
        if not all(value is None or math.isfinite(value) for value in (calibration or {}).values()):
            raise ValueError
        self.end = max(
            start + math.prod(self.shape(name)) * np.dtype(ARRAYS[name][0]).itemsize
            for name, start in self.offsets.items()
        )

    def shape(self, name: str) -> tuple[int, ...]:
        return (self.height, self.width, *ARRAYS[name][1])
