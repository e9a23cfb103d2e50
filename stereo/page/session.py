"""A folder for each open page, deleted when the page is closed and when the program ends."""

import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stereo.data.sample import Calibration
from stereo.errors import DataError
from stereo.page.cameras import Filed
from stereo.page.limits import Limits
from stereo.page.results import Shown

_ENDED = "this page was closed or idle for too long, and its files were deleted: load the page again"


class Session:
    """What one open page has: a folder with its files, and what is known about its last result.

    key: in the addresses of its files; it cannot be guessed.
    version: rises with each change of the images or the result, so that no browser shows an old one.
    shown: its last result, None as long as there is none.
    calibration: of the result, None where it is not known.
    filed: what the last calibration files say; None where there were none.
    """

    def __init__(self, root: Path) -> None:
        self.key = secrets.token_hex(16)
        self.version = 0
        self.shown: Shown | None = None
        self.calibration: Calibration | None = None
        self.filed: Filed | None = None
        self.last_used = time.monotonic()
        self._ended = False
        self._lock = threading.Lock()
        self._folder = root / self.key
        self._folder.mkdir()

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """Yield the folder, which nobody else reads, writes or deletes within the block. Raises: DataError if ended."""
        with self._lock:
            if self._ended:
                raise DataError(_ENDED)
            self.last_used = time.monotonic()
            yield self._folder

    def end(self) -> None:
        """Delete all files."""
        with self._lock:
            self._ended = True
            shutil.rmtree(self._folder, ignore_errors=True)


class Sessions:
    """The sessions of all open pages, by key and by what Gradio calls the page.

    Args:
        root: An empty folder of ours.
    """

    def __init__(self, root: Path, limits: Limits) -> None:
        self._root = root
        self._limits = limits
        self._by_page: dict[str, Session] = {}
        self._lock = threading.Lock()

    def begin(self, page: str) -> Session:
        """Return the session of a page, a new one where it has none; end those that were idle for too long."""
        with self._lock:
            if page in self._by_page:
                return self._by_page[page]
            now = time.monotonic()
            by_age = sorted(self._by_page.items(), key=lambda item: item[1].last_used)
            surplus = len(by_age) + 1 - self._limits.max_sessions
            idle = [
                name
                for number, (name, session) in enumerate(by_age)
                if number < surplus or now - session.last_used > self._limits.idle_seconds
            ]
            ended = [self._by_page.pop(name) for name in idle]
            session = self._by_page[page] = Session(self._root)
        for old in ended:
            old.end()
        return session

    def of_page(self, page: str | None) -> Session:
        """Return the session of a page. Raises: DataError if it has none."""
        with self._lock:
            session = self._by_page.get(page or "")
        if session is None:
            raise DataError(_ENDED)
        return session

    def of_key(self, key: str) -> Session:
        """Return the session with a key. Raises: DataError if there is none."""
        with self._lock:
            for session in self._by_page.values():
                if secrets.compare_digest(session.key.encode(), key.encode()):
                    return session
        raise DataError(_ENDED)

    def end(self, page: str | None) -> None:
        """End the session of a page, if it has one."""
        with self._lock:
            session = self._by_page.pop(page or "", None)
        if session is not None:
            session.end()
