"""The tally of an evaluation: what was measured of each pair, and what that makes of a data set."""

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stereo.evaluation.profiles import ImageProfile, ProfileTotal
from stereo.evaluation.protocols import Protocol
from stereo.evaluation.regions import OCCLUSION_REGIONS, REGIONS
from stereo.evaluation.scoring import Scores
from stereo.evaluation.totals import Total


@dataclass(frozen=True)
class PairRecord:
    """What came of one pair.

    index: in the data set. failure: what went wrong; the rest is empty then.
    seconds: what the prediction took, from RGB in memory to disparity in memory. loading_seconds: what reading took.
    timed: False for the first pair of a process, whose prediction is slower.
    size: height and width of the images, px. ran_at: those at which the method ran, padding included; None: the same.
    peak_memory_mb: the most memory so far: on CUDA of tensors, elsewhere of the whole process. MB are 2²⁰ bytes.
    scores, missing, occlusion: as :class:`stereo.evaluation.scoring.Scored` has them.
    """

    index: int
    name: str
    failure: str | None = None
    seconds: float = math.nan
    loading_seconds: float = math.nan
    timed: bool = True
    size: tuple[int, int] = (0, 0)
    ran_at: tuple[int, int] | None = None
    peak_memory_mb: float = 0.0
    scores: Scores = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    occlusion: str | None = None
    profile: ImageProfile | None = None


@dataclass(frozen=True)
class EvaluationResult:
    """One line of the report: `data`, `method`, `protocol` and `region` by name, then what was measured.

    images: how many were scored. skipped: how many the protocol left out, or do not have the region.
    metrics: all metrics by name, px or 0 … 100 %, averaged as `averaging` says; NaN where there is nothing to average.
    epe_image_mean: px, the mean of the images' EPEs, whatever the averaging.
    share: %, of the pixels that the protocol counts, those that lie in the region. pixels: how many were scored.
    seconds_per_pair, seconds_p90, loading_seconds: median and 90th percentile of the time of a prediction, and median
        of that of reading a pair; the first pair of each process does not count, unless there is no other.
    peak_memory_mb: as in :class:`PairRecord`.
    occlusion: where the visible and occluded pixels are known from, for the regions that depend on it.
    sizes: how many images of each size there were, and at which size the method ran.
    failed: one message for each item that could not be loaded or predicted. notes: what else must be said.
    """

    data: str
    method: str
    protocol: str
    region: str
    images: int
    skipped: int
    metrics: Mapping[str, float]
    epe_image_mean: float
    share: float
    pixels: int
    averaging: str
    seconds_per_pair: float
    seconds_p90: float
    loading_seconds: float
    peak_memory_mb: float
    occlusion: str | None
    sizes: tuple[Mapping[str, Any], ...]
    failed: tuple[str, ...]
    notes: tuple[str, ...]

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
            "seconds_p90": self.seconds_p90,
            "loading_seconds": self.loading_seconds,
            "share": self.share,
            "pixels": self.pixels,
            "averaging": self.averaging,
            "occlusion": self.occlusion,
        }
        values = {
            key: None if isinstance(value, float) and math.isnan(value) else value for key, value in values.items()
        }
        return values | {
            "sizes": [dict(size) for size in self.sizes],
            "failed": list(self.failed),
            "notes": list(self.notes),
        }


class Counts:
    """What records of one method on one data set add up to, in memory that hardly grows with their number.

    Processes send it to one another. Whatever the order of the records, and however they are shared among counts that
    are merged, it is the same to the last digit.

    Args:
        keys: Protocols and regions, by name.
    """

    def __init__(self, keys: Iterable[tuple[str, str]]) -> None:
        self.totals = {key: Total() for key in keys}
        self.profile: ProfileTotal | None = None
        self.seconds: list[float] = []
        self.untimed_seconds: list[float] = []
        self.loading_seconds: list[float] = []
        self.sizes: Counter[tuple[tuple[int, int], tuple[int, int] | None]] = Counter()
        self.failures: list[tuple[int, str]] = []
        self.missing: Counter[str] = Counter()
        self.occlusion: Counter[str] = Counter()
        self.peak_memory_mb = 0.0

    def add(self, record: PairRecord) -> None:
        """Add a pair."""
        if record.failure is not None:
            self.failures.append((record.index, record.failure))
            return
        for key, sums in record.scores.items():
            self.totals[key].add(sums)
        if record.profile is not None:
            self.profile = self.profile or ProfileTotal()
            self.profile.add(record.profile)
        (self.seconds if record.timed else self.untimed_seconds).append(record.seconds)
        self.loading_seconds.append(record.loading_seconds)
        self.sizes[record.size, record.ran_at] += 1
        self.missing.update(record.missing)
        self.occlusion.update([record.occlusion] if record.occlusion else [])
        self.peak_memory_mb = max(self.peak_memory_mb, record.peak_memory_mb)

    def merge(self, other: "Counts") -> None:
        """Add what other pairs gave."""
        for key, total in other.totals.items():
            self.totals[key].merge(total)
        if other.profile is not None:
            self.profile = self.profile or ProfileTotal()
            self.profile.merge(other.profile)
        self.seconds += other.seconds
        self.untimed_seconds += other.untimed_seconds
        self.loading_seconds += other.loading_seconds
        self.sizes.update(other.sizes)
        self.failures += other.failures
        self.missing.update(other.missing)
        self.occlusion.update(other.occlusion)
        self.peak_memory_mb = max(self.peak_memory_mb, other.peak_memory_mb)

    @property
    def done(self) -> int:
        """Return the number of pairs that did not fail."""
        return self.sizes.total()

    @property
    def failed(self) -> tuple[str, ...]:
        """Return what went wrong, in the data set's order."""
        return tuple(message for _, message in sorted(self.failures))


class Tally:
    """The tally of one method on one data set: counts, and how they become the lines of a report.

    Args:
        data, method: By name, for the report.
        protocols: In the report's order.
        regions: By protocol, in the report's order; `all` is among them.
        notes: By protocol, what must be said of it.
    """

    def __init__(
        self,
        data: str,
        method: str,
        protocols: Sequence[Protocol],
        regions: Mapping[str, Sequence[str]],
        notes: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.data = data
        self.method = method
        self.protocols = tuple(protocols)
        self.regions = regions
        self.notes = dict(notes or {})
        self.counts = Counts((protocol.name, region) for protocol in protocols for region in regions[protocol.name])

    def profile(self) -> dict[str, Any] | None:
        """Return where the error is, as plain values; None where it was not asked for."""
        found = self.counts.profile
        if found is None:
            return None
        return {"data": self.data, "method": self.method, "protocol": self.protocols[0].name, **found.to_dict()}

    def results(self) -> list[EvaluationResult]:
        """Return a result for each protocol and region."""
        return [self._result(protocol, region) for protocol in self.protocols for region in self.regions[protocol.name]]

    def _result(self, protocol: Protocol, region: str) -> EvaluationResult:
        counts = self.counts
        total, whole = counts.totals[protocol.name, region], counts.totals[protocol.name, "all"]
        seconds = sorted(counts.seconds or counts.untimed_seconds)
        loading = counts.loading_seconds
        notes = list(self.notes.get(protocol.name, ())) if region == "all" else []
        if counts.missing[region] and region != "beyond_range":  # some methods have no range
            notes.append(f"{counts.missing[region]} of {counts.done} images do not say which pixels these are")
        return EvaluationResult(
            data=self.data,
            method=self.method,
            protocol=protocol.name,
            region=region,
            images=total.images,
            skipped=total.skipped,
            metrics=total.metrics(protocol.averaging),
            epe_image_mean=total.image_means()["epe"],
            share=100 * total.pixels / whole.pixels if whole.pixels else math.nan,
            pixels=total.pixels,
            averaging=protocol.averaging,
            seconds_per_pair=statistics.median(seconds) if seconds else math.nan,
            seconds_p90=seconds[math.ceil(0.9 * len(seconds)) - 1] if seconds else math.nan,
            loading_seconds=statistics.median(loading) if loading else math.nan,
            peak_memory_mb=counts.peak_memory_mb,
            occlusion=", ".join(sorted(counts.occlusion)) or None if region in OCCLUSION_REGIONS else None,
            sizes=self._described_sizes(),
            failed=counts.failed,
            notes=tuple(notes),
        )

    def _described_sizes(self) -> tuple[Mapping[str, Any], ...]:
        return tuple(
            {"height": height, "width": width, "ran_at": None if ran_at is None else list(ran_at), "images": count}
            for ((height, width), ran_at), count in sorted(
                self.counts.sizes.items(), key=lambda item: (item[0][0], item[0][1] or (0, 0))
            )
        )


def regions_of(protocol: Protocol, wanted: Sequence[str]) -> list[str]:
    """Return the regions in which a protocol is scored: those that are wanted and its own, in the report's order."""
    chosen = {"all", *wanted, *protocol.regions}
    return [name for name in REGIONS if name in chosen]


def image_row(record: PairRecord, data: str, method: str, protocol: str, region: str) -> dict[str, Any] | None:
    """Return a scored image as a row of per_image.csv; None where it is left out."""
    sums = record.scores.get((protocol, region))
    if sums is None:
        return None
    return {
        "data": data,
        "method": method,
        "protocol": protocol,
        "region": region,
        "index": record.index,
        "name": record.name,
        "pixels": sums.pixels,
        "seconds": record.seconds,
        "loading_seconds": record.loading_seconds,
        **sums.metrics(),
    }
