"""Where a run says what it does: lines on the console, a progress bar, TensorBoard and metrics.csv.

Nothing of it ends the run: what cannot be written, on a full disk or to a terminal that is closed, is lost.
"""

import math
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TypeVar, cast

import torch
from tqdm import tqdm

from stereo.data.sample import Image
from stereo.data.workers import advise
from stereo.device import peak_memory_mb
from stereo.training.curves import Curves, Settings
from stereo.training.step import StepResult, compiled_graphs
from stereo.training.stopwatch import Stopwatch
from stereo.training.validation import Scores

T = TypeVar("T")


class Logbook:
    """The log of one run. Of several processes, only process 0 has anything in it."""

    def __init__(self, is_main: bool, batch_size: int = 1, device: torch.device | None = None) -> None:
        """Begin the log of a run with so many samples in a step."""
        self._is_main = is_main
        self._batch_size = batch_size
        self._device = torch.device("cpu") if device is None else device
        self._curves: Curves | None = None
        self._bar: tqdm[None] = tqdm(disable=True)
        self._results: list[StepResult] = []
        self._stopwatch, self._steps = Stopwatch(), 0
        self._graphs: int | None = None
        # data.workers, and whether it was said that they are too few.
        self._workers, self._advised = cast(int | str, 0), False

    def say(self, line: str) -> None:
        """Print one line."""
        if self._is_main:
            with suppress(OSError):
                tqdm.write(line)
                sys.stdout.flush()

    @contextmanager
    def opened(self, folder: Path, step: int, steps: int, settings: Settings | None = None) -> Iterator[None]:
        """Show a progress bar, and write curves, within the block.

        Args:
            folder: The run's folder, for TensorBoard and metrics.csv.
            step: The steps taken so far. What an earlier process logged of later ones is dropped.
            steps: All steps of the run.
            settings: What the run is, for TensorBoard.
        """
        self._stopwatch, self._steps = Stopwatch(step), steps
        if self._is_main:
            self._curves = Curves(folder, step, self.say, settings)
        self._bar = tqdm(total=steps, initial=step, unit="step", disable=not (self._is_main and sys.stderr.isatty()))
        try:
            with nullcontext() if self._curves is None else self._curves.opened():
                yield
        finally:
            with suppress(OSError):
                self._bar.close()
            self._curves = None

    def paused(self) -> AbstractContextManager[None]:
        """Leave the time of the block out of what a step takes."""
        return self._stopwatch.paused()

    def timed(self, batches: Iterator[T], workers: int | str) -> Iterator[T]:
        """Yield the batches, and take note of how long they are waited for; `workers`: data.workers."""
        self._workers = workers
        return self._stopwatch.timed(batches)

    def count(self) -> None:
        """Take note that a step was taken."""
        with suppress(OSError):
            self._bar.update()

    def take(self, result: StepResult) -> None:
        """Take note of what came of a step."""
        self._results.append(result)

    def report(self, step: int, rate: float) -> None:
        """Report the means of the steps since the last report, and the learning rate of the last of them."""
        names = dict.fromkeys(name for result in self._results for name in result.values)
        means = {
            name: mean_of_finite([result.values.get(name, math.nan) for result in self._results]) for name in names
        }
        skipped = sum(bool(result.fault) for result in self._results)
        self._results = []
        times = self._stopwatch.lap(step)
        values = {
            **means,
            "learning_rate": rate,
            "seconds_per_step": times.step,
            "samples_per_second": self._batch_size / max(times.step, 1e-9),
            "data_wait_percent": 100 * times.waiting,
            "peak_memory_mb": peak_memory_mb(self._device),
            "skipped": skipped,
            **self._compiled(step),
        }
        self._add("training", step, values)
        epe, loss = means.get("epe", math.nan), means.get("loss", math.nan)
        with suppress(OSError):
            self._bar.set_postfix_str(f"EPE {epe:.2f} px, loss {loss:.3f}")
        if self._bar.disable:  # no terminal: a line in the log instead of a bar
            left = tqdm.format_interval(times.overall * (self._steps - step))
            figures = f"EPE {epe:.3f} px, loss {loss:.4f}, {times.step:.2f} s/step, {left} left"
            self.say(f"step {step}/{self._steps}: {figures}")
        advice = advise(self._workers, times.waiting)
        if advice is not None and not self._advised:
            self.say(f"step {step}: {advice}")
            self._advised = True

    def validation(self, step: int, scores: Scores, better: bool, name: str = "") -> None:
        """Report a validation of the weights of step `step`.

        Args:
            better: Whether it is the best so far.
            name: Of a further data set, or of other weights; empty for the one that decides which weights are the best.
        """
        values = scores.values
        what = f"validation on {name}" if name else "validation"
        failed = f"; {len(scores.failed)} failed, the first of them {scores.failed[0]}" if scores.failed else ""
        if math.isfinite(values["epe"]):
            self.say(
                f"step {step}: {what} EPE {values['epe']:.3f} px, bad-2 {values['bad_2']:.2f} %, "
                f"D1 {values['d1']:.2f} % over {scores.images} pairs{' (best so far)' if better else ''}{failed}"
            )
        else:
            self.say(f"step {step}: {what} without a score: no pixel of any pair has ground truth{failed}")
        group = f"validation_{name.replace(' ', '_')}" if name else "validation"
        self._add(group, step, values, {f"{group}/{number}": panel for number, panel in enumerate(scores.panels)})

    def _compiled(self, step: int) -> dict[str, float]:
        """Return how many graphs of the network were compiled so far; nothing where none were. Tell of later ones."""
        graphs, before = compiled_graphs(), self._graphs
        self._graphs = graphs
        if before is not None and graphs > before > 0:
            self.say(
                f"warning: step {step}: the network was compiled again, {graphs} graphs so far; batches of one size "
                "and the same settings of PyTorch avoid it"
            )
        return {"compiled_graphs": graphs} if graphs else {}

    def _add(self, group: str, step: int, values: Mapping[str, float], images: dict[str, Image] | None = None) -> None:
        if self._curves is not None:
            self._curves.add(step, {f"{group}/{name}": value for name, value in values.items()}, images)


def mean_of_finite(values: Sequence[float]) -> float:
    """Return the mean of the finite values: a batch without a valid pixel has no EPE. NaN where there are none."""
    finite = [value for value in values if math.isfinite(value)]
    return statistics.fmean(finite) if finite else math.nan
