"""scripts/sprint.py: several trainings in a given time."""

from pathlib import Path

import pytest
from helpers import load_script

from stereo.errors import ConfigError, TrainingError

script = load_script("sprint")
TINY = """
preset: slim
model: {max_disparity: 48}
data:
  train: {synthetic: {height: 64, width: 96, texture_bank: 2, max_disparity: 32}}
  validation: {synthetic: {length: 2, height: 64, width: 96, texture_bank: 2, max_disparity: 32}}
  augmentation: {crop_height: null, crop_width: null}
  batch_size: 1
training: {device: cpu}
"""


class _Timed(script._Run):  # type: ignore[name-defined]
    def __init__(self, steps: list[tuple[int, float]]) -> None:
        self.name, self.started, self.steps = "tried", 100.0, steps


def test_the_pace_leaves_out_the_warm_up() -> None:
    assert _Timed([(10, 108.0), (30, 120.0), (40, 125.0), (50, 130.0)]).pace() == (20.0, 0.5)


def test_a_try_that_is_too_short_is_told() -> None:
    with pytest.raises(TrainingError, match="give more --try-seconds"):
        _Timed([(10, 108.0), (30, 120.0)]).pace()


def test_a_mistake_in_a_file_ends_it_before_anything_runs(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("presett: slim")
    with pytest.raises(ConfigError, match="preset"):
        script.main(["--minutes", "1", "--output", str(tmp_path / "out"), str(bad)])
    assert not (tmp_path / "out").exists()


def test_known_steps_need_no_try(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text(TINY)
    out = tmp_path / "out"
    words = [str(tmp_path / "a.yaml"), "data.workers=0", "--steps", "2", "--minutes", "2", "--output", str(out)]
    assert script.main(words) == 0
    assert capsys.readouterr().out == "a: exit status 0 after step 2\n"
    assert [path.name for path in sorted(out.iterdir())] == ["a", "a.log"]
    for wrong in (["--steps", "2", "3"], ["--steps", "0"]):
        with pytest.raises(SystemExit):
            script.main([*words[:2], "--minutes", "2", *wrong])
    assert "expected a number of 1 or more for each of 1 files" in capsys.readouterr().err


@pytest.mark.slow
def test_two_trainings_end_within_the_time_with_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(TINY)
    times = ["--minutes", "2", "--try-seconds", "45", "--end-seconds", "10"]
    configs = [str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")]
    assert script.main([*times, "--output", str(tmp_path / "out"), *configs, "data.workers=0"]) == 0
    assert all((tmp_path / "out" / name / "best.pt").is_file() for name in ("a", "b"))
    assert capsys.readouterr().out.count("exit status 0") == 2
