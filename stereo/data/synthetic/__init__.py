"""The procedural world: rectified pairs with exact ground truth, rendered on the fly without any download."""

from stereo.data.synthetic.dataset import SyntheticWorld

__all__ = ["SyntheticWorld"]
