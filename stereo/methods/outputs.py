"""What is written of a prediction, in which formats and under which names."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stereo.data.formats import write_disparity_png16, write_image, write_pfm
from stereo.data.formats.containers import write_encoded
from stereo.data.formats.disparity import write_npy
from stereo.data.sample import Image, Map
from stereo.errors import ConfigError, DataError
from stereo.methods.labels import consistent, fill, label
from stereo.methods.method import Prediction
from stereo.methods.stored import PNG_LIMIT
from stereo.visualize import COLOR_MAPS, preview_panel

FORMATS = ("pfm", "png", "npy")


@dataclass(frozen=True)
class Preview:
    """How a preview is drawn.

    color_map: One of :data:`stereo.visualize.COLOR_MAPS`.
    span: px, the ends of the colors. None: 0 and what suits each map.

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
        low, high = self.span or (0.0, None)
        return preview_panel(left, disparity, high, low, self.color_map)


@dataclass(frozen=True)
class Outputs:
    """The files of one pair.

    formats: of the disparities, of :data:`FORMATS`: px as float32 in PFM and NPY, px × 256 in 16-bit PNG.
    flat: name them NAME.EXT and NAME.KIND.EXT in one folder, instead of disparity.EXT and KIND.EXT in one of the pair.
    confidence: confidence.pfm, 0 … 1, and confidence.png. right: disparity_right.EXT, and consistent.png, white where
    both views agree. labels: labels.png, see :class:`stereo.methods.labels.Label`. fill: the disparity is filled where
    its label is not GOOD. preview: None: there is none.

    Raises: ConfigError for formats that are none.
    """

    formats: tuple[str, ...] = ("pfm", "png")
    flat: bool = False
    confidence: bool = False
    right: bool = False
    labels: bool = False
    fill: bool = False
    preview: Preview | None = Preview()

    def __post_init__(self) -> None:
        if not self.formats or not set(self.formats) <= set(FORMATS):
            raise ConfigError(f"the formats are '{' '.join(self.formats)}', expected some of {', '.join(FORMATS)}")

    @property
    def needs_right(self) -> bool:
        """Return whether the right view's disparity is needed."""
        return self.right or self.labels or self.fill

    @property
    def needs_confidence(self) -> bool:
        """Return whether the confidence is needed."""
        return self.confidence or self.labels or self.fill

    def folder(self, root: Path, name: str) -> Path:
        """Return the folder of a pair's files."""
        return root if self.flat else root / name

    def path(self, root: Path, name: str, kind: str, suffix: str) -> Path:
        """Return the path of a file of the pair, such as kind `confidence` with suffix `png`."""
        if not self.flat:
            return root / name / f"{kind}.{suffix}"
        return root / (f"{name}.{suffix}" if kind == "disparity" else f"{name}.{kind}.{suffix}")

    def are_there(self, root: Path, name: str) -> bool:
        """Return whether all files of a pair exist but for PNGs of disparities, which may have been left out."""
        return all(path.is_file() for path in self._expected(root, name))

    def _expected(self, root: Path, name: str) -> list[Path]:
        kept = [suffix for suffix in self.formats if suffix != "png"] or ["png"]
        kinds = [("disparity", suffix) for suffix in kept]
        kinds += [("disparity_right", suffix) for suffix in kept if self.right]
        for wanted, kind in (
            (self.right, "consistent"),
            (self.confidence, "confidence"),
            (self.labels, "labels"),
            (self.preview is not None, "preview"),
        ):
            kinds += [(kind, "png")] if wanted else []
        return [self.path(root, name, *kind) for kind in kinds]

    def write(self, root: Path, name: str, left: Image, prediction: Prediction, max_disparity: int | None) -> list[str]:
        """Write the files of a pair, whose folder exists; return their names.

        A disparity map that reaches beyond `PNG_LIMIT` is left out as PNG where it has another format.

        Args:
            root: The folder of all pairs.
            left: RGB uint8 [H, W, 3], for the preview.
            max_disparity: px, the method's range, for the labels; None: it has none.

        Raises: OutputError; DataError where a map reaches beyond PNG, and no other format was asked for.
        """
        disparity, right = prediction.disparity, prediction.disparity_right
        written: list[Path] = []

        def image(kind: str, pixels: np.ndarray) -> None:
            path = self.path(root, name, kind, "png")
            write_encoded(path, ".png", pixels, [])
            written.append(path)

        if self.labels or self.fill:
            labels = label(prediction, max_disparity)
            disparity = fill(disparity, labels) if self.fill else disparity
        written += self._write_disparity(root, name, "disparity", disparity)
        if self.confidence and prediction.confidence is not None:
            path = self.path(root, name, "confidence", "pfm")
            write_pfm(path, prediction.confidence)
            written.append(path)
            image("confidence", np.rint(255 * prediction.confidence).astype(np.uint8))
        if self.right and right is not None:
            written += self._write_disparity(root, name, "disparity_right", right)
            image("consistent", consistent(prediction.disparity, right) * np.uint8(255))
        if self.labels:
            image("labels", labels)
        if self.preview is not None:
            path = self.path(root, name, "preview", "png")
            write_image(path, self.preview.draw(left, disparity))
            written.append(path)
        return [path.name for path in written]

    def _write_disparity(self, root: Path, name: str, kind: str, disparity: Map) -> list[Path]:
        written = []
        for suffix in self.formats:
            path = self.path(root, name, kind, suffix)
            if suffix == "png" and disparity.max() > PNG_LIMIT:
                if len(self.formats) == 1:
                    raise DataError(
                        f"{path}: is not written: the disparity reaches {disparity.max():.1f} px, more than a 16-bit "
                        f"PNG holds ({PNG_LIMIT:.2f} px); use --formats pfm or npy"
                    )
                path.unlink(missing_ok=True)  # one of an earlier run would belong to another result
                continue
            _WRITERS[suffix](path, disparity)
            written.append(path)
        return written


_WRITERS: dict[str, Callable[[Path, Map], None]] = {"pfm": write_pfm, "png": write_disparity_png16, "npy": write_npy}
