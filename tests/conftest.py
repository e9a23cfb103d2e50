"""Fixtures for all tests."""

import csv
from pathlib import Path

import pytest
import torch
from helpers import SHARED, textured_sample, tiny_config, truth_of

from stereo.checkpoint import save_checkpoint
from stereo.data.formats import write_image, write_pfm
from stereo.model.network import StereoNetwork


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture
def golden() -> Path:
    """Outputs of the reference implementations."""
    folder = SHARED / "golden"
    if not folder.is_dir():
        pytest.skip(f"needs the golden outputs in {folder}")
    return folder


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny network that has learnt nothing."""
    path = tmp_path_factory.mktemp("weights") / "tiny.pt"
    config = tiny_config(path.parent)
    save_checkpoint(path, StereoNetwork(config.model), config, step=0)
    return str(path)


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Folders left, right and truth with the pairs a and b, and pairs.csv."""
    rows = []
    for seed, name in enumerate("ab"):
        sample = textured_sample(40, 70, 6 + seed, seed)
        for side, image in (("left", sample.left), ("right", sample.right)):
            (tmp_path / side).mkdir(exist_ok=True)
            write_image(tmp_path / side / f"{name}.png", image)
        (tmp_path / "truth").mkdir(exist_ok=True)
        write_pfm(tmp_path / "truth" / f"{name}.pfm", truth_of(sample).disparity)
        rows.append([f"left/{name}.png", f"right/{name}.png", f"truth/{name}.pfm"])
    with (tmp_path / "pairs.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return tmp_path
