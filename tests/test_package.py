"""The package as others get it: its public names, what importing it costs, and what a wheel of it holds."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest
from helpers import REPOSITORY

import stereo
from stereo import cli
from stereo.__main__ import find_scripts
from stereo.data.formats import write_image


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


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("setuptools", minversion="77")
    # Of a copy: a build leaves folders beside what it builds.
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    names = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "stereo", "checkpoints", "scripts")
    subprocess.run(["cp", "-r", *(str(REPOSITORY / name) for name in names), str(source)], check=True)
    command = [sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation", "-q", "-w", str(folder)]
    subprocess.run(command, cwd=source, check=True)
    (built,) = folder.glob("stereo-*.whl")
    return built


@pytest.mark.slow
def test_a_wheel_holds_the_weights_the_scripts_and_the_page(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        held = archive.read("stereo/checkpoints/compact.pt")
        for name in ("page.html", "page.css", "page.js"):
            own = REPOSITORY / "stereo" / "evaluation" / "page" / name
            assert archive.read(f"stereo/evaluation/page/{name}") == own.read_bytes()
    assert held == (REPOSITORY / "checkpoints" / "compact.pt").read_bytes()
    assert "stereo/py.typed" in names
    assert {f"stereo/scripts/{path.name}" for path in (REPOSITORY / "scripts").glob("*.py")} <= set(names)


@pytest.mark.slow
def test_an_installed_wheel_has_the_command(wheel: Path, tmp_path: Path) -> None:
    """In an environment of its own, which finds the dependencies, but not this clone."""
    home = tmp_path / "environment"
    venv.create(home, with_pip=False)
    python, command = home / "bin" / "python", home / "bin" / "stereo"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*install, str(wheel)], check=True)
    packages = next((home / "lib").glob("python*/site-packages"))
    # Of a folder that a .pth file names, Python reads no .pth files: an editable install of a clone stays out.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    for side in ("left", "right"):
        write_image(tmp_path / f"{side}.png", np.zeros((32, 40, 3), np.uint8))

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.run(
            [str(command), *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    listed = call("--help")
    assert (listed.returncode, listed.stderr) == (0, "")
    for name in find_scripts():
        assert f"\n  {name} " in listed.stdout
    done = call("infer", "left.png", "right.png", "--output", "out", "--max-disparity", "16", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "disparity.pfm").is_file()
    wrong = call("evaluate", "--data", "kity:x")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("error: unknown data set family 'kity'")
