"""What a row costs: parameters, multiplications, and its times over those of the row without attention."""

import json
import os
import statistics
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from stereo.ablation.rows import Row
from stereo.benchmark.cells import Outcome, run_cell
from stereo.benchmark.network import Setup
from stereo.config import load_config
from stereo.device import describe_machine, select_device
from stereo.errors import DataError, StereoError
from stereo.model.network import StereoNetwork
from stereo.output import atomic_output, make_output_folder

# Height and width, px: of the frames of Scene Flow; training has the rows' own crops.
INFERENCE_SIZE = (540, 960)
MEMORY_LIMIT, TIME_LIMIT = 22 * 10**9, 600.0


def read_costs(path: Path) -> dict[str, dict[str, Any]]:
    """Return what was measured of each row, by name; nothing where there is no file. Raises: DataError."""
    if not os.path.exists(path):
        return {}
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        return {str(name): dict(cost) for name, cost in json.loads(path.read_text(encoding="utf-8"))["rows"].items()}
    raise DataError(f"{path}: holds no costs; remove it and measure again")


def write_costs(path: Path, costs: Mapping[str, Mapping[str, Any]]) -> None:
    """Write what was measured. Raises: OutputError."""
    make_output_folder(path.parent)
    with atomic_output(path) as temporary:
        temporary.write_text(json.dumps({"rows": costs}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def measure(row: Row, reference: Row, max_disparity: int, device_name: str, command: str) -> dict[str, Any]:
    """Return what a row costs.

    The times alternate in one process with those of the reference, which cancels out what else the machine does. A
    training step is forward pass, loss and backward pass of one pair of the size of the rows' crops, in the rows'
    precision.

    Args:
        max_disparity: px, of inference; training has the row's own.
        command: The command line, for the record.

    Raises: ConfigError; StereoError where a measurement fails.
    """
    device = select_device(device_name)
    config = load_config(row.path)
    parameters = sum(item.numel() for item in StereoNetwork(config.model).parameters())
    crop = config.data.augmentation
    size = (crop.crop_height or 256, crop.crop_width or 512)

    def setup(mode: str, *overrides: str) -> Setup:
        return Setup(str(row.path), overrides, mode, str(device), MEMORY_LIMIT)

    inference = setup("inference", f"model.max_disparity={max_disparity}")
    alone = _run(inference, [row], INFERENCE_SIZE)
    pair = [row, reference]
    return {
        "parameters": parameters,
        "multiplications": alone["multiplications"],
        "inference": _times(_run(inference, pair, INFERENCE_SIZE)),
        "training": _times(_run(setup("training"), pair, size)),
        "machine": describe_machine(device),
        "command": command,
    }


def _run(setup: Setup, rows: Sequence[Row], size: tuple[int, int]) -> dict[str, Any]:
    outcome: Outcome = run_cell(setup.command([str(row.path) for row in rows], size), TIME_LIMIT)
    if outcome.status != "ok" or outcome.details is None:
        raise StereoError(f"{rows[0].path}: {setup.mode} at {size[0]}×{size[1]}: {outcome.status} {outcome.message}")
    return outcome.details


def _times(details: Mapping[str, Any]) -> dict[str, float]:
    """Return the row's seconds, and the ratio, each a median of the rounds."""
    return {"seconds": statistics.median(details["seconds"][0]), "ratio": details["time_ratio"]}
