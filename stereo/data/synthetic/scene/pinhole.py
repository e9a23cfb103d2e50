"""Pinhole: a camera, which ties points and directions in space to pixels and disparities."""

import math
from dataclasses import dataclass

import numpy as np

from stereo.data.sample import Calibration
from stereo.data.synthetic.arrays import Float64
from stereo.data.synthetic.scene.surface import Plane


@dataclass(frozen=True)
class Pinhole:
    """A camera: focal length and principal point, px. Depths are focal_length / disparity: the baseline is 1."""

    focal_length: float
    center_x: float
    center_y: float

    @classmethod
    def of_frame(cls, focal_length: float, height: int, width: int) -> "Pinhole":
        """Return the camera of a frame of this size. This is the one place that says where its principal point lies.

        It is (W/2, H/2). Pixel centers lie at whole numbers (stereo.data.sample), so that the frame's middle is
        ((W − 1)/2, (H − 1)/2), and the principal point lies half a pixel right of it and half a pixel below it.
        """
        return cls(focal_length, width / 2, height / 2)

    @property
    def calibration(self) -> Calibration:
        """Return the calibration of this camera and a right one beside it; their distance is the unit of length."""
        return Calibration(self.focal_length, baseline=1.0, cx=self.center_x, cy=self.center_y)

    def point(self, x: float, y: float, disparity: float) -> Float64:
        """Return the point in space that is seen at pixel (x, y): [3]."""
        depth = self.focal_length / disparity
        return depth * np.array([(x - self.center_x) / self.focal_length, (y - self.center_y) / self.focal_length, 1])

    def project(self, points: Float64) -> Float64:
        """Return x, y and disparity, px, of points [N, 3] before the camera: [N, 3]."""
        scaled = points * (self.focal_length / points[:, 2:])
        return np.stack([scaled[:, 0] + self.center_x, scaled[:, 1] + self.center_y, scaled[:, 2] / points[:, 2]], -1)

    def plane(self, normal: Float64, point: Float64) -> Plane:
        """Return the disparity of the plane through a point with a normal that leans towards the camera."""
        # normal · P = distance, with P = (f / d) ((x − cx) / f, (y − cy) / f, 1), is linear in d.
        distance = float(normal @ point)
        slope_x, slope_y = normal[:2] / distance
        offset = normal[2] * self.focal_length / distance - slope_x * self.center_x - slope_y * self.center_y
        return Plane(float(offset), float(slope_x), float(slope_y))

    def normal(self, plane: Plane) -> Float64:
        """Return the unit normal, towards the camera, of the plane in space that has these disparities: [3]."""
        at_center = plane.offset + plane.slope_x * self.center_x + plane.slope_y * self.center_y
        # distance / f times the normal of `plane` above; `distance` is negative for a normal towards the camera.
        normal = -np.array([plane.slope_x * self.focal_length, plane.slope_y * self.focal_length, at_center])
        return np.asarray(normal / math.hypot(*normal))
