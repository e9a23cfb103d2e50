"""Surface: a disparity function of left-view coordinates that both views can evaluate exactly."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

# float32 in the renderer; float64 serves as well.
Array = NDArray[np.floating[Any]]

# Newton's method from the plane's closed form: the waves are gentle enough that two steps give 1e-4 px.
_NEWTON_STEPS = 2


@dataclass(frozen=True)
class Plane:
    """offset + slope_x x + slope_y y, px. The image of a plane in space; |slope_x| < 0.5."""

    offset: float
    slope_x: float
    slope_y: float


@dataclass(frozen=True)
class Wave:
    """amplitude sin(frequency_x x + frequency_y y + phase): px, radians per px, radians."""

    amplitude: float
    frequency_x: float
    frequency_y: float
    phase: float


@dataclass(frozen=True)
class Surface:
    """Disparity over left-view pixels: one plane plus waves, or two planes that meet at an edge; kept in low … high.

    planes: One plane, or two: then the surface is their minimum (`convex`, an edge towards the camera, as of a box)
        or their maximum (an edge away from the camera, as of an open book).
    waves: Added to every plane. The sum of |slope_x| and of all |amplitude frequency_x| must stay below 0.5, so that
        x − disparity grows with x and a right-view pixel sees one point of the surface.
    low, high: Limits of disparity, px.
    """

    planes: tuple[Plane, ...]
    low: float
    high: float
    waves: tuple[Wave, ...] = field(default=())
    convex: bool = True

    def at(self, x: Array, y: Array) -> Array:
        """Disparity at left-view points, px. x, y: float32 of any shapes that broadcast together."""
        values = [np.float32(p.slope_x) * x + (np.float32(p.offset) + np.float32(p.slope_y) * y) for p in self.planes]
        disparity = self._joined(values)
        for wave in self.waves:
            disparity = disparity + np.float32(wave.amplitude) * np.sin(_argument(wave, x, y))
        return self._limited(disparity)

    def from_right(self, x: Array, y: Array) -> Array:
        """Disparity seen at right-view points (x, y), px: the d that solves d = at(x + d, y).

        Each plane is solved by itself: x − d(x) grows with x, so the solution of a minimum (maximum, limit) of
        surfaces is the minimum (maximum, limit) of their solutions.
        """
        return self._limited(self._joined([self._solve(plane, x, y) for plane in self.planes]))

    def face(self, x: Array, y: Array) -> NDArray[np.bool_]:
        """True where left-view points lie on the second of two planes."""
        first, second = self.planes
        difference = (
            np.float32(first.slope_x - second.slope_x) * x
            + (np.float32(first.offset - second.offset) + np.float32(first.slope_y - second.slope_y) * y)
        )  # fmt: skip
        return np.asarray(difference > 0 if self.convex else difference < 0)

    def bounds(self, x0: float, y0: float, x1: float, y1: float) -> tuple[float, float]:
        """Limits, px, between which disparity lies over a rectangle of the left view."""
        corners = [[p.offset + p.slope_x * x + p.slope_y * y for x in (x0, x1) for y in (y0, y1)] for p in self.planes]
        bulge = sum(abs(wave.amplitude) for wave in self.waves)
        low = min(min(values) for values in corners) - bulge
        high = max(max(values) for values in corners) + bulge
        return min(max(low, self.low), self.high), min(max(high, self.low), self.high)

    def _solve(self, plane: Plane, x: Array, y: Array) -> Array:
        rest = np.float32(plane.offset) + np.float32(plane.slope_y) * y
        disparity = (np.float32(plane.slope_x) * x + rest) / np.float32(1 - plane.slope_x)
        if not self.waves:
            return disparity
        for _ in range(_NEWTON_STEPS):
            x_left = x + disparity
            residual = np.float32(plane.slope_x) * x_left + rest - disparity
            slope = np.full_like(residual, plane.slope_x - 1)
            for wave in self.waves:
                argument = _argument(wave, x_left, y)
                residual += np.float32(wave.amplitude) * np.sin(argument)
                slope += np.float32(wave.amplitude * wave.frequency_x) * np.cos(argument)
            disparity = disparity - residual / slope
        return np.asarray(disparity)

    def _joined(self, values: list[Array]) -> Array:
        if len(values) == 1:
            return values[0]
        return np.minimum(*values) if self.convex else np.maximum(*values)

    def _limited(self, disparity: Array) -> Array:
        return np.clip(disparity, np.float32(self.low), np.float32(self.high))


def _argument(wave: Wave, x: Array, y: Array) -> Array:
    return np.float32(wave.frequency_x) * x + (np.float32(wave.frequency_y) * y + np.float32(wave.phase))
