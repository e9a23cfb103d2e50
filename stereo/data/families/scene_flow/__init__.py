"""Scene Flow: finding its files wherever they were unpacked, its samples, and writing pairs in its layout."""

from stereo.data.families.scene_flow.dataset import SceneFlow

__all__ = ["SceneFlow"]
