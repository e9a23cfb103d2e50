"""Entry points of torch.hub: torch.hub.load(REPOSITORY, "compact", source="local").

REPOSITORY is a clone's folder; with source="github" it is OWNER/NAME, and torch.hub makes the clone.
"""

from typing import Any as _Any

from stereo import load_model as _load_model
from stereo.methods.predictor import Predictor as _Predictor

# The modules that torch.hub looks for before it calls an entry point.
dependencies = ["torch", "numpy", "cv2", "omegaconf"]


def compact(**options: _Any) -> _Predictor:
    """Return the compact network with the weights that ship, ready to predict: model(left, right).disparity.

    Args:
        options: device, max_disparity, band_rows and confidence, as for stereo.load_model.
    """
    return _load_model("compact", **options)


def guided(**options: _Any) -> _Predictor:
    """Return the more accurate network, which takes 1.8 times the time, with its weights; otherwise as `compact`."""
    return _load_model("guided", **options)


def slim(**options: _Any) -> _Predictor:
    """Return the smaller and faster network, with its weights; otherwise as `compact`."""
    return _load_model("slim", **options)
