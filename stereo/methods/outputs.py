"""What is written of a pair, in which formats and under which names."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stereo.data.formats import write_depth_npy, write_depth_png16, write_disparity_png16, write_image, write_pfm
from stereo.data.formats.containers import write_encoded
from stereo.data.formats.disparity import write_npy
from stereo.data.sample import Calibration, Image, Map, Mask
from stereo.errors import ConfigError, DataError
from stereo.geometry import MAX_JUMP, depth, point_cloud
from stereo.methods.labels import LABEL_COLORS, LOW_CONFIDENCE, Labels
from stereo.methods.stored import PNG_LIMIT
from stereo.output import atomic_output
from stereo.visualize import COLOR_MAPS, preview_picture

FORMATS = ("pfm", "png", "npy")
_DISPARITY_WRITERS: dict[str, Callable[[Path, Map], None]] = {
    "pfm": write_pfm,
    "png": write_disparity_png16,
    "npy": write_npy,
}


@dataclass(frozen=True)
class Preview:
    """How a preview is drawn.

    color_map: One of :data:`stereo.visualize.COLOR_MAPS`.
    span: px, the ends of the colors. None: what suits each map.

    Raises: ConfigError.
    """

    color_map: str = "turbo"
    span: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.color_map not in COLOR_MAPS:
            raise ConfigError(f"the color map is '{self.color_map}', expected one of {', '.join(COLOR_MAPS)}")
        if self.span is not None and not self.span[0] < self.span[1]:
            raise ConfigError(
                f"the preview's range is {self.span[0]:g} … {self.span[1]:g} px, expected the lower first"
            )

    def draw(self, left: Image, disparity: Map) -> Image:
        """Return the left image beside its disparity."""
        return preview_picture(left, disparity, self.span, self.color_map)


@dataclass(frozen=True)
class Cloud:
    """Which points a cloud has.

    min_confidence: 0 … 1. min_depth, max_depth: m; None: the depth at a disparity of 1 px.
    max_jump: As for :func:`stereo.geometry.flying_points`; None: flying points stay.

    Raises: ConfigError for numbers that cannot be.
    """

    min_confidence: float = LOW_CONFIDENCE
    min_depth: float = 0.0
    max_depth: float | None = None
    max_jump: float | None = MAX_JUMP

    def __post_init__(self) -> None:
        if not 0 <= self.min_confidence <= 1:
            raise ConfigError(f"the least confidence is {self.min_confidence:g}, expected 0 … 1")
        farthest = np.inf if self.max_depth is None else self.max_depth
        if not 0 <= self.min_depth < farthest:
            raise ConfigError(
                f"the cloud reaches from {self.min_depth:g} to {farthest:g} m, expected the nearer first, 0 or more"
            )
        if self.max_jump is not None and not self.max_jump > 0:
            raise ConfigError(f"the jump of flying points is {self.max_jump:g}, expected a share of the depth above 0")


@dataclass(frozen=True, eq=False)
class PairMaps:
    """What is known of a pair, each [H, W] of the left view, `disparity_right` alone of the right one.

    left: RGB uint8 [H, W, 3]. disparity: px, filled where that was asked for. measured: px, as it was predicted.
    shown: False in black borders; None: everywhere. consistent: where both views agree.
    """

    left: Image
    disparity: Map
    measured: Map
    confidence: Map | None = None
    disparity_right: Map | None = None
    consistent: Mask | None = None
    labels: Labels | None = None
    shown: Mask | None = None
    calibration: Calibration | None = None

    def turned(self) -> "PairMaps":
        """Return them turned by 90° clockwise."""
        values: dict[str, Any] = {one.name: getattr(self, one.name) for one in fields(self)}
        for name, value in values.items():
            if isinstance(value, np.ndarray):
                values[name] = np.ascontiguousarray(np.rot90(value, -1))
        return PairMaps(**values)


@dataclass(frozen=True)
class Outputs:
    """The files of one pair.

    formats: of the disparities, of :data:`FORMATS`: px as float32 in PFM and NPY, px × 256 in 16-bit PNG.
    flat: name them NAME.EXT and NAME.KIND.EXT in one folder, instead of disparity.EXT and KIND.EXT in one of the pair.
    confidence: confidence.pfm, 0 … 1, and confidence.png. right: disparity_right.EXT, and consistent.png, white where
    both views agree. labels: labels.png, see :class:`stereo.methods.labels.Label`. fill: the disparity is filled where
    its label is not GOOD. preview: None: there is none. cloud: depth.npy (m), depth.png (mm) and cloud.ply with these
    points; None: none of them.

    Raises: ConfigError for formats that are none.
    """

    formats: tuple[str, ...] = ("pfm", "png")
    flat: bool = False
    confidence: bool = False
    right: bool = False
    labels: bool = False
    fill: bool = False
    preview: Preview | None = Preview()
    cloud: Cloud | None = None

    def __post_init__(self) -> None:
        if not self.formats or not set(self.formats) <= set(FORMATS):
            raise ConfigError(f"the formats are '{' '.join(self.formats)}', expected some of {', '.join(FORMATS)}")

    @property
    def needs_labels(self) -> bool:
        """Return whether the labels are needed."""
        return self.labels or self.fill

    @property
    def needs_right(self) -> bool:
        """Return whether the right view's disparity is needed."""
        return self.right or self.needs_labels

    @property
    def needs_confidence(self) -> bool:
        """Return whether the confidence is needed."""
        return self.confidence or self.needs_labels or (self.cloud is not None and self.cloud.min_confidence > 0)

    def path(self, folder: Path, name: str, kind: str, suffix: str) -> Path:
        """Return the path of a file of the pair, such as kind `confidence` with suffix `png`."""
        if not self.flat:
            return folder / f"{kind}.{suffix}"
        return folder / (f"{name}.{suffix}" if kind == "disparity" else f"{name}.{kind}.{suffix}")

    def are_there(self, folder: Path, name: str) -> bool:
        """Return whether all files of a pair exist but for PNGs of disparities, which may have been left out."""
        kept = [suffix for suffix in self.formats if suffix != "png"] or ["png"]
        kinds = [(kind, suffix) for kind, suffix in self._kinds() if suffix in kept or "disparity" not in kind]
        return all(os.path.isfile(self.path(folder, name, *kind)) for kind in kinds)

    def paths(self, folder: Path, name: str) -> list[Path]:
        """Return the paths of all files of a pair."""
        return [self.path(folder, name, *kind) for kind in self._kinds()]

    def _kinds(self) -> Iterator[tuple[str, str]]:
        for suffix in self.formats:
            yield "disparity", suffix
            if self.right:
                yield "disparity_right", suffix
        if self.confidence:
            yield from (("confidence", "pfm"), ("confidence", "png"))
        if self.right:
            yield "consistent", "png"
        if self.labels:
            yield "labels", "png"
        if self.cloud is not None:
            yield from (("depth", "npy"), ("depth", "png"), ("cloud", "ply"))
        if self.preview is not None:
            yield "preview", "png"  # the last to be written: it tells that the pair is done

    def write(self, folder: Path, name: str, maps: PairMaps) -> tuple[list[str], dict[str, str]]:
        """Write the files of a pair; return their names, and by kind what must be said of them.

        A disparity map that reaches beyond `PNG_LIMIT` is left out as PNG where it has another format.

        Args:
            folder: An existing one.
            maps: With those that the files need.

        Raises: OutputError; DataError where a map reaches beyond PNG, and no other format was asked for.
        """
        remarks: dict[str, str] = {}
        written = []
        for kind, suffix in self._kinds():
            path = self.path(folder, name, kind, suffix)
            if self._write_one(path, kind, suffix, maps, remarks):
                written.append(path.name)
        return written, remarks

    def _write_one(self, path: Path, kind: str, suffix: str, maps: PairMaps, remarks: dict[str, str]) -> bool:
        """Write one file; return False where it is left out."""
        if kind in ("disparity", "disparity_right"):
            return self._write_disparity(path, suffix, _known(getattr(maps, kind)), remarks)
        if kind == "confidence":
            confidence = _known(maps.confidence)
            if suffix == "pfm":
                write_pfm(path, confidence)
            else:
                write_encoded(path, ".png", np.rint(255 * confidence).astype(np.uint8), [])
        elif kind == "consistent":
            write_encoded(path, ".png", _known(maps.consistent) * np.uint8(255), [])
        elif kind == "labels":
            _write_labels(path, _known(maps.labels))
        elif kind == "depth":
            self._write_depth(path, suffix, maps, remarks)
        elif kind == "cloud":
            self._write_cloud(path, maps, remarks)
        else:
            assert self.preview is not None
            write_image(path, self.preview.draw(maps.left, maps.disparity))
        return True

    def _write_disparity(self, path: Path, suffix: str, disparity: Map, remarks: dict[str, str]) -> bool:
        if suffix == "png" and disparity.max() > PNG_LIMIT:
            reaches = f"disparity reaches {disparity.max():.1f} px, more than a 16-bit PNG holds ({PNG_LIMIT:.2f} px)"
            others = [f"disparity.{other}" for other in self.formats if other != "png"]
            if not others:
                raise DataError(f"{path}: is not written: {reaches}; use --formats pfm or npy")
            path.unlink(missing_ok=True)  # one of an earlier run would belong to another result
            remarks["disparity.png"] = f"{reaches}; disparity.png is left out, use {others[0]}"
            return False
        _DISPARITY_WRITERS[suffix](path, disparity)
        return True

    def _write_depth(self, path: Path, suffix: str, maps: PairMaps, remarks: dict[str, str]) -> None:
        meters = depth(maps.disparity, _known(maps.calibration))
        if maps.shown is not None:
            meters = np.where(maps.shown, meters, np.float32(np.nan))
        if suffix == "npy":
            write_depth_npy(path, meters)
            return
        clipped = write_depth_png16(path, meters)
        if clipped:
            remarks["depth.png"] = (
                f"{clipped:,} of {meters.size:,} depths are beyond 65.535 m, which 16 bits of mm end at, and clipped "
                "in depth.png; depth.npy has them"
            )

    def _write_cloud(self, path: Path, maps: PairMaps, remarks: dict[str, str]) -> None:
        cut, calibration = self.cloud, _known(maps.calibration)
        assert cut is not None
        farthest = cut.max_depth
        if farthest is None:
            farthest = max(calibration.focal_length * calibration.baseline, cut.min_depth)
        cloud = point_cloud(
            maps.measured,
            calibration,
            maps.left,
            mask=maps.shown,
            confidence=maps.confidence,
            min_confidence=cut.min_confidence,
            min_depth=cut.min_depth,
            max_depth=farthest,
            max_jump=cut.max_jump,
        )
        cloud.write(path)
        if len(cloud) == 0:
            remarks["cloud.ply"] = (
                f"cloud.ply has no point: none has a confidence of {cut.min_confidence:g} or more at {cut.min_depth:g} "
                f"… {farthest:.4g} m; allow less confidence or more depth"
            )


def _write_labels(path: Path, labels: Labels) -> None:
    """Write the labels as a PNG whose pixels are their values, shown in their colors by its palette."""
    from PIL import Image as PilImage  # few need it

    picture = PilImage.fromarray(labels).convert("L")
    picture.putpalette(LABEL_COLORS.ravel().tolist())
    with atomic_output(path) as temporary:
        picture.save(temporary, "png")


def _known(value: NDArray[Any] | Any | None) -> Any:
    """Return what a file needs, which is there where the file was asked for."""
    assert value is not None
    return value
