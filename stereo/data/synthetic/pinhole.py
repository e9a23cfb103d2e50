"""Pinhole: how points and directions in space, and what is seen of them, belong together."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stereo.data.sample import Calibration
from stereo.data.synthetic.surface import Plane

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Pinhole:
    """A camera: focal length and principal point, px. Depths are focal_length / disparity, so the baseline is 1."""

    focal_length: float
    center_x: float
    center_y: float

    @property
    def calibration(self) -> Calibration:
        """Of views by this camera and a right one beside it, whose distance is the unit of length."""
        return Calibration(self.focal_length, baseline=1.0, cx=self.center_x, cy=self.center_y)

    def point(self, x: float, y: float, disparity: float) -> Array:
        """What is seen at (x, y): [3]."""
        depth = self.focal_length / disparity
        return depth * np.array([(x - self.center_x) / self.focal_length, (y - self.center_y) / self.focal_length, 1])

    def project(self, points: Array) -> Array:
        """Points [N, 3] before the camera to x, y and disparity, px: [N, 3]."""
        scaled = points * (self.focal_length / points[:, 2:])
        return np.stack([scaled[:, 0] + self.center_x, scaled[:, 1] + self.center_y, scaled[:, 2] / points[:, 2]], -1)

    def plane(self, normal: Array, point: Array) -> Plane:
        """The disparity of the plane through a point with a normal that leans towards the camera."""
        # normal · P = distance, with P = (f / d) ((x − cx) / f, (y − cy) / f, 1), is linear in d.
        distance = float(normal @ point)
        slope_x, slope_y = normal[:2] / distance
        offset = normal[2] * self.focal_length / distance - slope_x * self.center_x - slope_y * self.center_y
        return Plane(float(offset), float(slope_x), float(slope_y))

    def normal(self, plane: Plane) -> Array:
        """The unit normal, towards the camera, of what has the disparities of a plane."""
        at_center = plane.offset + plane.slope_x * self.center_x + plane.slope_y * self.center_y
        # distance / f times the normal of `plane` above; `distance` is negative for a normal towards the camera.
        normal = -np.array([plane.slope_x * self.focal_length, plane.slope_y * self.focal_length, at_center])
        return np.asarray(normal / math.hypot(*normal))
