"""How fast stored predictions are scored, and whether memory grows with their number."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from stereo.benchmark.cells import resident_bytes
from stereo.benchmark.machine import format_bytes
from stereo.config import DatasetConfig, SyntheticConfig
from stereo.data.datasets import build_dataset
from stereo.data.families.scene_flow import SceneFlow
from stereo.data.families.scene_flow.writing import pair_paths, write_pair
from stereo.data.formats import read_disparity, write_pfm
from stereo.data.synthetic import SyntheticWorld
from stereo.evaluation.evaluator import ScoredSample, tally_pairs
from stereo.evaluation.folder import write_folder
from stereo.evaluation.protocols import PROTOCOLS
from stereo.evaluation.records import RecordLog
from stereo.evaluation.regions import BY_DATA, REGIONS
from stereo.methods.stored import StoredPredictions
from stereo.output import make_output_folder
from stereo.processes import Processes

# Pairs that differ; the others are links to them.
_DIFFERENT = 4
SCENE_FLOW = ("all", "psmnet", "gwcnet", "igev", "stereo_toolbox", "raft400")


def scoring_lines(folder: Path, count: int) -> Iterator[str]:
    """Yield what scoring so many pairs of 960×540 px took, from files to report.json and per_image.csv.

    Args:
        folder: An empty one, for the pairs, their predictions and the report.
        count: Of pairs. With 4,370 of them, Scene Flow's number, the protocol raft400 applies, too.
    """
    config = _write(folder, count)
    dataset = build_dataset(config, load_right_disparity=True)
    protocols = [PROTOCOLS[name] for name in SCENE_FLOW if PROTOCOLS[name].refusal(dataset.names) is None]
    regions = [name for name in REGIONS if name not in BY_DATA]
    yield f"{count:,} pairs of 960×540 px; protocols {', '.join(p.name for p in protocols)}; {len(regions)} regions"
    marks = {max(count // 10, 1): "a tenth", count: "all"}
    seen = 0
    memory: list[str] = []

    def observe(scored: ScoredSample) -> None:
        nonlocal seen
        seen += 1
        if seen in marks:
            memory.append(f"{format_bytes(resident_bytes())} after {marks[seen]}")

    log = RecordLog(folder / "report", {}, False, Processes())
    start, cpu = time.perf_counter(), time.process_time()
    tally = tally_pairs(
        StoredPredictions(folder / "predictions"),
        dataset,
        protocols,
        regions,
        data="scene_flow",
        rendering="cleanpass",
        observe=observe,
        log=log,
    )
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    result = tally.results()[0]
    yield (
        f"{1e3 * wall / count:.0f} ms a pair ({1e3 * cpu / count:.0f} ms of CPU), of which reading the pair "
        f"{1e3 * result.loading_seconds:.0f} ms and the prediction {1e3 * result.seconds_per_pair:.0f} ms (medians)"
    )
    yield f"resident memory: {', '.join(memory)}"
    start = time.perf_counter()
    write_folder(folder / "report", [tally], {})
    size = sum(path.stat().st_size for path in (folder / "report").rglob("*") if os.path.isfile(path))
    yield f"report.json and per_image.csv: {time.perf_counter() - start:.1f} s; the folder holds {format_bytes(size)}"


def _write(folder: Path, count: int) -> DatasetConfig:
    """Write pairs in the layout of Scene Flow, and predictions that are off by noise, and return their data set."""
    root, predictions = folder / "scene_flow", folder / "predictions"
    world = SyntheticWorld(SyntheticConfig(height=540, width=960, max_disparity=230))
    first = [pair_paths(root, "test", index) for index in range(_DIFFERENT)]
    for index, paths in enumerate(first):
        write_pair(world[index], paths)
    for index in range(_DIFFERENT, count):
        for path, target in zip(pair_paths(root, "test", index), first[index % _DIFFERENT], strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            os.link(target, path)
    config = DatasetConfig(family="scene_flow", path=str(root), split="test")
    originals = []
    for index, paths in enumerate(first):
        truth, _ = read_disparity(paths.disparity)
        noise = np.random.default_rng(index).standard_cauchy(truth.shape).astype(np.float32)
        originals.append(make_output_folder(predictions) / f"{index}.pfm")
        write_pfm(originals[-1], np.clip(truth + noise, 0, 500))
    numbers = {pair_paths(root, "test", index).left: index for index in range(count)}
    for pair in SceneFlow(root, "test").pairs:
        path = predictions / f"{pair.name}.pfm"
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(originals[numbers[pair.left] % _DIFFERENT], path)
    return config
