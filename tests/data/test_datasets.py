"""From settings to data sets: which half is meant, where ~ leads, and what every data set answers."""

from pathlib import Path

import numpy as np
import pytest
from helpers import textured_sample
from helpers.samples import assert_same

from stereo.config import Config, DataConfig, DatasetConfig, SyntheticConfig, config_from_dict, config_to_dict
from stereo.data.datasets import build_dataset
from stereo.data.families.scene_flow.writing import pair_paths, write_pair
from stereo.data.formats import read_image, write_image
from stereo.data.packing import pack
from stereo.data.sample import Image
from stereo.data.synthetic.assets import photographs
from stereo.errors import ConfigError, DataError, FormatError
from stereo.options import dataset_config


def settings(**data: object) -> Config:
    return config_from_dict({"data": data})


@pytest.fixture
def scene_flow(tmp_path: Path) -> Path:
    """One pair of each split."""
    for split in ("train", "test"):
        write_pair(textured_sample(32, 48, 3), pair_paths(tmp_path / "flow", split, 0))
    return tmp_path / "flow"


def test_validation_is_the_test_split_and_training_the_training_split(scene_flow: Path) -> None:
    member = {"family": "scene_flow", "path": str(scene_flow), "weight": 1}
    config = settings(train=member, mix=[member], validation={"family": "scene_flow", "path": str(scene_flow)})
    data = config.data
    assert build_dataset(data.validation).names == ["scene_flow/FlyingThings3D/TEST/A/0000/0006"]
    for training in (data.train, *data.mix):
        assert build_dataset(training).names == ["scene_flow/FlyingThings3D/TRAIN/A/0000/0006"]
    saved = config_to_dict(config)["data"]
    assert [saved[name]["split"] for name in ("train", "validation")] == ["train", "test"]
    assert config_from_dict({"data": saved}) == config


def test_a_split_that_is_named_stays() -> None:
    named = {"family": "scene_flow", "path": "x"}
    data = settings(train=named | {"split": "test"}, validation=named | {"split": "train"}).data
    assert (data.train.split, data.validation.split) == ("test", "train")
    one = DatasetConfig(family="scene_flow", path="x")  # shared by both, and still no leak
    data = DataConfig(train=one, validation=one)
    assert (data.train.split, data.validation.split, one.split) == ("train", "test", None)


def test_the_command_line_names_a_half_of_the_procedural_world() -> None:
    training, held_out = (dataset_config("synthetic", split).synthetic for split in ("train", "test"))
    assert (training, held_out) == (DataConfig().train.synthetic, DataConfig().validation.synthetic)
    assert training.seed != held_out.seed
    for spec in ("synthetic", "scene_flow:x"):
        with pytest.raises(ConfigError, match=f"--data {spec}: has two halves; name one by --split"):
            dataset_config(spec, None)
    assert dataset_config("eth3d:x", None).path == "x"


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scene_flow: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "names.txt").write_text("0006\n")
    assert len(build_dataset(settings(train={"family": "scene_flow", "path": "~/flow"}).data.train)) == 1
    assert len(build_dataset(DatasetConfig(family="scene_flow", path="~/flow", names="~/names.txt"))) == 1
    with pytest.raises(DataError, match="leaves no sample"):
        build_dataset(DatasetConfig(family="scene_flow", path="~/flow", skip_list="~/names.txt"))
    assert len(build_dataset(dataset_config("scene_flow:~/flow", "train"))) == 1
    for side in ("left", "right"):
        write_image(tmp_path / f"{side}.png", textured_sample(32, 48, 3).left)
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "pairs.csv").write_text("~/left.png,~/right.png\n")
    assert len(build_dataset(DatasetConfig(family="pairs", path="~/lists/pairs.csv"))) == 1


def configured(name: str, folder: Path) -> DatasetConfig:
    """A data set of each kind that there is: drawn, read pair by pair, packed, and a part of one."""
    world = SyntheticConfig(height=32, width=48, length=3, max_disparity=8, photometric=False)
    if name == "synthetic":
        return DatasetConfig(synthetic=world)
    if name == "part":
        return DatasetConfig(synthetic=world, limit=2)
    if name == "packed":
        pack((textured_sample(32, 48, 3, seed) for seed in range(2)), folder / "packed", {})
        return DatasetConfig(family="packed", path=str(folder / "packed"))
    return DatasetConfig(family="scene_flow", path=str(folder / "flow"))


@pytest.mark.parametrize("name", ["synthetic", "part", "packed", "scene_flow"])
def test_a_source_gives_the_sample_and_its_windows(tmp_path: Path, scene_flow: Path, name: str) -> None:
    dataset = build_dataset(configured(name, tmp_path))
    assert dataset.names is dataset.names  # not built again each time
    assert len(dataset.names) == len(dataset)
    for index in range(len(dataset)):
        sample, source = dataset[index], dataset.source(index)
        assert source.name == sample.name == dataset.names[index]
        assert (source.height, source.width) == (sample.height, sample.width) == (32, 48)
        for window in ((0, 0, 32, 48), (3, 5, 20, 30)):
            assert_same(source.window(*window), sample.window(*window))
    for get in (dataset.__getitem__, dataset.source):
        with pytest.raises(IndexError):
            get(len(dataset))


def test_training_reads_its_pictures_before_loader_processes_are_forked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        write_image(tmp_path / f"{name}.png", np.full((40, 60, 3), 128, np.uint8))
    config = DatasetConfig(synthetic=SyntheticConfig(textures=str(tmp_path)))
    read: list[str] = []

    def watched(path: Path) -> Image:
        read.append(path.name)
        return read_image(path)

    photographs._read.cache_clear()
    monkeypatch.setattr(photographs, "read_image", watched)
    build_dataset(config)
    assert not read
    build_dataset(config, for_training=True)
    assert read == ["a.png", "b.png"]
    (tmp_path / "c.png").write_bytes(b"no picture")
    photographs.list_photographs.cache_clear()
    with pytest.raises(FormatError, match=r"c\.png"):
        build_dataset(config, for_training=True)
