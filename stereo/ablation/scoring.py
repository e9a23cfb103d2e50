"""Train the rows, score every finished run on the same pairs, and keep the scores."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from stereo.ablation.kept import SCENES, RunScores, can_go_on, collect, digest, read_run, write_run
from stereo.ablation.rows import REGIONS, Place, Row
from stereo.checkpoint import read_checkpoint
from stereo.config import DatasetConfig, load_config
from stereo.data.datasets import build_dataset
from stereo.errors import ConfigError
from stereo.evaluation.run import Evaluation, Output
from stereo.methods.choice import methods_from
from stereo.options import dataset_config
from stereo.training.trainer import train

# px: some of the real pairs have more than the 96 px of training; the networks search this far.
MAX_DISPARITY = 192
# Families and subfolders of a collection of real pairs, of which those that are there are taken.
REAL = (
    ("scene_flow", "scene_flow"),
    ("scene_flow", "scene_flow_sampler"),
    *((name, name) for name in ("middlebury2001", "middlebury2003", "middlebury2005", "middlebury2006")),
    *((name, name) for name in ("middlebury2014", "eth3d", "kitti2012", "kitti2015")),
    ("kitti2015", "kitti2015_noc"),
)


def is_finished(run: Path) -> bool:
    """Return whether a run's folder holds the weights after its last step. Raises: CheckpointError."""
    last = run / "last.pt"
    if not os.path.exists(last):
        return False
    content = read_checkpoint(last)
    return bool(content["step"] >= content["config"]["training"]["steps"])


def kept_run(row: Row, seed: int, place: Place) -> RunScores | None:
    """Return the scores that are kept of a run of a row as it is now; None where there are none. Raises: DataError."""
    path = place.score(row, seed)
    if not os.path.exists(path):
        return None
    run = read_run(path)
    return run if run.row == digest(row) else None


def train_row(row: Row, seed: int, place: Place) -> bool:
    """Train a row from a seed, or go on with it; return False where it was finished or has its scores.

    Raises: Interrupted by a signal, with the state saved; DataError for broken scores; what the trainer raises.
    """
    folder = place.run(row, seed)
    if is_finished(folder) or kept_run(row, seed, place) is not None:
        return False
    train(load_config(row.path, [f"training.seed={seed}", f"training.output={folder}"]), "auto")
    return True


def real_specs(folder: Path) -> list[str]:
    """Return FAMILY:PATH of the real pairs in a folder. Raises: ConfigError where it has none of them."""
    specs = [f"{family}:{folder / name}" for family, name in REAL if os.path.isdir(folder / name)]
    if not specs:
        raise ConfigError(f"--real {folder}: has none of the folders {', '.join(name for _, name in REAL)}")
    return specs


def evaluate_run(row: Row, seed: int, specs: Sequence[str], place: Place, command: str, device: str = "auto") -> bool:
    """Score the last weights of a finished run on real pairs and on the row's own validation scenes; keep the scores.

    The last weights, not the best: those would be chosen by the scenes that they are scored on.

    Args:
        specs: FAMILY:PATH of each data set of real pairs.
        command: The command line, for the report.

    Returns: False where the scores of these weights are kept.
    Raises: ConfigError, DataError, OutputError.
    """
    weights, folder = place.run(row, seed) / "last.pt", place.result(row, seed)
    sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
    data: dict[str, DatasetConfig] = {spec: replace(dataset_config(spec), split="test") for spec in specs}
    data[SCENES] = load_config(row.path).data.validation

    def has_all(run: RunScores | None) -> bool:
        return run is not None and run.weights == sha256 and all(map(run.has, data))

    if has_all(kept_run(row, seed, place)):
        return False
    found = collect(folder, row)
    if not has_all(found):
        Evaluation(
            methods=methods_from(["network"], checkpoint=str(weights), device=device, max_disparity=MAX_DISPARITY),
            data=data,
            datasets={spec: build_dataset(config, load_right_disparity=True) for spec, config in data.items()},
            protocols=["all"],
            regions=REGIONS,
            command=command,
            output=Output(folder, previews=0, resume=can_go_on(folder, sha256, data)),
        ).run()
        found = collect(folder, row)
    assert found is not None  # the scenes are scored last
    write_run(place.score(row, seed), found)
    return True
