"""Where a run says what it does: lines on the console, a progress bar, and TensorBoard.

Nothing of it ends the run: what cannot be written, on a full disk or to a terminal that is closed, is lost.
"""

import math
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from tqdm import tqdm

from stereo.data.sample import Image
from stereo.training.curves import Curves
from stereo.training.step import StepResult
from stereo.training.validation import Scores


class Logbook:
    """The log of one run. Of several processes, only process 0 has anything in it."""

    def __init__(self, is_main: bool) -> None:
        self._is_main = is_main
        self._curves: Curves | None = None
        self._bar: tqdm[None] = tqdm(disable=True)
        self._results: list[StepResult] = []
        self._started, self._first_step, self._steps = 0.0, 0, 0

    def say(self, line: str) -> None:
        """Print one line."""
        if self._is_main:
            with suppress(OSError):
                tqdm.write(line)
                sys.stdout.flush()

    @contextmanager
    def opened(self, folder: Path, step: int, steps: int) -> Iterator[None]:
        """Show a progress bar and write to TensorBoard within the block.

        Args:
            folder: The run's folder, for TensorBoard.
            step: The steps taken so far. What an earlier process logged of later ones is dropped.
            steps: All steps of the run.
        """
        self._first_step, self._steps = step, steps
        self._started = time.monotonic()
        if self._is_main:
            self._curves = Curves(folder, step, self.say)
        self._bar = tqdm(total=steps, initial=step, unit="step", disable=not (self._is_main and sys.stderr.isatty()))
        try:
            with nullcontext() if self._curves is None else self._curves.opened():
                yield
        finally:
            with suppress(OSError):
                self._bar.close()
            self._curves = None

    def count(self, result: StepResult) -> None:
        """Take note of one step."""
        self._results.append(result)
        with suppress(OSError):
            self._bar.update()

    def report(self, step: int, rate: float) -> None:
        """Report the means of the steps since the last report, and the learning rate of the last of them."""
        loss, epe, norm = (
            _mean([getattr(result, name) for result in self._results]) for name in ("loss", "epe", "gradient_norm")
        )
        skipped = sum(bool(result.fault) for result in self._results)
        self._results = []
        seconds = (time.monotonic() - self._started) / (step - self._first_step)
        self._add(
            "training",
            step,
            loss=loss,
            epe=epe,
            gradient_norm=norm,
            learning_rate=rate,
            seconds_per_step=seconds,
            skipped=skipped,
        )
        with suppress(OSError):
            self._bar.set_postfix_str(f"EPE {epe:.2f} px, loss {loss:.3f}")
        if self._bar.disable:  # no terminal: a line in the log instead of a bar
            left = tqdm.format_interval(seconds * (self._steps - step))
            self.say(f"step {step}/{self._steps}: EPE {epe:.3f} px, loss {loss:.4f}, {seconds:.2f} s/step, {left} left")

    def validation(self, step: int, scores: Scores, better: bool) -> None:
        """Report a validation of the weights of step `step`."""
        values = scores.values
        failed = f"; {len(scores.failed)} failed, the first of them {scores.failed[0]}" if scores.failed else ""
        if math.isfinite(values["epe"]):
            self.say(
                f"step {step}: validation EPE {values['epe']:.3f} px, bad-2 {values['bad_2']:.2f} %, "
                f"D1 {values['d1']:.2f} % over {scores.images} pairs{' (best so far)' if better else ''}{failed}"
            )
        else:
            self.say(f"step {step}: validation without a score: no pixel of any pair has ground truth{failed}")
        panels = {f"validation/{number}": panel for number, panel in enumerate(scores.panels)}
        self._add("validation", step, panels, **values)

    def _add(self, group: str, step: int, images: dict[str, Image] | None = None, **values: float) -> None:
        if self._curves is not None:
            self._curves.add(step, {f"{group}/{name}": value for name, value in values.items()}, images)


def _mean(values: Sequence[float]) -> float:
    """Return the mean of the finite values: a batch without a valid pixel has no EPE."""
    finite = [value for value in values if math.isfinite(value)]
    return statistics.fmean(finite) if finite else math.nan
