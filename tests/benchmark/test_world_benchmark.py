"""The benchmark of the procedural world."""

import pytest
from helpers import load_script

from stereo.errors import ConfigError


def test_a_row_for_each_preset_and_measurement(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    script = load_script("benchmark_world")
    monkeypatch.setattr(script, "CROP", (48, 80))
    monkeypatch.setattr("stereo.benchmark.world.CROP", (48, 80))
    monkeypatch.setattr("stereo.benchmark.world.FRAME", (96, 160))
    few = ["--scenes", "2", "--timed", "1", "synthetic.texture_bank=2"]
    assert script.main([*few, "--presets", "driving", "broad", "rooms"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if line] == ["preset", "driving", "broad", "rooms"] * 2
    for line in lines[1:4]:
        warp, worst, iou = (float(word) for word in line.split()[1:4])
        assert 0 < warp <= worst
        assert 0.5 < iou <= 1
    with pytest.raises(ConfigError, match="--scenes is 0"):
        script.main(["--scenes", "0"])
    with pytest.raises(SystemExit):
        script.main(["--presets", "indoors"])
    with pytest.raises(ConfigError, match="expected"):
        script.main(["--scenes", "1", "synthetic.preset=indoors"])
