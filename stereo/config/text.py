"""Settings that are texts keep what was typed: to YAML, 2024_05_01, 007, 1.10, 12:30 and on are no texts."""

import re
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import yaml
from omegaconf import DictConfig, OmegaConf


def keep_typed_text(values: Any, assignment: str, schema: type) -> None:
    """Set the text that was typed in the layer of an override `key=value`, if the setting is a text."""
    key, _, typed = assignment.partition("=")
    kind: Any = schema
    for name in re.split(r"[.\[]", key):
        kind = _part(kind, name.rstrip("]"))
    if _is_text(kind) and "${" not in typed and _is_other_scalar(OmegaConf.select(values, key)):
        OmegaConf.update(values, key, typed.strip())


def keep_written_text(values: DictConfig, content: str, schema: type) -> None:
    """Set the text that is written in a YAML file, wherever the setting is a text."""
    _walk(values, yaml.compose(content), schema)


def _walk(values: Any, node: Any, kind: Any) -> None:
    if isinstance(node, yaml.MappingNode) and isinstance(values, DictConfig):
        pairs = [(key.value, key.value, child) for key, child in node.value]
    elif isinstance(node, yaml.SequenceNode):
        pairs = [(number, "", child) for number, child in enumerate(node.value)]
    else:
        return
    for key, name, child in pairs:
        part = _part(kind, name)
        if not isinstance(child, yaml.ScalarNode):
            _walk(OmegaConf.select(values, str(key)) if isinstance(key, str) else values[key], child, part)
        elif _is_text(part) and "${" not in child.value and key in values and _is_other_scalar(values[key]):
            values[key] = child.value


def _part(kind: Any, name: str) -> Any:
    """Return the type of a section's setting, or of a list's items; None where there is none."""
    kind = _required(kind)
    if get_origin(kind) is list:
        return get_args(kind)[0]
    return get_type_hints(kind).get(name) if isinstance(kind, type) and hasattr(kind, "__dataclass_fields__") else None


def _required(kind: Any) -> Any:
    """Return the type of what may be null as well."""
    if get_origin(kind) in (Union, UnionType):
        return next(option for option in get_args(kind) if option is not type(None))
    return kind


def _is_text(kind: Any) -> bool:
    kind = _required(kind)
    return kind is str or (get_origin(kind) is Literal and all(isinstance(choice, str) for choice in get_args(kind)))


def _is_other_scalar(value: Any) -> bool:
    return isinstance(value, bool | int | float)
