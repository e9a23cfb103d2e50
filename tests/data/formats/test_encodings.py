"""Encodings of single data sets: values worked out by hand, and what is said of files that are not so encoded."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from helpers.folder_sets import make_png16
from PIL import Image as PillowImage

from stereo.data.families.fsd import LAYOUT as FSD
from stereo.data.families.sintel import LAYOUT as SINTEL
from stereo.data.families.vkitti2 import LAYOUT as VKITTI2
from stereo.data.formats import encodings, write_image
from stereo.data.formats.encodings import (
    from_depth,
    known,
    read_above_zero,
    read_color_code,
    read_exr,
    read_float_tiff,
    read_hdf5,
    read_whole_numbers,
)
from stereo.errors import FormatError

NAN, INF = np.nan, np.inf


def colors(path: Path, *pixels: tuple[int, int, int]) -> Path:
    write_image(path, np.array([pixels], np.uint8))
    return path


def test_known_is_finite_and_above_zero() -> None:
    disparity, valid = known(np.array([[1.5, 0, -2, NAN, INF, 1e300]]))
    np.testing.assert_array_equal(disparity, [[1.5, 0, 0, 0, 0, 0]])
    np.testing.assert_array_equal(valid, [[True, False, False, False, False, False]])
    assert disparity.dtype == np.float32


def test_disparity_of_depth() -> None:
    # 320 px · 0.25 m = 80 px·m.
    disparity, valid = from_depth(np.array([[2.0, 160.0, 0.0, -1.0, NAN, INF]]), 320.0, 0.25)
    np.testing.assert_array_equal(disparity, [[40, 0.5, 0, 0, 0, 0]])
    np.testing.assert_array_equal(valid, [[True, True, False, False, False, False]])


def test_color_codes(tmp_path: Path) -> None:
    # 4 · 2 + 32 / 64 + 64 / 16384 px; nothing; the largest.
    path = colors(tmp_path / "a.png", (2, 32, 64), (0, 0, 0), (255, 255, 255))
    disparity, valid = SINTEL.read_truth(path)
    np.testing.assert_array_equal(disparity[0], np.array([8.50390625, 0, 1023.99993896484375], np.float32))
    np.testing.assert_array_equal(valid, [[True, False, True]])
    # (65025 + 2 · 255 + 7) / 1000 px.
    disparity, _ = FSD.read_truth(colors(tmp_path / "b.png", (1, 2, 7)))
    np.testing.assert_allclose(disparity, [[65.542]], rtol=1e-7)


def test_depth_in_centimeters(tmp_path: Path) -> None:
    make_png16(tmp_path / "a.png", np.array([[1000, 65534, 65535, 0]]))
    disparity, valid = VKITTI2.read_truth(tmp_path / "a.png")
    # 725.0087 px · 0.532725 m = 386.2303 px·m, at 10 m and at 655.34 m.
    np.testing.assert_allclose(disparity, [[38.62303, 0.589358, 0, 0]], rtol=1e-6)
    np.testing.assert_array_equal(valid, [[True, True, False, False]])


def test_zero_is_unknown_in_float_files_too(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([[3.5, 0.0, INF]], np.float64))
    disparity, valid = read_above_zero(tmp_path / "a.npy")
    np.testing.assert_array_equal(disparity, [[3.5, 0, 0]])
    np.testing.assert_array_equal(valid, [[True, False, False]])


def test_float_tiff(tmp_path: Path) -> None:
    PillowImage.fromarray(np.array([[16.25, 0.0], [85.5, 1.0]], np.float32)).save(tmp_path / "a.tiff")
    disparity, valid = read_float_tiff(tmp_path / "a.tiff")
    np.testing.assert_array_equal(disparity, [[16.25, 0], [85.5, 1]])
    np.testing.assert_array_equal(valid, [[True, False], [True, True]])


def test_hdf5_takes_every_second_value_as_it_is(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.dsp5", "w") as file:
        file["disparity"] = np.array([[10, 99, 20, 99], [99] * 4, [0, 99, NAN, 99], [99] * 4], np.float32)
        file["names"] = np.zeros((2, 2), int)
    disparity, valid = read_hdf5(tmp_path / "a.dsp5", "disparity", step=2)
    np.testing.assert_array_equal(disparity, [[10, 20], [0, 0]])
    np.testing.assert_array_equal(valid, [[True, True], [False, False]])
    for key, message in (("depth", "with an array 'depth'"), ("names", "expected a float map")):
        with pytest.raises(FormatError, match=message):
            read_hdf5(tmp_path / "a.dsp5", key)


def test_hdf5_is_read_from_its_own_file_alone(tmp_path: Path) -> None:
    """It may point to any other, whose bytes would pass for disparities; and items may be of any length."""
    h5py = pytest.importorskip("h5py")
    (tmp_path / "secret").write_bytes(bytes(range(32)))
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["map"] = np.ones((2, 2), np.float32)
    layout = h5py.VirtualLayout((2, 2), np.float32)
    layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "map", (2, 2))
    with h5py.File(tmp_path / "a.dsp5", "w") as file:
        file["linked"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "map")
        file.create_dataset("outside", (2, 2), np.float32, external=[(str(tmp_path / "secret"), 0, 32)])
        file.create_virtual_dataset("virtual", layout)
        file.create_dataset("long", (1000, 1000), "S100000", chunks=(1, 1))
    for key in ("linked", "outside", "virtual", "long"):
        with pytest.raises(FormatError, match=f"no HDF5 file with an array '{key}'|expected a float map"):
            read_hdf5(tmp_path / "a.dsp5", key)


@pytest.mark.parametrize("names", ["Y", "RGB"])
def test_exr_of_one_channel_and_of_three(tmp_path: Path, names: str) -> None:
    openexr = pytest.importorskip("OpenEXR")
    values = np.array([[7.5, 0.0, 30.0]], np.float32)
    openexr.File({}, {name: values + 100 * index for index, name in enumerate(names)}).write(str(tmp_path / "a.exr"))
    disparity, valid = read_exr(tmp_path / "a.exr")
    np.testing.assert_array_equal(disparity, values)
    np.testing.assert_array_equal(valid, [[True, False, True]])


def test_an_exr_of_many_channels_is_refused_before_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    openexr = pytest.importorskip("OpenEXR")
    channels = {f"c{number}": np.ones((4, 5), np.float32) for number in range(8)}
    openexr.File({}, channels).write(str(tmp_path / "a.exr"))
    monkeypatch.setattr(encodings, "_MAX_PIXELS", 8 * 4 * 5)
    assert read_exr(tmp_path / "a.exr")[1].all()
    monkeypatch.setattr(encodings, "_MAX_PIXELS", 8 * 4 * 5 - 1)
    with pytest.raises(FormatError, match="has no channel of floats"):
        read_exr(tmp_path / "a.exr")


READERS: dict[str, Callable[[Path], Any]] = {
    "whole numbers": read_whole_numbers,
    "colors": lambda path: read_color_code(path, (1, 1, 1)),
    "TIFF": read_float_tiff,
    "HDF5": lambda path: read_hdf5(path, "disparity"),
    "EXR": read_exr,
}
LIBRARIES = {"HDF5": "h5py", "EXR": "OpenEXR"}


@pytest.mark.parametrize("reader", READERS)
def test_files_that_cannot_be_read(tmp_path: Path, reader: str) -> None:
    if reader in LIBRARIES:
        pytest.importorskip(LIBRARIES[reader])
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("no image at all, but some text of a few words")
    for name in ("empty", "text", "missing", "."):
        with pytest.raises(FormatError) as caught:
            READERS[reader](tmp_path / name)
        assert str(caught.value).startswith(f"{tmp_path / name}: ")
        assert "\n" not in str(caught.value)


def test_images_of_another_depth(tmp_path: Path) -> None:
    gray = np.zeros((2, 2), np.uint8)
    for path in ("gray.png", "gray.tiff"):
        assert cv2.imwrite(str(tmp_path / path), gray)
    for reader, path, message in (
        (READERS["whole numbers"], "gray.png", "expected one channel of 16 bits"),
        (READERS["colors"], "gray.png", "three channels of an 8-bit color image"),
        (read_float_tiff, "gray.tiff", r"is uint8 \[2, 2\]; expected one channel of 32-bit floats"),
    ):
        with pytest.raises(FormatError, match=message):
            reader(tmp_path / path)


@pytest.mark.parametrize(("reader", "library"), LIBRARIES.items())
def test_a_library_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: str, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(FormatError, match=rf"a: needs {library}, which is not installed; .*pip install {library}"):
        READERS[reader](tmp_path / "a")
