"""What is written is found again, under every name that the files may have."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import textured_sample

from stereo.data.formats import write_disparity_png16, write_image, write_pfm
from stereo.data.sample import StereoSample
from stereo.errors import DataError, FormatError
from stereo.methods.method import Prediction
from stereo.methods.stored import StoredPredictions, write_prediction

DISPARITY = np.random.default_rng(0).uniform(1, 200, (32, 40)).astype(np.float32)


def _sample(name: str = "eth3d/hall/1l") -> StereoSample:
    plane = textured_sample(32, 40, 3)
    return StereoSample(plane.left, plane.right, plane.truth, name=name)


@pytest.mark.parametrize(
    "path",
    [
        "eth3d/hall/1l.pfm",
        "eth3d/hall/1l/disparity.pfm",
        "hall/1l.npy",
        "eth3d_hall_1l.png",
        "hall_1l/disparity.pfm",
        "00007_eth3d_hall_1l/disparity.pfm",
    ],
)
def test_a_prediction_is_found_by_the_name_of_its_sample(tmp_path: Path, path: str) -> None:
    file = tmp_path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    writers: dict[str, Any] = {".pfm": write_pfm, ".npy": np.save, ".png": write_disparity_png16}
    writers[file.suffix](file, DISPARITY)
    found = StoredPredictions(tmp_path).predict_sample(_sample()).disparity
    np.testing.assert_allclose(found, DISPARITY, atol=0.5 / 256 if file.suffix == ".png" else 0)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    folder = tmp_path / "eth3d/hall/1l"
    folder.mkdir(parents=True)
    sample = _sample()
    assert write_prediction(folder, sample.left, Prediction(DISPARITY)) == [
        "disparity.pfm",
        "disparity.png",
        "preview.png",
    ]
    np.testing.assert_array_equal(StoredPredictions(tmp_path).predict_sample(sample).disparity, DISPARITY)
    # Beyond 16 bits the PNG is left out, and one of an earlier run with it.
    assert write_prediction(folder, sample.left, Prediction(DISPARITY + 100)) == ["disparity.pfm", "preview.png"]
    assert sorted(path.name for path in folder.iterdir()) == ["disparity.pfm", "preview.png"]


def test_a_hole_counts_as_no_disparity_at_all(tmp_path: Path) -> None:
    holes = DISPARITY.copy()
    holes[0] = np.inf
    write_pfm(tmp_path / "plane.pfm", holes)
    found = StoredPredictions(tmp_path).predict_sample(_sample("plane")).disparity
    assert (found[0] == 0).all()
    np.testing.assert_array_equal(found[1:], DISPARITY[1:])


def test_what_is_missing_or_does_not_fit_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="gone: no such folder of predictions"):
        StoredPredictions(tmp_path / "gone")
    stored = StoredPredictions(tmp_path)
    with pytest.raises(DataError, match=r"looked for .*eth3d/hall/1l\.pfm, \.npy and \.png, and .*1l/disparity\.pfm"):
        stored.predict_sample(_sample())
    write_pfm(tmp_path / "small.pfm", DISPARITY[:, 1:])
    with pytest.raises(DataError, match=r"small\.pfm: is 39×32 .* but the images are 40×32"):
        stored.predict_sample(_sample("small"))
    write_image(tmp_path / "eight.png", _sample().left)
    with pytest.raises(FormatError, match=r"eight\.png"):
        stored.predict_sample(_sample("eight"))


def test_two_files_for_one_sample_are_not_guessed_between(tmp_path: Path) -> None:
    for folder in ("00001_a_b", "00002_a_b"):
        (tmp_path / folder).mkdir()
        write_pfm(tmp_path / folder / "disparity.pfm", DISPARITY)
    with pytest.raises(DataError, match="has no prediction"):
        StoredPredictions(tmp_path).predict_sample(_sample("a/b"))


def test_a_stored_prediction_says_where_it_is_from(tmp_path: Path) -> None:
    folder = tmp_path / "raft"
    folder.mkdir()
    stored = StoredPredictions(folder)
    assert (stored.name, stored.settings, stored.device) == ("predictions:raft", {"folder": str(folder)}, None)
