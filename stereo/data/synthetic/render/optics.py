"""Defocus and Misalignment: a lens that blurs, and a right camera that is not quite rectified."""

from dataclasses import dataclass

import cv2
import numpy as np

from stereo.data.synthetic.arrays import Float32


@dataclass(frozen=True)
class Defocus:
    """A lens of wide aperture: surfaces at another depth than `focus`, px of disparity, are blurred.

    reach: px of disparity from the focus to the full blur. sigma: Of the full blur, Gaussian, px.
    """

    focus: float
    reach: float
    sigma: float

    @property
    def margin(self) -> int:
        """Return the distance, px, from which a pixel still receives light."""
        return int(np.ceil(4 * self.sigma))

    def blur(self, radiance: Float32, disparity: Float32) -> Float32:
        """Return the radiance [3, H, W] of a view, blurred by its disparity [H, W]."""
        full = np.stack([cv2.GaussianBlur(plane, (0, 0), self.sigma) for plane in radiance])
        share = np.minimum(np.abs(disparity - np.float32(self.focus)) / np.float32(self.reach), 1)
        return np.asarray(radiance + (full - radiance) * share, np.float32)


@dataclass(frozen=True)
class Misalignment:
    """How far the right view is from being rectified. shift: px down. angle: degrees about the frame's middle."""

    shift: float
    angle: float

    def margin(self, height: int, width: int) -> int:
        """Return the distance, px, that a pixel of a frame of this size may move."""
        return int(np.ceil(abs(self.shift) + np.radians(abs(self.angle)) * np.hypot(height, width) / 2)) + 2
