"""From the evaluation of a training set to a training without its worst samples."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers import load_script, textured_sample

from stereo.config import DatasetConfig, SyntheticConfig
from stereo.data.datasets import StereoDataset, build_dataset
from stereo.data.formats import write_image, write_pfm
from stereo.data.packing import pack
from stereo.errors import DataError

curate = load_script("curate").main
evaluate = load_script("evaluate").main
MATCHER = ["--method", "sgbm", "--max-disparity", "16", "--quiet", "--previews", "0"]
WORLD = SyntheticConfig(seed=7, length=5, height=48, width=64, max_disparity=40, max_objects=12, texture_bank=0)

# What --data names it by, the settings that training has, and other options of the evaluation.
Made = tuple[str, DatasetConfig, list[str]]


def packed(folder: Path) -> Made:
    world = build_dataset(DatasetConfig(synthetic=WORLD))
    pack((world[index] for index in range(len(world))), folder / "packed", {})
    return f"packed:{folder / 'packed'}", DatasetConfig(family="packed", path=str(folder / "packed")), []


def synthetic(folder: Path) -> Made:
    settings = ("seed", "length", "height", "width", "max_disparity", "max_objects", "texture_bank")
    words = [f"synthetic.{name}={getattr(WORLD, name)}" for name in settings]
    return "synthetic", DatasetConfig(synthetic=WORLD), ["--split", "train", *words]


def pairs(folder: Path) -> Made:
    (folder / "left").mkdir()
    lines = []
    for number, disparity in enumerate((4, 40, 8)):  # one of them beyond the matcher's range
        sample = textured_sample(40, 90, disparity, number)
        write_image(folder / f"left/{number}.png", sample.left)
        write_image(folder / f"right{number}.png", sample.right)
        write_pfm(folder / f"{number}.pfm", np.full((40, 90), disparity, np.float32))
        lines.append(f"left/{number}.png,right{number}.png,{number}.pfm")
    (folder / "pairs.csv").write_text("\n".join(lines))
    return f"pairs:{folder / 'pairs.csv'}", DatasetConfig(family="pairs", path=str(folder / "pairs.csv")), []


def names_of(dataset: StereoDataset) -> list[str]:
    return [dataset[index].name for index in range(len(dataset))]


@pytest.mark.parametrize("make", [packed, synthetic, pairs])
def test_training_goes_without_what_failed(
    make: Callable[[Path], Made], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec, config, options = make(tmp_path)
    report, skip_list = tmp_path / "report", tmp_path / "lists/skip.txt"
    assert evaluate(["--data", spec, *options, *MATCHER, "--output", str(report)]) == 0
    with (report / "per_image.csv").open(newline="") as file:
        bad_2 = {row["name"]: float(row["bad_2"]) for row in csv.DictReader(file) if row["region"] == "all"}
    threshold = sorted(bad_2.values())[len(bad_2) // 2]
    expected = [name for name, value in bad_2.items() if value > threshold]
    assert 0 < len(expected) < len(bad_2) == len(names_of(build_dataset(config)))
    capsys.readouterr()
    assert curate([str(report), "--above", repr(threshold), "--output", str(skip_list)]) == 0
    share = f"{len(expected)} of {len(bad_2)} samples ({len(expected) / len(bad_2):.1%})"
    assert f"leaves out {share}, on which bad_2 of sgbm is above" in capsys.readouterr().out
    about, *lines = skip_list.read_text().splitlines()
    assert about.startswith(f"# {share} of {spec}, on which bad_2 of sgbm is above")
    assert lines == expected
    config.skip_list = str(skip_list)
    assert names_of(build_dataset(config)) == [name for name in bad_2 if name not in expected]


def test_nothing_is_written_where_all_would_be_left_out(tmp_path: Path) -> None:
    spec, _, _ = pairs(tmp_path)
    (tmp_path / "names.txt").write_text("1\n")  # the one beyond the matcher's range
    names = ["--names", str(tmp_path / "names.txt")]
    assert evaluate(["--data", spec, *names, *MATCHER, "--output", str(tmp_path / "report")]) == 0
    with pytest.raises(DataError, match="every one of 1 samples has bad_2 above 60"):
        curate([str(tmp_path / "report"), "--above", "60", "--output", str(tmp_path / "skip.txt")])
    assert not (tmp_path / "skip.txt").exists()
