"""Evaluation: each sample is predicted once, and scored under every protocol."""

import math
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from tqdm import tqdm

from stereo.data.sample import StereoSample
from stereo.errors import DataError
from stereo.evaluation.metrics import METRICS, ImageSums, average, image_sums
from stereo.evaluation.protocols import PROTOCOLS
from stereo.evaluation.protocols import Protocol as EvaluationProtocol
from stereo.methods.method import Method, Prediction
from stereo.processes import Processes

# Parts of an image, each of which is scored under every protocol. So far there is the whole alone.
REGIONS = ("all",)


class Dataset(Protocol):
    """Any indexed set of samples. An item that cannot be loaded raises a DataError.

    A protocol that takes a subset also needs its `names`, the name of each sample.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> StereoSample: ...


@dataclass(frozen=True, eq=False)
class ScoredSample:
    """One sample with its prediction and its scores, for whoever wants to look at it: see :func:`evaluate`.

    index: in the data set. seconds: what the prediction took. scores: the sums by protocol and region; None where the
    protocol leaves the image out.
    """

    index: int
    name: str
    sample: StereoSample
    prediction: Prediction
    seconds: float
    scores: dict[tuple[str, str], ImageSums | None]


@dataclass(frozen=True)
class ImageResult:
    """One scored image. index: in the data set. metrics: by name. pixels: how many counted. seconds: to predict it."""

    index: int
    name: str
    metrics: dict[str, float]
    pixels: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {"index": self.index, "name": self.name, **self.metrics, "pixels": self.pixels, "seconds": self.seconds}


@dataclass(frozen=True)
class EvaluationResult:
    """One line of the report: `data`, `method`, `protocol` and `region` by name, then what was measured.

    images: how many were scored. skipped: how many the protocol left out.
    metrics: all of `METRICS` by name, px or 0 … 100 %, averaged as `averaging` says; NaN where no image was scored.
    epe_image_mean: px, the mean of the images' EPEs, whatever the averaging.
    seconds_per_pair: the median over the predictions of the wall time from RGB in memory to disparity in memory.
    peak_memory_mb: on CUDA the most that tensors took during this evaluation; elsewhere the most that the whole
        process has ever had resident. MB are 2²⁰ bytes.
    pixels: how many were scored. failed: one message for each item that could not be loaded or predicted.
    per_image: the scored images in the data set's order.
    """

    data: str
    method: str
    protocol: str
    region: str
    images: int
    skipped: int
    metrics: dict[str, float]
    epe_image_mean: float
    seconds_per_pair: float
    peak_memory_mb: float
    averaging: str
    pixels: int
    failed: tuple[str, ...]
    per_image: tuple[ImageResult, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, which has no NaN: None stands there."""
        values: dict[str, Any] = {
            "data": self.data,
            "method": self.method,
            "protocol": self.protocol,
            "region": self.region,
            "images": self.images,
            "skipped": self.skipped,
            "epe": self.metrics["epe"],
            "epe_image_mean": self.epe_image_mean,
            **self.metrics,
            "seconds_per_pair": self.seconds_per_pair,
            "peak_memory_mb": self.peak_memory_mb,
            "averaging": self.averaging,
            "pixels": self.pixels,
        }
        for key, value in values.items():
            if isinstance(value, float) and math.isnan(value):
                values[key] = None
        return values | {"failed": list(self.failed), "per_image": [image.to_dict() for image in self.per_image]}


def evaluate(
    method: Method,
    dataset: Dataset,
    protocols: Sequence[EvaluationProtocol] = (PROTOCOLS["all"],),
    *,
    data: str = "",
    progress: bool = True,
    processes: Processes | None = None,
    observe: Callable[[ScoredSample], None] | None = None,
) -> list[EvaluationResult]:
    """Score a method on every sample of a data set; return one result for each protocol.

    Each sample is predicted once, however many protocols there are. To validate a network in the middle of its
    training: `evaluate(Predictor(network, device, in_training=True), dataset)`.

    Args:
        method: Any :class:`stereo.methods.method.Method`.
        dataset: Samples with ground truth.
        protocols: Which pixels and images count, and how they are averaged.
        data: The data set's name in the report.
        progress: Show a bar on stderr, where that is a terminal.
        processes: Those that share the work: each scores every size-th sample, none twice, and all of them get the same
            result as one process alone would.
        observe: Is called with each scored sample, in the process that scored it.

    Raises: DataError where the data set is empty or no item of it could be evaluated; StereoError where a prediction
        is not finite. An item that fails on its own is named in `failed`, and the others go on.
    """
    what = data or "the data set"
    if len(dataset) == 0:
        raise DataError(f"{what}: empty, nothing to evaluate")
    device = method.device or torch.device("cpu")
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    processes = processes or Processes()
    subsets = {protocol.name: _subset(protocol, dataset) for protocol in protocols}
    wanted = sorted(set[int]().union(*subsets.values()))
    if not wanted:
        raise DataError(f"{what}: no sample of it belongs to {' or '.join(subsets)}")
    hidden = None if progress and processes.is_main else True
    outcomes = []
    for index in tqdm(wanted[processes.rank :: processes.size], desc=data, unit="pair", disable=hidden):
        own = [protocol for protocol in protocols if index in subsets[protocol.name]]
        outcomes.append(_score(method, dataset, index, own, observe))
    peak = _peak_memory_mb(device)
    if processes.size > 1:
        shares = processes.gather((outcomes, peak))
        outcomes = sorted((outcome for share, _ in shares for outcome in share), key=lambda outcome: outcome.index)
        peak = max(peak for _, peak in shares)
    failures = [outcome.failure for outcome in outcomes if outcome.failure is not None]
    if len(failures) == len(outcomes):
        raise DataError(f"{what}: none of {len(outcomes)} items could be evaluated; {failures[0]}")
    return [
        _result(data, method.name, protocol, region, peak, [o for o in outcomes if o.index in subsets[protocol.name]])
        for protocol in protocols
        for region in REGIONS
    ]


@dataclass(frozen=True)
class _Outcome:
    """What came of one item: the scores as in :class:`ScoredSample`, or what went wrong."""

    index: int
    name: str
    seconds: float = math.nan
    scores: dict[tuple[str, str], ImageSums | None] = field(default_factory=dict)
    failure: str | None = None


def _subset(protocol: EvaluationProtocol, dataset: Dataset) -> set[int]:
    if protocol.subset is None:
        return set(range(len(dataset)))
    names: Sequence[str] = dataset.names  # type: ignore[attr-defined]  # see Dataset
    return set(protocol.subset(names))


def _score(
    method: Method,
    dataset: Dataset,
    index: int,
    protocols: Sequence[EvaluationProtocol],
    observe: Callable[[ScoredSample], None] | None,
) -> _Outcome:
    name = f"item {index}"
    try:
        sample = dataset[index]
        name = sample.name or name
        truth = sample.truth
        if truth is None:
            raise DataError("no ground truth, which evaluation needs")
        start = time.perf_counter()
        prediction = method.predict_sample(sample)
        seconds = time.perf_counter() - start
    except DataError as error:
        return _Outcome(index, name, failure=f"{name}: {error}")
    scores = {}
    for protocol in protocols:
        counts = protocol.mask(truth)
        decision = protocol.decide(counts, truth)
        for region in REGIONS:
            sums = None
            if decision == "score":
                sums = image_sums(prediction.disparity, truth.disparity, counts, name)
            elif decision == "count as 0":
                sums = ImageSums(0, dict.fromkeys(METRICS, 0.0))
            scores[protocol.name, region] = sums
    if observe is not None:
        observe(ScoredSample(index, name, sample, prediction, seconds, scores))
    return _Outcome(index, name, seconds, scores)


def _result(
    data: str, method: str, protocol: EvaluationProtocol, region: str, peak: float, outcomes: list[_Outcome]
) -> EvaluationResult:
    done = [outcome for outcome in outcomes if outcome.failure is None]
    scored = [(outcome, sums) for outcome in done if (sums := outcome.scores[protocol.name, region]) is not None]
    images = [sums for _, sums in scored]
    return EvaluationResult(
        data=data,
        method=method,
        protocol=protocol.name,
        region=region,
        images=len(images),
        skipped=len(done) - len(images),
        metrics=average(images, protocol.averaging),
        epe_image_mean=average(images, "images")["epe"],
        seconds_per_pair=statistics.median(outcome.seconds for outcome in done) if done else math.nan,
        peak_memory_mb=peak,
        averaging=protocol.averaging,
        pixels=sum(sums.pixels for sums in images),
        failed=tuple(outcome.failure for outcome in outcomes if outcome.failure is not None),
        per_image=tuple(
            ImageResult(outcome.index, outcome.name, sums.metrics(), sums.pixels, outcome.seconds)
            for outcome, sums in scored
        ),
    )


def _peak_memory_mb(device: torch.device) -> float:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    # ru_maxrss is in bytes on macOS and in KiB elsewhere.
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return resident / (2**20 if sys.platform == "darwin" else 2**10)
