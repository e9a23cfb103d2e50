"""The cameras of a pair: their calibration, read from the forms in which people have it."""

from stereo.camera.model import CameraModel, CameraPair
from stereo.camera.read import read_camera_pair

__all__ = ["CameraModel", "CameraPair", "read_camera_pair"]
