"""Mutated files for every reader: read, or refused by one line; in bounded time and memory, with nothing left behind.

`make fuzz` tries 10,000; each is a function of its target's name and its number, so a failure comes again.
"""

import contextlib
import os
import resource
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from fuzz.targets import Target, targets
from stereo.errors import StereoError

INPUTS = int(os.environ.get("STEREO_FUZZ_INPUTS", "900"))
# For one small file: bytes above what the process has, and seconds.
MEMORY, SECONDS = 3 << 30, 20
TARGETS = targets()


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """Let nothing take more memory (MemoryError) or time (TimeoutError) than a file of a few kB may."""

    def too_long(number: int, frame: object) -> None:
        raise TimeoutError(f"more than {SECONDS} s")

    size = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    limits = resource.getrlimit(resource.RLIMIT_AS)
    before = signal.signal(signal.SIGALRM, too_long)
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, limits[1]))
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, limits)


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="memory is read from /proc")
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_mutated_file(target: Target, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "in" / target.name
    path.parent.mkdir(parents=True)
    target.make(path)
    with bounded():
        target.read(path)
    good, read, refused = path.read_bytes(), 0, 0
    before, descriptors = sorted(tmp_path.rglob("*")), len(os.listdir("/proc/self/fd"))
    start = time.monotonic()
    for number in range(-(-INPUTS // len(TARGETS))):
        path.write_bytes(target.mutate(good, Random(f"{target.name} {number}")))
        try:
            with bounded():
                target.read(path)
            read, message = read + 1, ""
        except StereoError as error:
            refused += 1
            message = str(error)
        except BaseException as error:
            raise AssertionError(f"input {number} of {target.name}: {type(error).__name__}: {error}") from error
        assert "\n" not in message, f"input {number} of {target.name}"
        assert sorted(tmp_path.rglob("*")) == before, f"input {number} of {target.name} left files behind"
        capsys.readouterr()
    assert len(os.listdir("/proc/self/fd")) <= descriptors + 1
    with capsys.disabled():
        print(f"  {target.name}: {read} read, {refused} refused, {time.monotonic() - start:.0f} s")
