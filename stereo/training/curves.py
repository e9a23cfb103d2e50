"""The curves of a run, in TensorBoard's files and in metrics.csv. What a full disk does not take is lost; the run goes
on.
"""

import csv
import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from stereo.data.sample import Image

_TABLE = "metrics.csv"
_COLUMNS = ("step", "name", "value")
# The files that hold the curves of a run, as patterns.
CURVES = (_TABLE, "events.out.tfevents.*")


class Settings(NamedTuple):
    """What a run is, for TensorBoard.

    texts: pages of Markdown by name. parameters: the settings that runs are compared by. scores: the names of the
    curves that they are compared in.
    """

    texts: dict[str, str]
    parameters: dict[str, str | float | bool]
    scores: list[str]


class Curves:
    """Writes TensorBoard's files and metrics.csv. After a failure it says so once, and tries again with the next
    values, those of TensorBoard in a new file.
    """

    def __init__(self, folder: Path, step: int, warn: Callable[[str], None], settings: Settings | None = None) -> None:
        """Begin at so many steps taken; what an earlier process logged of later ones is dropped."""
        self._folder, self._warn = folder, warn
        self._settings = settings
        self._failed: set[str] = set()
        self._writer: SummaryWriter | None = None
        # A run that begins has nothing to purge. (TensorBoard reads files of one second in an order of its own.)
        self._purge_step = step + 1 if step else None
        self._table = folder / _TABLE
        self._try_table(lambda: _keep_until(self._table, step))

    def add(self, step: int, scalars: dict[str, float], images: dict[str, Image] | None = None) -> None:
        """Write values and pictures of a step."""

        def write(writer: SummaryWriter) -> None:
            for name, value in scalars.items():
                writer.add_scalar(name, value, step)
            for name, image in (images or {}).items():
                writer.add_image(name, image, step, dataformats="HWC")

        self._try(write)
        rows = _csv([(step, name, f"{value:.7g}") for name, value in scalars.items()])
        self._try_table(lambda: _append(self._table, rows))

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Write within the block, whose end closes the file."""
        previous = threading.excepthook

        def silent(failure: Any) -> None:
            # The writer's thread: its error comes up again where the next value is added, and is told there.
            if not _is_of_tensorboard(failure.thread):
                previous(failure)

        threading.excepthook = silent
        try:
            self._try(lambda writer: self._describe(writer))
            yield
        finally:
            if self._writer is not None:
                self._try(SummaryWriter.close)
            self._writer = None
            # The thread of a file that could not be begun tries once more within two minutes, and fails then.
            if not any(_is_of_tensorboard(thread) for thread in threading.enumerate()):
                threading.excepthook = previous

    def _describe(self, writer: SummaryWriter) -> None:
        if self._settings is None:
            return
        for name, text in self._settings.texts.items():
            writer.add_text(name, text)
        # SummaryWriter.add_hparams would begin a folder of its own.
        summaries = hparams(self._settings.parameters, dict.fromkeys(self._settings.scores, 0.0))
        for summary in summaries:
            writer._get_file_writer().add_summary(summary)

    def _try(self, write: Callable[[SummaryWriter], None]) -> None:
        try:
            if self._writer is None:
                self._writer = SummaryWriter(str(self._folder), purge_step=self._purge_step)
                self._purge_step = None
            write(self._writer)
        except Exception as error:  # of a thread and of many types; the loss of a curve is not worth the run
            self._fail("TensorBoard's log", error)
            if self._writer is not None:
                with suppress(Exception):
                    self._writer.close()
                self._writer = None
        else:
            self._failed.discard("TensorBoard's log")

    def _try_table(self, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError as error:
            self._fail(_TABLE, error)
        else:
            self._failed.discard(_TABLE)

    def _fail(self, what: str, error: Exception) -> None:
        if what not in self._failed:
            self._warn(f"warning: {self._folder}: {what} cannot be written ({error}); the run goes on")
        self._failed.add(what)


def _is_of_tensorboard(thread: threading.Thread | None) -> bool:
    return type(thread).__module__.startswith("tensorboard")


def _csv(rows: list[tuple[Any, ...]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def _keep_until(path: Path, step: int) -> None:
    """Leave of a table the rows up to that step; begin it where it is not there."""
    kept: list[tuple[str, ...]] = []
    if step and path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            rows = [tuple(row) for row in csv.reader(file)][1:]
        # A killed process may leave half a row.
        kept = [row for row in rows if len(row) == len(_COLUMNS) and row[0].isdigit() and int(row[0]) <= step]
    path.write_text(_csv([_COLUMNS, *kept]), encoding="utf-8")
