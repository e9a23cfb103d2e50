"""The settings of the procedural world."""

import os
from dataclasses import dataclass, field
from typing import Literal, get_args

from stereo.config.checks import require

# What scenes look like (stereo/data/synthetic/choose/style.py); and shares of several of these.
SceneStyle = Literal["flying", "tabletop", "driving", "rooms", "dense", "terrain"]
ScenePreset = Literal[SceneStyle, "mixed", "broad"]


@dataclass
class SyntheticConfig:
    """The procedural world. A sample is a pure function of (seed, index) and of these settings."""

    # 0 … 2³² − 1.
    seed: int = 0
    # Number of samples that make one pass over the set.
    length: int = 10000
    # Size of the rendered views, px.
    height: int = 256
    width: int = 512
    # No surface lies nearer than this disparity, px. Each scene has its own range below it.
    max_disparity: int = 96
    # flying: things in mid-air, as in FlyingThings3D. tabletop: things on a table or before a wall, in a narrow range
    # of distances, as in Middlebury. driving: a road with upright things on it, as in KITTI. rooms: plain walls,
    # furniture, windows. dense: 100 to 200 small things in mid-air. terrain: a road or an open floor below the sky.
    # mixed: the first three, or all that `mixture` names, with its weights. broad: rooms, dense, terrain and tabletop
    # in equal parts, with all of the effects that are null below.
    preset: ScenePreset = "mixed"
    mixture: dict[str, float] = field(default_factory=lambda: {"flying": 0.4, "tabletop": 0.4, "driving": 0.2})
    # Number of objects before the background, uniform in this range (both included). dense has its own.
    min_objects: int = 10
    max_objects: int = 30
    # The nearest disparity of a scene is log-uniform from so many px up to max_disparity. 0: uniform, in the preset's
    # own share of max_disparity. null, here and in the next four: broad has a value of its own
    # (stereo/data/synthetic/choose/effects.py), and it is 0 in all other presets.
    nearest_from: float | None = None
    # Mean number, in a scene, of poles, wires and grilles 1 to 3 px wide; and of bushes and trees with hundreds of
    # leaves. They are added to the objects above.
    thin_objects: float | None = None
    foliage: float | None = None
    # Share of pairs whose views are exposed up to two stops differently, or lit from different directions.
    unequal_exposure: float | None = None
    unequal_light: float | None = None
    # Exposure, color, gamma, blur and noise of each view's sensor. Off: both views show the surfaces' own colors.
    photometric: bool = True
    # A folder of photographs, and the share of surfaces that show crops of them. Of the surfaces that do not, the share
    # that shows dead leaves, whose statistics are those of photographs.
    textures: str | None = None
    texture_share: float = 0.5
    natural_textures: float = 0.0
    # Number of canvases of each size that the surfaces of a seed are cut from, each surface in its own colors. 0: every
    # surface has a canvas of its own, which takes longer. rooms, dense, terrain and broad, and what `thin_objects` and
    # `foliage` add, show photographs from such a bank too, in other colors.
    texture_bank: int = 192
    # One light that shades surfaces by their slant and casts soft shadows, in most scenes. Both views see the same,
    # but for `unequal_light`.
    shading: bool = True
    # Share of surfaces that are glossy (with shading), reflecting or translucent. They look different in the two views;
    # ground truth is the surface.
    materials: float = 0.3
    # Probability that a lens of wide aperture blurs all surfaces that are not near the depth it focuses on.
    defocus_probability: float = 0.0
    # With photometric: share of the light that may be missing in the corners, and probability that both views went
    # through JPEG.
    vignetting: float = 0.0
    jpeg_probability: float = 0.0
    # Probability of a right view that is not quite rectified: shifted up or down and turned about its middle by at most
    # so many px and degrees. Disparities follow; those of the right view are then true to half a pixel.
    # data.augmentation has the same for training on any data.
    misalignment_probability: float = 0.0
    max_vertical_shift: float = 1.0
    max_rotation: float = 0.1

    def __post_init__(self) -> None:
        self.textures = None if self.textures is None else os.path.expanduser(self.textures)
        for name in (
            "texture_share",
            "natural_textures",
            "materials",
            "defocus_probability",
            "vignetting",
            "jpeg_probability",
            "misalignment_probability",
            "unequal_exposure",
            "unequal_light",
        ):
            value = getattr(self, name)
            require(value is None or 0 <= value <= 1, f"synthetic.{name} is {value}, expected a share, 0 … 1")
        for name in ("thin_objects", "foliage"):
            value = getattr(self, name)
            require(value is None or 0 <= value <= 100, f"synthetic.{name} is {value}, expected a mean, 0 … 100")
        # Numbers of more than 32 bits would share streams of random numbers (stereo/data/synthetic/streams.py).
        require(0 <= self.seed < 2**32, f"synthetic.seed is {self.seed}, expected 0 … {2**32 - 1}")
        require(1 <= self.length <= 2**32, f"synthetic.length is {self.length}, expected 1 … {2**32}")
        check_misalignment("synthetic", self.max_vertical_shift, self.max_rotation)
        unknown = sorted(set(self.mixture) - set(get_args(SceneStyle)))
        require(
            not unknown and min(self.mixture.values(), default=0) >= 0 and sum(self.mixture.values()) > 0,
            f"synthetic.mixture is {dict(self.mixture)}, expected weights of 0 or more, not all 0, of "
            f"{', '.join(get_args(SceneStyle))}",
        )
        require(self.texture_bank >= 0, f"synthetic.texture_bank is {self.texture_bank}, expected 0 or more")
        require(
            self.height >= 32 and self.width >= 32,
            f"synthetic size is {self.width}×{self.height} (width × height), expected 32×32 or more",
        )
        require(
            0 <= self.min_objects <= self.max_objects,
            f"synthetic objects range is {self.min_objects}..{self.max_objects}, expected 0 <= min <= max",
        )
        require(
            self.max_disparity >= 4,
            f"synthetic.max_disparity is {self.max_disparity}, expected 4 or more",
        )
        require(
            self.nearest_from is None or 0 <= self.nearest_from <= self.max_disparity,
            f"synthetic.nearest_from is {self.nearest_from}, expected null or 0 … max_disparity, {self.max_disparity}",
        )


def check_misalignment(section: str, shift: float, rotation: float) -> None:
    """Check the limits of a rectification error, px and degrees. Raises: ConfigError that names the section."""
    require(
        0 <= shift <= 10 and 0 <= rotation <= 5,
        f"{section}: max_vertical_shift is {shift} px and max_rotation {rotation} degrees, expected 0 … 10 and 0 … 5",
    )
