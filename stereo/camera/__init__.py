"""The cameras of a pair: their calibration, rectification, and checks of pairs that come without a calibration."""

from stereo.camera.model import CameraModel, CameraPair

__all__ = ["CameraModel", "CameraPair"]
