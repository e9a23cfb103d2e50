"""The range of every number in the schema, beside what the sections themselves require.

Within it a value may be unwise; beyond it there is only a mistake, or a stranger's wish to fill the memory.
"""

import re
from dataclasses import fields, is_dataclass
from typing import Any

from stereo.config.checks import require

# The most that a number may be, by the name of its setting, whatever the section.
_MOST: dict[str, float] = {
    "seed": 2**63 - 1,
    "length": 2**32,
    # Of the network.
    "channels": 4096,
    "matching_channels": 4096,
    "key_channels": 4096,
    "value_channels": 4096,
    "groups": 4096,
    "num_heads": 1024,
    "blocks": 64,
    "feed_forward_expansion": 64,
    "num_hourglasses": 16,
    "mode_radius": 4096,
    "radius": 1024,
    # Of the data.
    "height": 16_384,
    "width": 16_384,
    "crop_height": 16_384,
    "crop_width": 16_384,
    "max_disparity": 65_536,
    "max_objects": 10_000,
    "texture_bank": 100_000,
    "batch_size": 65_536,
    "workers": 1024,
    "min_log2_scale": 4,
    "max_log2_scale": 4,
    # Of the optimizer: AdamW moves each weight by about the learning rate in each step.
    "learning_rate": 10,
    "weight_decay": 10,
    "laplace_scale": 1024,
    "smooth_l1_weight": 1_000_000,
    "output_weights": 1_000_000,
    "weight": 1_000_000,
    "mixture": 1_000_000,
}
_MOST_OF_OTHERS = 1_000_000_000
_MAY_BE_NEGATIVE = ("min_log2_scale", "max_log2_scale")
_LONGEST_TEXT = 4096
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def check_ranges(value: Any, key: str = "", name: str = "") -> None:
    """Raise ConfigError for a number that is out of range or not finite, and for a text with control characters.

    Args:
        value: A section, or what stands in one.
        key: Where it stands, with dots.
        name: Of its setting, which items of a list and values of a map share.
    """
    if is_dataclass(value):
        for field in fields(value):
            check_ranges(getattr(value, field.name), f"{key}.{field.name}" if key else field.name, field.name)
    elif isinstance(value, list | dict):
        items = enumerate(value) if isinstance(value, list) else value.items()
        for index, item in items:
            check_ranges(item, f"{key}[{index}]", name)
    elif isinstance(value, str):
        require(len(value) <= _LONGEST_TEXT, f"{key} has {len(value):,} characters, expected {_LONGEST_TEXT:,} at most")
        require(_CONTROL.search(value) is None, f"{key} is {value!r}, expected a text without control characters")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        most = _MOST.get(name, _MOST_OF_OTHERS)
        least = -most if name in _MAY_BE_NEGATIVE else 0
        require(least <= value <= most, f"{key} is {_shown(value)}, expected a number of {least:,} … {most:,}")


def _shown(value: float) -> str:
    return str(value) if abs(value) < 1e30 or isinstance(value, float) else "a number of more than 30 digits"
