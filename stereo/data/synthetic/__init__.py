"""The procedural world: rectified pairs with exact ground truth, rendered on the fly without any download."""

from stereo.data.synthetic.dataset import WORLD_VERSION, Annotated, SyntheticWorld
from stereo.data.synthetic.window import Window

__all__ = ["WORLD_VERSION", "Annotated", "SyntheticWorld", "Window"]
