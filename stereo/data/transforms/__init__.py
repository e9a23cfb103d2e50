"""Augmentation of training samples. Ground truth stays exact under all of it.

Each transform is a function of a sample and, where something is drawn, a random generator; :class:`Augmentation` chains
them by the settings.
"""

from stereo.data.transforms.augmentation import Augmentation
from stereo.data.transforms.geometry import horizontal_flip, misalign, random_crop, resize, vertical_flip
from stereo.data.transforms.one_view import change_one_view
from stereo.data.transforms.photometric import color_jitter, erase_right

__all__ = [
    "Augmentation",
    "change_one_view",
    "color_jitter",
    "erase_right",
    "horizontal_flip",
    "misalign",
    "random_crop",
    "resize",
    "vertical_flip",
]
