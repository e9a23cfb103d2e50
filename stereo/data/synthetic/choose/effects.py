"""Effects: what scenes have beside what their preset names, with a number for each setting that is null."""

from dataclasses import dataclass, fields, replace

from stereo.config import SyntheticConfig


@dataclass(frozen=True)
class Effects:
    """The settings of SyntheticConfig that have these names; 0: off."""

    nearest_from: float = 0.0
    thin_objects: float = 0.0
    foliage: float = 0.0
    unequal_exposure: float = 0.0
    unequal_light: float = 0.0


_OFF = Effects()
_BROAD = Effects(nearest_from=4.0, thin_objects=2.0, foliage=0.6, unequal_exposure=0.3, unequal_light=0.15)


def effects_of(config: SyntheticConfig) -> Effects:
    """Return the effects of these settings. Where a setting is null, `broad` has its own value, and others have 0."""
    own = _BROAD if config.preset == "broad" else _OFF
    given = {field.name: getattr(config, field.name) for field in fields(own)}
    return replace(own, **{name: value for name, value in given.items() if value is not None})
