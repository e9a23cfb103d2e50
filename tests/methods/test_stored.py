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
from stereo.methods.result import StereoResult
from stereo.methods.sgbm import Sgbm
from stereo.methods.stored import StoredPredictions, save_prediction

DISPARITY = np.random.default_rng(0).uniform(1, 200, (32, 40)).astype(np.float32)


def _sample(name: str = "eth3d/hall/1l") -> StereoSample:
    plane = textured_sample(32, 40, 3)
    return StereoSample(plane.left, plane.right, plane.truth, name=name)


@pytest.mark.parametrize("suffix", [".pfm", ".npy", ".png"])
def test_a_map_is_read_in_every_encoding(tmp_path: Path, suffix: str) -> None:
    writers: dict[str, Any] = {".pfm": write_pfm, ".npy": np.save, ".png": write_disparity_png16}
    writers[suffix](tmp_path / f"1l{suffix}", DISPARITY)
    found = StoredPredictions(tmp_path).predict_sample(_sample("1l")).disparity
    np.testing.assert_allclose(found, DISPARITY, atol=0.5 / 256 if suffix == ".png" else 0)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    folder = tmp_path / "eth3d/hall/1l"
    sample = _sample()
    StereoResult(sample.left, DISPARITY).save(folder)
    np.testing.assert_array_equal(StoredPredictions(tmp_path).predict_sample(sample).disparity, DISPARITY)


def test_holes_are_filled_from_the_background_and_counted_as_such(tmp_path: Path) -> None:
    disparity = np.full((32, 40), 9, np.float32)
    disparity[:, 20:] = 4
    holes = disparity.copy()
    holes[:, 10:30] = 0
    write_disparity_png16(tmp_path / "plane.png", holes, valid=holes > 0)
    found = StoredPredictions(tmp_path).predict_sample(_sample("plane"))
    assert (found.disparity[:, :10] == 9).all()
    assert (found.disparity[:, 10:] == 4).all()
    np.testing.assert_array_equal(found.estimated, holes > 0)
    write_disparity_png16(tmp_path / "plane.png", disparity)
    assert StoredPredictions(tmp_path).predict_sample(_sample("plane")).estimated is None


def test_a_confidence_that_lies_beside_the_map_is_read(tmp_path: Path) -> None:
    confidence = np.linspace(0, 1, 32 * 40, dtype=np.float32).reshape(32, 40)
    (tmp_path / "a").mkdir()
    for name in ("a/disparity.pfm", "b.pfm", "c.pfm", "d.pfm"):
        write_pfm(tmp_path / name, DISPARITY)
    for name in ("a/confidence.pfm", "b.confidence.pfm", "c_confidence.pfm"):
        write_pfm(tmp_path / name, confidence)
    stored = StoredPredictions(tmp_path)
    for name in "abc":
        np.testing.assert_array_equal(stored.predict_sample(_sample(name)).confidence, confidence)
    assert stored.predict_sample(_sample("d")).confidence is None
    write_pfm(tmp_path / "b.confidence.pfm", 100 * confidence)
    with pytest.raises(FormatError, match=r"b\.confidence\.pfm: holds 0 … 100, expected a confidence of 0 … 1"):
        stored.predict_sample(_sample("b"))
    write_pfm(tmp_path / "b.confidence.pfm", confidence[1:])
    with pytest.raises(FormatError, match=r"is 40×31 .* the disparity map beside it is 40×32"):
        stored.predict_sample(_sample("b"))


@pytest.mark.parametrize("name", ["eth3d/hall/1l", "plane", "pairs/a:b/view.1"])
def test_what_is_saved_is_read_back_to_the_last_bit(tmp_path: Path, name: str) -> None:
    """So that the scores of what was saved are the method's own, digit by digit."""
    rng = np.random.default_rng(1)
    estimated = rng.random((32, 40)) < 0.7
    confidence = rng.random((32, 40), dtype=np.float32)
    for prediction in (
        Prediction(DISPARITY, confidence, estimated=estimated),
        Prediction(DISPARITY[::-1], estimated=estimated[::-1]),
        Prediction(DISPARITY, confidence[:, ::-1]),
        Sgbm(16).predict_sample(_sample()),
        Prediction(DISPARITY + 1),  # nothing of those before is left
    ):
        path = save_prediction(tmp_path, name, prediction)
        assert path.is_file()
        found = StoredPredictions(tmp_path).predict_sample(_sample(name))
        np.testing.assert_array_equal(found.disparity, prediction.disparity)
        for part in ("confidence", "estimated"):
            one, other = getattr(found, part), getattr(prediction, part)
            assert (one is None) == (other is None)
            assert one is None or np.array_equal(one, other)
    assert [path.name for path in path.parent.iterdir()] == [path.name]


def test_no_name_leads_out_of_the_folder(tmp_path: Path) -> None:
    assert save_prediction(tmp_path, "../../up", Prediction(DISPARITY)) == tmp_path / "__/__/up.pfm"


@pytest.mark.parametrize("size", [(16, 20), (64, 80), (48, 60)])
def test_a_prediction_of_another_size_is_resized_where_that_is_wanted(tmp_path: Path, size: tuple[int, int]) -> None:
    sample = _sample("plane")
    write_pfm(tmp_path / "plane.pfm", np.full(size, 6, np.float32))
    with pytest.raises(DataError, match=f"is {size[1]}×{size[0]} .* are 40×32; .* let them be resized"):
        StoredPredictions(tmp_path).predict_sample(sample)
    found = StoredPredictions(tmp_path, resize=True).predict_sample(sample)
    np.testing.assert_allclose(found.disparity, np.full((32, 40), 6 * 40 / size[1]), rtol=1e-6)
    assert found.ran_at == size
    assert found.estimated is None


def test_a_home_folder_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert save_prediction(Path("~/saved"), "plane", Prediction(DISPARITY)) == tmp_path / "saved" / "plane.pfm"
    assert StoredPredictions("~/saved").predict_sample(_sample("plane")).disparity.shape == (32, 40)


def test_a_prediction_of_another_shape_is_no_resized_one(tmp_path: Path) -> None:
    write_pfm(tmp_path / "small.pfm", DISPARITY[:, 4:])
    for resize in (False, True):
        with pytest.raises(DataError, match=r"small\.pfm: is 36×32 .* but the images are 40×32, of another shape"):
            StoredPredictions(tmp_path, resize).predict_sample(_sample("small"))


def test_what_is_missing_or_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="gone: no such folder of predictions"):
        StoredPredictions(tmp_path / "gone")
    stored = StoredPredictions(tmp_path)
    with pytest.raises(DataError, match=r"looked for .*eth3d/hall/1l\.pfm, \.npy and \.png, .*1l/disparity\.pfm, and"):
        stored.predict_sample(_sample())
    write_image(tmp_path / "eight.png", _sample().left)
    with pytest.raises(FormatError, match=r"eight\.png"):
        stored.predict_sample(_sample("eight"))
    np.save(tmp_path / "flow.npy", -DISPARITY)
    with pytest.raises(DataError, match=r"flow\.npy: most disparities are below 0, .* sign changed"):
        stored.predict_sample(_sample("flow"))


def test_a_name_too_long_for_a_file_is_found_again(tmp_path: Path) -> None:
    for name in ("x" * 245, "x" * 300):  # too long for what lies beside the map; for the map
        save_prediction(tmp_path, name, Prediction(DISPARITY))
        assert np.array_equal(StoredPredictions(tmp_path).predict_sample(_sample(name)).disparity, DISPARITY)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_stored_prediction_says_where_it_is_from(tmp_path: Path) -> None:
    folder = tmp_path / "raft"
    folder.mkdir()
    stored = StoredPredictions(folder, resize=True)
    assert (stored.name, stored.device, stored.max_disparity) == ("predictions:raft", None, None)
    assert stored.settings == {"folder": str(folder), "resize": True, "holes": "filled from the background"}
