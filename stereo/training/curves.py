"""The curves of a run, in TensorBoard's files. What a full disk does not take is lost; the run goes on."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from stereo.data.sample import Image


class Curves:
    """Writes TensorBoard's files. After a failure it says so once, and begins a new file with the next values."""

    def __init__(self, folder: Path, step: int, warn: Callable[[str], None]) -> None:
        """Begin at so many steps taken; what an earlier process logged of later ones is dropped."""
        self._folder, self._warn = folder, warn
        self._failed = False
        self._writer: SummaryWriter | None = None
        # A run that begins has nothing to purge. (TensorBoard reads files of one second in an order of its own.)
        self._purge_step = step + 1 if step else None

    def add(self, step: int, scalars: dict[str, float], images: dict[str, Image] | None = None) -> None:
        """Write values and pictures of a step."""

        def write(writer: SummaryWriter) -> None:
            for name, value in scalars.items():
                writer.add_scalar(name, value, step)
            for name, image in (images or {}).items():
                writer.add_image(name, image, step, dataformats="HWC")

        self._try(write)

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Write within the block, whose end closes the file."""
        previous = threading.excepthook

        def silent(failure: Any) -> None:
            # The writer's thread: its error comes up again where the next value is added, and is told there.
            if not type(failure.thread).__module__.startswith("tensorboard"):
                previous(failure)

        threading.excepthook = silent
        try:
            self._try(lambda writer: None)
            yield
        finally:
            if self._writer is not None:
                self._try(SummaryWriter.close)
            self._writer = None
            threading.excepthook = previous

    def _try(self, write: Callable[[SummaryWriter], None]) -> None:
        try:
            if self._writer is None:
                self._writer = SummaryWriter(str(self._folder), purge_step=self._purge_step)
                self._purge_step = None
            write(self._writer)
        except Exception as error:  # of a thread and of many types; the loss of a curve is not worth the run
            if not self._failed:
                self._warn(f"warning: {self._folder}: TensorBoard's log cannot be written ({error}); the run goes on")
            self._failed = True
            if self._writer is not None:
                with suppress(Exception):
                    self._writer.close()
                self._writer = None
        else:
            self._failed = False
