"""Pairs of the procedural world written to disk, in the layout of Scene Flow.

DIR/manifest.json holds, for each split, the settings and the world's version that its pairs were drawn with.
"""

import json
import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import cv2

from stereo.children import end_with_parent
from stereo.config import SyntheticConfig
from stereo.data.families.scene_flow.names import Split
from stereo.data.families.scene_flow.writing import pair_paths, write_pair
from stereo.data.synthetic import WORLD_VERSION, SyntheticWorld
from stereo.errors import ConfigError, FormatError, StereoError
from stereo.files import read_file
from stereo.output import atomic_output

# The world's seed of each split. 1,000,000 is the validation set of the default configuration.
SEEDS: dict[Split, int] = {"train": 0, "test": 2_000_000}


def claim(folder: Path, split: Split, config: SyntheticConfig) -> list[int]:
    """Note the settings of a split in the manifest; return the indices of its pairs that are not there yet.

    Raises: ConfigError if the split was begun with other settings or by another version of the world; OutputError.
    """
    path = folder / "manifest.json"
    settings: dict[str, Any] = {name: value for name, value in asdict(config).items() if name != "length"}
    settings["world_version"] = WORLD_VERSION
    splits: dict[str, Any] = {}
    if os.path.exists(path):
        try:
            splits = json.loads(read_file(path, 1 << 20))["splits"]
            before = splits.get(split, settings)
            different = [name for name, value in settings.items() if before.get(name) != value]
        except (FormatError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise ConfigError(
                f"{path}: expected the settings of an earlier run of this script, but they cannot be read; "
                "name another --output, or delete that folder"
            ) from None
        if different:
            changes = ", ".join(f"{name} {before.get(name)} → {settings[name]}" for name in different)
            raise ConfigError(
                f"{folder}: holds pairs made with other settings ({changes}); name another --output, or give the "
                "same settings again"
            )
    if split not in splits:
        with atomic_output(path) as temporary:
            content = {"made_by": "scripts/generate_dataset.py", "splits": splits | {split: settings}}
            temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return [
        index
        for index in range(config.length)
        if not all(os.path.isfile(file) for file in pair_paths(folder, split, index))
    ]


def write_pairs(
    folder: Path, split: Split, config: SyntheticConfig, indices: Sequence[int], workers: int = 1
) -> Iterator[None]:
    """Draw the pairs of these indices and write them, in so many processes; yield after each pair.

    Raises: OutputError; StereoError if a process dies.
    """
    task = partial(_draw_and_write, folder, split, config)
    if workers == 1 or len(indices) < 2:
        yield from map(task, indices)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(indices)), context, _start_worker)
    try:
        yield from pool.map(task, indices)
    except BrokenProcessPool:
        raise StereoError(
            "a worker process died, perhaps because memory ran out; give fewer --workers and run the same command "
            "again: the pairs that are complete are kept"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends its workers itself
    cv2.setNumThreads(1)  # there are as many processes as there are cores already


def _draw_and_write(folder: Path, split: Split, config: SyntheticConfig, index: int) -> None:
    write_pair(SyntheticWorld(config)[index], pair_paths(folder, split, index))
