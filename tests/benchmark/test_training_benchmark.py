"""The benchmark of the trainer: what is measured, and that nothing is left of it."""

import re
from pathlib import Path

import pytest
from helpers import load_script, tiny_config

from stereo.config import config_to_yaml
from stereo.errors import ConfigError

script = load_script("benchmark_training")


@pytest.mark.slow
def test_loop_and_checkpoints_are_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    experiment = tmp_path / "experiment.yaml"
    experiment.write_text(config_to_yaml(tiny_config(tmp_path / "run")), encoding="utf-8")
    output = tmp_path / "disk"
    arguments = ["--config", str(experiment), "--steps", "3", "--rounds", "1", "--output", str(output)]
    assert script.main(arguments) == 0
    *_, step, overhead, memory, checkpoint, share = capsys.readouterr().out.splitlines()
    seconds = re.fullmatch(r"a step: (\d+\.\d+) s of CPU time, of a bare loop (\d+\.\d+) s", step)
    assert seconds is not None
    ours, bare = map(float, seconds.groups())
    assert 0 < bare < 2 * ours < 4 * bare
    assert overhead.startswith("overhead of the trainer: ")
    assert re.fullmatch(r"most memory of the process: [\d,]+ MiB", memory)
    assert re.match(r"a checkpoint: 1\.\d MB, 0\.\d+ s", checkpoint)
    assert share.startswith("a checkpoint every 100 steps: ")
    assert list(output.iterdir()) == []


def test_wrong_requests_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--steps is 0, expected 1 or more"):
        script.main(["--config", "none.yaml", "--steps", "0"])
    with pytest.raises(ConfigError, match=r"none\.yaml"):
        script.main(["--config", "none.yaml", "--output", str(tmp_path)])
