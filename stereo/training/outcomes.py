"""What came of the steps of a run: counted in its state, told in its log, and the end of a run that learns nothing."""

from collections.abc import Sequence

from stereo.errors import TrainingError
from stereo.processes import Processes
from stereo.training.logbook import Logbook, mean_of_finite
from stereo.training.state import RunState
from stereo.training.step import OTHER_PROCESS, StepResult, TakenStep, read_steps

# A run whose first so many steps had no pixel to learn from ends.
_BLANK_STEPS = 100


class Outcomes:
    """Collects steps, whose values are read from the device only when they are needed."""

    def __init__(self, state: RunState, logbook: Logbook, processes: Processes, most_skipped: int) -> None:
        """Begin a collection; so many skipped steps in a row end the run."""
        self._state, self._logbook, self._processes = state, logbook, processes
        self._most_skipped = most_skipped
        self._steps: list[int] = []
        self._names: list[tuple[str, ...]] = []
        self._taken: list[TakenStep] = []

    def add(self, step: int, names: tuple[str, ...], taken: TakenStep) -> None:
        """Add step number `step`, taken on samples of these names in this process."""
        self._steps.append(step)
        self._names.append(names)
        self._taken.append(taken)

    def read(self) -> None:
        """Take note of the steps since the last time, for which this waits. All processes must ask for it.

        Raises: TrainingError after too many that had to be skipped.
        """
        shares = self._processes.gather(read_steps(self._taken))
        steps, names = self._steps, self._names
        self._steps, self._names, self._taken = [], [], []
        for step, own_names, results in zip(steps, names, zip(*shares, strict=True), strict=True):
            result = _joined(results)
            self._state.count(result.fault, result.learned)
            self._logbook.take(result)
            if result.fault:
                self._tell_skipped(step, result.fault, own_names)

    def check_learned(self, last: bool, max_disparity: int) -> None:
        """Raise TrainingError where no step of the run has changed the weights, after its last or a good many."""
        state = self._state
        if state.learned or not (last or state.step >= _BLANK_STEPS):
            return
        if state.skipped:
            raise TrainingError(
                f"step {state.step}: no step changed the weights, {state.skipped} were skipped; lower "
                "optimizer.learning_rate, or check the data set's ground truth"
            )
        raise TrainingError(
            f"step {state.step}: no sample so far has a pixel to learn from: ground truth that is known, more than "
            f"0 and less than model.max_disparity={max_disparity} px; look at the data with scripts/show_dataset.py"
        )

    def _tell_skipped(self, step: int, fault: str, own_names: tuple[str, ...]) -> None:
        names = ", ".join(name for share in self._processes.gather(own_names) for name in share)
        self._logbook.say(
            f"warning: step {step} is skipped, {self._state.skipped} so far: {fault}; its samples: {names}"
        )
        if self._state.skipped_in_row >= self._most_skipped:
            raise TrainingError(
                f"step {step}: {fault}; so it was in {self._most_skipped} steps in a row (training.max_skipped_steps)"
            )


def _joined(results: Sequence[StepResult]) -> StepResult:
    """Return what came of a step in all processes together: the means over those where there is a value."""
    faults = sorted((result.fault for result in results), key=lambda fault: fault == OTHER_PROCESS)
    values = {name: mean_of_finite([result.values[name] for result in results]) for name in results[0].values}
    return StepResult(values, faults[0], results[0].learned)
