"""Train the rows, and score every finished run on the same pairs."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from stereo.ablation.rows import Place, Row
from stereo.checkpoint import read_checkpoint
from stereo.cli import dataset_config
from stereo.config import DatasetConfig, load_config
from stereo.data.datasets import build_dataset
from stereo.errors import ConfigError
from stereo.evaluation.run import Evaluation, Output
from stereo.methods.choice import methods_from
from stereo.training.trainer import train

# px: some of the real pairs have more than the 96 px of training; the networks search this far.
MAX_DISPARITY = 192
REGIONS = ("visible", "occluded", "textureless", "edges")
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


def train_row(row: Row, seed: int, place: Place) -> bool:
    """Train a row from a seed, or go on with it; return False where it was finished.

    Raises: Interrupted by a signal, with the state saved; what the trainer raises.
    """
    folder = place.run(row, seed)
    if is_finished(folder):
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
    """Score the last weights of a finished run on real pairs and on the row's own validation scenes.

    The last weights, not the best: those would be chosen by the scenes that they are scored on.

    Args:
        specs: FAMILY:PATH of each data set of real pairs.
        command: The command line, for the report.

    Returns: False where the scores of these weights were there.
    Raises: ConfigError, DataError, OutputError.
    """
    weights, folder = place.run(row, seed) / "last.pt", place.result(row, seed)
    data: dict[str, DatasetConfig] = {spec: replace(dataset_config(spec), split="test") for spec in specs}
    data["synthetic"] = load_config(row.path).data.validation
    scored = _scored(folder / "report.json", weights)
    if scored is not None and scored >= data.keys():
        return False
    methods = methods_from(["network"], checkpoint=str(weights), device=device, max_disparity=MAX_DISPARITY)
    Evaluation(
        methods=methods,
        data=data,
        datasets={spec: build_dataset(config, load_right_disparity=True) for spec, config in data.items()},
        protocols=["all"],
        regions=REGIONS,
        command=command,
        output=Output(folder, previews=0, resume=scored is not None),
    ).run()
    return True


def _scored(report: Path, weights: Path) -> set[str] | None:
    """Return the data sets that a report has of these weights; None where it is of others, or not there."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        content: Mapping[str, object] = json.loads(report.read_text(encoding="utf-8"))
        if content["checkpoint_sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest():
            return {result["data"] for result in content["results"]}  # type: ignore[attr-defined]
    return None
