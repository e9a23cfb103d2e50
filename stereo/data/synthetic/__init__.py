"""The procedural world: rectified pairs with exact ground truth, rendered on the fly without any download.

`scene` says what a scene is, `choose` chooses one at random, `render` makes its two views, `assets` has patterns,
shapes and photographs. Imports run one way: scene, assets ← render ← choose ← dataset ← truth.
"""

from stereo.data.synthetic.dataset import WORLD_VERSION, Annotated, SyntheticWorld
from stereo.data.synthetic.window import Window

__all__ = ["WORLD_VERSION", "Annotated", "SyntheticWorld", "Window"]
