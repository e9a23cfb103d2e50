"""Pictures of an evaluation: the worst and the first images, collected while it runs."""

from dataclasses import dataclass
from pathlib import Path

from stereo.data.formats import write_image
from stereo.evaluation.evaluator import ScoredSample
from stereo.output import make_output_folder, safe_name
from stereo.processes import Processes
from stereo.visualize import evaluation_panel


@dataclass(frozen=True, eq=False)
class Preview:
    """A sample that is kept, with its metrics by name."""

    scored: ScoredSample
    metrics: dict[str, float]


class Previews:
    """Keeps the images worth looking at: the worst by EPE, then the first. Give its `observe` to `evaluate`.

    However long the evaluation, it holds at most one and a half times `count` samples.

    Args:
        count: How many pictures are wanted; half of them, rounded up, of the worst.
        protocol, region: Under which the EPE is compared.
    """

    def __init__(self, count: int, protocol: str = "all", region: str = "all") -> None:
        self.count = count
        self.key = (protocol, region)
        self._kept: list[Preview] = []

    def observe(self, scored: ScoredSample) -> None:
        """Take note of a sample, unless the protocol leaves it out."""
        sums = scored.scores.get(self.key)
        if sums is not None:
            self._keep([*self._kept, Preview(scored, sums.metrics())])

    def gather(self, processes: Processes) -> None:
        """Exchange what was kept, so that every process has the same. All of them must call it."""
        if processes.size > 1:
            self._keep([preview for share in processes.gather(self._kept) for preview in share])

    def chosen(self) -> list[tuple[str, Preview]]:
        """Return at most `count` previews, each once, with a label: worst1, worst2, …, first1, first2, …"""
        worst = self._kept[: (self.count + 1) // 2]
        first = self._kept[len(worst) :][: self.count - len(worst)]
        return [(f"worst{rank}", preview) for rank, preview in enumerate(worst, 1)] + [
            (f"first{rank}", preview) for rank, preview in enumerate(first, 1)
        ]

    def write(self, folder: Path) -> None:
        """Write a PNG of each chosen preview into a folder, which is made; nothing where none is chosen.

        Raises: OutputError.
        """
        for label, preview in self.chosen():
            scored = preview.scored
            truth = scored.sample.require_truth("a preview")
            panel = evaluation_panel(
                scored.sample.left,
                scored.prediction.disparity,
                truth.disparity,
                truth.valid,
                f"EPE {preview.metrics['epe']:.2f}, bad-2 {preview.metrics['bad_2']:.1f} %",
            )
            write_image(make_output_folder(folder) / f"{label}_{safe_name(scored.name)}.png", panel)

    def _keep(self, previews: list[Preview]) -> None:
        """Keep the worst, worst first, then the first `count` of the others in the data set's order."""
        by_error = sorted(previews, key=lambda preview: (-preview.metrics["epe"], preview.scored.index))
        worst, others = by_error[: (self.count + 1) // 2], by_error[(self.count + 1) // 2 :]
        self._kept = worst + sorted(others, key=lambda preview: preview.scored.index)[: self.count]
