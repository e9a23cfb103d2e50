"""configs/mixed.yaml on a small tree of each of its data sets."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import REPOSITORY, textured_sample
from helpers.folder_sets import FILES, make_files
from helpers.trees import make_scene_flow

from stereo.config import DatasetConfig, load_config
from stereo.data.training_data import TrainingData


def test_each_set_is_drawn_as_often_as_its_weight_says(tmp_path: Path) -> None:
    config = load_config(REPOSITORY / "configs" / "mixed.yaml").data
    sample = textured_sample(40, 72, 12)
    make_scene_flow(tmp_path / "scene_flow", "Monkaa/funnyworld_x2", "0048", "finalpass", sample=sample)

    def written(member: DatasetConfig) -> DatasetConfig:
        if member.family == "synthetic":
            return replace(member, synthetic=replace(member.synthetic, length=1000))
        if member.family in FILES:
            make_files(tmp_path / member.family, member.family, sample)
        for path in (tmp_path / member.family).rglob("clean_*"):
            path.rename(path.with_name(path.name.replace("clean", "final")))
        return replace(member, path=str(tmp_path / member.family))

    config = replace(config, train=written(config.train), mix=[written(member) for member in config.mix])
    data = TrainingData(config)
    items = data.order(seed=0, epoch=0).tolist()
    drawn = Counter(data.source(item).name.split("/")[0] for item in sorted(set(items)))
    assert set(drawn) == {member.family for member in (config.train, *config.mix)}
    for number, member in enumerate((config.train, *config.mix)):
        mine = sum(data.starts[number] <= item < data.starts[number + 1] for item in items)
        assert mine / len(items) == pytest.approx(member.weight, abs=0.002)
