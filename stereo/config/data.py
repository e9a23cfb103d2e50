"""The settings of the data: what is trained on, what is validated on, and how it is fed."""

import os
from dataclasses import dataclass, field, replace
from typing import Literal

from stereo.config.checks import require
from stereo.config.families import Family
from stereo.config.synthetic import SyntheticConfig, check_misalignment

Half = Literal["training", "testing"]
NegativeDisparity = Literal["refuse", "flip", "keep"]
# The benchmarks, which keep the ground truth of one half of their pairs to themselves.
WITH_TEST_HALF: tuple[Family, ...] = ("kitti2012", "kitti2015", "middlebury2014", "eth3d")


@dataclass
class DatasetConfig:
    """One data set: a family and where it lies."""

    family: Family = "synthetic"
    # The folder of the data set (`pairs`: the list file; `packed`: what scripts/pack_dataset.py wrote). null for
    # synthetic.
    path: str | None = None
    # Scene Flow, and sets whose folders tell the halves apart (data/README.md): which split (null: test under
    # data.validation, train elsewhere). Scene Flow and Sintel: which rendering pass.
    split: Literal["train", "test"] | None = None
    rendering: Literal["cleanpass", "finalpass"] = "cleanpass"
    # Data sets of files: what to do with maps of mostly negative disparities, which some releases have. refuse: an
    # error; flip: turn the sign; keep: take them as they are. (A protocol that masks by |d| counts what is kept.)
    negative_disparity: NegativeDisparity = "refuse"
    # Benchmarks only (kitti2012, kitti2015, middlebury2014, eth3d): training, or testing, which has no ground truth:
    # KITTI's folder testing, testF, testH or testQ of MiddEval3, two_view_test of ETH3D.
    half: Half = "training"
    # A text file of sample names, one a line: only those, in that order (scripts/check_dataset.py --write-names).
    names: str | None = None
    # A text file of sample names to leave out; the published list of bad FlyingThings3D frames is understood too.
    skip_list: str | None = None
    # Refuse a pair whose views are clearly swapped, by comparing them at x − d and at x + d.
    check_views: bool = True
    # packed only: a folder on this machine's own disk. Each shard is copied there when it is first read of, and read
    # from there: for sets on a disk that many machines share.
    cache: str | None = None
    # Use only the first so many samples. null: all.
    limit: int | None = None
    # With data.mix: how many draws this set gets, relative to the other sets; fractions of a draw are carried over to
    # the next pass. null: each sample once in a pass.
    weight: float | None = None
    synthetic: SyntheticConfig = field(default_factory=SyntheticConfig)

    def __post_init__(self) -> None:
        # A shell expands ~ at the beginning of a word, and does not in a YAML file nor behind `scene_flow:`.
        for name in ("path", "names", "skip_list", "cache"):
            value = getattr(self, name)
            setattr(self, name, None if value is None else os.path.expanduser(value))
        require(self.limit is None or self.limit >= 1, f"limit is {self.limit}, expected null or 1 or more")
        require(self.weight is None or self.weight > 0, f"weight is {self.weight}, expected null or more than 0")
        require(
            self.family == "synthetic" or self.path is not None,
            f"data set family '{self.family}' needs a path: the folder that holds it",
        )
        require(
            self.cache is None or self.family == "packed",
            f"cache is {self.cache}, which is for packed data sets, and family is {self.family}; pack it first "
            "(scripts/pack_dataset.py), or leave cache out",
        )
        require(
            self.negative_disparity == "refuse" or self.family not in ("synthetic", "packed"),
            f"negative_disparity is {self.negative_disparity}, which {self.family} does not take: its disparities are "
            "not read from files of a release",
        )
        require(
            self.half == "training" or self.family in WITH_TEST_HALF,
            f"half is testing, which {self.family} does not have; only {', '.join(WITH_TEST_HALF)} have it",
        )


@dataclass
class OneViewConfig:
    """Photometric changes of one view alone, the left or the right one, as between two cameras.

    Each form has a probability (0: off) and a strength s: more than 0, 1 at most. Factors are 2^−s … 2^s.
    """

    # The whole view: brightness, contrast, saturation, gamma and white balance.
    global_probability: float = 0.0
    global_strength: float = 0.5
    # One to six rectangles, with sides of 1/16 … 1/2 of the view's: brightness and contrast, and blur in half of them.
    patch_probability: float = 0.0
    patch_strength: float = 0.5
    # All pixels: light that changes smoothly over the view, noise of up to 25·s gray levels, up to s % dead pixels.
    pixel_probability: float = 0.0
    pixel_strength: float = 0.5

    def __post_init__(self) -> None:
        for form in ("global", "patch", "pixel"):
            name = f"data.augmentation.one_view.{form}"
            probability, strength = getattr(self, f"{form}_probability"), getattr(self, f"{form}_strength")
            require(0 <= probability <= 1, f"{name}_probability is {probability}, expected a probability, 0 … 1")
            require(
                0 < strength <= 1,
                f"{name}_strength is {strength}, expected more than 0, 1 at most; {form}_probability=0 is off",
            )


@dataclass
class AugmentationConfig:
    """Augmentation of one training sample. Ground truth stays exact under all of it."""

    # Size of the crop, px; a multiple of 16. null: the whole sample (batching then needs samples of one size).
    crop_height: int | None = 192
    crop_width: int | None = 384
    # Probability of a random resize before the crop, and its range as powers of two (disparity scales along).
    scale_probability: float = 0.0
    min_log2_scale: float = -0.3
    max_log2_scale: float = 0.5
    # Probability that a resize stretches the width alone too, and by how much at most, as a power of two.
    stretch_probability: float = 0.0
    max_log2_stretch: float = 0.2
    # Probability of exchanging the views and mirroring both. It needs the right view's disparity: samples without it
    # stay as they are.
    horizontal_flip_probability: float = 0.0
    # Probability of turning both views upside down.
    vertical_flip_probability: float = 0.5
    # Strength of brightness, contrast, saturation and gamma jitter, 0 (off) … 1; the same for both views, or drawn for
    # each view on its own, with the probability below.
    color_jitter: float = 0.5
    asymmetric_color_probability: float = 0.3
    # Probability of shifting the right view up or down and turning it about its center, by at most so many px and
    # degrees: real rigs are not perfectly rectified. Disparities follow.
    misalignment_probability: float = 0.0
    max_vertical_shift: float = 1.0
    max_rotation: float = 0.1
    # Probability of painting one or two rectangles of the right view with its mean color (HSMNet's occlusion).
    right_erase_probability: float = 0.3
    # What one view alone goes through, after all else. (Jitter, asymmetric or not, changes both.)
    one_view: OneViewConfig = field(default_factory=OneViewConfig)

    def __post_init__(self) -> None:
        for name in ("crop_height", "crop_width"):
            value = getattr(self, name)
            require(
                value is None or (value >= 32 and value % 16 == 0),
                f"data.augmentation.{name} is {value}, expected null or a multiple of 16, 32 or more",
            )
        require(
            (self.crop_height is None) == (self.crop_width is None),
            "data.augmentation.crop_height and crop_width: give both or neither",
        )
        require(self.min_log2_scale <= self.max_log2_scale, "data.augmentation: min_log2_scale > max_log2_scale")
        require(
            0 <= self.color_jitter <= 1,
            f"data.augmentation.color_jitter is {self.color_jitter}, expected 0 … 1",
        )
        require(
            0 <= self.max_log2_stretch <= 1,
            f"data.augmentation.max_log2_stretch is {self.max_log2_stretch}, expected 0 … 1",
        )
        check_misalignment("data.augmentation", self.max_vertical_shift, self.max_rotation)
        for name in (
            "scale_probability",
            "stretch_probability",
            "horizontal_flip_probability",
            "misalignment_probability",
            "vertical_flip_probability",
            "asymmetric_color_probability",
            "right_erase_probability",
        ):
            value = getattr(self, name)
            require(0 <= value <= 1, f"data.augmentation.{name} is {value}, expected a probability, 0 … 1")


@dataclass
class DataConfig:
    """What is trained on, what is validated on, and how it is fed."""

    train: DatasetConfig = field(default_factory=DatasetConfig)
    # Further data sets to train on beside `train`, each drawn as often as its `weight` says.
    mix: list[DatasetConfig] = field(default_factory=list)
    # The held-out scenes of the procedural world: another seed.
    validation: DatasetConfig = field(
        default_factory=lambda: DatasetConfig(synthetic=SyntheticConfig(seed=1_000_000, length=16))
    )
    # Further data sets that are scored at each validation, beside `validation`, which alone decides what is the best.
    also_validate: list[DatasetConfig] = field(default_factory=list)
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    # Samples in one training step, over all processes together.
    batch_size: int = 4
    # Loader processes (for each GPU). 0: load in the main process. auto: as the cores allow (stereo/data/workers.py).
    # The samples do not depend on it.
    workers: int | str = 1

    def __post_init__(self) -> None:
        sets = (self.train, *self.mix, self.validation, *self.also_validate)
        require(
            all(member.half == "training" for member in sets),
            "half is testing, which has no ground truth; training and validation need it",
        )
        # Written out, so that the saved configuration says which half was trained on and which was held out.
        self.train = _with_split(self.train, "train")
        self.mix = [_with_split(member, "train") for member in self.mix]
        self.validation = _with_split(self.validation, "test")
        self.also_validate = [_with_split(member, "test") for member in self.also_validate]
        require(self.batch_size >= 1, f"data.batch_size is {self.batch_size}, expected 1 or more")
        require(
            self.workers >= 0 if isinstance(self.workers, int) else self.workers == "auto",
            f"data.workers is {self.workers}, expected a number, 0 or more, or auto",
        )


def _with_split(config: DatasetConfig, split: Literal["train", "test"]) -> DatasetConfig:
    return config if config.split is not None else replace(config, split=split)
