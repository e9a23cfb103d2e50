"""Submissions: predictions for the pairs of a benchmark, in one zip as its server takes them.

Sources: KITTI 2012: readme.txt of its development kit (results lie in the zip's root folder). KITTI 2015 and ETH3D: the
writers in the development kit of the Robust Vision Challenge 2018, which these benchmarks held together. Middlebury:
vision.middlebury.edu/stereo/submit3/upload-format.html. Numbers of pairs: of the archives that the benchmarks give out.
"""

import hashlib
import os
import re
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from stereo.config import Family, Half
from stereo.data.datasets import StereoDataset, pair_files
from stereo.data.formats import read_disparity, write_disparity_png16, write_pfm
from stereo.data.pairs import PairFiles, count_pairs
from stereo.data.sample import Map
from stereo.errors import ConfigError, DataError, FormatError, OutputError
from stereo.methods.method import Method
from stereo.methods.stored import PNG_LIMIT
from stereo.output import atomic_output


@dataclass(frozen=True)
class Benchmark:
    """What a benchmark's server takes.

    disparity: the file of a disparity map in the zip: .png holds px × 256 in 16 bits, .pfm px. {scene} is the name of
        the pair, {folder} the folder that its scene lies in, {method} the name of the method.
    pairs: how many pairs of each half a complete submission has; of a half that is not named it has none.
    time: the text file of the time that the prediction took; None: there is none.
    time_text: what stands in it.
    folders: what {folder} may be; the last letter names the resolution.
    """

    disparity: str
    pairs: Mapping[Half, int]
    time: str | None = None
    time_text: str = "{seconds:.4f}"
    folders: tuple[str, ...] = ()

    @property
    def takes_name(self) -> bool:
        """Return whether files are named by the method."""
        return "{method}" in self.disparity


BENCHMARKS: dict[Family, Benchmark] = {
    "kitti2012": Benchmark("{scene}_10.png", {"testing": 195}),
    "kitti2015": Benchmark("disp_0/{scene}_10.png", {"testing": 200}),
    "middlebury2014": Benchmark(
        "{folder}/{scene}/disp0{method}.pfm",
        {"testing": 15, "training": 15},
        "{folder}/{scene}/time{method}.txt",
        folders=("testF", "testH", "testQ", "trainingF", "trainingH", "trainingQ"),
    ),
    "eth3d": Benchmark(
        "low_res_two_view/{scene}.pfm",
        {"testing": 20, "training": 27},
        "low_res_two_view/{scene}.txt",
        "runtime {seconds:.4f}",
    ),
}


@dataclass(frozen=True)
class Submission:
    """What was written.

    files: their names in the zip. seconds: what each prediction took, by half. remarks: what the user should know.
    """

    files: tuple[str, ...]
    seconds: Mapping[Half, Sequence[float]]
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class _Entry:
    """One pair to predict: where it is found, and the names of its files in the zip."""

    half: Half
    index: int
    name: str
    disparity: str
    time: str | None


class _Differs(Exception):
    """A file does not hold what was put into it."""


def write_submission(
    path: str | Path,
    family: Family,
    datasets: Mapping[Half, StereoDataset],
    method: Method,
    name: str = "",
    progress: bool = True,
) -> Submission:
    """Predict all pairs and write the zip, whole or not at all; each of its files has been read back by then.

    The same predictions and times give the same bytes. A disparity that 16 bits do not hold is stored as the nearest
    one that they hold, 1/256 … 255.99 px; 0 would mean unknown.

    Args:
        path: The zip.
        family: The benchmark.
        datasets: The data set of each half, on disk.
        method: What predicts.
        name: The method's name, where `takes_name` says that files are named by it.
        progress: Show a bar on stderr, where that is a terminal.

    Raises: ConfigError for a name that no file can have; DataError where two pairs would have one file, or a pair
        cannot be read or predicted; OutputError where the zip cannot be written or does not read back.
    """
    path, benchmark = Path(path), BENCHMARKS[family]
    entries = _entries(benchmark, datasets, name)
    seconds: dict[Half, list[float]] = {half: [] for half in datasets}
    beyond: dict[str, int] = {}  # by pair, the number of pixels that the encoding does not hold
    digests: dict[str, str] = {}  # by file, of what was put into the zip
    with atomic_output(path) as temporary, tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as folder:
        try:
            with zipfile.ZipFile(temporary, "w") as archive:
                for entry in tqdm(entries, desc=family, unit="pair", disable=None if progress else True):
                    disparity, took = _predict(method, datasets[entry.half], entry)
                    seconds[entry.half].append(took)
                    content, outside = _encode(Path(folder) / f"map{Path(entry.disparity).suffix}", disparity)
                    if outside:
                        beyond[entry.name] = outside
                    digests[entry.disparity] = _add(archive, entry.disparity, content)
                    if entry.time is not None:
                        text = benchmark.time_text.format(seconds=took)
                        digests[entry.time] = _add(archive, entry.time, text.encode())
            _compare(temporary, digests)
        except (zipfile.BadZipFile, zlib.error, FormatError, _Differs) as error:
            raise OutputError(f"{path}: does not read back as it was written: {error}; check the disk") from None
    return Submission(tuple(digests), seconds, tuple(_remarks(benchmark, seconds, beyond)))


def _entries(benchmark: Benchmark, datasets: Mapping[Half, StereoDataset], method: str) -> list[_Entry]:
    """Return what is to be predicted. Raises: As :func:`write_submission`."""
    if benchmark.takes_name and (not re.fullmatch(r"[A-Za-z0-9][\w.-]*", method, re.ASCII) or method.endswith("_s")):
        raise ConfigError(
            f"the method's name is '{method}', expected one word of letters, digits, -, _ and ., as in MyNet, without "
            "_s at its end, which marks sparse results"
        )
    entries: dict[str, _Entry] = {}
    resolutions = set()
    for half, dataset in datasets.items():
        for index, files in enumerate(pair_files(dataset)):
            folder = _folder(benchmark, files)
            resolutions.add(folder[-1:])
            words = {"scene": files.name.partition("/")[2], "folder": folder, "method": method}
            time_file = None if benchmark.time is None else benchmark.time.format(**words)
            entry = _Entry(half, index, files.name, benchmark.disparity.format(**words), time_file)
            if entry.disparity in entries:
                raise DataError(
                    f"{files.left}: its result would be {entry.disparity}, as that of another pair; rename one of them"
                )
            entries[entry.disparity] = entry
    if len(resolutions) > 1:
        raise DataError(
            f"the scenes are of the resolutions {', '.join(sorted(resolutions))}, and a submission has one; give the "
            "path of the test folder of one resolution"
        )
    return list(entries.values())


def _folder(benchmark: Benchmark, files: PairFiles) -> str:
    """Return the name of the folder that a scene lies in; nothing where no file is named by it."""
    if not benchmark.folders:
        return ""
    folder = Path(os.path.abspath(files.left)).parents[1].name
    if folder not in benchmark.folders:
        raise DataError(
            f"{files.left}: its scene lies in a folder {folder}, expected one of {', '.join(benchmark.folders)}; the "
            "server takes no other scenes"
        )
    return folder


def _predict(method: Method, dataset: StereoDataset, entry: _Entry) -> tuple[Map, float]:
    """Return the disparity of one pair, and what its prediction took, s. Raises: DataError that names the pair."""
    try:
        sample = dataset[entry.index]
        start = time.perf_counter()
        disparity = method.predict_sample(sample).disparity
        took = time.perf_counter() - start
        if disparity.shape != sample.left.shape[:2]:
            raise DataError(f"the prediction is {list(disparity.shape)} [H, W], expected {list(sample.left.shape[:2])}")
        if not np.isfinite(disparity).all():
            raise DataError("the prediction holds values that are not finite")
    except DataError as error:
        raise DataError(f"{entry.name}: {error}; no submission was written, since it would lack this pair") from None
    return disparity, took


def _encode(path: Path, disparity: Map) -> tuple[bytes, int]:
    """Write a map to a file in the encoding of its suffix, and read it back.

    Returns: what the file holds, and how many pixels were beyond what the encoding holds.
    Raises: _Differs where a value read back is off by more than the rounding.
    """
    stored, tolerance = disparity, 0.0
    if path.suffix == ".png":
        stored, tolerance = disparity.clip(0, PNG_LIMIT), 0.5 / 256
        write_disparity_png16(path, stored)
    else:
        write_pfm(path, disparity)
    found, known = read_disparity(path)
    # A PNG holds no value below 1/256: 0 means unknown.
    wanted = np.maximum(stored, 1 / 256) if path.suffix == ".png" else stored
    if found.shape != wanted.shape or not known.all() or (np.abs(found - wanted) > tolerance).any():
        raise _Differs("an encoded disparity map is not the one that was predicted")
    return path.read_bytes(), int(np.count_nonzero(stored != disparity))


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> str:
    """Add a file; return the digest of its content."""
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))  # no time of writing: the same content makes the same zip
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    archive.writestr(info, content)
    return hashlib.sha256(content).hexdigest()


def _compare(path: Path, digests: Mapping[str, str]) -> None:
    """Raise _Differs or BadZipFile unless the zip holds the files with these digests, in this order, and no other."""
    with zipfile.ZipFile(path) as archive:
        if archive.namelist() != list(digests):
            raise _Differs("it does not hold the files that were put into it")
        for name, digest in digests.items():
            if hashlib.sha256(archive.read(name)).hexdigest() != digest:
                raise _Differs(f"{name} is not what was put into it")


def _remarks(benchmark: Benchmark, seconds: Mapping[Half, Sequence[float]], beyond: Mapping[str, int]) -> Iterator[str]:
    for half, complete in benchmark.pairs.items():
        found = len(seconds.get(half, ()))
        if found != complete:
            how = " (--training adds it)" if half not in seconds else ""
            yield f"not complete: holds {found} of the {complete} pairs of the {half} half{how}"
    if beyond:
        yield (
            f"{sum(beyond.values()):,} pixels of {count_pairs(len(beyond))} (first {next(iter(beyond))}) lie outside "
            "0 … 255.99 px, which is what 16 bits hold; they are stored as the nearest value inside"
        )
