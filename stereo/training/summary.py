"""A run in words: its settings and its network, as TensorBoard shows them, names for its data sets, and its end."""

from collections.abc import Sequence

from torch import nn

from stereo.config import Config, DatasetConfig, TrainingConfig, config_to_dict, config_to_yaml
from stereo.data.datasets import StereoDataset, build_dataset
from stereo.training.curves import Settings
from stereo.training.folder import RunFolder
from stereo.training.state import RunState

# What runs are compared by; a section stands for all of its settings.
_COMPARED = ("preset", "model", "loss", "optimizer", "training.precision", "training.steps", "data.batch_size")


def describe_run(config: Config, network: nn.Module) -> Settings:
    """Return what a run is, for TensorBoard."""
    values = _flat(config_to_dict(config))
    parameters = {
        name: value if isinstance(value, bool | int | float | str) else str(value)
        for name, value in values.items()
        if any(name == part or name.startswith(f"{part}.") for part in _COMPARED)
    }
    yaml = "".join(f"    {line}\n" for line in config_to_yaml(config).splitlines())
    return Settings({"configuration": yaml, "network": summarize(network)}, parameters, ["validation/epe"])


def summarize(network: nn.Module) -> str:
    """Return a Markdown table of a network's parts and their weights."""
    counts = {
        f"{name} ({type(child).__name__})": sum(parameter.numel() for parameter in child.parameters())
        for name, child in network.named_children()
    }
    rows = [*((name, count) for name, count in counts.items() if count), ("all", sum(counts.values()))]
    return "\n".join(["| part | weights |", "|---|---:|", *(f"| {name} | {count:,} |" for name, count in rows)])


def named_sets(configs: Sequence[DatasetConfig]) -> dict[str, StereoDataset]:
    """Return data sets by the name of their family, with a number from the second of a family on."""
    sets: dict[str, StereoDataset] = {}
    for config in configs:
        count = 1 + sum(name.partition(" ")[0] == config.family for name in sets)
        sets[config.family if count == 1 else f"{config.family} {count}"] = build_dataset(config)
    return sets


def describe_end(state: RunState, settings: TrainingConfig, folder: RunFolder) -> str:
    """Return a line on why a run has ended, and on what to go on with."""
    if not state.is_done(settings):
        return (
            f"the time is over (training.max_hours={settings.max_hours}) at step {state.step} of {settings.steps}; "
            f"the state is in {folder.last}; go on with --resume auto"
        )
    done = f"done early, after {_stale(state)}" if state.is_stale(settings) else "done"
    if folder.best.exists():
        return f"{done}; best weights: {folder.best}"
    return f"{done}; no best weights, because no validation gave a score; the last ones: {folder.last}"


def describe_done(state: RunState, settings: TrainingConfig, folder: RunFolder) -> str:
    """Return a line on a run that was taken up, and of which nothing is left to train."""
    why = f"; {_stale(state)}" if state.is_stale(settings) else ""
    return f"{folder.path}: already at step {state.step} of {settings.steps}{why}; nothing to do"


def _stale(state: RunState) -> str:
    return f"{state.stale} validations without a better score"


def _flat(values: dict[str, object], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
