"""TemporalSmoothing: less flicker between the disparities of one pixel, from frame to frame."""

import numpy as np

from stereo.config.checks import require
from stereo.data.sample import Map


class TemporalSmoothing:
    """An exponential mean over the frames, of each pixel for itself.

        s = w · d + (1 − w) · s_before    where |d − s_before| ≤ threshold
        s = d                             elsewhere, and in the first frame

    A larger change is one of the scene, of which nothing is kept, so that moving edges do not smear. It knows nothing
    of motion: a surface that comes nearer by less than the threshold a frame is seen late. So it makes a video calmer
    to look at, not its disparities truer.

    Args:
        weight: w, of the new frame, above 0 and up to 1, which leaves the disparities as they are.
        threshold: px.

    Raises: ConfigError.
    """

    def __init__(self, weight: float, threshold: float = 1.0) -> None:
        require(0 < weight <= 1, f"the smoothing's weight of a new frame is {weight:g}, expected above 0 and up to 1")
        require(threshold >= 0, f"the smoothing's threshold is {threshold:g} px, expected 0 or more")
        self.weight = weight
        self.threshold = threshold
        self._before: Map | None = None

    def __call__(self, disparity: Map) -> Map:
        """Return the disparity of the next frame, smoothed: float32 [H, W], px. A map of another size begins anew."""
        before = self._before
        if before is None or before.shape != disparity.shape:
            smoothed = disparity
        else:
            with np.errstate(invalid="ignore"):  # inf − inf: NaN, which is not within the threshold
                change = disparity - before
                kept = np.abs(change) <= self.threshold
                smoothed = np.where(kept, before + np.float32(self.weight) * change, disparity)
        self._before = smoothed
        return smoothed
