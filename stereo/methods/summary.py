"""What came of many pairs, put together from one process or several, and said in a few lines."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from stereo.methods.inference import Failed, Inferred, Outcome


@dataclass
class Summary:
    """What came of all pairs, put together as they come.

    done, failed: one each. skipped: how many were there already. seconds: of the process that took longest.
    """

    done: list[Inferred] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    skipped: int = 0
    seconds: float = 0.0

    def add(self, outcome: Outcome) -> None:
        """Count one pair."""
        if isinstance(outcome, Inferred):
            self.done.append(outcome)
        elif isinstance(outcome, Failed):
            self.failed.append(outcome)
        else:
            self.skipped += 1

    @classmethod
    def of(cls, parts: Sequence["Summary"]) -> "Summary":
        """Return what came of the pairs of several processes, which worked at the same time."""
        return cls(
            [pair for part in parts for pair in part.done],
            [pair for part in parts for pair in part.failed],
            sum(part.skipped for part in parts),
            max(part.seconds for part in parts),
        )

    def result(self, where: str, how: str, count: int, single: bool) -> str:
        """Return the line that says what was written.

        Args:
            where: Where the files are. how: What predicted, and on what. count: How many pairs were asked for.
            single: One pair was asked for.
        """
        skipped = f"; skipped {self.skipped} whose files are there already" if self.skipped else ""
        if not self.done:
            return f"wrote nothing{skipped}"
        lowest, highest = min(pair.lowest for pair in self.done), max(pair.highest for pair in self.done)
        disparity = f"disparity {lowest:.2f} … {highest:.2f} px"
        if single:
            (pair,) = self.done
            size = f"{pair.width}×{pair.height} px"
            return f"wrote {', '.join(pair.written)} to {where}: {size}, {disparity}, {pair.seconds:.2f} s {how}"
        rate = f"{self.seconds / len(self.done):.2f} s a pair"
        return f"wrote {len(self.done)} of {count} pairs to {where}: {disparity}, {rate} {how}{skipped}"

    def notes(self) -> list[str]:
        """Return what was taken for granted, each once."""
        return list(dict.fromkeys(note for pair in self.done for note in pair.notes))

    def warnings(self, single: bool = False) -> list[str]:
        """Return one line for each kind of warning, with the first pair that it concerns where there are many."""
        concerned: dict[str, list[Inferred]] = {}
        for pair in self.done:
            for kind in pair.warnings:
                concerned.setdefault(kind, []).append(pair)
        lines = []
        for kind, pairs in concerned.items():
            more = f" and {len(pairs) - 1} more" if len(pairs) > 1 else ""
            lines.append(("" if single else f"{pairs[0].name}{more}: ") + pairs[0].warnings[kind])
        return lines
