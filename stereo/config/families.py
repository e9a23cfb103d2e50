"""The names of the families of data sets."""

from typing import Literal, get_args

# Those that a layout in the module of their name describes (stereo/data/families/layout.py): this line and that file
# make a family.
FolderFamily = Literal[
    "tartanair",
    "scared",
    "argoverse",
    "sintel",
    "vkitti2",
    "spring",
    "falling_things",
    "irs",
    "instereo2k",
    "booster",
    "drivingstereo",
    "crestereo",
    "fsd",
    "unrealstereo4k",
    "middlebury2021",
]
Family = Literal[
    "synthetic",
    "scene_flow",
    "kitti2012",
    "kitti2015",
    "middlebury2001",
    "middlebury2003",
    "middlebury2005",
    "middlebury2006",
    "middlebury2014",
    "eth3d",
    "pairs",
    "packed",
    FolderFamily,
]
FOLDER_FAMILIES: tuple[FolderFamily, ...] = get_args(FolderFamily)
FAMILIES: tuple[str, ...] = get_args(Family)
