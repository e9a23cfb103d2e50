"""The package as others get it: its public names, what importing it costs, and what a wheel of it holds."""

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from helpers import REPOSITORY

import stereo
from stereo import cli


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, stereo; print(*sorted({'torch', 'cv2', 'numpy', 'omegaconf'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("name", stereo.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(stereo, name) is not None
    assert name in dir(stereo)


def test_a_model_by_name_predicts_as_its_predictor_does() -> None:
    model = stereo.load_model("compact", device="cpu", max_disparity=16)
    assert isinstance(model, stereo.Predictor)
    left, right = np.random.default_rng(0).integers(0, 255, (2, 32, 40, 3), dtype=np.uint8)
    disparity = stereo.predict(model, left, right)
    assert disparity.shape == (32, 40)
    assert np.array_equal(disparity, model.predict(left, right))
    result = stereo.load_model("compact", "cpu", 16, confidence=True)(left, right)
    assert np.array_equal(result.disparity, disparity)
    assert result.confidence.shape == (32, 40)


def test_an_unknown_model_names_those_that_ship() -> None:
    with pytest.raises(stereo.StereoError, match=r"'compcat'.*compact"):
        stereo.load_model("compcat")


def test_a_script_of_another_clone_says_which_package_it_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "stereo").mkdir()
    (tmp_path / "stereo" / "__init__.py").touch()
    script = tmp_path / "scripts" / "infer.py"
    cli._say_if_foreign(script)
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert str(REPOSITORY / "stereo") in said
    assert f"pip install -e {tmp_path}" in said
    cli._say_if_foreign(REPOSITORY / "scripts" / "infer.py")
    cli._say_if_foreign(Path("/usr/bin/pytest"))
    assert capsys.readouterr().err == ""


@pytest.mark.slow
def test_a_wheel_holds_the_weights_and_the_page(tmp_path: Path) -> None:
    pytest.importorskip("setuptools", minversion="77")
    # Of a copy: a build leaves folders beside what it builds.
    source = tmp_path / "source"
    source.mkdir()
    names = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "stereo", "checkpoints")
    subprocess.run(["cp", "-r", *(str(REPOSITORY / name) for name in names), str(source)], check=True)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        ".",
        "--no-deps",
        "--no-build-isolation",
        "-q",
        "-w",
        str(tmp_path),
    ]
    subprocess.run(command, cwd=source, check=True)
    (wheel,) = tmp_path.glob("stereo-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = archive.read("stereo/checkpoints/compact.pt")
        assert "stereo/py.typed" in archive.namelist()
        for name in ("page.html", "page.css", "page.js"):
            own = REPOSITORY / "stereo" / "evaluation" / "page" / name
            assert archive.read(f"stereo/evaluation/page/{name}") == own.read_bytes()
    assert held == (REPOSITORY / "checkpoints" / "compact.pt").read_bytes()
