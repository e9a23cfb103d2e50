"""The folder of a run: its checkpoints, its configuration, and the lock that keeps a second run out."""

import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from stereo.checkpoint import read_checkpoint, save_checkpoint
from stereo.config import Config, config_to_dict, config_to_yaml, load_config
from stereo.errors import CheckpointError, ConfigError, OutputError, TrainingError
from stereo.locks import lock_file
from stereo.model.network import StereoNetwork
from stereo.output import atomic_output, make_output_folder, sweep_temporary_files
from stereo.training.changes import compare_settings, listed
from stereo.training.curves import CURVES
from stereo.training.finite import names_not_finite, shown
from stereo.training.state import RunState


class RunFolder:
    """Where a run lies. Of several processes, process 0 alone writes.

    last: the newest checkpoint. best: the weights of the best score. Before `last` lie the `keep_last` − 1 checkpoints
    before it, as last-STEP.pt. resumed_from: the checkpoint that this process took up; it may lie elsewhere.
    """

    def __init__(self, path: Path, keep_last: int, say: Callable[[str], None]) -> None:
        self.path, self._say = path, say
        self.last, self.best, self.settings = path / "last.pt", path / "best.pt", path / "config.yaml"
        self.keep_last = keep_last
        # Of last.pt, where this process wrote it or resumed from it.
        self.saved_step: int | None = None
        self.resumed_from: Path | None = None
        self._release: Callable[[], None] | None = None

    def checkpoints(self) -> list[Path]:
        """Return the paths from which the run can be resumed, newest first."""
        earlier = {path: re.fullmatch(r"last-(\d+)\.pt", path.name) for path in self.path.glob("last-*.pt")}
        steps = {path: int(match[1]) for path, match in earlier.items() if match is not None}
        found = [self.last] if self.last.exists() else []
        return found + sorted(steps, key=lambda path: steps[path], reverse=True)

    def newest(self) -> tuple[Path, dict[str, Any]] | None:
        """Return the newest checkpoint that is whole, and its content; None where there is none at all.

        Raises: CheckpointError where there are some, but none is whole.
        """
        first: CheckpointError | None = None
        for path in self.checkpoints():
            try:
                return path, read_checkpoint(path)
            except CheckpointError as error:
                first = first or error
                self._say(f"warning: {error}; an earlier checkpoint is looked for")
        if first is not None:
            raise CheckpointError(f"{first}; or begin another run with training.output=FOLDER")
        return None

    def require_unused(self, config: Config, source: Path | None) -> None:
        """Raise TrainingError where the folder holds another run than the one that is taken up from `source`."""
        checkpoints = self.checkpoints()
        if source is not None and source.resolve() in [path.resolve() for path in checkpoints]:
            return
        begin = "begin another" if source is None else f"take {source} up elsewhere"
        if checkpoints:
            raise TrainingError(
                f"{self.path}: already holds a run ({checkpoints[0].name}); go on with it by --resume auto, or {begin} "
                "with training.output=FOLDER"
            )
        if self.best.exists():
            raise TrainingError(
                f"{self.path}: holds the weights of another run ({self.best.name}) without a checkpoint to go on from; "
                f"{begin} with training.output=FOLDER"
            )
        if self.settings.exists():  # of a run that ended before its first checkpoint
            try:
                stored = config_to_dict(load_config(self.settings))
                refused = compare_settings(stored, config_to_dict(config)).refused
            except ConfigError as error:
                refused = [str(error)]
            if refused:
                raise TrainingError(
                    f"{self.path}: holds the config.yaml of another run, without a checkpoint: {listed(refused)}; "
                    f"remove it, or {begin} with training.output=FOLDER"
                )
        elif curves := sorted(path.name for pattern in CURVES for path in self.path.glob(pattern)):
            raise TrainingError(
                f"{self.path}: holds the curves of another run ({curves[0]}) without its config.yaml; move them away, "
                f"or {begin} with training.output=FOLDER"
            )

    def take(self) -> None:
        """Make the folder this run's own, as long as this process lives, and remove what killed ones left half written.

        Raises: TrainingError where another run has it; OutputError.
        """
        make_output_folder(self.path)
        self._release = lock_file(self.path / "run.lock")
        if self._release is None:
            raise TrainingError(
                f"{self.path}: another training is running in this folder; wait for its end or stop it, or name "
                "another folder with training.output=FOLDER"
            )
        sweep_temporary_files(self.path)

    def release(self) -> None:
        """Give the folder back."""
        if self._release is not None:
            self._release()
            self._release = None

    def write_settings(self, config: Config, changes: list[str]) -> None:
        """Write config.yaml, headed by the changes that were allowed while the run went on. Raises: OutputError."""
        head = "".join(f"# {line}\n" for line in changes)
        with atomic_output(self.settings, durable=True) as path:
            path.write_text(head + config_to_yaml(config), encoding="utf-8")

    def save(self, network: StereoNetwork, config: Config, state: RunState, needed: bool) -> None:
        """Write last.pt, and keep the one before it. Where it cannot be written and the run goes on, say so.

        Args:
            needed: The run ends, and would be lost.

        Raises: TrainingError where the state is not finite; OutputError where the checkpoint is needed.
        """
        values = state.state_dict()
        self._require_finite({"network": network.state_dict(), **values}, state.step)
        try:
            if self.keep_last > 1 and self.last.exists() and self.saved_step not in (None, state.step):
                _copy(self.last, self.path / f"last-{self.saved_step}.pt")
            save_checkpoint(self.last, network, config, state.step, values)
        except OutputError as error:
            if needed:
                raise OutputError(f"{error}{self.good_state()}") from None
            self._say(f"warning: step {state.step}: {error}; the run goes on{self.good_state()}")
            return
        self.saved_step = state.step
        for path in self.checkpoints()[self.keep_last :]:
            path.unlink(missing_ok=True)

    def save_best(self, network: StereoNetwork, config: Config, step: int) -> bool:
        """Write best.pt and return True; where it cannot be written, say so. Raises: TrainingError as `save`."""
        self._require_finite(network.state_dict(), step)
        try:
            save_checkpoint(self.best, network, config, step)
        except OutputError as error:
            self._say(f"warning: step {step}: {error}; the best weights before these are kept")
            return False
        return True

    def weights(self) -> Path:
        """Return the path of the best weights, or where there are none, of the last."""
        found = [path for path in (self.best, self.last, self.resumed_from) if path and path.exists()]
        return found[0]

    def good_state(self) -> str:
        """Return the end of a message: where the last good state is, if it is anywhere."""
        found = [path for path in (*self.checkpoints(), self.resumed_from) if path is not None and path.exists()]
        return f"; the last good state is in {found[0]}" if found else ""

    def _require_finite(self, values: Mapping[str, Any], step: int) -> None:
        broken = names_not_finite(values)
        if broken:
            raise TrainingError(
                f"step {step}: the run diverged: {shown(broken)} is not finite, so the state is not saved; lower "
                f"optimizer.learning_rate{self.good_state()}"
            )


def _copy(source: Path, target: Path) -> None:
    """Give a file a second name; where the file system cannot, copy it."""
    with atomic_output(target) as temporary:
        temporary.unlink()
        try:
            os.link(source, temporary)
        except OSError:
            shutil.copyfile(source, temporary)
