"""Point clouds in PLY files."""

import struct
from pathlib import Path

import numpy as np
import pytest

from stereo.data.formats import read_ply, write_ply
from stereo.errors import FormatError, OutputError

POINTS = np.array([[1, 2, 3], [-4, 5.5, 6]], np.float32)
COLORS = np.array([[255, 0, 7], [1, 2, 3]], np.uint8)
HEADER = "ply\nformat binary_little_endian 1.0\n"


def test_the_bytes_are_those_of_the_format(tmp_path: Path) -> None:
    write_ply(tmp_path / "cloud.ply", POINTS, COLORS)
    header = (
        "ply\nformat binary_little_endian 1.0\nelement vertex 2\nproperty float x\nproperty float y\nproperty float z\n"
        "property uchar red\nproperty uchar green\nproperty uchar blue\nend_header\n"
    )
    body = struct.pack("<3f3B3f3B", 1, 2, 3, 255, 0, 7, -4, 5.5, 6, 1, 2, 3)
    assert (tmp_path / "cloud.ply").read_bytes() == header.encode() + body


@pytest.mark.parametrize("colors", [None, COLORS])
@pytest.mark.parametrize("count", [0, 2])
def test_written_and_read_back(tmp_path: Path, count: int, colors: np.ndarray | None) -> None:
    colors = None if colors is None else colors[:count]
    write_ply(tmp_path / "cloud.ply", POINTS[:count], colors)
    points, back = read_ply(tmp_path / "cloud.ply")
    assert points.dtype == np.float32
    np.testing.assert_array_equal(points, POINTS[:count])
    if colors is None:
        assert back is None
    else:
        np.testing.assert_array_equal(np.asarray(back), colors)


def test_other_properties_and_faces_are_passed_over(tmp_path: Path) -> None:
    header = (
        HEADER + "comment by another program\nelement vertex 1\nproperty double x\nproperty float confidence\n"
        "property double y\nproperty double z\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n"
    )
    body = struct.pack("<dfddB3i", 1, 0.5, 2, 3, 3, 0, 0, 0)
    (tmp_path / "mesh.ply").write_bytes(header.encode() + body)
    points, colors = read_ply(tmp_path / "mesh.ply")
    np.testing.assert_array_equal(points, [[1, 2, 3]])
    assert colors is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("ply\n", "does not begin with the header of a PLY file"),
        ("ply\nformat ascii 1.0\nelement vertex 0\nend_header\n", "is not a binary little-endian PLY file"),
        (HEADER + "element vertex -1\nend_header\n", "'element vertex -1' in the header"),
        (HEADER + "element vertex 1\nproperty list uchar int x\nend_header\n", "'property list uchar int x'"),
        (HEADER + "element vertex 1\nproperty float x\nproperty float x\nend_header\n", "each name once"),
        (HEADER + "element vertex 1\nproperty float x\nend_header\n1234", "names no points with x, y and z"),
        (
            HEADER
            + "element vertex 999999999999\nproperty float x\nproperty float y\nproperty float z\nend_header\n12",
            "999999999999 points, which take 11999999999988 bytes, but 2 bytes follow it; the file is truncated",
        ),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "broken.ply"
    path.write_text(content)
    with pytest.raises(FormatError, match=message) as caught:
        read_ply(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_nothing_is_left_where_it_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        write_ply(tmp_path / "missing" / "cloud.ply", POINTS)
    with pytest.raises(ValueError, match="colors are uint8"):
        write_ply(tmp_path / "cloud.ply", POINTS, COLORS[:1])
    assert list(tmp_path.iterdir()) == []
