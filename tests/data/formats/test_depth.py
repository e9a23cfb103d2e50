"""Depth maps in PNG and NPY files."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from stereo.data.formats import read_depth_png16, write_depth_npy, write_depth_png16, write_image
from stereo.errors import FormatError, OutputError

DEPTH = np.array([[1.2344, 0.0001, 65.535], [70, np.inf, np.nan]], np.float32)


def test_png_holds_millimeters_and_says_how_many_were_clipped(tmp_path: Path) -> None:
    assert write_depth_png16(tmp_path / "depth.png", DEPTH) == 1
    stored = cv2.imread(str(tmp_path / "depth.png"), cv2.IMREAD_UNCHANGED)
    assert stored is not None
    assert stored.dtype == np.uint16
    np.testing.assert_array_equal(stored, [[1234, 1, 65535], [65535, 0, 0]])
    expected = np.array([[1.234, 0.001, 65.535], [65.535, np.nan, np.nan]])
    np.testing.assert_allclose(read_depth_png16(tmp_path / "depth.png"), expected, rtol=1e-6)


def test_npy_holds_meters_as_they_are(tmp_path: Path) -> None:
    write_depth_npy(tmp_path / "depth.npy", DEPTH)
    stored = np.load(tmp_path / "depth.npy")
    assert stored.dtype == np.float32
    np.testing.assert_array_equal(stored, DEPTH)
    with pytest.raises(OutputError, match="cannot be written"):
        write_depth_npy(tmp_path / "missing" / "depth.npy", DEPTH)


def test_a_color_image_is_no_depth_map(tmp_path: Path) -> None:
    write_image(tmp_path / "photo.png", np.zeros((2, 3, 3), np.uint8))
    with pytest.raises(FormatError, match=r"photo.png: is uint8 \[2, 3, 3\]; expected a depth map, 16 bit"):
        read_depth_png16(tmp_path / "photo.png")
