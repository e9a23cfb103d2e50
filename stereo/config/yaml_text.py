"""YAML of strangers: its size, depth and numbers are looked at before a parser builds anything of it."""

import re

import yaml

from stereo.config.checks import require
from stereo.errors import ConfigError

# A configuration with every setting and its comments has some 20 kB and is 5 levels deep.
MAX_BYTES = 512 * 1024
_MAX_DEPTH = 32
# Digits of YAML to any base. Python refuses to print whole numbers of some thousand digits, in our messages too.
_LONG_NUMBER = re.compile(r"[-+]?\d[\da-fxo_:]{200,}", re.IGNORECASE)
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def check_yaml(text: str) -> None:
    """Raise ConfigError for a text that nests too deeply, which crashes libyaml, or has an endless number.

    Raises: YAMLError as well, for what is no YAML.
    """
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):  # builds nothing, and so takes any depth
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        require(depth <= _MAX_DEPTH, f"nests more than {_MAX_DEPTH} levels deep, which no configuration does")
        if isinstance(event, yaml.ScalarEvent) and _LONG_NUMBER.fullmatch(event.value):
            raise ConfigError(f"has a number of {len(event.value):,} digits, '{event.value[:20]}…'")
