"""Taking up a run: its weights and its state, where the request is for the same experiment."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stereo.config import Config, config_to_dict
from stereo.errors import TrainingError
from stereo.model.network import StereoNetwork
from stereo.model.weights import load_weights
from stereo.training.changes import Changes, compare_settings, listed
from stereo.training.finite import names_not_finite, shown
from stereo.training.state import RunState


def take_up(
    path: Path,
    content: Mapping[str, Any],
    config: Config,
    allowed: Sequence[str],
    network: StereoNetwork,
    state: RunState,
) -> Changes:
    """Load weights and state of a checkpoint, and return which settings are other than they were.

    Args:
        content: Of the checkpoint at `path`.
        config: The request.
        allowed: Settings that may change although that makes another experiment of it; the state remembers them.

    Raises: TrainingError where the checkpoint is not of this experiment, or not whole; CheckpointError.
    """
    if content.get("run_state") is None:
        raise TrainingError(
            f"{path}: holds weights alone, so a run cannot be resumed from it; to begin a new run from these "
            f"weights use {_as_start(path)}"
        )
    changes = compare_settings(content["config"], config_to_dict(config), allowed)
    if changes.refused:
        names = " ".join(line.partition(" is ")[0] for line in changes.refused[:3])
        raise TrainingError(
            f"{path}: this run began with other settings: {listed(changes.refused)}; resume it with its own, change "
            f"them in the midst of the run with --allow-change {names}, or begin a new run from its weights with "
            f"{_as_start(path)} training.output=FOLDER"
        )
    broken = names_not_finite({"network": content["network"], "run_state": content["run_state"]})
    if broken:
        raise TrainingError(
            f"{path}: the run had diverged: {shown(broken)} is not finite; resume from an earlier checkpoint, or begin "
            "anew with a lower optimizer.learning_rate"
        )
    load_weights(network, content["network"], path)
    if state.average is not None:  # of a run that had none, it begins here
        state.average.module.load_state_dict(network.state_dict())
    other_data = any(key.partition(".")[0] == "data" for key in allowed)
    try:
        state.load_state_dict({"step": content["step"], **content["run_state"]}, other_data)
    except TrainingError as error:
        raise TrainingError(
            f"{path}: {error}; or begin a new run from these weights with {_as_start(path)} training.output=FOLDER"
        ) from None
    except (LookupError, TypeError, ValueError, RuntimeError, AttributeError, ArithmeticError) as error:
        raise TrainingError(
            f"{path}: the state of the run cannot be read ({error!r}); to begin a new run from these weights use "
            f"{_as_start(path)}"
        ) from None
    state.changes += [f"from step {state.step}: {line}" for line in changes.allowed]
    return changes


def _as_start(path: Path) -> str:
    """Return the setting that begins a run from these weights, as a shell takes it."""
    return shlex.quote(f"training.initial_checkpoint={path}")
