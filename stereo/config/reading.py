"""The whole experiment: read from a YAML file, `key=value` overrides or plain values, and written back."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from stereo.config.checks import require
from stereo.config.data import AugmentationConfig, DataConfig, DatasetConfig
from stereo.config.hints import check_structure
from stereo.config.model import ModelConfig
from stereo.config.presets import DEFAULT_PRESET, PRESETS, Preset
from stereo.config.ranges import check_ranges
from stereo.config.text import keep_typed_text, keep_written_text
from stereo.config.training import LossConfig, OptimizerConfig, TrainingConfig
from stereo.config.yaml_text import MAX_BYTES, check_yaml
from stereo.errors import ConfigError, FormatError
from stereo.files import read_file, refusal

# Of an override: names, and places in lists.
_KEY = re.compile(r"\w+(?:\.\w+|\[\w+\])*")
# Files that extend one another: people have two or three.
_MAX_FILES = 16
_REFERENCES = r"; ${…} refers to another setting, as in ${training.seed}; for the text itself write \${"

Section = TypeVar("Section", DatasetConfig, AugmentationConfig)


@dataclass
class Config:
    """The whole experiment."""

    # The network by name: what the settings of model, loss and crop are where they are not given (see presets.py).
    preset: Preset = DEFAULT_PRESET
    model: ModelConfig = field(default_factory=lambda: model_preset(DEFAULT_PRESET))
    data: DataConfig = field(default_factory=DataConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        self.loss.weights_of(self.model.aggregation.num_outputs, self.model.refinement.num_outputs)
        require(
            self.training.initial_trunk == "none" or self.model.features.kind == "efficientnet_lite",
            f"training.initial_trunk is {self.training.initial_trunk}, but model.features.kind is "
            f"{self.model.features.kind}; those weights fit efficientnet_lite",
        )
        require(
            self.training.initial_trunk == "none" or self.model.normalization == "batch",
            "training.initial_trunk is imagenet, whose weights have batch normalization; set model.normalization=batch",
        )
        warmup = self.optimizer.warmup_steps
        require(
            warmup is None or warmup < self.training.steps,
            f"optimizer.warmup_steps is {warmup}, expected less than training.steps ({self.training.steps})",
        )
        augmentation, least = self.data.augmentation, self.model.min_size
        for name, size in (("crop_height", augmentation.crop_height), ("crop_width", augmentation.crop_width)):
            require(
                size is None or size >= least,
                f"data.augmentation.{name} is {size}, expected {least} or more: the pyramid pooling of psmnet features",
            )


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Read a YAML file over the defaults, then `key=value` overrides, and check the whole.

    Args:
        path: The YAML file. Its key `extends` may name another one, whose settings hold where this one has none.
        overrides: Assignments with dotted keys, as in `optimizer.learning_rate=1e-4`. Values are YAML.

    Raises: ConfigError that names the file or override, the key, what was got and what was expected.
    """
    path = Path(os.path.expanduser(path))
    layers: list[tuple[Any, str]] = [*_layers_of(path), *_assignments(overrides, Config)]
    return _to_config(_merge_all(layers), " ".join([str(path), *overrides]))


def _layers_of(path: Path, above: tuple[Path, ...] = ()) -> list[tuple[Any, str]]:
    """Return the settings of a file after those of the file that it extends, each with its path as their origin.

    Args:
        above: The files that extend this one.
    """
    loaded = _read(path, above)
    values = OmegaConf.to_container(loaded)  # interpolations as they stand
    assert isinstance(values, dict)
    if "extends" not in values:
        return [(loaded, str(path))]
    del loaded["extends"]
    base = values["extends"]
    require(
        isinstance(base, str) and "${" not in base,
        f"{path}: extends is {base}, expected the path of one YAML file, as seen from the folder of this one",
    )
    above = (*above, path)
    base_path = path.parent / os.path.expanduser(base)
    circle = base_path.resolve() in [one.resolve() for one in above]
    require(not circle, f"{path}: extends {base_path}, which extends it; leave `extends` out of one of them")
    require(len(above) < _MAX_FILES, f"{above[0]}: over {_MAX_FILES} files extend one another; use fewer of them")
    return [*_layers_of(base_path, above), (loaded, str(path))]


def _read(path: Path, above: tuple[Path, ...]) -> DictConfig:
    if not os.path.exists(path):
        if (reason := refusal(path)) is not None:
            raise ConfigError(f"{path}: cannot be read: {reason}; check the path and that you may read it")
        named = f"{above[-1]} extends it" if above else "see configs/ for the ones that ship"
        raise ConfigError(f"{path}: no such configuration file; {named}")
    try:
        content = read_file(path, MAX_BYTES).decode("utf-8-sig")
        check_yaml(content)
        node = yaml.compose(content)
        if node is not None and not isinstance(node, yaml.MappingNode):
            got = f"'{node.value[:40]}'" if isinstance(node, yaml.ScalarNode) else "a list"
            raise ConfigError(f"expected a YAML file of `section: settings`, got {got}")
        loaded = OmegaConf.create(content)
        assert isinstance(loaded, DictConfig)
        keep_written_text(loaded, content, Config)
    except FormatError as error:
        raise ConfigError(str(error)) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: cannot be read as a YAML file: {_one_line(error)}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}:" if mark else ""
        raise ConfigError(
            f"{path}:{line} not valid YAML: {getattr(error, 'problem', None) or _one_line(error)}"
        ) from None
    except (ConfigError, OmegaConfBaseException, ValueError, TypeError) as error:
        raise ConfigError(f"{path}: {_one_line(error)}{_REFERENCES if '${' in str(error) else ''}") from None
    return loaded


def load_network(name: str, overrides: Sequence[str] = ()) -> Config:
    """Return the configuration of a YAML file, or of a preset by its name, with `key=value` overrides.

    Raises: ConfigError.
    """
    if Path(name).suffix in (".yaml", ".yml"):
        return load_config(name, overrides)
    if name not in PRESETS:
        raise ConfigError(f"'{name}' is no network, expected a YAML file or one of {', '.join(PRESETS)}")
    return _to_config(
        _merge_all([({"preset": name}, name), *_assignments(overrides, Config)]), " ".join([name, *overrides])
    )


def with_overrides(config: Section, overrides: Sequence[str]) -> Section:
    """Return the settings of a data set, or of its augmentation, with `key=value` overrides, as in `limit=30`.

    Raises: ConfigError.
    """
    merged = OmegaConf.structured(config)
    for values, origin in _assignments(overrides, type(config)):
        _check(values, type(config), origin)
        merged = _merge(merged, values, origin)
    changed = _to_object(merged, " ".join(overrides) or "the settings of a data set")
    assert isinstance(changed, type(config))
    return changed


def _assignments(overrides: Sequence[str], schema: type) -> list[tuple[Any, str]]:
    """Return each `key=value` as nested values, with itself as their origin."""
    layers = []
    for assignment in overrides:
        key, equals, value = assignment.partition("=")
        shown = assignment if len(assignment) <= 200 else f"{assignment[:200]}…"
        if not equals or not key or key.startswith("-"):
            raise ConfigError(f"'{shown}': expected key=value, for example optimizer.learning_rate=1e-4")
        if _KEY.fullmatch(key) is None or key.count(".") > 16:
            raise ConfigError(f"'{shown}': expected names with dots before the =, as in optimizer.learning_rate=1e-4")
        try:
            check_yaml(value)
            values = OmegaConf.from_dotlist([assignment])
            keep_typed_text(values, assignment, schema)
            layers.append((values, f"'{shown}'"))
        except ConfigError as error:
            raise ConfigError(f"'{shown}': {error}") from None
        except (yaml.YAMLError, OmegaConfBaseException, ValueError, TypeError):
            raise ConfigError(f"'{shown}': the value is not valid YAML") from None
    return layers


def config_from_dict(values: Mapping[str, Any], origin: str = "configuration") -> Config:
    """Return a Config from nested plain values over the defaults.

    Text is taken as it is: `${…}` in it refers to nothing, so that a stranger's values read nothing of this machine.
    Raises: ConfigError, beginning with `origin`.
    """
    return _to_config(_merge_all([(_plain(values), origin)]), origin)


def _plain(values: Any) -> Any:
    """Return nested values whose text OmegaConf takes as it is."""
    if isinstance(values, Mapping):
        return {key: _plain(value) for key, value in values.items()}
    if isinstance(values, list | tuple):
        return [_plain(value) for value in values]
    # OmegaConf takes `\${` for the text `${`, and two backslashes before it for one: those that are there are doubled.
    return re.sub(r"(\\*)\$\{", r"\1\1\\${", values) if isinstance(values, str) else values


def model_preset(preset: Preset) -> ModelConfig:
    """Return the settings of a network by name."""
    return config_from_dict({"preset": preset}).model


def config_to_dict(config: Config) -> dict[str, Any]:
    """Return nested plain values, as a checkpoint holds them."""
    values = OmegaConf.to_container(OmegaConf.structured(config))
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}


def model_config_from_dict(values: Mapping[str, Any], origin: str) -> ModelConfig:
    """Return the settings of a network from a nested `preset` and `model`; only these are checked.

    Text is taken as it is, as by :func:`config_from_dict`. Raises: ConfigError, beginning with `origin`.
    """
    model = _to_object(_merge_all([(_plain(values), origin)]).model, origin)
    assert isinstance(model, ModelConfig)
    return model


def config_to_yaml(config: Config) -> str:
    """Return the resolved configuration as YAML, every setting written out."""
    return OmegaConf.to_yaml(OmegaConf.structured(config))


def _merge_all(layers: Sequence[tuple[Any, str]]) -> Any:
    """Return the layers, each with its origin, over the defaults of the preset that the last of them names."""
    merged = defaults = OmegaConf.structured(Config(model=ModelConfig()))
    for values, origin in layers:
        _check(values, Config, origin)
        merged = _merge(merged, values, origin)
    differences = PRESETS[_preset_of(merged, layers[-1][1])]
    if differences:
        merged = OmegaConf.merge(defaults, differences)
        for values, origin in layers:
            merged = _merge(merged, values, origin)
    return merged


def _preset_of(merged: Any, origin: str) -> Preset:
    try:
        return merged.preset
    except OmegaConfBaseException as error:
        raise ConfigError(f"{origin}: preset: {_one_line(error)}") from None


def _check(values: Any, schema: type, origin: str) -> None:
    plain = OmegaConf.to_container(values) if isinstance(values, DictConfig) else values
    try:
        check_structure(plain, schema)
    except ConfigError as error:
        raise ConfigError(f"{origin}: {error}") from None


def _merge(base: Any, update: Any, origin: str) -> Any:
    try:
        return OmegaConf.merge(base, update)
    except (OmegaConfBaseException, ValueError, TypeError, OverflowError) as error:
        key = getattr(error, "full_key", None)
        raise ConfigError(f"{origin}: {key + ': ' if key else ''}{_one_line(error)}") from None


def _to_config(merged: Any, origin: str) -> Config:
    config = _to_object(merged, origin)
    assert isinstance(config, Config)
    return config


def _to_object(merged: Any, origin: str) -> Any:
    try:
        made = OmegaConf.to_object(merged)
        check_ranges(made)
        return made
    except ConfigError as error:
        raise ConfigError(f"{origin}: {error}") from None
    except OmegaConfBaseException as error:
        raise ConfigError(f"{origin}: {error.full_key}: {_one_line(error)}") from None


def _one_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
