"""Surface: a disparity function of left-view coordinates that both views can evaluate exactly."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stereo.data.synthetic.arrays import Floats, Indices

_QUARTER_TURN = math.pi / 2


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

    def parts(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Return the parts of the sine's argument that x and y give, radians."""
        return self.frequency_x * x, self.frequency_y * y + self.phase

    def at(self, x: Floats, y: Floats) -> Floats:
        """Return the wave at left-view points, px."""
        return np.asarray(self.amplitude * _sine(*self.parts(x, y)))


@dataclass(frozen=True)
class Dome:
    """height (1 − ((x − center_x) / radius_x)² − ((y − center_y) / radius_y)²): a ball seen from the front, px.

    An infinite radius makes it a cylinder. Its slope at the rim, 2 height / radius_x, counts as a slope.
    """

    height: float
    center_x: float
    center_y: float
    radius_x: float
    radius_y: float

    def at(self, x: Floats, y: Floats) -> Floats:
        """Return the dome at left-view points, px."""
        across = (x - self.center_x) * (1 / self.radius_x)
        along = (y - self.center_y) * (1 / self.radius_y)
        return np.asarray(self.height * (1 - across * across - along * along))


@dataclass(frozen=True)
class Surface:
    """Disparity over left-view pixels, in low … high: a plane with waves or a dome, or planes that meet at edges.

    planes: One plane or more. The surface is their minimum (`convex`: the edges point towards the camera, as those of a
        box) or their maximum (the edge points away from the camera, as that of an open book).
    dome: Added to a single plane; a surface with a dome has no waves.
    waves: Added to every plane. The sum of |slope_x| and of all |amplitude frequency_x| must stay below 0.5: then
        x − disparity grows with x, and a right-view pixel sees one point of the surface.
    low, high: Limits of disparity, px.
    """

    planes: tuple[Plane, ...]
    low: float
    high: float
    waves: tuple[Wave, ...] = field(default=())
    convex: bool = True
    dome: Dome | None = None

    def at(self, x: Floats, y: Floats) -> Floats:
        """Return the disparity at left-view points, px. x, y: float32 of any shapes that broadcast together.

        A row [1, W] and a column [H, 1] are the fastest way to ask for a grid.
        """
        disparity = self._joined([self._plane_at(plane, x, y) for plane in self.planes])
        for wave in self.waves:
            disparity = disparity + wave.at(x, y)
        if self.dome is not None:
            disparity = disparity + self.dome.at(x, y)
        return self._limited(disparity)

    def at_point(self, x: float, y: float) -> float:
        """Return the disparity at one left-view point, px: as `at`, but faster for a single point."""
        values = [plane.offset + plane.slope_x * x + plane.slope_y * y for plane in self.planes]
        disparity = min(values) if self.convex else max(values)
        for wave in self.waves:
            disparity += wave.amplitude * math.sin(wave.frequency_x * x + wave.frequency_y * y + wave.phase)
        if self.dome is not None:
            disparity += float(self.dome.at(np.float64(x), np.float64(y)))  # type: ignore[arg-type, unused-ignore]
        return min(max(disparity, self.low), self.high)

    def from_right(self, x: Floats, y: Floats) -> Floats:
        """Return the disparity that right-view points (x, y) see, px: the d that solves d = at(x + d, y).

        Each plane is solved by itself. x − d(x) grows with x, so that the solution of a minimum (maximum, limit) of
        surfaces is the minimum (maximum, limit) of their solutions.
        """
        return self._limited(self._joined([self._solve(plane, x, y) for plane in self.planes]))

    def face(self, x: Floats, y: Floats) -> Indices:
        """Return the index of the plane on which each left-view point lies."""
        shown, *others = (self._plane_at(plane, x, y) for plane in self.planes)
        face = np.zeros(shown.shape, np.intp)
        for number, other in enumerate(others, 1):
            np.copyto(face, number, where=other < shown if self.convex else other > shown)
            shown = self._joined([shown, other])
        return face

    def gradient(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Return the slopes of disparity along x and y at left-view points, px per px, as if there were no limits."""
        along_x: Any
        along_y: Any
        if len(self.planes) > 1:
            slopes = np.array([(plane.slope_x, plane.slope_y) for plane in self.planes], np.float32).T
            along_x, along_y = slopes.take(self.face(x, y), axis=1)
        else:
            along_x, along_y = self.planes[0].slope_x, self.planes[0].slope_y
        for wave in self.waves:
            rate = wave.amplitude * _cosine(*wave.parts(x, y))
            along_x = along_x + wave.frequency_x * rate
            along_y = along_y + wave.frequency_y * rate
        if self.dome is not None:
            dome = self.dome
            along_x = along_x - (2 * dome.height / dome.radius_x**2) * (x - dome.center_x)
            along_y = along_y - (2 * dome.height / dome.radius_y**2) * (y - dome.center_y)
        shape = np.broadcast_shapes(x.shape, y.shape)
        along_x, along_y = (
            along if np.shape(along) == shape else np.broadcast_to(along, shape) for along in (along_x, along_y)
        )
        return along_x, along_y

    def bounds(self, x0: float, y0: float, x1: float, y1: float) -> tuple[float, float]:
        """Return limits, px, between which the disparity lies over a rectangle of the left view."""
        corners = [[p.offset + p.slope_x * x + p.slope_y * y for x in (x0, x1) for y in (y0, y1)] for p in self.planes]
        bulge = sum(abs(wave.amplitude) for wave in self.waves)
        if self.dome is not None:  # from its height at the top down to −height in the corners of the box around it
            ends = self.dome.at(np.array([[x0, x1]], np.float32), np.array([[y0], [y1]], np.float32))
            bulge += max(abs(self.dome.height), float(np.abs(ends).max()))
        low = min(min(values) for values in corners) - bulge
        high = max(max(values) for values in corners) + bulge
        return min(max(low, self.low), self.high), min(max(high, self.low), self.high)

    def _solve(self, plane: Plane, x: Floats, y: Floats) -> Floats:
        rest = plane.offset + plane.slope_y * y
        if self.dome is not None:
            return _solve_dome(self.dome, plane.slope_x, rest, x, y)
        # On the plane alone x_left = across + along: a grid stays a row and a column.
        steep = 1 - plane.slope_x
        across, along = x / steep, rest / steep
        disparity = plane.slope_x * across + along
        if not self.waves:
            return np.asarray(disparity)
        # From there two steps of Newton's method give 1e-4 px, because the waves are gentle.
        residual: Any = 0.0
        slope: Any = -steep
        for wave in self.waves:
            first, second = wave.parts(across, y)
            second = second + wave.frequency_x * along
            residual = residual + wave.amplitude * _sine(first, second)
            slope = slope + (wave.amplitude * wave.frequency_x) * _cosine(first, second)
        disparity = disparity - residual / slope
        x_left = x + disparity
        residual, slope = plane.slope_x * x_left + (rest - disparity), -steep
        for wave in self.waves:
            argument = np.add(*wave.parts(x_left, y))
            residual = residual + wave.amplitude * np.sin(argument)
            slope = slope + (wave.amplitude * wave.frequency_x) * np.cos(argument)
        return np.asarray(disparity - residual / slope)

    @staticmethod
    def _plane_at(plane: Plane, x: Floats, y: Floats) -> Floats:
        return plane.slope_x * x + (plane.offset + plane.slope_y * y)

    def _joined(self, values: list[Floats]) -> Floats:
        joined, *others = values
        for other in others:
            joined = np.minimum(joined, other) if self.convex else np.maximum(joined, other)
        return joined

    def _limited(self, disparity: Floats) -> Floats:
        return disparity.clip(self.low, self.high)


def _solve_dome(dome: Dome, slope: float, rest: Floats, x: Floats, y: Floats) -> Floats:
    """Return the d with d = slope X + rest + dome(X, y) at X = x + d, which is a quadratic equation in X − center_x.

    Left of the point where the surface would fold over, the equation has no solution, and that point is returned
    instead: it lies outside the dome's own box.
    """
    bend, steep = dome.height / dome.radius_x**2, 1 - slope
    along = (y - dome.center_y) * (1 / dome.radius_y)
    constant = (steep * dome.center_x - x) - rest - dome.height * (1 - along * along)
    root = np.sqrt(np.maximum(steep**2 - (4 * bend) * constant, 0))
    return np.asarray(dome.center_x - 2 * constant / (steep + root) - x)


def _sine(first: Floats, second: Floats) -> Floats:
    """Return sin(first + second); of a row and a column by the addition theorem: products are faster than sines."""
    if first.shape == second.shape:
        return np.asarray(np.sin(first + second))
    return np.asarray(np.sin(first) * np.cos(second) + np.cos(first) * np.sin(second))


def _cosine(first: Floats, second: Floats) -> Floats:
    return _sine(first, second + _QUARTER_TURN)
