"""Evaluation of a method on a data set under a protocol, and the report of it."""

import math
import resource
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from tqdm import tqdm

from stereo.data.sample import Image, Map, StereoSample
from stereo.errors import DataError
from stereo.evaluation import metrics
from stereo.evaluation.protocols import PROTOCOLS
from stereo.evaluation.protocols import Protocol as EvaluationProtocol
from stereo.processes import Processes


class Method(Protocol):
    """What can be evaluated: a name for the report, and disparity float32 [H, W] px from RGB uint8 [H, W, 3]."""

    name: str

    def predict(self, left: Image, right: Image) -> Map: ...


@runtime_checkable
class OracleMethod(Protocol):
    """A method that is shown the whole sample, its ground truth included; its name has to say so."""

    name: str

    def predict_sample(self, sample: StereoSample) -> Map: ...


class Dataset(Protocol):
    """Any indexed set of samples. An item that cannot be loaded raises a DataError."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> StereoSample: ...


@dataclass(frozen=True)
class ImageResult:
    """One scored image. index: in the data set. epe: px. bad_1 … d1: percentages. pixels: how many counted."""

    index: int
    name: str
    epe: float
    bad_1: float
    bad_2: float
    bad_3: float
    d1: float
    pixels: int
    seconds: float


@dataclass(frozen=True)
class EvaluationResult:
    """One line of the report: `data`, `method` and `protocol` by name, then what was measured.

    images: how many were scored. skipped: how many had no pixel that counts under the protocol.
    epe, epe_image_mean: px. bad_1, bad_2, bad_3, d1: percentages, 0 … 100. NaN where no image was scored.
    seconds_per_pair: the median over the images of the wall time from RGB in memory to disparity in memory.
    peak_memory_mb: on CUDA the most that tensors took during this evaluation; elsewhere the most that the whole
        process has ever had resident. MB are 2²⁰ bytes.
    pixels: how many were scored. failed: one message for each item that could not be loaded or predicted.
    per_image: the scored images in the data set's order.
    """

    data: str
    method: str
    protocol: str
    images: int
    skipped: int
    epe: float
    epe_image_mean: float
    bad_1: float
    bad_2: float
    bad_3: float
    d1: float
    seconds_per_pair: float
    peak_memory_mb: float
    pixels: int
    failed: tuple[str, ...]
    per_image: tuple[ImageResult, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, which has no NaN: None stands there."""
        return {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in asdict(self).items()
        }


def evaluate(
    method: Method | OracleMethod,
    dataset: Dataset,
    protocol: EvaluationProtocol = PROTOCOLS["all"],
    *,
    data: str = "",
    progress: bool = True,
    world: Processes | None = None,
) -> EvaluationResult:
    """Score a method on every sample of a data set.

    To validate a network in the middle of its training: `evaluate(Predictor(network, device), dataset)`.

    Args:
        method: any object with `predict`. Its `device`, where it has one, says which memory to measure.
        dataset: samples with ground truth.
        protocol: which pixels count, and how they are averaged.
        data: the data set's name in the report.
        progress: show a bar on stderr, where that is a terminal.
        world: the processes that share the work: each scores every size-th sample, none twice, and all of them get the
            same result as one process alone would.

    Raises: DataError where the data set is empty or no item of it could be evaluated; StereoError where a prediction
        is not finite. An item that fails on its own is named in `failed`, and the others go on.
    """
    if len(dataset) == 0:
        raise DataError(f"{data or 'the data set'}: empty, nothing to evaluate")
    device = getattr(method, "device", torch.device("cpu"))
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    world = world or Processes()
    mine = range(world.rank, len(dataset), world.size)
    hidden = None if progress and world.is_main else True
    scores = [_score(method, dataset, index, protocol) for index in tqdm(mine, desc=data, unit="pair", disable=hidden)]
    peak = _peak_memory_mb(device)
    if world.size > 1:
        shares = world.gather((scores, peak))
        scores = sorted((score for share, _ in shares for score in share), key=lambda score: score.index)
        peak = max(peak for _, peak in shares)
    failed = tuple(score.failure for score in scores if score.failure is not None)
    if len(failed) == len(dataset):
        raise DataError(f"{data or 'the data set'}: none of {len(dataset)} items could be evaluated; {failed[0]}")
    accumulator = metrics.MetricAccumulator(protocol.averaging)
    for score in scores:
        if score.failure is None:
            accumulator.add(score.row)
    return EvaluationResult(
        data=data,
        method=method.name,
        protocol=protocol.name,
        seconds_per_pair=statistics.median(score.seconds for score in scores if score.failure is None),
        peak_memory_mb=peak,
        failed=failed,
        per_image=tuple(
            ImageResult(index=score.index, name=score.name, seconds=score.seconds, **score.row._asdict())
            for score in scores
            if score.row is not None
        ),
        **asdict(accumulator.result()),
    )


@dataclass(frozen=True)
class _Score:
    """What came of one item. row: None where no pixel counts, or where `failure` says what went wrong."""

    index: int
    name: str
    seconds: float = math.nan
    row: metrics.ImageMetrics | None = None
    failure: str | None = None


def _score(method: Method | OracleMethod, dataset: Dataset, index: int, protocol: EvaluationProtocol) -> _Score:
    name = f"item {index}"
    try:
        sample = dataset[index]
        name = sample.name or name
        if sample.truth is None:
            raise DataError("no ground truth, which evaluation needs")
        start = time.perf_counter()
        prediction = predict_sample(method, sample)
        seconds = time.perf_counter() - start
    except DataError as error:
        return _Score(index, name, failure=f"{name}: {error}")
    mask = protocol.mask(sample.truth.disparity, sample.truth.valid)
    return _Score(index, name, seconds, metrics.image_metrics(prediction, sample.truth.disparity, mask, name))


def predict_sample(method: Method | OracleMethod, sample: StereoSample) -> Map:
    """Disparity of a sample, float32 [H, W] px, by a method that sees the pair alone or by an oracle."""
    if isinstance(method, OracleMethod):
        return method.predict_sample(sample)
    return method.predict(sample.left, sample.right)


def worst_and_first(result: EvaluationResult, count: int) -> list[tuple[str, ImageResult]]:
    """At most `count` images worth looking at: the worst by EPE, then the first ones, each labelled so and once."""
    by_error = sorted(result.per_image, key=lambda row: row.epe, reverse=True)
    worst = by_error[: (count + 1) // 2]
    first = [row for row in result.per_image if row not in worst][: count - len(worst)]
    return [(f"worst{rank}", row) for rank, row in enumerate(worst, 1)] + [
        (f"first{rank}", row) for rank, row in enumerate(first, 1)
    ]


def _peak_memory_mb(device: torch.device) -> float:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    # ru_maxrss is in bytes on macOS and in KiB elsewhere.
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return resident / (2**20 if sys.platform == "darwin" else 2**10)
