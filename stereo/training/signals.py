"""What a run that was asked to stop ends with."""

from pathlib import Path


class Interrupted(Exception):
    """A signal asked the run to stop; the checkpoint to resume from is written."""

    def __init__(self, checkpoint: Path, signal_number: int) -> None:
        super().__init__(str(checkpoint))
        self.checkpoint = checkpoint
        self.signal_number = signal_number
