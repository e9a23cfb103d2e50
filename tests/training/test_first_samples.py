"""Data that cannot be used is found before the first step, and before anything is written."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import textured_sample, tiny_config, with_truth
from helpers.families import make_list

from stereo.config import Config, model_preset
from stereo.data.sample import StereoSample
from stereo.data.synthetic import SyntheticWorld
from stereo.data.training_data import TrainingData
from stereo.errors import DataError
from stereo.training.first_samples import check_validation_data
from stereo.training.trainer import train


def refused(config: Config, message: str) -> str:
    """What a run says that must not begin."""
    with pytest.raises(DataError, match=message) as caught:
        train(config)
    assert not Path(config.training.output).exists()
    assert "\n" not in str(caught.value)
    return str(caught.value)


class Samples(list[StereoSample]):
    """A data set of given samples."""

    @property
    def names(self) -> list[str]:
        return [sample.name for sample in self]

    def source(self, index: int) -> StereoSample:
        return self[index]


def without_pixel(seed: int) -> StereoSample:
    return with_truth(textured_sample(32, 32, 4, seed), valid=np.zeros((32, 32), bool))


def test_validation_data_without_ground_truth(tmp_path: Path) -> None:
    good = textured_sample(32, 32, 4)
    with pytest.raises(DataError, match=r"data.validation: sample 0 \(plane/0\).*no ground truth"):
        check_validation_data(Samples([replace(good, truth=None)]))
    check_validation_data(Samples([good]))


def test_validation_data_without_a_pixel_that_counts() -> None:
    with pytest.raises(DataError, match=r"data.validation: no pixel of plane/0, plane/1 has ground truth"):
        check_validation_data(Samples([without_pixel(0), without_pixel(1)]))
    with pytest.raises(DataError, match=r"plane/3 … \(5 in all\) has ground truth"):
        check_validation_data(Samples([without_pixel(seed) for seed in range(5)]))
    check_validation_data(Samples([*(without_pixel(seed) for seed in range(5)), textured_sample(32, 32, 4)]))


def test_what_validation_cannot_score_is_said_before_the_first_step() -> None:
    """Wherever it stands in the set."""
    good = [textured_sample(32, 32, 4, seed) for seed in range(40)]
    assert check_validation_data(Samples(good)) == []
    bare = replace(good[39], truth=None)
    (line,) = check_validation_data(Samples([*good[:39], bare]))
    assert line.startswith("1 of 32 samples that were looked at will not be scored; data.validation: sample 39 (plane")
    assert "no ground truth" in line
    (line,) = check_validation_data(Samples([bare, *good[1:]]))
    assert "sample 0 (plane/39) cannot be used" in line
    (line,) = check_validation_data(Samples([*good[:3], without_pixel(7)]))
    assert line == ("data.validation: 1 of 4 samples that were looked at have no pixel with ground truth: plane/7")
    with pytest.raises(DataError, match=r"sample 0 \(plane/39\) cannot be used"):
        check_validation_data(Samples([bare, without_pixel(7), bare]))


def test_a_remark_on_validation_data_is_printed_before_the_first_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_list(tmp_path)
    (tmp_path / "2" / "d.pfm").write_bytes(b"Pf\n")
    config = tiny_config(tmp_path / "run", steps=1)
    config.data.validation.family, config.data.validation.path = "pairs", str(tmp_path / "list.csv")
    train(config)
    said = capsys.readouterr().out.splitlines()
    warning = next(number for number, line in enumerate(said) if line.startswith("warning: 1 of 3 samples"))
    assert "sample 2 (pairs/2/l) cannot be used" in said[warning]
    assert warning < next(number for number, line in enumerate(said) if "step 1" in line)


def test_a_validation_list_with_a_missing_file_leaves_no_run_folder(tmp_path: Path) -> None:
    make_list(tmp_path)
    (tmp_path / "2" / "d.pfm").unlink()
    config = tiny_config(tmp_path / "run")
    config.data.validation.family, config.data.validation.path = "pairs", str(tmp_path / "list.csv")
    refused(config, r"list\.csv:3: the disparity file .* does not exist.*skip_list=FILE")


def test_training_data_without_a_pixel_that_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its loss would be 0, step for step, and nothing would be learned."""
    get = SyntheticWorld.__getitem__

    def unknown(self: SyntheticWorld, index: int) -> StereoSample:
        sample = get(self, index)
        return with_truth(sample, valid=np.zeros(sample.left.shape[:2], bool)) if self.config.seed == 0 else sample

    monkeypatch.setattr(SyntheticWorld, "__getitem__", unknown)
    refused(tiny_config(tmp_path / "run"), r"data\.train: no pixel of .* has ground truth, which training needs")


def test_broken_validation_data_leaves_no_run_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "left.png").write_bytes(b"not a picture")
    (tmp_path / "list.csv").write_text("left.png,left.png,left.png\n")
    config = tiny_config(tmp_path / "run")
    config.data.validation.family, config.data.validation.path = "pairs", str(tmp_path / "list.csv")
    assert "left.png" in refused(config, r"data\.validation: sample 0 \(.*cannot be used")


def test_training_data_without_ground_truth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    get = SyntheticWorld.__getitem__

    def bare(self: SyntheticWorld, index: int) -> StereoSample:
        sample = get(self, index)
        return replace(sample, truth=None) if self.config.seed == 0 else sample

    monkeypatch.setattr(SyntheticWorld, "__getitem__", bare)
    refused(tiny_config(tmp_path / "run"), r"data\.train: sample 0 .*no ground truth, which training needs")


def test_samples_smaller_than_the_network_takes(tmp_path: Path) -> None:
    config = tiny_config(tmp_path / "run")
    config.model = model_preset("psmnet")
    config.data.augmentation.crop_height = config.data.augmentation.crop_width = None
    message = refused(config, r"data\.train: .* is 96×64 .* 256 px or more.*larger samples.*synthetic\.height")
    assert "Predictor" not in message


def test_samples_of_a_size_that_the_stride_does_not_divide(tmp_path: Path) -> None:
    config = tiny_config(tmp_path / "run")
    config.data.train.synthetic.width = 100
    config.data.augmentation.crop_height = config.data.augmentation.crop_width = None
    refused(config, r"100×64 .* multiples of 16; set data\.augmentation\.crop_height")


def test_samples_smaller_than_the_crop_name_their_data_set(tmp_path: Path) -> None:
    config = tiny_config(tmp_path / "run")
    config.data.mix = [replace(config.data.train, synthetic=replace(config.data.train.synthetic, height=32))]
    refused(config, r"data\.mix\.0: .*96×32 but the crop is 64×48")
    assert len(TrainingData(config.data).sets) == 2


def test_resizing_without_a_crop(tmp_path: Path) -> None:
    config = tiny_config(tmp_path / "run")
    config.data.augmentation.crop_height = config.data.augmentation.crop_width = None
    config.data.augmentation.scale_probability = 0.5
    refused(config, r"scale_probability is 0\.5, but without a crop.*set data\.augmentation\.crop_height")


def test_a_later_broken_pair_is_named_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    get = SyntheticWorld.__getitem__

    def broken(self: SyntheticWorld, index: int) -> StereoSample:
        if self.config.seed == 1 and index == 1:
            raise DataError("scene.pfm: is truncated")
        return get(self, index)

    monkeypatch.setattr(SyntheticWorld, "__getitem__", broken)
    assert train(tiny_config(tmp_path / "run", steps=1)).exists()
    assert "1 failed, the first of them synthetic/1/000001: scene.pfm: is truncated" in capsys.readouterr().out
