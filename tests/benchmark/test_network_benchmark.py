"""The network benchmark: rows, ratios, and wrong requests."""

import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from helpers import load_script
from torch.utils.flop_counter import FlopCounterMode

from stereo.benchmark.network import _FUSED_ON_THE_CPU
from stereo.errors import ConfigError

script = load_script("benchmark_network")
TINY = ["model.max_disparity=32", "model.features.channels=8", "model.aggregation.channels=4"]


@pytest.mark.slow
def test_against_the_straightforward_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same function, so the difference is rounding; with the parts of PSMNet, whose cost is what this is about."""
    slim = [*TINY, "model.features.matching_channels=8", "model.max_disparity=96"]
    arguments = ["psmnet", *slim, "--size", "250x256", "--against", "straightforward", "--output", str(tmp_path)]
    assert script.main(arguments) == 0
    ours, plain, ratio = json.loads((tmp_path / "network.json").read_text())["results"]
    assert ours["status"] == plain["status"] == ratio["status"] == "ok"
    assert ratio["details"]["px"] < 1e-3
    assert ours["extra_bytes"] < plain["extra_bytes"]
    # Each slab's convolution has one more plane on either side.
    assert 1 <= ours["details"]["multiplications"] / plain["details"]["multiplications"] < 1.2
    for row in (ours, plain):
        assert set(row["details"]["shares"]) == {"features", "cost_volume", "aggregation", "regression", "other"}
        assert sum(row["details"]["shares"].values()) == pytest.approx(1)
    assert "psmnet : straightforward at 250x256: time" in capsys.readouterr().out


def test_a_training_step_and_running_out(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["compact", *TINY, "--size", "64x96", "--mode", "training"]
    assert script.main(arguments) == 0
    assert "backward" in capsys.readouterr().out
    assert script.main([*arguments, "--size", "2048x4096", "--memory-limit", "300MB"]) == 0
    assert "out of memory, needed" in capsys.readouterr().out


def test_fused_attention_on_the_cpu_is_counted() -> None:
    """Two products of 8×8×4 in the forward pass; five in the backward pass, which computes the map again."""
    queries = torch.rand(1, 1, 8, 4, requires_grad=True)
    with FlopCounterMode(display=False, custom_mapping=_FUSED_ON_THE_CPU) as counter:
        attended = F.scaled_dot_product_attention(queries, queries, queries)
    assert counter.get_total_flops() // 2 == 2 * 8 * 8 * 4
    with FlopCounterMode(display=False, custom_mapping=_FUSED_ON_THE_CPU) as counter:
        attended.sum().backward()
    assert counter.get_total_flops() // 2 == 5 * 8 * 8 * 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["psm"], "'psm' is no network, expected a YAML file or one of compact"),
        (["none.yaml"], "no such configuration file"),
        (["compact", "--against", "other"], "'other' is no network"),
        (["compact", "--size", "100"], "'100' is no size, expected HEIGHTxWIDTH"),
        (["compact", "model.nothing=1"], "model.nothing: there is no such setting"),
        (["psmnet", "model.max_disparity=[1"], "'model.max_disparity=\\[1': the value is not valid YAML"),
        (["compact", "--size", "0x64"], "'0x64' is no size"),
        (["compact", "--size", "axb"], "'axb' is no size"),
        (["compact", "--memory-limit", "lots"], "'lots' is no amount of memory"),
        (["compact", "--device", "cuda:99"], "device 'cuda:99' is not available here"),
        (["compact", "--time-limit", "-1"], "--time-limit is -1"),
    ],
)
def test_wrong_requests_are_refused(arguments: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        script.main(arguments)
