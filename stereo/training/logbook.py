"""Where a run says what it does: lines on the console, a progress bar, and TensorBoard."""

import math
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from stereo.training.step import StepResult
from stereo.training.validation import Scores


class Logbook:
    """The log of one run. Of several processes, only process 0 has anything in it."""

    def __init__(self, is_main: bool) -> None:
        self._is_main = is_main
        self._writer: SummaryWriter | None = None
        self._bar: tqdm[None] = tqdm(disable=True)
        self._results: list[StepResult] = []
        self._started, self._first_step, self._steps = 0.0, 0, 0

    def say(self, line: str) -> None:
        """Print one line."""
        if self._is_main:
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
            # A run that begins has nothing to purge. (TensorBoard reads files of one second in an order of its own.)
            self._writer = SummaryWriter(str(folder), purge_step=step + 1 if step else None)
        self._bar = tqdm(total=steps, initial=step, unit="step", disable=not (self._is_main and sys.stderr.isatty()))
        try:
            yield
        finally:
            self._bar.close()
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    def count(self, result: StepResult) -> None:
        """Take note of one step."""
        self._results.append(result)
        self._bar.update()

    def report(self, step: int, rate: float) -> None:
        """Report the means of the steps since the last report, and the learning rate of the last of them."""
        loss, epe, norm = (_mean(values) for values in zip(*self._results, strict=True))
        self._results = []
        seconds = (time.monotonic() - self._started) / (step - self._first_step)
        self._add(
            "training", step, loss=loss, epe=epe, gradient_norm=norm, learning_rate=rate, seconds_per_step=seconds
        )
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
        self._add("validation", step, **values)
        if self._writer is not None:
            for number, panel in enumerate(scores.panels):
                self._writer.add_image(f"validation/{number}", panel, step, dataformats="HWC")

    def _add(self, group: str, step: int, **values: float) -> None:
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(f"{group}/{name}", value, step)


def _mean(values: Sequence[float]) -> float:
    """Return the mean of the finite values: a batch without a valid pixel has no EPE."""
    finite = [value for value in values if math.isfinite(value)]
    return statistics.fmean(finite) if finite else math.nan
