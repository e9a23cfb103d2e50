"""The command `stereo`, which runs the scripts by name."""

import subprocess
import sys
from pathlib import Path

import pytest
from helpers import REPOSITORY

from stereo import __main__ as command
from stereo.errors import ConfigError, StereoError


def test_help_lists_every_command_with_its_purpose(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.run_command(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "  train             Train a network from one YAML file." in lines
    listed = {line.split()[0] for line in lines if line.startswith("  ")}
    scripts = {path.stem for path in (REPOSITORY / "scripts").glob("*.py")}
    assert listed == {name for name in scripts - {"ablate", "demo"} if not name.startswith(("benchmark_", "plot_"))}


def test_a_command_runs_its_script_under_its_own_name(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["stereo", "check-dataset"])
    with pytest.raises(SystemExit) as caught:
        command.run_command(["check-dataset", "--hepl"])
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("usage: stereo check_dataset ")
    monkeypatch.setattr(sys, "argv", ["stereo"])
    with pytest.raises(StereoError, match="nothing there"):
        command.run_command(["check_dataset", "/nowhere"])


def test_an_unknown_command_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"unknown command 'infr', expected one of .*; did you mean 'infer'"):
        command.run_command(["infr"])


def test_an_installation_without_scripts_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(command, "_FOLDERS", (tmp_path / "none", tmp_path))
    with pytest.raises(StereoError, match="has no scripts with it; install the package again"):
        command.run_command(["--help"])


def test_the_module_runs_as_the_command(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "stereo", "compare", "missing"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: missing: ")
    assert done.stderr.count("\n") == 1
