"""The networks by name: what differs from the defaults of ModelConfig and of the other sections."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

Preset = Literal["compact", "guided", "slim", "psmnet_basic", "psmnet", "ea_psmnet"]
# The network of a configuration that names none.
DEFAULT_PRESET: Preset = "compact"


def _psmnet(aggregation: dict[str, Any], attention: dict[str, Any]) -> dict[str, Any]:
    return {
        "model": {
            "features": {"kind": "psmnet", "channels": 32, "matching_channels": 32},
            "cost_volume": {"kind": "concatenation"},
            "aggregation": {"channels": 32, **aggregation},
            "attention": attention,
            "regression": {"upsampling": "trilinear", "estimate": "soft_argmin"},
        },
        "data": {"augmentation": {"crop_height": 256, "crop_width": 512}},
        "loss": {"kind": "smooth_l1"},
    }


_STACKHOURGLASS = {"kind": "stackhourglass", "num_hourglasses": 3}

PRESETS: dict[Preset, dict[str, Any]] = {
    # Chosen by docs/ablation.md; weights ship.
    "compact": {
        "model": {
            "features": {"kind": "efficientnet_lite"},
            "aggregation": {"guidance": "gate"},
            "refinement": {"kind": "local_volume", "body": "pyramid", "channels": 32},
        },
    },
    # Wider than compact, and with guided attention: for accuracy, in 1.8 times the time; weights ship.
    "guided": {
        "model": {
            "features": {"kind": "efficientnet_lite", "channels": 48, "matching_channels": 96},
            "cost_volume": {"groups": 12},
            "aggregation": {"channels": 16, "guidance": "gate"},
            "attention": {"over": "plane", "position": "sine", "key_channels": 64, "num_heads": 4},
            "refinement": {"kind": "local_volume", "body": "pyramid", "channels": 48, "steps": 2},
        },
    },
    # Everything that may be left out is left out but attention: half the size, less time, less accurate. It was
    # `compact` until the ablation; checkpoints of that time say so.
    "slim": {},
    # Chang & Chen, "Pyramid Stereo Matching Network", CVPR 2018: 3,672,896 parameters.
    "psmnet_basic": _psmnet({"kind": "basic", "num_hourglasses": 1}, {"kind": "none"}),
    # The same paper's stacked hourglass: 5,224,768 parameters.
    "psmnet": _psmnet(_STACKHOURGLASS, {"kind": "none"}),
    # With efficient attention in the 3D aggregation, this project's insertion. `model.attention.sites` moves it;
    # `features` is the place of the paper's first version.
    "ea_psmnet": _psmnet(_STACKHOURGLASS, {"kind": "efficient", "sites": ["eighth", "sixteenth"]}),
}
assert tuple(PRESETS) == get_args(Preset)


def preset_of_stored(values: Mapping[str, Any]) -> Any:
    """Return the preset that gives what a stored configuration lacks: settings that came after it.

    A stored configuration has all settings that its release knew. `compact` was what `slim` is now, and of what came
    since `slim` has nothing.
    """
    preset = values.get("preset", DEFAULT_PRESET)
    return "slim" if preset == "compact" else preset
