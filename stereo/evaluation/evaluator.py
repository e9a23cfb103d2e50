"""Evaluation: each sample is predicted once, and scored under every protocol and in every region."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from tqdm import tqdm

from stereo.data.sample import StereoSample
from stereo.device import peak_memory_mb
from stereo.errors import DataError
from stereo.evaluation.metrics import ImageSums
from stereo.evaluation.profiles import profile
from stereo.evaluation.protocols import PROTOCOLS
from stereo.evaluation.protocols import Protocol as EvaluationProtocol
from stereo.evaluation.records import RecordLog
from stereo.evaluation.regions import Scene
from stereo.evaluation.scoring import score
from stereo.evaluation.tally import EvaluationResult, PairRecord, Tally, regions_of
from stereo.methods.method import Method, Prediction
from stereo.processes import Processes


class Dataset(Protocol):
    """Any indexed set of samples. An item that cannot be loaded raises a DataError.

    Its `names`, the name of each sample, tell which protocols apply; a set without them is taken as it is.
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
    scores: Mapping[tuple[str, str], ImageSums | None]


Observer = Callable[[ScoredSample], None]


def evaluate(
    method: Method,
    dataset: Dataset,
    protocols: Sequence[EvaluationProtocol] = (PROTOCOLS["all"],),
    regions: Sequence[str] = ("all",),
    *,
    data: str = "",
    progress: bool = True,
    processes: Processes | None = None,
    observe: Observer | None = None,
) -> list[EvaluationResult]:
    """Score a method on every sample of a data set; return a result for each protocol and region.

    Each sample is predicted once, however many protocols there are. To validate a network in the middle of its
    training: `evaluate(Predictor(network, device, in_training=True), dataset)`.

    Args:
        method: Any :class:`stereo.methods.method.Method`.
        dataset: Samples with ground truth.
        protocols: Which pixels and images count, and how they are averaged.
        regions: Names of :data:`stereo.evaluation.regions.REGIONS`; those that belong to a protocol come in any case.
        data: The data set's name in the report.
        progress: Show a bar on stderr, where that is a terminal.
        processes: Those that share the work: each scores every size-th sample, none twice, and all of them get the same
            result as one process alone would.
        observe: Is called with each scored sample, in the process that scored it.

    Raises: DataError where the data set is empty or no item of it could be evaluated; StereoError where a prediction
        is not finite. An item that fails on its own is named in `failed`, and the others go on.
    """
    tally = tally_pairs(
        method, dataset, protocols, regions, data=data, progress=progress, processes=processes, observe=observe
    )
    return tally.results()


def tally_pairs(
    method: Method,
    dataset: Dataset,
    protocols: Sequence[EvaluationProtocol],
    regions: Sequence[str],
    *,
    data: str = "",
    rendering: str | None = None,
    progress: bool = True,
    processes: Processes | None = None,
    shard: tuple[int, int] = (1, 1),
    observe: Observer | None = None,
    log: RecordLog | None = None,
) -> Tally:
    """Score a method as :func:`evaluate` does, and return the tally.

    Args:
        rendering: The pass of Scene Flow; None elsewhere.
        shard: (i, n): only the i-th of n shares of the samples, i from 1.
        log: Keeps what comes of each pair, profiles too; pairs that it has are not computed again.

    Raises: As :func:`evaluate`.
    """
    what = data or "the data set"
    if len(dataset) == 0:
        raise DataError(f"{what}: empty, nothing to evaluate")
    device = method.device or torch.device("cpu")
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    processes = processes or Processes()
    subsets = {protocol.name: _subset(protocol, dataset) for protocol in protocols}
    wanted = sorted(set[int]().union(*subsets.values()))[shard[0] - 1 :: shard[1]]
    whole = shard == (1, 1)  # a share of a small data set may be empty, or fail: the others go on, and are merged
    if not wanted and whole:
        raise DataError(f"{what}: no sample of it belongs to {' or '.join(subsets)}")
    own_regions = {protocol.name: regions_of(protocol, regions) for protocol in protocols}
    names = _names(dataset)
    notes = {protocol.name: protocol.notes(names, rendering) for protocol in protocols} if names else {}
    tally = Tally(data, method.name, protocols, own_regions, notes)
    finished: set[int] = set()
    if log is not None and processes.is_main:
        for record in log.finished(data, method.name):
            finished.add(record.index)
            tally.counts.add(record)
    if log is not None and processes.size > 1:  # all must leave out the same ones, whatever others have added meanwhile
        finished = processes.gather(finished)[0]
    missing = [index for index in wanted if index not in finished]
    hidden = None if progress and processes.is_main else True
    first = True
    for index in tqdm(missing[processes.rank :: processes.size], desc=data, unit="pair", disable=hidden):
        own = [protocol for protocol in protocols if index in subsets[protocol.name]]
        profiled = own[0] if log is not None and own and own[0] is protocols[0] else None
        record = _measure(method, dataset, index, own, own_regions, not first, profiled, observe)
        first = False
        tally.counts.add(record)
        if log is not None:
            log.append(data, method.name, record)
    if processes.size > 1:
        shares = processes.gather(tally.counts)
        tally.counts = shares[0]
        for share in shares[1:]:
            tally.counts.merge(share)
    failed = tally.counts.failed
    if tally.counts.done == 0 and whole:
        raise DataError(f"{what}: none of {len(failed)} items could be evaluated; {failed[0]}")
    return tally


def _names(dataset: Dataset) -> Sequence[str]:
    names: Sequence[str] = getattr(dataset, "names", ())
    return names


def _subset(protocol: EvaluationProtocol, dataset: Dataset) -> set[int]:
    if protocol.subset is None:
        return set(range(len(dataset)))
    return set(protocol.subset(_names(dataset)))


def _measure(
    method: Method,
    dataset: Dataset,
    index: int,
    protocols: Sequence[EvaluationProtocol],
    regions: Mapping[str, Sequence[str]],
    timed: bool,
    profiled: EvaluationProtocol | None,
    observe: Observer | None,
) -> PairRecord:
    names = _names(dataset)
    name = names[index] if names else f"item {index}"
    device = method.device or torch.device("cpu")
    try:
        start = time.perf_counter()
        sample = dataset[index]
        loading_seconds = time.perf_counter() - start
        name = sample.name or name
        if sample.truth is None:
            raise DataError("no ground truth, which evaluation needs")
        _wait(device)
        start = time.perf_counter()
        prediction = method.predict_sample(sample)
        _wait(device)
        seconds = time.perf_counter() - start
    except DataError as error:
        return PairRecord(index, name, failure=f"{name}: {error}")
    scene = Scene(sample, method.max_disparity)
    scored = score(prediction, scene, protocols, regions, name)
    if observe is not None:
        observe(ScoredSample(index, name, sample, prediction, seconds, scored.scores))
    return PairRecord(
        index,
        name,
        seconds=seconds,
        loading_seconds=loading_seconds,
        timed=timed,
        size=(sample.height, sample.width),
        ran_at=prediction.ran_at,
        peak_memory_mb=peak_memory_mb(device),
        scores=scored.scores,
        missing=scored.missing,
        occlusion=scored.occlusion,
        profile=None if profiled is None else profile(prediction, scene, profiled),
    )


def _wait(device: torch.device) -> None:
    """Wait until the device has done what it was given: a GPU works on while Python goes ahead."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
