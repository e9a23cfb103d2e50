"""Names of the array types that the modules of the procedural world share."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
# float32 in the renderer; float64 serves as well.
Floats = NDArray[np.floating[Any]]
Indices = NDArray[np.intp]
ObjectIds = NDArray[np.int16]

# x0, y0, x1, y1 of a rectangle of the left view, px.
Box = tuple[float, float, float, float]
