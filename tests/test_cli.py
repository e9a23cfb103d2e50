"""How scripts run and end: one line for an error, exit codes, signals, and the line about another clone's package."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers import REPOSITORY

from stereo import cli


def test_a_script_that_runs_another_clones_package_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli._say_if_foreign(REPOSITORY / "scripts" / "infer.py")
    assert capsys.readouterr().err == ""
    (tmp_path / "stereo").mkdir()
    (tmp_path / "stereo" / "__init__.py").touch()
    cli._say_if_foreign(tmp_path / "scripts" / "infer.py")
    (line,) = capsys.readouterr().err.splitlines()
    assert str(REPOSITORY / "stereo") in line
    assert f"pip install -e {tmp_path}" in line


def test_a_script_that_is_terminated_leaves_no_temporary_file(tmp_path: Path) -> None:
    code = f"""
import os, signal
from pathlib import Path
from stereo.cli import run
from stereo.output import atomic_output

def main():
    with atomic_output(Path({str(tmp_path / "result.zip")!r})) as temporary:
        temporary.write_text("half of it")
        os.kill(os.getpid(), signal.SIGTERM)

run(main)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr, list(tmp_path.iterdir())) == (143, "", [])


# ------------------------------------------------------------------ how a script ends, whatever it prints to


def ends(main: str, redirection: str = "", **environment: str) -> tuple[int, str, str]:
    """The exit code, the output and the errors of a script whose main function has this body."""
    code = f"import sys\nfrom stereo.cli import run\ndef main():\n    {main}\nrun(main)"
    done = subprocess.run(
        ["bash", "-c", f'"$0" -c "$1" {redirection}', sys.executable, code],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_closed_streams_change_nothing(closed: str, tmp_path: Path) -> None:
    main = f"print('a'); print('b', file=sys.stderr); open({str(tmp_path / 'file')!r}, 'w').write('c'); return 1"
    code, _, errors = ends(main, closed)
    assert code == 1
    assert "Traceback" not in errors
    assert (tmp_path / "file").read_text() == "c"


def test_a_full_disk_under_the_output_is_said() -> None:
    assert ends("print('a'); return 0", ">/dev/full") == (
        2,
        "",
        "error: what was printed cannot be written: No space left on device; free some space\n",
    )
    assert ends("raise OSError(28, 'No space left on device', 'FILE')")[::2] == (
        2,
        "error: FILE cannot be written: No space left on device; free some space\n",
    )


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_help_that_cannot_be_printed_is_no_success(unbuffered: str) -> None:
    main = "from stereo.options import script_parser; script_parser('A script.').parse_args(['--help'])"
    assert ends(main, ">/dev/full", PYTHONUNBUFFERED=unbuffered)[0] == 2
    assert ends(main, "| sleep 0; exit ${PIPESTATUS[0]}", PYTHONUNBUFFERED=unbuffered)[0] == 141


def test_work_that_nobody_reads_on_has_not_succeeded() -> None:
    assert ends("[print('a' * 100) for _ in range(10_000)]; return 0", "| head -n 1; exit ${PIPESTATUS[0]}") == (
        141,
        "a" * 100 + "\n",
        "",
    )


def test_a_terminal_that_lacks_a_character_gets_its_number() -> None:
    environment = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    assert ends("print('2×3'); return 0", **environment) == (0, "2\\xd73\n", "")


def test_a_strangers_name_does_not_command_the_terminal() -> None:
    assert ends("print('a\\x1b[2J\\u202eb\\x9bc\\x1b[1mbold'); return 0")[1] == "a�[2J�b�c\x1b[1mbold\n"


def test_warnings_of_the_package_have_the_form_of_the_scripts(tmp_path: Path) -> None:
    deep = np.full((8, 8), 4095, np.uint16)
    assert cv2.imwrite(str(tmp_path / "deep\n.png"), deep)
    np.save(tmp_path / "far.npy", np.full((8, 8), 1e9, np.float32))
    (tmp_path / "calib.txt").write_text("nothing")
    main = (
        "from pathlib import Path; from stereo.data.formats import read_calibration, read_disparity;"
        "from stereo.data.pairs import PairFiles, load_pair;"
        f"root = Path({str(tmp_path)!r}); view = root / 'deep\\n.png'; read_disparity(root / 'far.npy');"
        "load_pair(PairFiles('a', view, view, None, calibration=root / 'calib.txt'), read_calibration); return 0"
    )
    code, _, errors = ends(main)
    assert code == 0
    lines = errors.splitlines()
    assert [line[: len(f"warning: {tmp_path}/calib")] for line in lines] == [
        f"warning: {tmp_path}/{name}" for name in ("far.n", "deep ", "calib")
    ]


@pytest.mark.parametrize(("number", "code"), [("SIGHUP", 129), ("SIGTERM", 143), ("SIGINT", 130)])
def test_a_signal_ends_it_without_a_traceback(number: str, code: int) -> None:
    found, _, errors = ends(f"import os, signal; os.kill(os.getpid(), signal.{number}); import time; time.sleep(9)")
    assert found == code
    assert errors == ("interrupted\n" if number == "SIGINT" else "")


def test_a_very_long_line_keeps_its_beginning_and_its_end() -> None:
    main = "from stereo.errors import DataError; raise DataError('a' + 'x' * 90_000 + ': no such file')"
    code, _, errors = ends(main)
    assert code == 2
    assert len(errors) < 2100
    assert errors.startswith("error: axx")
    assert errors.endswith("xx: no such file\n")


def test_a_full_memory_is_one_line() -> None:
    code, _, errors = ends("raise MemoryError")
    assert (code, errors.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    "then",
    ["signal.raise_signal(2)", "try: signal.raise_signal(2)\nexcept BaseException: pass\nraise ImportError('twice')"],
    ids=["itself", "as the error of a module"],
)
def test_ctrl_c_while_the_rest_is_imported_is_one_line(then: str) -> None:
    code = f"import stereo.cli, signal\n{then}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (-2, "interrupted\n")


@pytest.mark.parametrize("path", [*sorted((REPOSITORY / "scripts").glob("*.py")), REPOSITORY / "stereo" / "cli.py"])
def test_what_makes_ctrl_c_one_line_is_imported_first(path: Path) -> None:
    imported = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert ast.unparse(imported[0]).split()[1] in ("stereo.cli", "stereo.interruption")
