"""What the page takes from a stranger, at most."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The page's limits; the options of scripts/demo_page.py set some of them.

    max_bytes: of one uploaded file. max_pixels: of one image. max_sessions: open pages that have files; one more ends
    the one that was idle for the longest. idle_seconds: after which a page's files may be deleted. max_waiting:
    requests in the queue; further ones are refused. max_points: shown of a point cloud; the file has all.
    """

    max_bytes: int = 32 * 2**20
    max_pixels: int = 4_000_000
    max_sessions: int = 50
    idle_seconds: float = 3600.0
    max_waiting: int = 64
    max_points: int = 400_000
