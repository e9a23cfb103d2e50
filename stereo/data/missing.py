"""Files of a pair that are not there, and what is said of them."""

import difflib
import os
from dataclasses import dataclass
from pathlib import Path

from stereo.data.hidden import is_hidden


@dataclass(frozen=True)
class Missing:
    """A file that should belong to a pair, and does not exist. As text: what is wrong, and what to do.

    The text is made when it is asked for, because it takes a look at the folder: of half a download, tens of thousands
    of files are missing.

    path: where it should be. of: the file that it belongs to. what: it, in words.
    """

    path: Path
    of: Path
    what: str

    def __str__(self) -> str:
        folder = self.path.parent
        if not os.path.isdir(folder):
            return self._without_folder()
        names = _names_in(folder)
        images = [self.path.stem + suffix for suffix in (".png", ".webp", ".jpg") if self.path.stem + suffix in names]
        if self.path.suffix == ".pfm" and images:
            return (
                f"{self.of}: has no ground truth: {folder} holds images ({images[0]}) where the disparity maps should "
                f"be ({self.path.name}); put the content of the archive 'Disparity' there"
            )
        # A file that belongs to another view is not misnamed.
        owned = {Path(name).stem for name in _names_in(self.of.parent)} if self.of.parent != folder else set()
        free = [name for name in names if Path(name).stem not in owned]
        close = difflib.get_close_matches(self.path.name, free, 1, 0.7)
        return (
            f"{self.of}: has no partner: {self.what} should be {self.path}, which does not exist"
            + (f" ({close[0]} does: misnamed?)" if close else "")
            + "; copy or download the missing file, or remove the incomplete pair"
        )

    def _without_folder(self) -> str:
        folder = next((above for above in self.path.parents if os.path.isdir(above.parent)), self.path.parent)
        disparity = folder.name.lower().endswith("disparity")
        return (
            f"{self.of}: has no partner: {self.what} should be {self.path}, but there is no folder {folder}; "
            + ("unpack the archive 'Disparity' there" if disparity else "copy or download what belongs there")
            + ", or remove the incomplete pair"
        )


def _names_in(folder: Path) -> list[str]:
    """Return the names of what lies in a folder, sorted; nothing where it cannot be listed."""
    try:
        return sorted(name for name in os.listdir(folder) if not is_hidden(name))
    except OSError:
        return []
