"""What changed between the settings that a run began with and those that it is resumed with."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from stereo.config import PRESETS, config_from_dict, config_to_dict, preset_of_stored
from stereo.errors import ConfigError

# Settings, and sections, that may differ: the same experiment under other circumstances, or a longer one. What `preset`
# stands for is compared setting by setting.
_FREE = (
    "preset",
    "data.validation",
    "data.also_validate",
    "data.train.cache",
    "data.workers",
    "training.steps",
    "training.output",
    "training.distillation.teacher",  # wherever its file lies; what is in it is compared by teacher_sha256
    "training.device",
    "training.log_interval",
    "training.validation_interval",
    "training.checkpoint_interval",
    "training.keep_last",
    "training.max_skipped_steps",
    "training.patience",
    "training.max_hours",
    "training.compile",
    "training.channels_last",
    "training.tf32",
)
# A setting whose keys are the user's own is compared as a whole.
_WHOLE = ("optimizer.rate_factors",)
# So many are named in a message.
_SHOWN = 6


class Changes(NamedTuple):
    """Settings that differ, each in words with both values.

    refused: they make another experiment of it. allowed: so do they, but the request says that they may. taken: they
    may differ. gone: this version does not have them. validation: whether other data is validated on.
    """

    refused: list[str]
    taken: list[str]
    gone: list[str]
    validation: bool
    allowed: list[str]

    def told(self) -> list[str]:
        """Return a line for each kind of change that goes on with the run, of those there are."""
        kinds = {
            "changed since then": self.taken,
            "changed from here on, as --allow-change says": self.allowed,
            "settings that this version does not have": self.gone,
        }
        return [f"{what}: {listed(changes)}" for what, changes in kinds.items() if changes]


def compare_settings(stored: Mapping[str, Any], requested: Mapping[str, Any], allowed: Sequence[str] = ()) -> Changes:
    """Compare the settings of a checkpoint with those of a request, both nested plain values, key by key.

    The checkpoint may be of a version with other settings: what it lacks had the value that is the default now.

    Args:
        allowed: Settings, or sections of them, that may differ although they make another experiment of it.

    Raises: ConfigError where one of `allowed` is no setting.
    """
    preset = preset_of_stored(stored)
    defaults = _flat(config_to_dict(config_from_dict({"preset": preset if preset in PRESETS else "slim"})))
    before, after = _flat(stored), _flat(requested)
    _require_known(allowed, [*before, *after, *defaults])
    validation = any(_differs(name, before, after, defaults) for name in _names(before, after, True))
    changes = Changes([], [], [], validation, [])
    for name in _names(before, after, False):
        if name not in after and _schema_name(name) not in defaults:
            if not _is_free(name):
                changes.gone.append(f"{name} (it was {_word(before[name])})")
        elif _differs(name, before, after, defaults):
            was = _word(before.get(name, defaults.get(_schema_name(name))))
            now = _word(after[name]) if name in after else "absent"
            if _is_free(name):
                kind = changes.taken
            else:
                kind = changes.allowed if _is_within(name, allowed) else changes.refused
            kind.append(f"{name} is {now}, was {was}")
    return changes


def listed(changes: Sequence[str]) -> str:
    """Return the first of them in one line, and how many there are in all where these are not all."""
    rest = f"; … ({len(changes)} in all)" if len(changes) > _SHOWN else ""
    return "; ".join(changes[:_SHOWN]) + rest


def _names(before: Mapping[str, Any], after: Mapping[str, Any], validation: bool) -> list[str]:
    names = dict.fromkeys([*after, *before])
    return [name for name in names if not validation or name.startswith("data.validation.")]


def _differs(name: str, before: Mapping[str, Any], after: Mapping[str, Any], defaults: Mapping[str, Any]) -> bool:
    default = defaults.get(_schema_name(name))
    return bool(before.get(name, default) != after.get(name))


def _schema_name(name: str) -> str:
    """Return under which name the defaults have a setting: each data set of a list has those of data.train."""
    parts = name.split(".")
    in_list = parts[:2] in (["data", "mix"], ["data", "also_validate"]) and len(parts) > 3
    return ".".join(["data", "train", *parts[3:]]) if in_list else name


def _is_free(name: str) -> bool:
    return _is_within(name, _FREE) or _is_within(_schema_name(name), _FREE)


def _is_within(name: str, sections: Sequence[str]) -> bool:
    return any(name == section or name.startswith(f"{section}.") for section in sections)


def _require_known(allowed: Sequence[str], names: Sequence[str]) -> None:
    for key in allowed:
        if not any(_is_within(name, [key]) for name in names):
            close = difflib.get_close_matches(key, names, n=1)
            hint = f"did you mean {close[0]}?" if close else "name it as the configuration does: section.setting"
            raise ConfigError(f"--allow-change {key}: no such setting; {hint}")


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the settings by dotted name. A list of sections also has an entry of its own, which says how many."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
            flat[name] = f"{len(value)} sections"
            flat |= _flat({str(number): item for number, item in enumerate(value)}, f"{name}.")
        elif isinstance(value, Mapping) and name not in _WHOLE:
            flat |= _flat(value, f"{name}.")
        else:
            flat[name] = value
    return flat


def _word(value: Any) -> str:
    """Return the value as YAML has it."""
    return {"None": "null", "True": "true", "False": "false"}.get(str(value), str(value))
