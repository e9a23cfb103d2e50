"""Block matching: the oldest baseline, and the fastest; each pixel for itself, by the window around it.

Source: OpenCV's StereoBM, after K. Konolige, "Small vision systems" (1997): the sum of absolute differences of two gray
views that a Sobel filter has freed of their brightness.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo.data.sample import Image
from stereo.methods.matcher import Matcher


class Bm(Matcher):
    """OpenCV's StereoBM, with holes filled: a dense map for any pair."""

    name = "bm"
    usual_block_size = 9  # as in OpenCV's own example
    least_block_size = 5

    @property
    def border(self) -> int:
        """Return the part of the window that lies beside its center, px: it must lie within the view."""
        return self.block_size // 2

    @property
    def parameters(self) -> dict[str, int]:
        """Return OpenCV's settings by its names for them."""
        return {
            # Horizontal gradients, clipped to ±31, are what is compared.
            "preFilterType": cv2.StereoBM_PREFILTER_XSOBEL,
            "preFilterCap": 31,
            # Windows whose gradients sum to less have no texture and become holes.
            "textureThreshold": 10,
            # %, by which the best cost must beat the second best.
            "uniquenessRatio": 10,
            # Two views' estimates may differ by this, px: what is seen in one view only becomes a hole.
            "disp12MaxDiff": 1,
            # Islands of fewer than 100 px, more than 2 px off their surroundings, become holes; in sixteenths of a
            # pixel, other than StereoSGBM's.
            "speckleWindowSize": 100,
            "speckleRange": 32,
        }

    def prepare(self, image: Image) -> NDArray[np.uint8]:
        """Return a view in gray, [H, W]."""
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)

    def build(self, num_disparities: int) -> cv2.StereoBM:
        """Return OpenCV's matcher of this range."""
        matcher = cv2.StereoBM.create(num_disparities, self.block_size)
        for name, value in self.parameters.items():
            getattr(matcher, f"set{name[0].upper()}{name[1:]}")(value)
        return matcher
