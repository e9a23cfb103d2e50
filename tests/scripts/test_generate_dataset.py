"""scripts/generate_dataset.py as its users meet it: what is written, resuming, and the exit codes."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from helpers import REPOSITORY, array_of, load_script

from stereo.config import SyntheticConfig
from stereo.data.families.scene_flow import SceneFlow
from stereo.data.families.scene_flow.writing import pair_paths
from stereo.data.synthetic import WORLD_VERSION, SyntheticWorld
from stereo.errors import ConfigError, OutputError

SCRIPT = REPOSITORY / "scripts" / "generate_dataset.py"
SMALL = ["--width", "64", "--height", "48", "--max-disparity", "16"]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return load_script("generate_dataset")


def arguments(folder: Path, count: int, *more: str) -> list[str]:
    return ["--output", str(folder), "--count", str(count), *SMALL, "--workers", "1", *more]


def test_scene_flow_reads_what_is_written(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert script.main(arguments(tmp_path, 11)) == 0
    assert f"--data scene_flow:{tmp_path}" in capsys.readouterr().out
    dataset = SceneFlow(tmp_path, load_right_disparity=True)
    assert len(dataset) == 11
    assert dataset[0].name == "scene_flow/FlyingThings3D/TRAIN/A/0000/0006"
    assert dataset[10].name == "scene_flow/FlyingThings3D/TRAIN/B/0000/0006"
    world = SyntheticWorld(SyntheticConfig(height=48, width=64, max_disparity=16, length=11))
    for index in (0, 10):
        for name in ("left", "right", "disparity", "valid", "disparity_right"):
            np.testing.assert_array_equal(array_of(dataset[index], name), array_of(world[index], name))


def test_an_interrupted_run_is_taken_up(script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script.main(arguments(tmp_path, 3))
    paths = [pair_paths(tmp_path, "train", index) for index in range(4)]
    before = paths[0].left.stat().st_mtime_ns
    whole = paths[1].disparity.read_bytes()
    paths[1].disparity.unlink()
    script.main(arguments(tmp_path, 4))
    assert "wrote 2 pairs of 64×48 px" in capsys.readouterr().out
    assert paths[0].left.stat().st_mtime_ns == before
    assert paths[1].disparity.read_bytes() == whole
    assert len(SceneFlow(tmp_path)) == 4


def test_the_test_split_holds_other_scenes(script: ModuleType, tmp_path: Path) -> None:
    script.main(arguments(tmp_path, 1))
    script.main(arguments(tmp_path, 1, "--split", "test"))
    train, test = SceneFlow(tmp_path, "train"), SceneFlow(tmp_path, "test")
    assert len(train) == len(test) == 1
    assert not np.array_equal(train[0].left, test[0].left)


def test_other_settings_are_not_mixed_in(script: ModuleType, tmp_path: Path) -> None:
    script.main(arguments(tmp_path, 1))
    with pytest.raises(ConfigError, match="seed 0 → 7"):
        script.main(arguments(tmp_path, 2, "--seed", "7"))
    manifest = tmp_path / "manifest.json"
    content = json.loads(manifest.read_text())
    assert content["splits"]["train"]["seed"] == 0
    content["splits"]["train"]["world_version"] -= 1
    manifest.write_text(json.dumps(content))
    with pytest.raises(ConfigError, match=f"world_version {WORLD_VERSION - 1} → {WORLD_VERSION}"):
        script.main(arguments(tmp_path, 2))
    del content["splits"]["train"]["mixture"]  # a setting that an older version did not have
    manifest.write_text(json.dumps(content))
    with pytest.raises(ConfigError, match="mixture None → "):
        script.main(arguments(tmp_path, 2))
    for broken in ("[]", "{}", '{"splits": {"train": 3}}', '{"splits": []}', "x"):
        manifest.write_text(broken)
        with pytest.raises(ConfigError, match="cannot be read"):
            script.main(arguments(tmp_path, 2))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["--count", "0"], "--count is 0"),
        (["--workers", "0"], "--workers is 0"),
        (["--seed", "-1"], "--seed is -1"),
        (["--width", "8"], "expected 32×32 or more"),
        (["--count", "3", "synthetic.length=1"], r"synthetic\.length is 1 but --count is 3"),
        (["--seed", "4", "synthetic.seed=5"], r"synthetic\.seed is 5 but --seed is 4; give one of them"),
        (["synthetic.height=96"], r"synthetic\.height is 96 but --height is \d+"),
        (["family=eth3d", "path=/data/eth3d"], "'family=eth3d': expected a setting of the world"),
        (["limit=2"], "'limit=2': expected a setting of the world"),
    ],
)
def test_wrong_requests(script: ModuleType, tmp_path: Path, wrong: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        script.main(arguments(tmp_path / "new", 1, *wrong))
    assert not (tmp_path / "new").exists()


def test_a_folder_that_cannot_be_written_to(script: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file"):
        script.main(arguments(tmp_path / "file", 1))


def test_two_processes_write_the_same_and_errors_are_one_line(script: ModuleType, tmp_path: Path) -> None:
    script.main(arguments(tmp_path / "one", 3))

    def call(*options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(SCRIPT), *arguments(tmp_path / "two", 3, *options)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    result = call("--workers", "2")
    assert result.returncode == 0, result.stderr
    for index in range(3):
        ours, theirs = (pair_paths(tmp_path / name, "train", index) for name in ("one", "two"))
        assert all(a.read_bytes() == b.read_bytes() for a, b in zip(ours, theirs, strict=True))
    # A file lies where a worker wants a folder.
    blocked = tmp_path / "two" / "FlyingThings3D" / "disparity" / "TRAIN" / "B"
    blocked.touch()
    for result in (call("--count", "12", "--workers", "2"), call("--count", "0")):
        assert result.returncode == 2
        assert result.stderr.splitlines()[-1].startswith("error: ")
        assert "Traceback" not in result.stderr


def children_of(process: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="children are listed in /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_workers_end_with_the_script(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, str(SCRIPT), *arguments(tmp_path, 5000, "--workers", "2")]
    script = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not list(tmp_path.rglob("*.pfm")):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    children = children_of(script.pid)
    assert len(children) >= 2
    script.send_signal(number)
    _, errors = script.communicate(timeout=60)
    assert script.returncode == {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}[number]
    assert "Traceback" not in errors
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < deadline
        time.sleep(0.1)
