"""stereo.data.formats: round trips are exact, and a broken file is a FormatError that begins with its path."""

import io
import os
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stereo.data.families.packed import PackedDataset
from stereo.data.families.pair_list import PairList
from stereo.data.formats import (
    containers,
    images,
    read_disparity,
    read_image,
    read_mask,
    read_pfm,
    write_disparity_png16,
    write_image,
    write_pfm,
)
from stereo.data.formats.calibration import read_calibration, read_kitti_calibration
from stereo.data.sample_lists import read_names
from stereo.errors import DataError, FormatError, OutputError

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (7, 11, 3), dtype=np.uint8)
DISPARITY = (RNG.integers(1, 65536, (7, 11)) / 256).astype(np.float32)


def encode(suffix: str, pixels: np.ndarray) -> bytes:
    done, data = cv2.imencode(suffix, pixels)
    assert done
    return data.tobytes()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, body: bytes, depth: int = 8, color: int = 0) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")


def check_error(path: Path, read: Callable[[Path], Any], *words: str) -> None:
    with pytest.raises(FormatError) as caught:
        read(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    for word in words:
        assert word in message


# ---------------------------------------------------------------------------------------------------------- images


@pytest.mark.parametrize("suffix", [".png", ".ppm", ".webp", ".PNG"])
def test_image_round_trip_is_exact(tmp_path: Path, suffix: str) -> None:
    write_image(tmp_path / f"image{suffix}", RGB)
    np.testing.assert_array_equal(read_image(tmp_path / f"image{suffix}"), RGB)


def test_jpeg_keeps_channel_order(tmp_path: Path) -> None:
    flat = np.full((32, 32, 3), (200, 100, 20), np.uint8)
    write_image(tmp_path / "image.jpg", flat)
    assert np.abs(read_image(tmp_path / "image.jpg").astype(int) - flat).max() <= 3


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".pgm"])
def test_gray_becomes_three_equal_channels(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"gray{suffix}"
    path.write_bytes(encode(suffix, np.full((8, 9), 77, np.uint8)))
    image = read_image(path)
    assert image.shape == (8, 9, 3)
    assert (image == 77).all()


def test_alpha_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "alpha.png"
    path.write_bytes(encode(".png", np.dstack([RGB[:, :, ::-1], np.zeros((7, 11), np.uint8)])))
    np.testing.assert_array_equal(read_image(path), RGB)


@pytest.mark.parametrize("suffix", [".png", ".ppm"])
def test_16_bit_image_is_divided_by_257(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"deep{suffix}"
    path.write_bytes(encode(suffix, RGB[:, :, ::-1].astype(np.uint16) * 257))
    np.testing.assert_array_equal(read_image(path), RGB)


@pytest.mark.parametrize(
    ("largest", "words"),
    [
        (4095, "largest value is 4095 of 65535, which leaves about 16 of 256 gray levels; if these are 12 bits"),
        (1000, "about 4 of 256 gray levels; if these are 10 bits in a 16-bit file, multiply the values of both"),
        (8191, "if these are 14 bits"),
        (8192, None),
        (0, None),
    ],
)
def test_few_bits_in_a_16_bit_file_are_no_longer_silent(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    largest: int,
    words: str | None,
) -> None:
    monkeypatch.setattr(images, "_warned", False)
    for name in ("left.png", "right.png"):
        (tmp_path / name).write_bytes(encode(".png", np.array([[0, largest // 2, largest]], np.uint16)))
        assert read_image(tmp_path / name).max() == round(largest / 257)
    if words is None:
        assert caplog.messages == []
    else:
        (message,) = caplog.messages  # one line, for the first of the two
        assert message.startswith(f"{tmp_path / 'left.png'}: ")
        assert words in message
    (tmp_path / "deep.pgm").write_bytes(b"P5 1 1 4095\n\x01\x00")  # whose header says its depth
    monkeypatch.setattr(images, "_warned", False)
    caplog.clear()
    assert read_image(tmp_path / "deep.pgm")[0, 0, 0] == 16
    assert caplog.messages == []


def test_pnm_as_text_with_comments_and_another_depth(tmp_path: Path) -> None:
    path = tmp_path / "text.pgm"
    path.write_bytes(b"P2\n# a comment\n3 1\n# another\n15\n0 15 5\n")
    assert read_image(path)[0, :, 0].tolist() == [0, 255, 85]
    assert read_mask(path).tolist() == [[0, 15, 5]]
    path.write_bytes(b"P3 1 1 255 1 2 3")
    assert read_image(path).tolist() == [[[1, 2, 3]]]
    path.write_bytes(b"P3 1 1 255 1 2 red")
    check_error(path, read_image)


def test_type_is_known_by_content_not_by_suffix(tmp_path: Path) -> None:
    path = tmp_path / "jpeg.png"
    path.write_bytes(encode(".jpg", RGB))
    assert read_image(path).shape == RGB.shape


def test_mask_values_are_kept(tmp_path: Path) -> None:
    mask = np.array([[0, 128, 255]], np.uint8)
    (tmp_path / "mask.png").write_bytes(encode(".png", mask))
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.png"), mask)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".ppm"])
def test_every_truncation_of_an_image_is_found(tmp_path: Path, suffix: str) -> None:
    data = encode(suffix, np.repeat(np.repeat(RGB, 4, axis=0), 4, axis=1))
    path = tmp_path / f"cut{suffix}"
    for length in {1, 2, 4, 9, 14, 20, 29, 40, *range(41, len(data), 97), len(data) - 1}:
        path.write_bytes(data[:length])
        check_error(path, read_image)


def test_damaged_png_is_found_by_its_checksum(tmp_path: Path) -> None:
    data = bytearray(encode(".png", RGB))
    data[60] ^= 1
    path = tmp_path / "damaged.png"
    path.write_bytes(data)
    check_error(path, read_image, "checksum")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("png", png(2_000_000_000, 2_000_000_000, b"\0")),
        ("png", png(9000, 9000, b"\0\0")),  # below the limit of pixels, but more than deflate can hold
        ("png", png(0, 5, b"\0")),
        ("png", png(4, 4, b"\0\0\0\0\0")),  # fewer rows than the header says
        ("webp", b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8L" + struct.pack("<I", 10) + b"\x2f" + b"\xff" * 9),
        ("jpg", b"\xff\xd8\xff\xc0\0\x0b\x08\xff\xff\xff\xff\x01\x01\x11\0\xff\xda\0\x02\xff\xd9"),
        ("ppm", b"P6 999999999 999999999 255\n1234"),
        ("pgm", b"P5 0 0 255\n"),
        ("ppm", b"P6 9 9 70000\n"),
    ],
)
def test_a_header_that_the_file_cannot_hold_is_refused_before_decoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, data: bytes
) -> None:
    path = tmp_path / f"huge.{name}"
    path.write_bytes(data)
    decoded: list[int] = []
    decode = containers._decode
    monkeypatch.setattr(containers, "_decode", lambda data, how: (decoded.append(len(data)), decode(data, how))[1])  # type: ignore[func-returns-value]
    check_error(path, read_image)
    assert not decoded or b"IHDR" + struct.pack(">II", 4, 4) in data


# --------------------------------------------------------------------------------------------------- any kind of file

READERS: dict[str, Callable[[Path], Any]] = {
    "image": read_image,
    "mask": read_mask,
    "pfm": read_pfm,
    "disparity": read_disparity,
    "calibration": read_calibration,
    "kitti_calibration": lambda path: read_kitti_calibration(path, "P2", "P3"),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("content", [None, "folder", b"", b"\0" * 4000, b"hello, this is no image\n", b"\xff\xd8\xff"])
def test_what_is_no_such_file_at_all(tmp_path: Path, reader: str, content: bytes | str | None) -> None:
    path = tmp_path / "file.png"
    if content == "folder":
        path.mkdir()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    check_error(path, READERS[reader])


@pytest.mark.parametrize("reader", READERS)
def test_path_that_the_system_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: str) -> None:
    check_error(tmp_path / ("x" * 5000), READERS[reader])
    check_error(tmp_path / "file.png" / "inside", READERS[reader])
    with pytest.raises(FormatError):
        READERS[reader](Path("nul\0character"))
    path = tmp_path / "locked.png"
    path.write_bytes(b"Pf 1 1 -1\n1234")

    def refuse(path: Path, how: int) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    check_error(path, READERS[reader], "Permission denied")


# ------------------------------------------------------------------------------------------------------- disparity


def test_pfm_round_trip_is_exact(tmp_path: Path) -> None:
    values = DISPARITY.copy()
    values[0, :4] = [np.inf, -np.inf, np.nan, -3.25]
    write_pfm(tmp_path / "map.pfm", values)
    np.testing.assert_array_equal(read_pfm(tmp_path / "map.pfm"), values)


@pytest.mark.parametrize(
    ("header", "dtype"),
    [
        (b"Pf\n3 2\n-1.0\n", "<f4"),
        (b"Pf \n3 2 \n-1.0\n", "<f4"),  # Scene Flow
        (b"Pf\n3 2\n-0.003922\n", "<f4"),  # Middlebury
        (b"Pf\r\n3 2\r\n1\r\n", ">f4"),
        (b"Pf\n3\n2\n2.5e1 \n", ">f4"),
    ],
)
def test_pfm_headers_byte_orders_and_row_order(tmp_path: Path, header: bytes, dtype: str) -> None:
    # The first value begins with the byte of a line feed, which must not be taken for part of the header.
    first = np.frombuffer(b"\n\n\n\n", dtype)[0]
    values = np.array([[1, 2, 3], [first, 5, 6]], np.float32)
    path = tmp_path / "map.pfm"
    path.write_bytes(header + values[::-1].astype(dtype).tobytes())
    np.testing.assert_array_equal(read_pfm(path), values)


def test_what_is_read_may_be_changed_in_place(tmp_path: Path) -> None:
    for rows in (DISPARITY, DISPARITY[:1]):
        write_pfm(tmp_path / "map.pfm", rows)
        np.save(tmp_path / "map.npy", np.asfortranarray(rows))
        write_image(tmp_path / "image.ppm", RGB[:1])
        for array in (
            read_pfm(tmp_path / "map.pfm"),
            *read_disparity(tmp_path / "map.npy"),
            read_image(tmp_path / "image.ppm"),
            read_mask(tmp_path / "image.ppm"),
        ):
            assert array.flags.writeable
            assert array.flags.c_contiguous


@pytest.mark.parametrize(
    "data",
    [
        b"Pf\n3 2\n-1.0\n" + b"\0" * 23,
        b"Pf\n3 2\n-1.0\n" + b"\0" * 25,
        b"Pf\n3 2\n-1.0\n",
        b"Pf\n3 2\n-1.0",
        b"Pf\n3 2\n0\n" + b"\0" * 24,
        b"Pf\n3 2\nnan\n" + b"\0" * 24,
        b"Pf\n3 2\nabc\n" + b"\0" * 24,
        b"Pf\n0 2\n-1\n",
        b"Pf\n-3 -2\n-1\n" + b"\0" * 24,
        b"Pf\n999999999 999999999\n-1\n" + b"\0" * 24,
        b"Pf\n99999999999999999999999 2\n-1\n" + b"\0" * 24,
    ],
)
def test_broken_pfm(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "map.pfm"
    path.write_bytes(data)
    check_error(path, read_pfm)


def test_pfm_of_three_channels_is_no_disparity(tmp_path: Path) -> None:
    path = tmp_path / "flow.pfm"
    path.write_bytes(b"PF\n1 1\n-1\n" + b"\0" * 12)
    check_error(path, read_pfm, "three channels")


def test_float_encodings_mark_what_is_not_finite_as_unknown(tmp_path: Path) -> None:
    stored = np.array([[np.inf, -np.inf, np.nan], [-2.5, 0, 7.25]], np.float32)
    write_pfm(tmp_path / "map.pfm", stored)
    np.save(tmp_path / "map.npy", stored)
    for disparity, valid in (
        read_disparity(tmp_path / "map.pfm"),
        read_disparity(tmp_path / "map.npy"),
    ):
        assert disparity.dtype == np.float32
        assert disparity.tolist() == [[0, 0, 0], [-2.5, 0, 7.25]]
        assert valid.tolist() == [[False] * 3, [True] * 3]


def test_png16_round_trip_is_exact(tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    valid = RNG.random(DISPARITY.shape) < 0.7
    write_disparity_png16(path, DISPARITY, valid)
    disparity, known = read_disparity(path)
    assert disparity.dtype == np.float32
    np.testing.assert_array_equal(known, valid)
    np.testing.assert_array_equal(disparity, np.where(valid, DISPARITY, 0))
    write_disparity_png16(path, DISPARITY)
    assert read_disparity(path)[1].all()


def test_png16_rounds_and_keeps_known_pixels_known(tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    write_disparity_png16(path, np.array([[0.0, 0.001, 1.0019, 255.998, np.nan, np.inf]], np.float32))
    disparity, valid = read_disparity(path)
    assert (disparity * 256).tolist() == [[1, 1, 256, 65535, 0, 0]]
    assert valid.tolist() == [[True, True, True, True, False, False]]


@pytest.mark.parametrize("value", [256.0, 1e30, -0.5])
def test_png16_refuses_what_it_cannot_hold(tmp_path: Path, value: float) -> None:
    path = tmp_path / "map.png"
    disparity = np.array([[1, value]], np.float32)
    with pytest.raises(OutputError, match="does not fit"):
        write_disparity_png16(path, disparity)
    assert not any(tmp_path.iterdir())
    write_disparity_png16(path, disparity, np.array([[True, False]]))
    assert read_disparity(path)[0].tolist() == [[1, 0]]


@pytest.mark.parametrize("suffix", [".png", ".pgm"])
def test_8_bit_disparity_needs_a_scale(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"map{suffix}"
    path.write_bytes(encode(suffix, np.array([[0, 3, 255]], np.uint8)))
    check_error(path, read_disparity, "scale")
    disparity, valid = read_disparity(path, scale=3)
    assert disparity.tolist() == [[0, 1, 85]]
    assert valid.tolist() == [[False, True, True]]
    for scale in (0, -1, float("nan"), float("inf")):
        check_error(path, partial(read_disparity, scale=scale), "scale")


def test_images_are_no_disparity(tmp_path: Path) -> None:
    write_image(tmp_path / "image.png", RGB)
    check_error(tmp_path / "image.png", read_disparity, "color")
    (tmp_path / "map.exr").write_bytes(b"x")
    check_error(tmp_path / "map.exr", read_disparity, ".pfm")


def test_npy_of_any_float_and_order(tmp_path: Path) -> None:
    values = DISPARITY.astype(np.float64)
    for array in (values, np.asfortranarray(values), values.astype(">f4"), values.astype(np.float32)):
        np.save(tmp_path / "map.npy", array)
        np.testing.assert_array_equal(read_disparity(tmp_path / "map.npy")[0], DISPARITY)
    np.save(tmp_path / "map.npy", np.array([[1e300, 1]]))
    disparity, valid = read_disparity(tmp_path / "map.npy")
    assert disparity.tolist() == [[0, 1]]
    assert valid.tolist() == [[False, True]]


@pytest.mark.parametrize(
    "array", [np.ones((2, 2), bool), np.ones(4), np.ones((1, 2, 2)), np.ones((0, 4)), np.array([[None]])]
)
def test_npy_of_another_kind(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "map.npy", array, allow_pickle=True)
    check_error(tmp_path / "map.npy", read_disparity, "expected an array [H, W]")


def test_npy_whose_header_promises_too_much(tmp_path: Path) -> None:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f4", "fortran_order": False, "shape": (10**9, 10**9)})
    path = tmp_path / "map.npy"
    path.write_bytes(stream.getvalue() + b"\0" * 64)
    check_error(path, read_disparity, "truncated")
    path.write_bytes(stream.getvalue().replace(b"(1000000000, 1000000000)", b"(-4, -4)                "))
    check_error(path, read_disparity)


# -------------------------------------------------------------------------------------------------------- mutation


def original(kind: str) -> bytes:
    small = DISPARITY[:4, :5]
    stream = io.BytesIO()
    np.save(stream, small)
    return {
        "map.pfm": b"Pf \n5 4 \n-1.0\n" + small.tobytes(),
        "map.npy": stream.getvalue(),
        "map.png": encode(".png", (small * 256).astype(np.uint16)),
        "image.png": encode(".png", RGB),
        "image.jpg": encode(".jpg", RGB),
        "image.webp": encode(".webp", RGB),
        "image.ppm": encode(".ppm", RGB),
        "calib.txt": b"cam0=[900 0 30; 0 900 20; 0 0 1]\nbaseline=100\ndoffs=3\n",
        "kitti.txt": b"P2: 9e2 0 30 0 0 9e2 20 0 0 0 1 0\nP3: 9e2 0 33 -480 0 9e2 20 0 0 0 1 0\n",
        "pairs.csv": b'left,right,disparity,scale\na.png,b.png,d.png,4\n"a.png", b.png,,\n',
        "names.txt": b"# two of them\nTRAIN/A/0000/left/0006.png\nFlyingThings3D/TRAIN/A/0000/0007\n",
        "index.json": b'{"version": 1, "samples": [{"name": "a", "height": 2, "width": 3, "shard": 0, '
        b'"offsets": {"left": 0, "right": 64, "disparity": 128}, "calibration": {"focal_length": 9, "baseline": 1}}]}',
    }[kind]


def with_right_checksums(data: bytearray) -> bytearray:
    data = data[:]
    position = 8
    while position + 12 <= len(data):
        end = position + 12 + struct.unpack_from(">I", data, position)[0]
        if end > len(data):
            break
        struct.pack_into(">I", data, end - 4, zlib.crc32(data[position + 4 : end - 4]))
        position = end
    return data


def read(kind: str, path: Path) -> None:
    """Read a file as what its name says, and look at what came of it."""
    if kind.startswith("map"):
        disparity, valid = read_disparity(path, scale=256)
        assert disparity.shape == valid.shape
        assert np.isfinite(disparity).all()
        assert (disparity[~valid] == 0).all()
    elif kind.startswith("image"):
        image = read_image(path)
        assert image.dtype == np.uint8
        assert image.shape[2] == 3
    elif kind == "calib.txt":
        assert read_calibration(path).focal_length > 0
    elif kind == "kitti.txt":
        assert read_kitti_calibration(path, "P2", "P3").baseline > 0
    elif kind == "names.txt":
        assert all(read_names(path))
    elif kind == "pairs.csv":
        for name in ("a.png", "b.png"):
            write_image(path.parent / name, RGB)
        write_image(path.parent / "d.png", RGB)
        assert all(pair.problem or pair.left.is_file() for pair in PairList(path).pairs)
    else:
        (path.parent / "shard_0000.bin").write_bytes(bytes(range(256)))
        dataset = PackedDataset(path.parent)
        for index in range(len(dataset)):
            assert dataset[index].left.ndim == 3


@pytest.mark.parametrize(
    "kind",
    [
        "map.pfm",
        "map.npy",
        "map.png",
        "image.png",
        "image.jpg",
        "image.webp",
        "image.ppm",
        "calib.txt",
        "kitti.txt",
        "pairs.csv",
        "names.txt",
        "index.json",
    ],
)
@settings(
    max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_mutated_file_is_read_or_is_a_format_error(tmp_path: Path, kind: str, data: st.DataObject) -> None:
    content = bytearray(original(kind))
    places = st.integers(0, len(content) - 1)
    # Most of what can go wrong lies in the header.
    places = st.one_of(places, st.integers(0, min(len(content) - 1, 60)))
    for position, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=4)):
        content[position] = value
    if data.draw(st.booleans()):
        content = content[: data.draw(places)]
    if kind.endswith(".png") and data.draw(st.booleans()):
        content = with_right_checksums(content)  # so that more than the checksum is tried
    path = tmp_path / kind
    path.write_bytes(content)
    message = ""
    tracemalloc.start()
    try:
        read(kind, path)
    except DataError as error:
        message = str(error)
    finally:
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert most < 16e6 + 4000 * len(content)
    # Where several files are read together it is one of the others that does not fit.
    assert not message or message.startswith(str(path.parent if kind in ("index.json", "pairs.csv") else path))


# --------------------------------------------------------------------------------------------------------- writing

WRITERS: dict[str, Callable[[Path], None]] = {
    "image.png": lambda path: write_image(path, RGB),
    "map.pfm": lambda path: write_pfm(path, DISPARITY),
    "map.png": lambda path: write_disparity_png16(path, DISPARITY),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OutputError, match="No space left") as caught:
        WRITERS[name](path)
    assert str(caught.value).startswith(str(path))
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("name", WRITERS)
def test_a_place_that_cannot_be_written_to(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / name, tmp_path / "missing" / name, tmp_path / "file" / name):
        with pytest.raises(OutputError) as caught:
            WRITERS[name](path)
        assert str(caught.value).startswith(str(path))
    with pytest.raises(OutputError, match="NUL"):
        WRITERS[name](tmp_path / f"\0{name}")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted(["file", name])


def test_written_files_have_ordinary_permissions(tmp_path: Path) -> None:
    (tmp_path / "touched").touch()
    write_pfm(tmp_path / "map.pfm", DISPARITY)
    assert (tmp_path / "map.pfm").stat().st_mode == (tmp_path / "touched").stat().st_mode


def test_writers_refuse_wrong_arrays_and_suffixes(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="suffix"):
        write_image(tmp_path / "image.gif", RGB)
    for write in (write_pfm, write_disparity_png16):
        with pytest.raises(ValueError, match="float array"):
            write(tmp_path / "map", RGB)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="RGB"):
        write_image(tmp_path / "image.png", DISPARITY)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="valid"):
        write_disparity_png16(tmp_path / "map.png", DISPARITY, np.ones((1, 1), bool))
    assert not any(tmp_path.iterdir())
