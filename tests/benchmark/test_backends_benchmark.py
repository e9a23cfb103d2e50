"""The benchmark of backends: what is measured, and against what."""

from pathlib import Path

import pytest
import torch
from helpers import load_script, textured_sample, tiny_config

from stereo.checkpoint import save_checkpoint
from stereo.data.formats import write_image
from stereo.model.network import StereoNetwork


def test_pytorch_and_sgbm_stand_in_every_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tiny_config(tmp_path)
    save_checkpoint(tmp_path / "tiny.pt", StereoNetwork(config.model), config, 0)
    sample = textured_sample(48, 96, 4)
    for name, image in (("left", sample.left), ("right", sample.right)):
        write_image(tmp_path / f"{name}.png", image)
    pair = [str(tmp_path / "left.png"), str(tmp_path / "right.png")]
    options = ["--checkpoint", str(tmp_path / "tiny.pt"), "--rounds", "1", "--threads", "1"]
    threads = torch.get_num_threads()
    try:
        assert load_script("benchmark_backends").main([*options, "--pair", *pair]) == 0
    finally:
        torch.set_num_threads(threads)
    lines = capsys.readouterr().out.splitlines()
    assert "96×48 px" in lines[0]
    rows = {line[:18].strip(): line[18:].split() for line in lines[2:]}
    assert {"sgbm", "torch", "torch bf16"} <= set(rows)
    assert rows["torch"][-2:] == ["0", "0.00%"]
    assert "1.00" in rows["torch"]  # of itself
    assert "1.00" in rows["sgbm"]
