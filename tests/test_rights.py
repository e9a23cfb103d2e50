"""Files and folders without rights: one line and exit code 2, or the pair is named and the others are done.

Root may do everything, so one child process makes the files, gives up its rights, and tries all cases.
"""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import REPOSITORY, load_script, textured_sample, tiny_config
from helpers.reports import write_folder
from helpers.trees import make_eth3d

from stereo.checkpoint import save_checkpoint
from stereo.cli import run
from stereo.config import config_to_yaml
from stereo.data import loader
from stereo.data.formats import write_image, write_pfm
from stereo.data.packing import pack
from stereo.errors import DataError
from stereo.model.network import StereoNetwork

NOBODY = 65534
NETWORK = ["--checkpoint", "net.pt", "--device", "cpu"]
CALIBRATION = """cam0=[90 0 48; 0 90 32; 0 0 1]
cam1=[90 0 48; 0 90 32; 0 0 1]
doffs=0
baseline=9
width=96
height=64
"""
UNREADABLE = "cannot be read: Permission denied"
NOT_LISTED = "locked: cannot be listed: Permission denied"
NO_FOLDER = "cannot be used as an output folder: Permission denied"
NOT_WRITTEN = "cannot be written: Permission denied"
NOT_REPLACED = "cannot be written: Operation not permitted"

# Command: exit code, and what its only line on standard error says.
CASES = {
    "infer secret.png r.png --output out": (2, f"secret.png: {UNREADABLE}"),
    "infer locked/a.png r.png --output out": (2, f"locked/a.png: {UNREADABLE}"),
    "infer locked locked --output out": (2, "locked: Permission denied"),
    "infer listed listed --output out": (2, "listed: holds no image that can be read (you may not look"),
    "infer locked/*.png *.png --output out": (2, "you may not look into the folder"),
    "infer locked/a.mp4 b.mp4 --output out": (2, "locked/a.mp4: Permission denied"),
    "infer l.png r.png --output out --calib secret.txt": (2, f"secret.txt: {UNREADABLE}"),
    "infer l.png r.png --output out --checkpoint secret.pt": (2, f"secret.pt: {UNREADABLE}"),
    "infer l.png r.png --output fixed": (2, f"fixed: {NO_FOLDER}"),
    "infer l.png r.png --output fixed/new": (2, f"fixed/new: {NO_FOLDER}"),
    "infer l.png r.png --output sticky": (2, f"sticky/disparity.pfm: {NOT_REPLACED}"),
    "infer views views --output three": (1, f"failed: b: three/b: {NO_FOLDER}"),
    "infer --list secret.csv --output out": (2, f"secret.csv: {UNREADABLE}"),
    "evaluate --data pairs:two.csv --quiet": (1, f"secret.png: {UNREADABLE}"),
    "evaluate --data pairs:far.csv --quiet": (1, f"locked/a.png {UNREADABLE}"),
    "evaluate --data eth3d:locked": (2, NOT_LISTED),
    "evaluate --data packed:locked": (2, f"locked/index.json: {UNREADABLE}"),
    "evaluate --data packed:packed": (2, "packed/shard_0000.bin: Permission denied"),
    "evaluate --data pairs:one.csv --method predictions:locked": (2, "locked: Permission denied"),
    "evaluate --data pairs:one.csv --output fixed": (2, f"fixed: {NO_FOLDER}"),
    "evaluate --data pairs:one.csv --output sticky": (2, "sticky/report.json: cannot be removed"),
    "evaluate --data pairs:one.csv --output parts/a": (2, f"records: {NO_FOLDER}"),
    "evaluate --data pairs:one.csv --output parts/b": (2, f"previews: {NO_FOLDER}"),
    "evaluate --data pairs:one.csv --save-predictions fixed": (2, f"fixed: {NO_FOLDER}"),
    "train --config secret.yaml": (2, f"secret.yaml: {UNREADABLE}"),
    "train --config locked/a.yaml": (2, f"locked/a.yaml: {UNREADABLE}"),
    "train --config config.yaml training.output=fixed": (2, f"fixed: {NO_FOLDER}"),
    "train --config config.yaml training.output=run --resume auto": (2, f"run: {NO_FOLDER}"),
    "train --config config.yaml data.train.family=pairs data.train.path=secret.csv": (2, f"secret.csv: {UNREADABLE}"),
    "train --config config.yaml data.train.family=pairs data.train.path=two.csv": (2, f"secret.png: {UNREADABLE}"),
    "train --config config.yaml training.initial_checkpoint=secret.pt": (2, f"secret.pt: {UNREADABLE}"),
    "train --config config.yaml data.train.synthetic.textures=locked": (2, "you may not look into the folder"),
    "train --config config.yaml data.train.family=packed data.train.path=whole data.train.cache=fixed": (2, NO_FOLDER),
    "generate_dataset --output fixed --count 1": (2, f"fixed: {NO_FOLDER}"),
    "pack_dataset --data pairs:one.csv --output fixed": (2, f"fixed: {NO_FOLDER}"),
    "pack_dataset --data pairs:two.csv --output out/p --workers 0": (2, f"secret.png: {UNREADABLE}"),
    "pack_dataset --data pairs:one.csv --output parts/d --workers 0": (2, "check that you may write each of its files"),
    "check_dataset locked": (2, NOT_LISTED),
    "evaluate --data eth3d:sets": (2, "sets/two_view_training/shut: cannot be listed: Permission denied"),
    "check_dataset one.csv --write-names fixed/names.txt": (2, f"fixed: {NO_FOLDER}"),
    "show_pair secret.png r.png --calib c.txt --output out/x.png": (2, f"secret.png: {UNREADABLE}"),
    "show_pair l.png r.png --calib c.txt --output fixed/x.png": (2, f"fixed/x.png: {NOT_WRITTEN}"),
    "compare locked": (2, f"locked/report.json: {UNREADABLE}"),
    "compare report": (2, f"per_image.csv: {UNREADABLE}"),
    "compare whole_report --table-only --output fixed/x.md": (2, f"fixed/x.md: {NOT_WRITTEN}"),
    "compare --merge locked --output out/m": (2, "locked/report.json: cannot be read: Permission denied"),
    "export_onnx secret.pt --output out/x.onnx": (2, f"secret.pt: {UNREADABLE}"),
}


@pytest.fixture(scope="module")
def outcomes() -> dict[str, list[Any]]:
    if not hasattr(os, "geteuid"):
        pytest.skip("rights of another kind")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "tests")])}
    with tempfile.TemporaryDirectory() as folder:  # those of pytest are closed to other users
        command = [sys.executable, "-W", "ignore", __file__, folder]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
        for above, names, _ in os.walk(folder):
            for name in names:
                os.chmod(os.path.join(above, name), 0o700)  # so that it can be removed
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.slow
@pytest.mark.parametrize("command", CASES)
def test_what_lacks_rights_ends_in_one_line(command: str, outcomes: dict[str, list[Any]]) -> None:
    code, message = CASES[command]
    found, lines = outcomes[command]
    assert found == code, lines
    (line,) = [line for line in lines if not line.startswith(("warning: ", "note: "))]
    assert message in line


@pytest.mark.slow
def test_nothing_is_lost_where_rights_are_wanting(outcomes: dict[str, list[Any]]) -> None:
    """The other pairs are written, and no step of a training was made that could not be saved."""
    assert outcomes["files"] == [["three/a", "three/c"], []]


def test_without_a_temporary_folder_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/nowhere"])
    assert list(loader.in_order([1, 2], 0)) == [1, 2]
    with pytest.raises(DataError, match=r"no temporary folder that can be written to.*set TMPDIR"):
        next(loader.in_order([1, 2], 1))
    monkeypatch.setattr(signal, "signal", lambda *handler: None)  # this process keeps its own
    code, lines = outcome(lambda words: len(tempfile.mkdtemp()), [])
    assert (code, len(lines)) == (2, 1)
    assert "No usable temporary directory" in lines[0]
    assert "set TMPDIR to a folder that you may write to" in lines[0]


# ------------------------------------------------------------------------------------------------ the child process


def make_files() -> None:
    """In the current folder. secret: nobody may read it. locked, listed: a folder without any right, without that to
    enter it. fixed: one that is not written to. sticky: its files are not replaced.
    """
    sample = textured_sample(64, 96, 6)
    assert sample.truth is not None
    for name in ("l.png", "secret.png", "locked/a.png", "listed/a.png", "views/a.png", "views/b.png", "views/c.png"):
        Path(name).parent.mkdir(exist_ok=True)
        write_image(name, sample.left)
    write_image("r.png", sample.right)
    make_eth3d(Path("sets"), "hall", sample)
    Path("sets/two_view_training/shut").mkdir()
    write_pfm("d.pfm", sample.truth.disparity)
    for name, lines in {"one": [], "two": ["secret.png,r.png,d.pfm"], "far": ["locked/a.png,r.png,d.pfm"]}.items():
        Path(f"{name}.csv").write_text("\n".join(["l.png,r.png,d.pfm", *lines, ""]))
    Path("secret.csv").write_text("l.png,r.png,d.pfm\n")
    for name in ("c.txt", "secret.txt"):
        Path(name).write_text(CALIBRATION)
    config = tiny_config(Path("out/run"), 2)
    config.data.workers = 0
    for name in ("config.yaml", "secret.yaml"):
        Path(name).write_text(config_to_yaml(config))
    for name in ("net.pt", "secret.pt"):
        save_checkpoint(Path(name), StereoNetwork(config.model), config, 1, None)
    for name in ("packed", "whole"):
        pack([sample], Path(name), {})
    scores = {"a": (100, 1.5, 20.0), "b": (50, 0.5, 10.0)}
    for name in ("report", "whole_report"):
        write_folder(Path(name), {"network": scores, "sgbm": scores})
    for name in ("fixed", "out", "sticky", "three/b", "run"):
        Path(name).mkdir(parents=True)
    for name in ("a/records", "b/previews", "d"):
        Path("parts", name).mkdir(parents=True)
    for name in ("sticky/disparity.pfm", "sticky/report.json", "parts/d/shard_0000.bin"):
        Path(name).write_text("old")


def take_rights() -> None:
    root = os.geteuid() == 0
    for name in ("out", "three", *(f"parts/{part}" for part in "abd")):
        os.chmod(name, 0o777)
    os.chmod("sticky", 0o1777)
    for name in (
        "secret.png",
        "secret.csv",
        "secret.txt",
        "secret.yaml",
        "secret.pt",
        "locked",
        "sets/two_view_training/shut",
        "packed/shard_0000.bin",
    ):
        os.chmod(name, 0)
    os.chmod("report/per_image.csv", 0)
    os.chmod("listed", 0o644)
    for name in ("fixed", "run", "three/b", "parts/a/records", "parts/b/previews"):
        os.chmod(name, 0o555)
    os.chmod("parts/d/shard_0000.bin", 0o444)
    if root:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


def outcome(main: Callable[[list[str]], int], words: list[str]) -> tuple[Any, list[str]]:
    """The exit code of a script, or the name of what it raises, and its lines on standard error."""
    said = io.StringIO()
    code: Any = None
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            run(lambda: main(words))
        except SystemExit as end:
            code = end.code
        except BaseException as error:
            code = repr(error)
    return code, said.getvalue().splitlines()


def main() -> None:
    os.chdir(sys.argv[1])
    os.chmod(".", 0o755)
    make_files()
    commands = {command: command.split() for command in CASES}
    scripts = {name: load_script(name) for name in {words[0] for words in commands.values()}}
    # What is imported only when it is needed, from where a user without rights may not read it.
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        scripts["evaluate"].main(["--data", "pairs:one.csv", "--output", "warm", "--quiet", *NETWORK])
        scripts["compare"].main(["report"])
    take_rights()
    os.environ["HOME"] = "/nonexistent"
    found: dict[str, Any] = {}
    for command, (name, *words) in commands.items():
        if name in ("infer", "evaluate", "show_pair") and not {"--checkpoint", "--method"} & set(words):
            words += NETWORK
        found[command] = outcome(scripts[name].main, words)
    done = sorted(str(path.parent) for path in Path("three").glob("*/disparity.pfm"))
    steps = [str(path) for folder in ("run", "fixed") for path in Path(folder).iterdir()]
    print(json.dumps({**found, "files": [done, steps]}))


if __name__ == "__main__":
    main()
