"""What is said of values that do not fit the schema: which key was meant, and what kind of value is expected."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

from stereo.config.checks import require

_LEARNING_RATE = "optimizer.learning_rate"
_STEPS = "training.steps: a run is measured in optimizer steps; N epochs are N × samples / data.batch_size"
# Keys that other projects have for what is called otherwise here.
_MEANT = {
    "lr": _LEARNING_RATE,
    "learning_rate": _LEARNING_RATE,
    "wd": "optimizer.weight_decay",
    "weight_decay": "optimizer.weight_decay",
    "scheduler": "optimizer.schedule",
    "epoch": _STEPS,
    "epochs": _STEPS,
    "num_epochs": _STEPS,
    "max_epochs": _STEPS,
    "steps": "training.steps",
    "num_steps": "training.steps",
    "max_steps": "training.steps",
    "iterations": "training.steps",
    "iters": "training.steps",
    "batch": "data.batch_size",
    "batch_size": "data.batch_size",
    "workers": "data.workers",
    "num_workers": "data.workers",
    "crop_size": "data.augmentation.crop_height and data.augmentation.crop_width",
    "image_size": "data.augmentation.crop_height and data.augmentation.crop_width",
    "maxdisp": "model.max_disparity",
    "max_disp": "model.max_disparity",
    "max_disparity": "model.max_disparity",
    # Settings of a data set, as other commands take them.
    "names": "data.train.names or data.validation.names",
    "skip_list": "data.train.skip_list or data.validation.skip_list",
    "check_views": "data.train.check_views or data.validation.check_views",
    "negative_disparity": "data.train.negative_disparity or data.validation.negative_disparity",
    "seed": "training.seed",
    "device": "training.device",
    "gpu": "training.device",
    "gpus": "training.device, and torchrun --nproc-per-node N for several",
    "amp": "training.precision=bf16",
    "mixed_precision": "training.precision=bf16",
    "output": "training.output",
    "output_dir": "training.output",
    "save_dir": "training.output",
    "logdir": "training.output",
    "resume": "the option --resume auto",
    "loadckpt": "training.initial_checkpoint",
    "pretrained": "training.initial_checkpoint",
    "restore_ckpt": "training.initial_checkpoint",
    # It was called so before.
    "checkpoint": "model.aggregation.recompute, to compute hourglasses again; training.initial_checkpoint, for weights",
}
# `${name:…}` calls a resolver; `${section.key}` refers to another setting.
_RESOLVER = re.compile(r"(?<!\\)\$\{\s*[\w.]+\s*:")


def meant_by(key: str) -> str | None:
    """Return the setting that a key of another project, or an option such as `--lr`, probably means."""
    return _MEANT.get(key.lstrip("-").replace("-", "_").rpartition(".")[2].lower())


def check_structure(values: Any, schema: Any, key: str = "") -> None:
    """Raise ConfigError where nested plain values cannot fit the schema, whatever the values at the ends are.

    Args:
        values: What a YAML file or an override gives, interpolations unresolved.
        schema: A dataclass, or the type of one of its fields.
        key: Where `values` stand, with dots.
    """
    if isinstance(values, str):
        _check_text(values, key)
        if "${" in values:
            return  # of whatever type it refers to
    options = get_args(schema)
    if type(None) in options:
        if values is None:
            return
        schema = next(option for option in options if option is not type(None))  # of `X | None`
    origin = get_origin(schema)
    if is_dataclass(schema):
        _check_section(values, schema, key)
    elif origin is list:
        require(isinstance(values, list), f"{key} is {_shown(values)}, expected a list, as in {key}=[{_shown(values)}]")
        for index, item in enumerate(values):
            check_structure(item, get_args(schema)[0], f"{key}[{index}]")
    elif origin is dict:
        require(isinstance(values, Mapping), f"{key} is {_shown(values)}, expected {{name: value, …}}")
        _check_colons(values, key)
    else:
        single = values is not None and not isinstance(values, list | Mapping)
        require(single, f"{key} is {_shown(values)}, expected one value")


def _check_section(values: Any, schema: Any, key: str) -> None:
    names = [field.name for field in fields(schema)]
    require(
        isinstance(values, Mapping),
        f"{key} is {_shown(values)}, expected a section with some of the settings {', '.join(names)}",
    )
    _check_colons(values, key)
    types = get_type_hints(schema)
    for name, value in values.items():
        full = f"{key}.{name}" if key else str(name)
        if name not in names:
            close = difflib.get_close_matches(str(name), names, n=1)
            meant = meant_by(str(name))
            hint = f"; did you mean '{close[0]}'?" if close else ""
            hint = f"; use {meant}" if meant is not None and not close else hint
            require(
                False,
                f"{full}: there is no such setting{hint}"
                + ("" if hint else f"; {'the sections are' if not key else f'{key} has'} {', '.join(names)}"),
            )
        check_structure(value, types[name], full)


def _check_colons(values: Mapping[Any, Any], key: str) -> None:
    for name, value in values.items():
        joined = value is None and re.fullmatch(r"\w+:\S+", str(name))
        hint = str(name).replace(":", ": ", 1)
        require(not joined, f"{key} has {{{name}}}: in YAML a space follows the colon: {{{hint}}}")


def _check_text(text: str, key: str) -> None:
    require(
        _RESOLVER.search(text) is None,
        f"{key} is '{text}': a value may refer to other settings, as in ${{training.seed}}, but to nothing outside the "
        "configuration; environment look-ups are off: write the value itself, or give it as key=value",
    )
    require(text != "???", f"{key} is '???', which stands for a value that is still to be filled in")


def _shown(value: Any) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
