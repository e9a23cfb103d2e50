"""The networks by name: what differs from the defaults, which are those of `compact`."""

from typing import Any, Literal, get_args

Preset = Literal["compact", "psmnet_basic", "psmnet", "ea_psmnet"]


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
    "compact": {},
    # Chang & Chen, "Pyramid Stereo Matching Network", CVPR 2018: 3,672,896 parameters.
    "psmnet_basic": _psmnet({"kind": "basic", "num_hourglasses": 1}, {"kind": "none"}),
    # The same paper's stacked hourglass: 5,224,768 parameters.
    "psmnet": _psmnet(_STACKHOURGLASS, {"kind": "none"}),
    # With efficient attention in the 3D aggregation, this project's insertion. `model.attention.sites` moves it;
    # `features` is the place of the paper's first version.
    "ea_psmnet": _psmnet(_STACKHOURGLASS, {"kind": "efficient", "sites": ["eighth", "sixteenth"]}),
}
assert tuple(PRESETS) == get_args(Preset)
