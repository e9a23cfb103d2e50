"""Write pairs of the procedural world to disk, in the layout of Scene Flow.

    scripts/generate_dataset.py --output data/synthetic --count 1000
    scripts/generate_dataset.py --output data/synthetic --count 100 --split test
    scripts/generate_dataset.py --output data/driving --count 1000 synthetic.preset=driving synthetic.max_objects=20

Pair i lies in DIR/FlyingThings3D/frames_cleanpass/TRAIN/A/0000/{left,right}/0006.png, its disparities in
DIR/FlyingThings3D/disparity/TRAIN/A/0000/{left,right}/0006.pfm: ten frames to a scene, scenes under A, B and C in
turn; DIR/manifest.json holds seed, settings and the world's version. Pairs that are complete are left alone, so an
interrupted run is taken up by the same command, and a larger --count adds to what is there.
"""

import argparse
import json
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import cv2
from tqdm import tqdm

from stereo.cli import count_cores, run
from stereo.config import DatasetConfig, SyntheticConfig, with_overrides
from stereo.data.formats import write_image, write_pfm
from stereo.data.synthetic import WORLD_VERSION, SyntheticWorld
from stereo.errors import ConfigError, OutputError, StereoError
from stereo.output import atomic_output, make_output_folder

FRAMES_PER_SCENE = 10
FIRST_FRAME = 6  # as FlyingThings3D counts
# The seed of a split unless --seed names another. 1,000,000 is the validation set of the default configuration.
SEEDS = {"train": 0, "test": 2_000_000}


class PairPaths(NamedTuple):
    left: Path
    right: Path
    disparity: Path
    disparity_right: Path


def main(argv: list[str] | None = None) -> int:
    args = _parse(argv)
    for name in ("count", "workers"):
        value = getattr(args, name)
        if value < 1:
            raise ConfigError(f"--{name} is {value}, expected 1 or more")
    if args.seed is not None and args.seed < 0:
        raise ConfigError(f"--seed is {args.seed}, expected 0 or more")
    config = SyntheticConfig(
        seed=SEEDS[args.split] if args.seed is None else args.seed,
        length=args.count,
        height=args.height,
        width=args.width,
        max_disparity=args.max_disparity,
    )
    config = with_overrides(DatasetConfig(synthetic=config), args.overrides).synthetic
    folder = make_output_folder(args.output)
    _claim(folder / "manifest.json", args.split, config)
    missing = [i for i in range(args.count) if not all(p.is_file() for p in pair_paths(folder, args.split, i))]
    tasks = [(config, folder, args.split, index) for index in missing]
    done = _in_this_process(tasks) if args.workers == 1 else _in_processes(tasks, args.workers)
    for _ in tqdm(done, total=len(tasks), unit="pair", disable=None):
        pass
    kept = args.count - len(missing)
    print(
        f"wrote {len(missing)} pairs of {config.width}×{config.height} px to {folder}"
        + (f"; {kept} were there already" if kept else "")
    )
    print(f"use them as --data scene_flow:{folder} or, in a configuration, as family: scene_flow, path: {folder}")
    return 0


def pair_paths(folder: Path, split: str, index: int) -> PairPaths:
    """Where pair `index` lies."""
    scene, frame = divmod(index, FRAMES_PER_SCENE)
    clip = Path(split.upper(), "ABC"[scene % 3], f"{scene // 3:04d}")
    stem = f"{FIRST_FRAME + frame:04d}"
    frames = folder / "FlyingThings3D" / "frames_cleanpass" / clip
    disparity = folder / "FlyingThings3D" / "disparity" / clip
    return PairPaths(
        frames / "left" / f"{stem}.png",
        frames / "right" / f"{stem}.png",
        disparity / "left" / f"{stem}.pfm",
        disparity / "right" / f"{stem}.pfm",
    )


def write_pair(task: tuple[SyntheticConfig, Path, str, int]) -> None:
    """Draw and write one pair. Raises: OutputError."""
    config, folder, split, index = task
    paths = pair_paths(folder, split, index)
    for path in paths:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{path.parent}: cannot be created: {error.strerror}") from None
    sample = SyntheticWorld(config)[index]
    truth = sample.require_truth("a data set")
    assert truth.disparity_right is not None
    write_pfm(paths.disparity, truth.disparity)
    write_pfm(paths.disparity_right, truth.disparity_right)
    write_image(paths.right, sample.right)
    # Last: a loader looks for left images and expects the rest of the pair beside them.
    write_image(paths.left, sample.left)


def _in_this_process(tasks: list[tuple[SyntheticConfig, Path, str, int]]) -> Iterator[None]:
    for task in tasks:
        write_pair(task)
        yield


def _in_processes(tasks: list[tuple[SyntheticConfig, Path, str, int]], workers: int) -> Iterator[None]:
    context = multiprocessing.get_context("spawn")
    # One thread of OpenCV for each process: there are as many processes as there are cores already.
    pool = ProcessPoolExecutor(max(1, min(workers, len(tasks))), context, cv2.setNumThreads, (1,))
    try:
        yield from pool.map(write_pair, tasks)
    except BrokenProcessPool:
        raise StereoError(
            "a worker process died, perhaps for want of memory; give fewer --workers and run the same command again: "
            "the pairs that are complete are kept"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _claim(path: Path, split: str, config: SyntheticConfig) -> None:
    """Note the world's version and the settings of a split, so that pairs of other settings are never mixed in.

    Raises: ConfigError if the split was begun with other settings, or by another version of the world; OutputError.
    """
    settings: dict[str, Any] = {name: value for name, value in asdict(config).items() if name != "length"}
    settings["world_version"] = WORLD_VERSION
    splits: dict[str, Any] = {}
    if path.exists():
        try:
            splits = json.loads(path.read_text(encoding="utf-8"))["splits"]
            before = splits.get(split, settings)
            different = [name for name, value in settings.items() if before.get(name) != value]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise ConfigError(
                f"{path}: expected the settings of an earlier run of this script, but they cannot be read; "
                "name another --output, or delete that folder"
            ) from None
        if different:
            changes = ", ".join(f"{name} {before.get(name)} → {settings[name]}" for name in different)
            raise ConfigError(
                f"{path.parent}: holds pairs made with other settings ({changes}); name another --output, or give the "
                "same settings again"
            )
        if split in splits:
            return
    with atomic_output(path) as temporary:
        content = {"made_by": "scripts/generate_dataset.py", "splits": splits | {split: settings}}
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _parse(argv: list[str] | None) -> argparse.Namespace:
    defaults = SyntheticConfig()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="settings: synthetic.preset=driving")
    parser.add_argument("--output", required=True, metavar="DIR")
    parser.add_argument("--count", required=True, type=int, metavar="N", help="number of pairs")
    parser.add_argument("--split", choices=sorted(SEEDS, reverse=True), default="train")
    parser.add_argument("--seed", type=int, metavar="N", help=f"of the world (default: {SEEDS})")
    for name in ("width", "height", "max_disparity"):
        value = getattr(defaults, name)
        parser.add_argument(
            f"--{name.replace('_', '-')}", type=int, default=value, metavar="PX", help=f"px (default: {value})"
        )
    cores = count_cores()
    parser.add_argument("--workers", type=int, default=cores, metavar="N", help=f"processes (default: {cores})")
    return parser.parse_intermixed_args(argv)


if __name__ == "__main__":
    run(main)
