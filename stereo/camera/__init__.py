"""The cameras of a pair: their calibration, read from the forms in which people have it, and rectification.

`stereo.camera.checks` looks at pairs that come without a calibration.
"""

from stereo.camera.model import CameraModel, CameraPair
from stereo.camera.read import read_camera_pair
from stereo.camera.rectification import Rectification, rectify

__all__ = ["CameraModel", "CameraPair", "Rectification", "read_camera_pair", "rectify"]
