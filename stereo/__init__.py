"""Stereo depth estimation with efficient attention in the 3D cost-volume aggregation.

    from stereo import load_model, read_calibration

    model = load_model("compact")  # weights that ship, or the path of a checkpoint
    result = model("left.png", "right.png")  # its disparity is float32 [H, W], px
    result.point_cloud(read_calibration("calib.txt")).write("cloud.ply")

The public names are loaded when they are first used: `import stereo` costs nothing and starts nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from stereo.checkpoint import load_checkpoint as load_checkpoint
    from stereo.config import Config as Config
    from stereo.config import ModelConfig as ModelConfig
    from stereo.config import load_config as load_config
    from stereo.data.datasets import build_dataset as build_dataset
    from stereo.data.formats import read_calibration as read_calibration
    from stereo.data.formats import read_disparity as read_disparity
    from stereo.data.formats import read_image as read_image
    from stereo.data.sample import Calibration as Calibration
    from stereo.data.sample import Map
    from stereo.data.sample import StereoSample as StereoSample
    from stereo.errors import StereoError as StereoError
    from stereo.evaluation.evaluator import evaluate as evaluate
    from stereo.geometry import PointCloud as PointCloud
    from stereo.methods.predictor import Predictor as Predictor
    from stereo.methods.result import StereoResult as StereoResult
    from stereo.model.attention import EfficientAttention as EfficientAttention
    from stereo.model.network import StereoNetwork as StereoNetwork
    from stereo.training.trainer import train as train

_HOMES = {
    "Calibration": "stereo.data.sample",
    "Config": "stereo.config",
    "EfficientAttention": "stereo.model.attention",
    "ModelConfig": "stereo.config",
    "PointCloud": "stereo.geometry",
    "Predictor": "stereo.methods.predictor",
    "StereoError": "stereo.errors",
    "StereoNetwork": "stereo.model.network",
    "StereoResult": "stereo.methods.result",
    "StereoSample": "stereo.data.sample",
    "build_dataset": "stereo.data.datasets",
    "evaluate": "stereo.evaluation.evaluator",
    "load_checkpoint": "stereo.checkpoint",
    "load_config": "stereo.config",
    "read_calibration": "stereo.data.formats",
    "read_disparity": "stereo.data.formats",
    "read_image": "stereo.data.formats",
    "train": "stereo.training.trainer",
}
__all__ = sorted([*_HOMES, "load_model", "predict"])


def load_model(
    name: str | Path = "compact",
    device: str = "auto",
    max_disparity: int | None = None,
    band_rows: int | None = None,
    *,
    confidence: bool = False,
) -> Predictor:
    """Return a network that is ready to predict.

    Args:
        name: Weights that ship, by name, or the path of a checkpoint.
        device, max_disparity, band_rows, confidence: As for :meth:`stereo.methods.predictor.Predictor.from_checkpoint`.

    Raises: CheckpointError, which lists the weights that ship where the name is unknown; ConfigError.
    """
    from stereo.methods.predictor import Predictor

    return Predictor.from_checkpoint(name, device, max_disparity, band_rows, confidence=confidence)


def predict(model: Predictor, left: Any, right: Any) -> Map:
    """Return the disparity of the left view, float32 [H, W], px.

    Args:
        model: What :func:`load_model` returns.
        left, right: One rectified pair, as :meth:`stereo.methods.predictor.Predictor.predict` takes it.

    Raises: DataError, StereoError.
    """
    return model.predict(left, right)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'stereo' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
