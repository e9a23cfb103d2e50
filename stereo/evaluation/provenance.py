"""Where the numbers of a report come from: weights, settings, data sets, program and machine."""

import hashlib
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from stereo.checkpoint import LoadedCheckpoint
from stereo.config import FAMILIES, FOLDER_FAMILIES, WITH_TEST_HALF, DatasetConfig
from stereo.device import describe_machine
from stereo.evaluation.metrics import metric_names
from stereo.methods.method import Method
from stereo.methods.predictor import Predictor


def describe_run(methods: Sequence[Method], data: Mapping[str, DatasetConfig], command: str) -> dict[str, Any]:
    """Return all of a report but its results, as plain values.

    checkpoint, checkpoint_sha256: the network's weights; None without a network.
    config: the configuration that the checkpoint was trained with, its `model.max_disparity` as it was used.
    methods: the settings of each method by its name.
    data: the settings of each data set by its FAMILY[:PATH].
    command, version, revision, torch, threads, machine: by what this was run. revision: of git, None where the package
        does not lie in its repository; it ends in `-dirty` where files had been changed.

    Args:
        methods: In the report's order.
        data: By FAMILY[:PATH].
        command: The command line.
    """
    loaded = next((found for method in methods if (found := _checkpoint_of(method)) is not None), None)
    config = None
    if loaded is not None:
        model = dict(loaded.config.get("model") or {}) | {"max_disparity": loaded.network.max_disparity}
        config = {str(key): _record(value) for key, value in (loaded.config | {"model": model}).items()}
    device = next((method.device for method in methods if method.device is not None), torch.device("cpu"))
    return {
        "checkpoint": None if loaded is None else str(loaded.path),
        "checkpoint_sha256": None if loaded is None else hashlib.sha256(loaded.path.read_bytes()).hexdigest(),
        "config": config,
        "methods": {method.name: dict(method.settings) for method in methods},
        "data": {spec: _describe_data(settings) for spec, settings in data.items()},
        "command": command,
        "version": _version(),
        "revision": _revision(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "machine": describe_machine(device),
    }


# Settings of data sets that only some families have.
_OF_FAMILIES = {
    "synthetic": ("synthetic",),
    "split": ("synthetic", "scene_flow", *FOLDER_FAMILIES),
    "rendering": ("scene_flow", *FOLDER_FAMILIES),
    "negative_disparity": tuple(family for family in FAMILIES if family not in ("synthetic", "packed")),
    "half": WITH_TEST_HALF,
}
# What of an identity differs from shard to shard of one evaluation.
OF_SHARD = ("shard", "save_predictions")


def identity(
    run: Mapping[str, Any],
    samples: Mapping[str, Sequence[str]],
    protocols: Sequence[str],
    regions: Sequence[str],
    shard: str,
    save_predictions: Path | None,
) -> dict[str, Any]:
    """Return what must agree for records to be of one evaluation: all that its numbers and its files depend on.

    Args:
        run: As :func:`describe_run` gives it.
        samples: The names of the samples by FAMILY[:PATH]: folders and lists of names change under one path.
        protocols, regions: By name.
        shard: i/n.
        save_predictions: Where they are saved: pairs that are finished are not predicted again, nor saved.
    """
    kept = ("checkpoint_sha256", "methods", "data", "version", "revision")
    return {
        **{key: run[key] for key in kept},
        "samples": {spec: _digest(names) for spec, names in samples.items()},
        "metrics": metric_names(),
        "protocols": list(protocols),
        "regions": list(regions),
        "shard": shard,
        "save_predictions": None if save_predictions is None else os.path.abspath(os.path.expanduser(save_predictions)),
    }


def _digest(names: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps(list(names)).encode()).hexdigest()


def _checkpoint_of(method: Method) -> LoadedCheckpoint | None:
    """Return the checkpoint of a network, also where another method is wrapped around it."""
    while not isinstance(method, Predictor):
        inner = getattr(method, "method", None)
        if inner is None:
            return None
        method = inner
    return method.checkpoint


def _record(section: Any) -> Any:
    """Return a section of a checkpoint's configuration; a remark where JSON cannot hold it, as a stranger's may be."""
    try:
        json.dumps(section, allow_nan=False)
    except (TypeError, ValueError, RecursionError):  # a tensor; NaN or a circle; too deep
        return "left out: holds other than plain finite values"
    return section


def _describe_data(settings: DatasetConfig) -> dict[str, Any]:
    """Return the settings of a data set that its family has."""
    values = asdict(settings)
    for name, families in _OF_FAMILIES.items():
        if settings.family not in families:
            del values[name]
    return values


def _version() -> str | None:
    with suppress(metadata.PackageNotFoundError):
        return metadata.version("stereo")
    return None


def _revision() -> str | None:
    root = Path(__file__).resolve().parents[2]
    if not os.path.exists(root / ".git"):  # an installed package, perhaps within somebody else's repository
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    with suppress(OSError, subprocess.SubprocessError):  # no git, or it refuses
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    return None
