"""Official weights in, a checkpoint of ours out, which evaluation and inference take."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import drawn_weights, load_script

from stereo.errors import CheckpointError
from stereo.methods.predictor import Predictor

main = load_script("import_psmnet").main


@pytest.fixture
def official(golden: Path, tmp_path: Path) -> Path:
    record = json.loads((golden / "psmnet_basic.json").read_text())
    weights = drawn_weights(dict(record["state_dict"]), record["seed"])
    state = {f"module.{name}": value for name, value in weights.items() if "num_batches" not in name}
    # As PyTorch before 1.6 wrote it, with what the authors' script leaves beside the weights.
    content = {"epoch": 9, "state_dict": state, "train_loss": np.float64(0.5)}
    torch.save(content, tmp_path / "official.tar", _use_new_zipfile_serialization=False)
    return tmp_path / "official.tar"


def test_the_checkpoint_gives_the_authors_output(golden: Path, official: Path) -> None:
    output = official.with_name("ours.pt")
    assert main([str(official), str(output), "--align-corners", "false"]) == 0
    stored = np.load(golden / "psmnet_basic.npz")
    disparity = Predictor.from_checkpoint(output, "cpu").predict(stored["left"], stored["right"])
    assert np.abs(disparity - stored["disparity"]).max() < 1e-3


def test_the_interpolation_goes_into_the_checkpoint_and_a_small_pair_is_padded(official: Path) -> None:
    output = official.with_name("ours.pt")
    assert main([str(official), str(output), "--align-corners", "true", "--max-disparity", "48"]) == 0
    predictor = Predictor.from_checkpoint(output, "cpu")
    assert predictor.network.config.align_corners is True  # type: ignore[union-attr]
    image = np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8)
    disparity = predictor.predict(image, image)
    assert disparity.shape == (50, 70)
    assert 0 <= disparity.min() <= disparity.max() < 48


def test_what_cannot_be_imported_leaves_no_file(official: Path) -> None:
    output = official.with_name("ours.pt")
    (official.with_name("text.tar")).write_text("no weights")
    with pytest.raises(CheckpointError, match=r"text\.tar: not a readable checkpoint: it is not a PyTorch file"):
        main([str(official.with_name("text.tar")), str(output), "--align-corners", "true"])
    with pytest.raises(SystemExit) as caught:
        main([str(official), str(output)])
    assert caught.value.code == 2
    assert not output.exists()
