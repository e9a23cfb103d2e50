"""Window: a part of a frame, so that a crop can be rendered without the frame around it."""

from typing import NamedTuple


class Window(NamedTuple):
    """Rows top … top + height − 1 and columns left … left + width − 1 of a frame."""

    top: int
    left: int
    height: int
    width: int

    def grown(self, margin: int, height: int, width: int) -> "Window":
        """Return the window with `margin` more pixels on each side, cut at the borders of a frame of this size."""
        top, left = max(0, self.top - margin), max(0, self.left - margin)
        bottom = min(height, self.top + self.height + margin)
        right = min(width, self.left + self.width + margin)
        return Window(top, left, bottom - top, right - left)

    def within(self, other: "Window") -> tuple[slice, slice]:
        """Return the rows and columns of this window in the arrays of a larger one."""
        top, left = self.top - other.top, self.left - other.left
        return slice(top, top + self.height), slice(left, left + self.width)
