"""500 hostile inputs to infer.py: each is taken or refused in one line, soon, and writes nothing but its output."""

import os
import pickle
import resource
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers import load_script, textured_sample
from helpers.hostile import NAMES, hostile_calibrations, hostile_images

from stereo.cli import printable
from stereo.data.formats import write_image
from stereo.errors import StereoError

infer: Callable[[list[str]], int] = load_script("infer").main
SAMPLE = textured_sample(40, 70, 6)
# For each; and bytes of the process's addresses, of which PyTorch takes some gigabytes by itself.
SECONDS, MEMORY = 20, 10 * 2**30

OPTIONS = """
--focal nan --baseline 1 | --focal 1e400 --baseline 1 | --focal -1 --baseline 1 | --focal 50 --baseline nan
--focal 50 --baseline 1 --cx nan --cy 1 | --focal 50 --baseline 1 --cx 1e300 --cy 1
--focal 50 --baseline 1 --doffs inf | --focal 50 --baseline 1 --min-confidence nan
--focal 50 --baseline 1 --min-depth nan | --focal 50 --baseline 1 --min-depth -1
--focal 50 --baseline 1 --max-depth -1 | --focal 50 --baseline 1 --max-jump nan | --focal 1e30 --baseline 1
--scale 0 | --scale nan | --scale 1e9 | --scale 1e-9 | --max-memory nanGB | --max-memory -4GB | --max-memory 1e999
--max-memory 1B | --band-rows -1 | --band-rows 1000000000 | --band-columns 0 | --batch 0 | --batch 1000000
--max-disparity 0 | --max-disparity 17 | --max-disparity 1000000000 | --max-disparity -16
--preview-range nan 1 | --preview-range 9 1 | --preview-range inf inf | --device ../x | --device cuda:99
--colormap ../x | --formats exe | --checkpoint .. | --checkpoint /dev/null | --alpha nan --rectify | --layout top-bottom
""".replace("\n", "|")


def single_cases(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Words for infer.py that name files of all kinds but images, and options that cannot be."""
    pair = [str(folder / "left.png"), str(folder / "right.png")]
    for text in filter(str.strip, OPTIONS.split("|")):
        yield f"options {text.strip()}", [*pair, *text.split()]
    weights = {
        "noise": os.urandom(5000),
        "pickle": pickle.dumps(print),
        "zip": b"PK\3\4" + bytes(300),
        "code": b"cos\nsystem\n(S'touch never'\ntR.",
    }
    for name, data in weights.items():
        (folder / f"{name}.pt").write_bytes(data)
        yield f"weights of {name}", [*pair, "--checkpoint", str(folder / f"{name}.pt")]
    lists = {
        "nothing": b"",
        "noise": os.urandom(3000),
        "NUL": b"left,right\na\0b,c\n",
        "away": b"left,right\n../../../../etc/passwd,/etc/shadow\n",
        "itself": b"left,right\n~.csv,~.csv\n",
        "a long line": b"left,right\n" + b"a" * 3_000_000 + b",b\n",
        "formulas": b"left,right\n=cmd|' /C calc'!A0,@SUM(1)\n",
        "quotes": b'left,right\n"' * 1000,
    }
    for name, data in lists.items():
        path = folder / f"{name.replace(' ', '_')}.csv"
        path.write_bytes(data.replace(b"~", str(path.with_suffix("")).encode()))
        yield f"a list of {name}", ["--list", str(path)]
    os.mkfifo(folder / "pipe.png")
    (folder / "loop.png").symlink_to(folder / "loop.png")
    devices = ["/dev/zero", "/dev/null", "/dev/full", "/proc/self/mem"]
    for word in ("pipe.png", "loop.png", *devices, "", "x" * 5000, "a\0b", "."):
        place = str(folder / word) if word else word
        yield f"the image {word[:20]!r}", [place, pair[1]]
        yield f"the calibration {word[:20]!r}", [*pair, "--calib", place]
        if word != "pipe.png":  # a list may come from a pipe, and then waits for what it brings
            yield f"the list {word[:20]!r}", ["--list", place]
    for pattern in ("**", "[", "*?[!a]", "/proc/*/mem", "{a,b}"):
        yield f"the pattern {pattern}", [pattern, pattern]


def cases(folder: Path) -> list[tuple[str, list[str]]]:
    """500 of them, in a folder with left.png and right.png."""
    found = list(single_cases(folder))
    pair = [str(folder / "left.png"), str(folder / "right.png")]
    for number, (kind, files) in enumerate(hostile_calibrations(120)):
        paths = [folder / f"{number}.{place}.calib" for place in range(len(files))]
        for path, data in zip(paths, files, strict=True):
            path.write_bytes(data)
        rectify = ["--rectify"] if number % 2 else []
        found.append((f"calibration: {kind}", [*pair, "--calib", *map(str, paths), *rectify]))
    for number, (kind, data, suffix) in enumerate(hostile_images(SAMPLE.left, 500 - len(found))):
        path = folder / f"{NAMES[number % len(NAMES)]}{number}{suffix}"
        path.write_bytes(data)
        found.append((f"image: {kind}", [str(path), pair[1], "--labels", "--fill"]))
    return found


class TooLong(BaseException):
    """Nobody catches it."""


def _too_long(*_: object) -> None:
    raise TooLong


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_hostile_inputs_end_well(tmp_path: Path, checkpoint: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for side in ("left", "right"):
        write_image(folder / f"{side}.png", getattr(SAMPLE, side))
    given = cases(folder)
    assert len(given) == 500
    before = {path for path in tmp_path.rglob("*") if "out" not in path.parts}
    outcomes: Counter[str] = Counter()
    wrong = []
    signal.signal(signal.SIGALRM, _too_long)
    memory = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, memory[1]))
    for number, (kind, words) in enumerate(given):
        weights = [] if "--checkpoint" in words else ["--checkpoint", checkpoint]
        signal.alarm(SECONDS)
        try:
            code = infer([*words, *weights, "--output", str(tmp_path / "out" / str(number))])
            outcome = {0: "done", 1: "done in part"}[code]
        except StereoError as error:
            outcome = "refused in one line"
            line = printable(str(error))
            if "\n" in line or not line.isprintable() or "Traceback" in line:
                wrong.append(f"{kind}: {error!r}")
        except SystemExit as end:
            outcome = "refused as a usage error"
            if end.code != 2:
                wrong.append(f"{kind}: exit code {end.code}")
        except BaseException as error:  # what a user would see as a traceback
            outcome = type(error).__name__
            wrong.append(f"{kind}: {error!r}")
        finally:
            signal.alarm(0)
        outcomes[outcome] += 1
    resource.setrlimit(resource.RLIMIT_AS, memory)
    capsys.readouterr()
    after = {path for path in tmp_path.rglob("*") if "out" not in path.parts}
    with capsys.disabled():
        print(f"\n{dict(outcomes)}, {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB at most")
    assert not wrong, "\n".join(wrong)
    assert after == before
    assert not Path("never").exists()
