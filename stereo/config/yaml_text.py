"""YAML of strangers: its size and depth are looked at before a parser builds anything of it."""

import yaml

from stereo.config.checks import require

# A configuration with every setting and its comments has some 20 kB and is 5 levels deep.
MAX_BYTES = 512 * 1024
_MAX_DEPTH = 32
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def check_yaml(text: str) -> None:
    """Raise ConfigError for a text that nests too deeply, which crashes libyaml, and YAMLError for what is no YAML."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):  # builds nothing, and so takes any depth
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        require(depth <= _MAX_DEPTH, f"nests more than {_MAX_DEPTH} levels deep, which no configuration does")
