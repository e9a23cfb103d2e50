"""Pairs from anywhere → predictions → files. A pair that fails is named, and the others go on."""

import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stereo.camera.checked_views import CheckedViews, check_views
from stereo.camera.rig import RectifiedViews, Rig
from stereo.data.image_pairs import ImagePair
from stereo.data.sample import Map, StereoSample, check_pair
from stereo.errors import DataError, ForbiddenError
from stereo.methods.labels import consistent, fill, label, range_sentence, wider_range
from stereo.methods.method import Method, Prediction, predict_samples
from stereo.methods.outputs import Outputs, PairMaps
from stereo.methods.variants import Scaled
from stereo.output import make_output_folder


@dataclass(frozen=True)
class Inferred:
    """What came of one pair.

    height, width: px. lowest, highest: of the disparities, px. written: the names of the files. seconds: what the
    prediction took. notes: what was taken for granted. warnings: what is amiss, by kind. Both are for the user.
    """

    name: str
    height: int
    width: int
    lowest: float
    highest: float
    written: list[str]
    seconds: float
    notes: tuple[str, ...]
    warnings: dict[str, str]


@dataclass(frozen=True)
class Failed:
    """A pair of which nothing came, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Skipped:
    """A pair whose files were there already."""

    name: str


Outcome = Inferred | Failed | Skipped


@dataclass(frozen=True, eq=False)
class _Ready:
    """A pair that can be predicted."""

    name: str
    checked: CheckedViews

    @property
    def sample(self) -> StereoSample:
        return StereoSample(self.checked.views.left, self.checked.views.right, name=self.name)


@dataclass
class Inference:
    """How pairs become files.

    method: Gives the maps that `outputs` needs. folder: for the files; with `single` those of the one pair lie there,
    otherwise each pair has a folder of its name in it, unless the outputs are flat.
    rig: None: the cameras are not known, and there is no depth.
    check: Look at each pair for what would spoil it: rows that do not fit, swapped eyes, black borders.
    vertical: The cameras stand one above the other; `left` is the upper view.
    batch: So many pairs of one size are predicted at once.
    skip_existing: Leave out pairs whose files are there.
    """

    method: Method
    folder: Path
    outputs: Outputs
    rig: Rig | None = None
    check: bool = True
    vertical: bool = False
    single: bool = False
    batch: int = 1
    skip_existing: bool = False

    def run(self, pairs: Iterable[ImagePair]) -> Iterator[Outcome]:
        """Process pairs in their order, and give what came of each as soon as it is written.

        Raises: OutputError; StereoError where the method itself is broken.
        """
        waiting: list[_Ready] = []
        for pair in pairs:
            if self.skip_existing and self.outputs.are_there(self._folder(pair.name), pair.name):
                yield Skipped(pair.name)
                continue
            try:
                ready = self._prepare(pair)
            except DataError as error:
                yield Failed(pair.name, str(error))
                continue
            if waiting and waiting[0].sample.left.shape != ready.sample.left.shape:
                yield from self._finish(waiting)
                waiting = []
            waiting.append(ready)
            if len(waiting) == self.batch:
                yield from self._finish(waiting)
                waiting = []
        if waiting:
            yield from self._finish(waiting)

    def _folder(self, name: str) -> Path:
        return self.folder if self.single or self.outputs.flat else self.folder / name

    def _prepare(self, pair: ImagePair) -> _Ready:
        left, right = pair.read()
        if self.rig is None:
            views = RectifiedViews(left, right)
        else:
            check_pair(left, right)
            views = self.rig.views(left, right)
        if self.vertical:
            # Turned to the left by 90°, so that the upper view is the left one.
            left, right = (np.ascontiguousarray(np.rot90(image)) for image in (views.left, views.right))
            views = RectifiedViews(left, right, views.calibration, notes=views.notes)
        check_pair(views.left, views.right)
        return _Ready(pair.name, check_views(views, vertical=self.vertical) if self.check else CheckedViews(views))

    def _finish(self, ready: list[_Ready]) -> Iterator[Outcome]:
        start = time.perf_counter()
        try:
            predictions = predict_samples(self.method, [pair.sample for pair in ready])
        except DataError as error:
            if len(ready) == 1:
                yield Failed(ready[0].name, str(error))
                return
            for pair in ready:  # they may fit into memory one by one
                yield from self._finish([pair])
            return
        seconds = (time.perf_counter() - start) / len(ready)
        for pair, prediction in zip(ready, predictions, strict=True):
            try:
                yield self._write(pair, prediction, seconds)
            except (DataError, ForbiddenError) as error:  # the other pairs have folders or files of their own
                yield Failed(pair.name, str(error))

    def write(self, name: str, views: RectifiedViews, prediction: Prediction) -> tuple[list[str], dict[str, str]]:
        """Write the files of a pair; return their names, and warnings by kind. Raises: OutputError."""
        maps = self._maps(views, prediction)
        folder = make_output_folder(self._folder(name))
        return self.outputs.write(folder, name, maps.turned() if self.vertical else maps)

    def _write(self, pair: _Ready, prediction: Prediction, seconds: float) -> Inferred:
        disparity, checked = prediction.disparity, pair.checked
        written, remarks = self.write(pair.name, checked.views, prediction)
        beyond = self._beyond_range(disparity, checked.largest)
        if beyond is not None:
            remarks["range"] = beyond
        height, width = disparity.shape
        return Inferred(
            name=pair.name,
            height=width if self.vertical else height,
            width=height if self.vertical else width,
            lowest=float(disparity.min()),
            highest=float(disparity.max()),
            written=written,
            seconds=seconds,
            notes=checked.views.notes,
            warnings={**checked.warnings, **remarks},
        )

    def _beyond_range(self, disparity: Map, largest: float | None) -> str | None:
        """Return a sentence where the scene reaches beyond the method's range."""
        limit = self.method.max_disparity
        if limit is None:
            return None
        scale = self.method.scale if isinstance(self.method, Scaled) else 1.0
        if largest is not None and largest > limit:
            # Most of such a map is wrong, and little of it at the range's end.
            return (
                f"matches have disparities of {largest:.0f} px and more, beyond the network's range of {limit} px: try "
                f"--max-disparity {_option(1.2 * largest * scale)}, or --scale {0.8 * limit * scale / largest:.2g}"
            )
        wider = wider_range(disparity, limit)
        if wider is None:
            return None
        return range_sentence(limit, _option(wider * scale))

    def _maps(self, views: RectifiedViews, prediction: Prediction) -> PairMaps:
        disparity, right = prediction.disparity, prediction.disparity_right
        labels = None
        if self.outputs.needs_labels:
            labels = label(prediction, self.method.max_disparity, views.left_shown, views.right_shown)
        return PairMaps(
            left=views.left,
            disparity=fill(disparity, labels) if self.outputs.fill and labels is not None else disparity,
            measured=disparity,
            confidence=prediction.confidence,
            disparity_right=right,
            consistent=consistent(disparity, right) if self.outputs.right and right is not None else None,
            labels=labels,
            shown=views.left_shown,
            calibration=views.calibration,
        )


def _option(pixels: float) -> int:
    """Return a range that the network takes, a multiple of 16, of so many pixels or more."""
    return math.ceil(pixels / 16) * 16
