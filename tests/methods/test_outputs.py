"""Which files a pair has, what is in them, and under which names."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers import truth_of
from helpers.world import clean_pair
from PIL import Image as PilImage

from stereo.data.formats import read_depth_png16, read_disparity, read_image, read_pfm, read_ply
from stereo.data.sample import Calibration
from stereo.errors import ConfigError, DataError
from stereo.methods.labels import LABEL_COLORS, Label
from stereo.methods.outputs import Cloud, Outputs, PairMaps, Preview

SIZE = (40, 70)
CALIBRATION = Calibration(100.0, 0.2, 0.0, 34.5, 19.5)


def maps_of(disparity: float = 10.0) -> PairMaps:
    left = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    plane = np.full(SIZE, disparity, np.float32)
    labels = np.zeros(SIZE, np.uint8)
    labels[:, :10] = Label.BORDER
    labels[5, 20] = Label.LOW_CONFIDENCE
    return PairMaps(
        left=left,
        disparity=plane,
        measured=plane,
        confidence=np.linspace(0, 1, 40 * 70, dtype=np.float32).reshape(SIZE),
        disparity_right=plane + 1,
        consistent=labels == 0,
        labels=labels,
        calibration=CALIBRATION,
    )


ALL = Outputs(("pfm", "png", "npy"), confidence=True, right=True, labels=True, cloud=Cloud())


def test_all_files_are_written_and_agree(tmp_path: Path) -> None:
    written, remarks = ALL.write(tmp_path, "a", maps_of())
    assert sorted(written) == sorted(path.name for path in tmp_path.iterdir())
    assert ALL.are_there(tmp_path, "a")
    assert not remarks
    assert written[-1] == "preview.png"
    for name in ("disparity", "disparity_right"):
        values = read_pfm(tmp_path / f"{name}.pfm")
        assert (values == (10 if name == "disparity" else 11)).all()
        np.testing.assert_array_equal(np.load(tmp_path / f"{name}.npy"), values)
        np.testing.assert_array_equal(read_disparity(tmp_path / f"{name}.png")[0], values)
    confidence = read_pfm(tmp_path / "confidence.pfm")
    assert (confidence.min(), confidence.max()) == (0, 1)
    gray = read_image(tmp_path / "confidence.png")[..., 0]
    np.testing.assert_allclose(gray / 255, confidence, atol=0.5 / 255 + 1e-6)
    labels = np.asarray(PilImage.open(tmp_path / "labels.png"))
    np.testing.assert_array_equal(labels, maps_of().labels)
    np.testing.assert_array_equal(read_image(tmp_path / "labels.png"), LABEL_COLORS[labels])
    np.testing.assert_array_equal(read_image(tmp_path / "consistent.png")[..., 0] == 255, labels == 0)
    depth = np.load(tmp_path / "depth.npy")
    assert (depth.dtype, depth.shape) == (np.float32, SIZE)
    np.testing.assert_allclose(depth, 2.0)  # 100 px · 0.2 m / 10 px
    np.testing.assert_allclose(read_depth_png16(tmp_path / "depth.png"), 2.0)
    points, colors = read_ply(tmp_path / "cloud.ply")
    sure = confidence >= 0.5
    assert len(points) == sure.sum()
    np.testing.assert_allclose(points[:, 2], 2.0)
    np.testing.assert_array_equal(colors, maps_of().left[sure])


def test_flat_files_are_named_by_the_pair(tmp_path: Path) -> None:
    outputs = Outputs(("png",), flat=True, confidence=True)
    written, _ = outputs.write(tmp_path, "000000_10", maps_of())
    expected = ["000000_10.png", "000000_10.confidence.pfm", "000000_10.confidence.png", "000000_10.preview.png"]
    assert written == expected
    assert outputs.are_there(tmp_path, "000000_10")
    assert not outputs.are_there(tmp_path, "000001_10")
    assert Outputs(("png",), flat=True, preview=None).write(tmp_path, "b", maps_of())[0] == ["b.png"]


def test_a_pair_is_there_though_its_png_was_left_out(tmp_path: Path) -> None:
    (tmp_path / "disparity.png").touch()
    written, remarks = Outputs().write(tmp_path, "a", maps_of(300))
    assert written == ["disparity.pfm", "preview.png"]
    assert not (tmp_path / "disparity.png").exists()
    assert "disparity reaches 300.0 px" in remarks["disparity.png"]
    assert Outputs().are_there(tmp_path, "a")
    (tmp_path / "preview.png").unlink()
    assert not Outputs().are_there(tmp_path, "a")
    with pytest.raises(DataError, match="use --formats pfm or npy"):
        Outputs(("png",)).write(tmp_path, "a", maps_of(300))


def test_black_borders_have_no_depth_and_no_points(tmp_path: Path) -> None:
    shown = np.ones(SIZE, bool)
    shown[:, 60:] = False
    Outputs(cloud=Cloud(min_confidence=0)).write(tmp_path, "a", replace(maps_of(), shown=shown))
    np.testing.assert_array_equal(np.isfinite(np.load(tmp_path / "depth.npy")), shown)
    assert len(read_ply(tmp_path / "cloud.ply")[0]) == shown.sum()


def test_depths_that_16_bits_cut_off_are_counted(tmp_path: Path) -> None:
    far = maps_of()
    far.disparity[:2] = 0.1  # 200 m
    _, remarks = Outputs(cloud=Cloud()).write(tmp_path, "a", far)
    assert remarks["depth.png"].startswith("140 of 2,800 depths are beyond 65.535 m")
    assert read_depth_png16(tmp_path / "depth.png").max() == pytest.approx(65.535)
    assert np.load(tmp_path / "depth.npy").max() == pytest.approx(200)


def test_points_are_cut_by_depth_and_by_default_at_a_disparity_of_1_px(tmp_path: Path) -> None:
    maps = maps_of()
    maps.measured[:20] = 0.9  # 22.2 m; 1 px is at 20 m
    for cloud, count in (
        (Cloud(0), 20 * 70),
        (Cloud(0, max_depth=30, max_jump=None), 40 * 70),
        (Cloud(0, min_depth=3, max_depth=30, max_jump=None), 20 * 70),
        (Cloud(0, max_depth=1), 0),
    ):
        _, remarks = Outputs(cloud=cloud).write(tmp_path, "a", maps)
        assert len(read_ply(tmp_path / "cloud.ply")[0]) == count
        assert ("cloud.ply" in remarks) == (count == 0)


def test_the_cloud_of_exact_disparities_is_the_scene(tmp_path: Path) -> None:
    """Of the procedural world the camera and each pixel's surface are known."""
    pair = clean_pair(3)
    truth, calibration = truth_of(pair), pair.calibration
    assert calibration is not None
    maps = PairMaps(pair.left, truth.disparity, truth.disparity, shown=truth.valid, calibration=calibration)
    Outputs(cloud=Cloud(0, max_depth=1e9, max_jump=None)).write(tmp_path, "a", maps)
    points, _ = read_ply(tmp_path / "cloud.ply")
    rows, columns = np.nonzero(truth.valid)
    z = calibration.focal_length * calibration.baseline / truth.disparity[truth.valid].astype(np.float64)
    assert calibration.cx is not None
    assert calibration.cy is not None
    expected = np.stack(
        [
            (columns - calibration.cx) / calibration.focal_length * z,
            (rows - calibration.cy) / calibration.focal_length * z,
            z,
        ],
        axis=1,
    )
    assert len(points) == len(expected) > 10_000
    assert (np.linalg.norm(points - expected, axis=1) < 1e-3 * np.linalg.norm(expected, axis=1)).all()


def test_turned_maps_lie_as_the_image_did() -> None:
    upright = maps_of()
    arrays = {name: getattr(upright, name) for name in ("left", "disparity", "confidence", "labels")}
    lying = replace(upright, **{name: np.rot90(array) for name, array in arrays.items()})
    back = lying.turned()
    for name, array in arrays.items():
        np.testing.assert_array_equal(getattr(back, name), array)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (33, 200), (480, 640), (1500, 2600)])
def test_a_preview_is_legible_at_any_size(height: int, width: int) -> None:
    left = np.zeros((height, width, 3), np.uint8)
    disparity = np.full((height, width), 20, np.float32)
    picture = Preview("gray", (10.0, 30.0)).draw(left, disparity)
    assert 160 <= picture.shape[0] <= 1400
    assert 320 <= picture.shape[1] <= 2900
    gray = (np.abs(picture.astype(int) - 128) < 2).all(axis=2)
    assert gray.sum() > 0.9 * min(160 * 160, height * width)  # the middle of 10 … 30 px, over the whole map


def test_colors_are_those_of_the_map_that_was_asked_for() -> None:
    left, disparity = np.zeros((200, 200, 3), np.uint8), np.full((200, 200), 50, np.float32)
    highest = {
        "turbo": cv2.COLORMAP_TURBO,
        "magma": cv2.COLORMAP_MAGMA,
        "viridis": cv2.COLORMAP_VIRIDIS,
    }
    for name, number in highest.items():
        color = np.asarray(cv2.applyColorMap(np.full((1, 1), 255, np.uint8), number))[0, 0, ::-1]
        picture = Preview(name, (0.0, 50.0)).draw(left, disparity)
        assert (picture == color).all(axis=2).sum() >= 200 * 200


def test_what_cannot_be_is_refused() -> None:
    for make, message in (
        (lambda: Outputs(("tiff",)), "formats are 'tiff'"),
        (lambda: Preview("jet"), "'jet', expected one of turbo"),
        (lambda: Preview("turbo", (3.0, 1.0)), "range is 3 … 1 px"),
        (lambda: Cloud(min_confidence=50), "confidence is 50"),
        (lambda: Cloud(min_depth=5, max_depth=2), "from 5 to 2 m"),
        (lambda: Cloud(min_depth=-1), "from -1 to inf m"),
        (lambda: Cloud(min_depth=float("nan")), "from nan to inf m"),
        (lambda: Cloud(max_jump=-1), "jump of flying points is -1"),
    ):
        with pytest.raises(ConfigError, match=message):
            make()
