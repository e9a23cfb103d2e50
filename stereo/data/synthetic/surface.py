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
class Dome:
    """height (1 − ((x − center_x) / radius_x)² − ((y − center_y) / radius_y)²): a ball seen from before, px.

    An infinite radius makes it a cylinder. 2 height / radius_x, its slope at the rim, counts as a slope.
    """

    height: float
    center_x: float
    center_y: float
    radius_x: float
    radius_y: float

    def at(self, x: Array, y: Array) -> Array:
        """Of left-view points, px."""
        across = (x - np.float32(self.center_x)) * np.float32(1 / self.radius_x)
        along = (y - np.float32(self.center_y)) * np.float32(1 / self.radius_y)
        return np.asarray(np.float32(self.height) * (1 - across * across - along * along))


@dataclass(frozen=True)
class Surface:
    """Disparity over left-view pixels: a plane with waves or a dome, or planes that meet at edges; in low … high.

    planes: One plane, or more: then the surface is their minimum (`convex`, edges towards the camera, as of a box)
        or their maximum (an edge away from the camera, as of an open book).
    dome: Added to a single plane; then there are no waves.
    waves: Added to every plane. The sum of |slope_x| and of all |amplitude frequency_x| must stay below 0.5, so that
        x − disparity grows with x and a right-view pixel sees one point of the surface.
    low, high: Limits of disparity, px.
    """

    planes: tuple[Plane, ...]
    low: float
    high: float
    waves: tuple[Wave, ...] = field(default=())
    convex: bool = True
    dome: Dome | None = None

    def at(self, x: Array, y: Array) -> Array:
        """Disparity at left-view points, px. x, y: float32 of any shapes that broadcast together."""
        disparity = self._joined([self._plane_at(plane, x, y) for plane in self.planes])
        for wave in self.waves:
            disparity = disparity + np.float32(wave.amplitude) * np.sin(_argument(wave, x, y))
        if self.dome is not None:
            disparity = disparity + self.dome.at(x, y)
        return self._limited(disparity)

    def from_right(self, x: Array, y: Array) -> Array:
        """Disparity seen at right-view points (x, y), px: the d that solves d = at(x + d, y).

        Each plane is solved by itself: x − d(x) grows with x, so the solution of a minimum (maximum, limit) of
        surfaces is the minimum (maximum, limit) of their solutions.
        """
        return self._limited(self._joined([self._solve(plane, x, y) for plane in self.planes]))

    def face(self, x: Array, y: Array) -> NDArray[np.intp]:
        """On which of the planes left-view points lie."""
        values = [self._plane_at(plane, x, y) for plane in self.planes]
        return np.asarray(np.argmin(values, 0) if self.convex else np.argmax(values, 0))

    def gradient(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Slopes of disparity along x and y at left-view points, px per px; those without the limits."""
        slopes = np.array([(plane.slope_x, plane.slope_y) for plane in self.planes], np.float32).T
        along_x: Array
        along_y: Array
        if len(self.planes) > 1:
            along_x, along_y = slopes[:, self.face(x, y)]
        else:
            along_x, along_y = (np.broadcast_to(slope[0], np.broadcast_shapes(x.shape, y.shape)) for slope in slopes)
        for wave in self.waves:
            rate = np.float32(wave.amplitude) * np.cos(_argument(wave, x, y))
            along_x = along_x + np.float32(wave.frequency_x) * rate
            along_y = along_y + np.float32(wave.frequency_y) * rate
        if self.dome is not None:
            dome = self.dome
            along_x = along_x - np.float32(2 * dome.height / dome.radius_x**2) * (x - np.float32(dome.center_x))
            along_y = along_y - np.float32(2 * dome.height / dome.radius_y**2) * (y - np.float32(dome.center_y))
        return along_x, along_y

    def bounds(self, x0: float, y0: float, x1: float, y1: float) -> tuple[float, float]:
        """Limits, px, between which disparity lies over a rectangle of the left view."""
        corners = [[p.offset + p.slope_x * x + p.slope_y * y for x in (x0, x1) for y in (y0, y1)] for p in self.planes]
        bulge = sum(abs(wave.amplitude) for wave in self.waves)
        if self.dome is not None:  # between 1 at its top and −1 in the corners of the box around it
            ends = self.dome.at(np.array([[x0, x1]], np.float32), np.array([[y0], [y1]], np.float32))
            bulge += max(abs(self.dome.height), float(np.abs(ends).max()))
        low = min(min(values) for values in corners) - bulge
        high = max(max(values) for values in corners) + bulge
        return min(max(low, self.low), self.high), min(max(high, self.low), self.high)

    def _solve(self, plane: Plane, x: Array, y: Array) -> Array:
        rest = np.float32(plane.offset) + np.float32(plane.slope_y) * y
        if self.dome is not None:
            return _solve_dome(self.dome, plane.slope_x, rest, x, y)
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

    @staticmethod
    def _plane_at(plane: Plane, x: Array, y: Array) -> Array:
        return np.float32(plane.slope_x) * x + (np.float32(plane.offset) + np.float32(plane.slope_y) * y)

    def _joined(self, values: list[Array]) -> Array:
        joined, *others = values
        for other in others:
            joined = np.minimum(joined, other) if self.convex else np.maximum(joined, other)
        return joined

    def _limited(self, disparity: Array) -> Array:
        return np.clip(disparity, np.float32(self.low), np.float32(self.high))


def _solve_dome(dome: Dome, slope: float, rest: Array, x: Array, y: Array) -> Array:
    """The d with d = slope X + rest + dome(X, y) at X = x + d: a quadratic equation in X − center_x.

    Left of the point where the surface would fold over there is none, and that point stands for it: it lies outside the
    dome's own box.
    """
    bend, steep = dome.height / dome.radius_x**2, 1 - slope
    along = (y - np.float32(dome.center_y)) * np.float32(1 / dome.radius_y)
    constant = (np.float32(steep * dome.center_x) - x) - rest - np.float32(dome.height) * (1 - along * along)
    root = np.sqrt(np.maximum(np.float32(steep**2) - np.float32(4 * bend) * constant, 0))
    return np.asarray(np.float32(dome.center_x) - 2 * constant / (np.float32(steep) + root) - x)


def _argument(wave: Wave, x: Array, y: Array) -> Array:
    return np.float32(wave.frequency_x) * x + (np.float32(wave.frequency_y) * y + np.float32(wave.phase))
