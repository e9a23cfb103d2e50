"""Files that would fill the memory, wait for ever, or look right and are not."""

import logging
import os
import struct
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.tiff import tiff_file

from stereo.data.families.pair_list import PairList
from stereo.data.formats import disparity, read_disparity, read_image, write_pfm
from stereo.data.formats.calibration import read_calibration
from stereo.data.formats.containers import MAX_FILE_BYTES
from stereo.data.formats.encodings import known
from stereo.data.sample_lists import read_names
from stereo.errors import FormatError

READERS = [read_image, read_disparity, read_calibration, read_names, PairList]


@pytest.mark.parametrize("read", READERS)
def test_what_has_no_end_is_refused_at_once(read, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    pipe = tmp_path / "pipe.pfm"
    os.mkfifo(pipe)
    (tmp_path / "zero.pfm").symlink_to("/dev/zero")
    for path in (pipe, tmp_path / "zero.pfm"):
        with pytest.raises(FormatError, match="is not an ordinary file"):
            read(path)


@pytest.mark.parametrize("read", READERS)
def test_the_size_is_looked_at_before_the_content(read, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "sparse.pfm"
    path.touch()
    os.truncate(path, 100 * 10**9)
    tracemalloc.start()
    with pytest.raises(FormatError, match=r"has 100,000,000,000 bytes; expected [\d,]+ at most"):
        read(path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1e6
    assert MAX_FILE_BYTES < 10**9


@pytest.mark.parametrize(("channels", "bytes_a_pixel"), [(1, 7), (3, 10), (4, 12)])
def test_16_bits_are_scaled_without_copies(channels: int, bytes_a_pixel: int, tmp_path: Path) -> None:
    """What was decoded, 2 bytes a value, and the result, 3 bytes a pixel; of gray also what becomes three channels."""
    pixels = np.random.default_rng(0).integers(0, 65536, (1200, 1200, channels), dtype=np.uint16)
    cv2.imwrite(str(tmp_path / "image.png"), pixels)
    size = (tmp_path / "image.png").stat().st_size
    tracemalloc.start()
    image = read_image(tmp_path / "image.png")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most - size < bytes_a_pixel * 1200**2 + 4e6
    rgb = np.repeat(pixels, 3, 2) if channels == 1 else pixels[:, :, 2::-1]
    assert np.array_equal(image, np.rint(rgb / 257).astype(np.uint8))


@pytest.mark.parametrize("name", ["map.png", "map.tiff", "map.npy", "map.npz", "text.pgm"])
def test_a_map_takes_12_bytes_a_pixel_at_most_beside_its_file(name: str, tmp_path: Path) -> None:
    path, values = tmp_path / name, np.random.default_rng(0).integers(1, 5000, (600, 600))
    match path.suffix:
        case ".npy":
            np.save(path, values)
        case ".npz":
            np.savez_compressed(path, values / 8)
        case ".pgm":
            path.write_text(f"P2\n600 600\n65535\n{' '.join(map(str, values.ravel()))}")
        case _:
            cv2.imwrite(str(path), values.astype(np.uint16))
    tracemalloc.start()
    disparity, valid = read_disparity(path, 8 if name != "map.npz" else None)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most - path.stat().st_size < 12 * 600**2 + 3e6
    assert valid.all()
    assert np.array_equal(disparity, values / 8)


@pytest.mark.parametrize("offset", [10, 11, 12])
def test_a_png_of_another_compression_filter_or_interlacing_is_damaged(offset: int, tmp_path: Path) -> None:
    """A decoder warns of it on the terminal, and gives another picture."""
    encoded = bytearray(cv2.imencode(".png", np.zeros((40, 40, 3), np.uint8))[1].tobytes())
    encoded[16 + offset] ^= 2
    encoded[29:33] = struct.pack(">I", zlib.crc32(encoded[12:29]))
    (tmp_path / "image.png").write_bytes(encoded)
    with pytest.raises(FormatError, match="header of the PNG file is damaged"):
        read_image(tmp_path / "image.png")


def test_disparities_beyond_any_image_are_unknown_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disparity, "_warned", False)
    path = tmp_path / "map.pfm"
    write_pfm(path, np.array([[1.5, 3e38, -1e9], [np.inf, np.nan, 65_536]], np.float32))
    with caplog.at_level(logging.WARNING):
        values, valid = read_disparity(path)
    assert valid.tolist() == [[True, False, False], [False, False, True]]
    assert values.tolist() == [[1.5, 0, 0], [0, 0, 65_536]]
    assert f"{path}: 2 of its values are beyond 65536 px" in caplog.text
    assert known(np.array([[3e38, 2.0]]))[1].tolist() == [[False, True]]
    cv2.imwrite(str(tmp_path / "map.png"), np.array([[0, 1, 50_000]], np.uint16))
    assert read_disparity(tmp_path / "map.png", 1e-3)[1].tolist() == [[False, True, False]]


def test_a_tiff_of_many_bits_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    """3 MB of such a file would take 6 GB, and minutes."""
    content = tiff_file([zlib.compress(bytes(32 * 10_000))], 100, 100, bits=[64] * 4, samples=[4], compression=[8])
    (tmp_path / "image.tiff").write_bytes(content)
    with pytest.raises(FormatError, match="the TIFF header says 256 bits a pixel; expected 64 at most"):
        read_image(tmp_path / "image.tiff")


def test_tiles_much_larger_than_the_image_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    packed = zlib.compress(bytes(64))
    tiles = {"tile_width": [16_384], "tile_height": [16_384], "tile_offsets": [8], "tile_lengths": [len(packed)]}
    content = tiff_file([packed], 8, 8, compression=[8], offsets=[], lengths=[], rows=[], **tiles)
    (tmp_path / "image.tiff").write_bytes(content)
    with pytest.raises(FormatError, match="header of the TIFF file is damaged"):
        read_image(tmp_path / "image.tiff")


def test_fields_of_a_tiff_that_are_each_as_long_as_the_file_take_no_memory(tmp_path: Path) -> None:
    size, count = 500_000, 100
    fields = b"".join(struct.pack("<HHII", 40_000 + number, 1, size, 8) for number in range(count))
    content = b"II*\0" + struct.pack("<IH", 8, count) + fields
    (tmp_path / "image.tiff").write_bytes(content.ljust(size + 8, b"\0"))
    tracemalloc.start()
    with pytest.raises(FormatError, match="header of the TIFF file is damaged"):
        read_image(tmp_path / "image.tiff")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 2e6


def test_an_archive_of_many_records_is_refused_before_they_are_listed(tmp_path: Path) -> None:
    """800 MB of them would take 6 GB."""
    path = tmp_path / "map.npz"
    for count, message in ((3, "holds a.*; expected one array"), (300, "is truncated or damaged")):
        with zipfile.ZipFile(path, "w") as archive:
            for number in range(count):
                archive.writestr(f"a{number:060000d}.npy", b"")
        with pytest.raises(FormatError, match=message):
            read_disparity(path)
