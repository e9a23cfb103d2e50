"""BMP and TIFF, NPZ and whole numbers in NPY, EXIF orientation: read as their twins in PNG and PFM are."""

import contextlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from stereo.data.formats import read_disparity, read_image
from stereo.errors import FormatError

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (7, 11, 3), dtype=np.uint8)
DISPARITY = (RNG.integers(1, 65536, (7, 11)) / 256).astype(np.float32)


def saved(path: Path, pixels: np.ndarray, **options: Any) -> Path:
    Pillow.fromarray(pixels).save(path, **options)
    return path


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".bmp", {}),
        (".tif", {}),
        (".TIFF", {"compression": "tiff_lzw"}),
        (".tif", {"compression": "tiff_adobe_deflate"}),
        (".tif", {"compression": "packbits"}),
    ],
)
def test_bmp_and_tiff_are_read_exactly(tmp_path: Path, suffix: str, options: dict[str, str]) -> None:
    path = saved(tmp_path / f"image{suffix}", RGB, **options)
    np.testing.assert_array_equal(read_image(path), RGB)
    gray = saved(tmp_path / f"gray{suffix}", RGB[..., 0], **options)
    np.testing.assert_array_equal(read_image(gray), np.repeat(RGB[..., :1], 3, axis=2))


@pytest.mark.parametrize("pixels", [RGB[..., 0], RGB])
def test_tiff_of_16_bits(tmp_path: Path, pixels: np.ndarray) -> None:
    cv2.imwrite(str(tmp_path / "deep.tif"), pixels.astype(np.uint16)[..., ::-1] * 257)
    expected = pixels if pixels.ndim == 3 else np.repeat(pixels[:, ::-1, None], 3, axis=2)
    np.testing.assert_array_equal(read_image(tmp_path / "deep.tif"), expected)


@pytest.mark.parametrize("suffix", [".bmp", ".tif"])
def test_broken_bmp_and_tiff(tmp_path: Path, suffix: str) -> None:
    data = saved(tmp_path / f"image{suffix}", RGB).read_bytes()
    path = tmp_path / f"broken{suffix}"
    for length in (3, 12, 40, len(data) // 2, len(data) - 30):
        path.write_bytes(data[:length])
        with pytest.raises(FormatError, match=f"^{path}: ") as caught:
            read_image(path)
        assert "\n" not in str(caught.value)
    huge = bytearray(data)
    if suffix == ".bmp":
        huge[18:26] = (60000).to_bytes(4, "little") * 2
        path.write_bytes(huge)
        with pytest.raises(FormatError, match="60000×60000"):
            read_image(path)


@pytest.mark.parametrize("suffix", [".bmp", ".tif"])
def test_a_mutated_file_is_read_or_is_a_format_error(tmp_path: Path, suffix: str) -> None:
    data = saved(tmp_path / f"image{suffix}", RGB).read_bytes()
    path, rng = tmp_path / f"mutated{suffix}", np.random.default_rng(1)
    for _ in range(150):
        changed = bytearray(data)
        for _ in range(rng.integers(1, 4)):
            changed[rng.integers(0, len(data))] = rng.integers(0, 256)
        path.write_bytes(changed)
        with contextlib.suppress(FormatError):  # and no other error, nor a crash
            assert read_image(path).dtype == np.uint8


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_disparity_in_a_tiff_of_floats(tmp_path: Path, kind: type) -> None:
    stored: np.ndarray = DISPARITY.astype(kind)
    stored[0, 0] = np.nan
    cv2.imwrite(str(tmp_path / "map.tif"), stored)
    disparity, valid = read_disparity(tmp_path / "map.tif")
    assert not valid[0, 0]
    np.testing.assert_array_equal(disparity[valid], DISPARITY[valid])


def test_disparity_of_whole_numbers_in_tiff_and_bmp(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "map.tiff"), (DISPARITY * 256).astype(np.uint16))
    np.testing.assert_array_equal(read_disparity(tmp_path / "map.tiff")[0], DISPARITY)
    cv2.imwrite(str(tmp_path / "map.bmp"), RGB[..., 0])
    np.testing.assert_array_equal(read_disparity(tmp_path / "map.bmp", 4)[0], RGB[..., 0] / np.float32(4))
    with pytest.raises(FormatError, match="8-bit disparity map"):
        read_disparity(tmp_path / "map.bmp")


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32, np.int64])
def test_whole_numbers_in_npy_take_a_scale(tmp_path: Path, kind: type) -> None:
    stored: np.ndarray = np.array([[0, 8, 100], [4, 1, 2]], kind)
    np.save(tmp_path / "map.npy", stored)
    disparity, valid = read_disparity(tmp_path / "map.npy", scale=8)
    assert disparity.tolist() == [[0, 1, 12.5], [0.5, 0.125, 0.25]]
    assert valid.tolist() == [[False, True, True], [True, True, True]]
    with pytest.raises(FormatError, match=r"map\.npy: holds whole numbers \(.*column `scale`"):
        read_disparity(tmp_path / "map.npy")


@pytest.mark.parametrize("arrays", [{"any": DISPARITY}, {"disparity": DISPARITY, "K": np.eye(3)}, {"arr_0": DISPARITY}])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz(tmp_path: Path, arrays: dict[str, np.ndarray], save: Any) -> None:
    save(tmp_path / "map.npz", **arrays)
    np.testing.assert_array_equal(read_disparity(tmp_path / "map.npz")[0], DISPARITY)


def test_npz_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "map.npz"
    np.savez(path, left=DISPARITY, right=DISPARITY)
    with pytest.raises(FormatError, match=r"map\.npz: holds left, right; expected one array"):
        read_disparity(path)
    np.savez_compressed(path, DISPARITY)
    data = path.read_bytes()
    for broken in (data[:-30], data[:60] + b"xxxx" + data[64:]):
        path.write_bytes(broken)
        with pytest.raises(FormatError, match=r"^.*map\.npz: .*damaged"):
            read_disparity(path)
    np.savez(path, np.array([{}], dtype=object))
    with pytest.raises(FormatError, match=r"map\.npz: holds object"):
        read_disparity(path)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_exif_orientation_is_applied_where_asked_for(tmp_path: Path, orientation: int) -> None:
    flat = np.zeros((32, 48, 3), np.uint8)
    flat[:16, :16] = 255
    exif = Pillow.Exif()
    exif[274] = orientation
    saved(tmp_path / "image.jpg", flat, exif=exif, quality=95)
    stored, upright = read_image(tmp_path / "image.jpg"), read_image(tmp_path / "image.jpg", upright=True)
    turned = np.rot90(flat, {1: 0, 3: 2, 6: 3, 8: 1}[orientation])
    assert stored.shape == (32, 48, 3)
    assert upright.shape == turned.shape
    assert np.abs(upright.astype(int) - turned).mean() < 3
