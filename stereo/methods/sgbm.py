"""Semi-global matching: the classical baseline that every learned method should beat.

Source: Hirschmüller, PAMI 2008, as OpenCV's StereoSGBM has it (Birchfield–Tomasi cost instead of mutual information).
"""

import cv2

from stereo.methods.matcher import Matcher


class Sgbm(Matcher):
    """OpenCV's StereoSGBM over 8 paths, with holes filled: a dense map for any pair."""

    name = "sgbm"
    usual_block_size = 3
    least_block_size = 1

    @property
    def parameters(self) -> dict[str, int]:
        """Return OpenCV's settings by its names for them."""
        window = 3 * self.block_size**2  # values compared for one pixel, over three color channels
        return {
            # Penalties for a change of disparity by 1 and by more between neighbors: OpenCV's own recommendation.
            "P1": 8 * window,
            "P2": 32 * window,
            # Two views' estimates may differ by this, px: what is seen in one view only becomes a hole.
            "disp12MaxDiff": 1,
            # Image gradients are clipped to ±63, the largest value allowed: the cost keeps strong edges.
            "preFilterCap": 63,
            # %, by which the best cost must beat the second best.
            "uniquenessRatio": 10,
            # Islands of fewer than 100 px, more than 2 px off their surroundings, become holes.
            "speckleWindowSize": 100,
            "speckleRange": 2,
        }

    def build(self, num_disparities: int) -> cv2.StereoSGBM:
        """Return OpenCV's matcher of this range."""
        return cv2.StereoSGBM.create(
            minDisparity=0,
            numDisparities=num_disparities,
            blockSize=self.block_size,
            mode=cv2.StereoSGBM_MODE_HH,
            **self.parameters,
        )
