"""StereoResult: what a predictor says of one pair, and what follows from it with a calibration."""

import math
from dataclasses import dataclass
from pathlib import Path

from stereo.data.sample import Calibration, Image, Map, Mask
from stereo.geometry import MAX_JUMP, PointCloud, depth, point_cloud
from stereo.methods.outputs import Outputs, PairMaps
from stereo.output import make_output_folder


@dataclass(frozen=True)
class StereoResult:
    """The disparity of a pair, and the left view that it belongs to.

    left: RGB uint8 [H, W, 3].
    disparity: float32 [H, W] of the left view, px.
    confidence: float32 [H, W], 0 … 1; None where the predictor was not asked for it.
    """

    left: Image
    disparity: Map
    confidence: Map | None = None

    def depth(self, calibration: Calibration) -> Map:
        """Return the depth of each pixel, float32 [H, W], m. See :func:`stereo.geometry.depth`."""
        return depth(self.disparity, calibration)

    def point_cloud(
        self,
        calibration: Calibration,
        *,
        mask: Mask | None = None,
        min_confidence: float = 0.0,
        min_depth: float = 0.0,
        max_depth: float = math.inf,
        max_jump: float | None = MAX_JUMP,
    ) -> PointCloud:
        """Return the points that the left view shows, with its colors. See :func:`stereo.geometry.point_cloud`."""
        return point_cloud(
            self.disparity,
            calibration,
            self.left,
            mask=mask,
            confidence=self.confidence,
            min_confidence=min_confidence,
            min_depth=min_depth,
            max_depth=max_depth,
            max_jump=max_jump,
        )

    def save(self, folder: str | Path) -> list[str]:
        """Write disparity.pfm, disparity.png and preview.png into a folder, which is made; return the files' names.

        See :class:`stereo.methods.outputs.Outputs`, which writes more, and otherwise.

        Raises: OutputError.
        """
        maps = PairMaps(self.left, self.disparity, self.disparity)
        return Outputs().write(make_output_folder(folder), "", maps)[0]
