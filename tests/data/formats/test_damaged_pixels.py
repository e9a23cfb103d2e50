"""Images damaged where no checksum of a file shows it: refused, or the same picture; and decoders do not print."""

import ctypes
import logging
import os
import re
import struct
import zlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from threading import Barrier

import cv2
import numpy as np
import pytest
from helpers.png import IHDR, chunk, damaged, encode_png, png_file, stored_rows

from stereo import quiet
from stereo.data.formats import containers, read_image
from stereo.data.formats.png import PngHeader
from stereo.errors import FormatError

RNG = np.random.default_rng(0)
RGB = cv2.resize(RNG.integers(0, 256, (9, 16, 3), dtype=np.uint8), (80, 45), interpolation=cv2.INTER_CUBIC)
# What is done to the zlib stream of the pixels, its rows or the header; all checksums of chunks are right.
STREAM = ("bit", "bit at the end", "byte", "zeros", "bytes gone", "bytes twice", "cut", "checksum", "no checksum")
ROWS = ("filter", "rows short", "rows long", "interlacing", "width", "height")
# Of 20 of each kind so many may give the same picture: bits that nothing uses, and bytes behind the end.
HARMLESS = {"bit": 1, "bit at the end": 2, "byte": 1, "bytes twice": 2}


@pytest.fixture(params=[True, False], ids=["heard", "not heard"])
def hearing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Both kinds of systems: where libraries can be heard, and where what they would say must be found out."""
    if not request.param:
        monkeypatch.setattr(quiet, "_ear", None)
    elif not quiet.can_hear():
        pytest.skip("no glibc")
    return bool(request.param)


def test_of_300_damaged_pngs_none_is_another_picture_and_nothing_is_printed(
    hearing: bool, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    images = [(encode_png(pixels), pixels) for pixels in (RGB, RGB[:, :, 0], RGB.astype(np.uint16) * 257)]
    path, same = Path("image.png"), Counter[str]()
    for number in range(300):
        (good, pixels), kind = images[number // 15 % 3], (STREAM + ROWS)[number % 15]
        content = damaged(good, kind, Random(number))
        monkeypatch.setattr(containers, "read_bytes", lambda path, content=content: content)
        try:
            read, _ = containers.read_pixels(path)
        except FormatError as error:
            message = str(error)
        else:
            assert np.array_equal(read, pixels), f"{kind}, {number}"
            same[kind], message = same[kind] + 1, ""
        assert "\n" not in message
        if hearing:
            assert capfd.readouterr() == ("", ""), f"{kind}, {number}"
    assert all(count <= HARMLESS.get(kind, 0) for kind, count in same.items()), same


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (
            "checksum",
            r"the pixels of the PNG file are damaged \(incorrect data check\); copy or download the file again",
        ),
        ("no checksum", "its checksum is missing"),
        ("rows long", "more than the 10845 bytes of the header's size"),  # 45 · (1 + 3 · 80)
        ("interlacing", "10845 instead of the 10886 bytes"),
        ("filter", "bad adaptive filter value" if quiet.can_hear() else "cannot be decoded"),
    ],
)
def test_the_error_says_what_is_wrong_with_the_pixels(kind: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(damaged(encode_png(RGB), kind, Random(0)))
    with pytest.raises(FormatError, match=message):
        read_image(path)


def test_what_does_not_change_the_pixels_is_neither_refused_nor_told(
    hearing: bool, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """libpng prints a line on each of these."""
    rows = stored_rows(RGB)
    header, idat, end = chunk(b"IHDR", IHDR.pack(80, 45, 8, 2, 0, 0, 0)), chunk(b"IDAT", rows), chunk(b"IEND", b"")
    profile = chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(b"no profile"))
    late = chunk(b"gAMA", struct.pack(">I", 45455))
    for name, chunks in {
        "profile": [header, profile, chunk(b"gAMA", b""), idat, end],
        "late": [header, idat, late, end],
        "more": [header, chunk(b"IDAT", rows + b"more"), end],
        "another": [header, idat, chunk(b"IDAT", rows), end],
        "pieces": [header, *(chunk(b"IDAT", rows[at : at + 7]) for at in range(0, len(rows), 7)), end],
    }.items():
        (tmp_path / name).write_bytes(png_file(*chunks))
        assert np.array_equal(read_image(tmp_path / name), RGB), name
    printed = capfd.readouterr().err
    assert not printed or (not hearing and printed.replace("libpng warning: IDAT: ", "").split("\n")[1:] == [""])


def test_of_an_animation_the_picture_is_read_that_is_not_one_of_its_frames(tmp_path: Path) -> None:
    """As every program shows it that knows no animations."""
    other = stored_rows(255 - RGB)
    frame = struct.pack(">IIIIIHHBB", 0, 80, 45, 0, 0, 1, 1, 0, 0)
    (tmp_path / "image.png").write_bytes(
        png_file(
            chunk(b"IHDR", IHDR.pack(80, 45, 8, 2, 0, 0, 0)),
            chunk(b"acTL", struct.pack(">II", 2, 0)),
            chunk(b"IDAT", stored_rows(RGB)),
            chunk(b"fcTL", frame),
            chunk(b"fdAT", struct.pack(">I", 1) + other),
            chunk(b"fcTL", b"\0\0\0\2" + frame[4:]),
            chunk(b"fdAT", struct.pack(">I", 3) + other),
            chunk(b"IEND", b""),
        )
    )
    assert np.array_equal(read_image(tmp_path / "image.png"), RGB)


def test_the_bytes_that_a_header_promises() -> None:
    assert PngHeader(10, 3, 1, 0, False).unpacked == 3 * (1 + 2)
    assert PngHeader(10, 3, 16, 6, False).unpacked == 3 * (1 + 80)
    # Passes of 1×1, 1×1, 2×1, 2×2, 3×2, 3×3 and 5×3 pixels... of 6×6: the seventh has the 3 odd rows of 6.
    sizes = [(1, 1), (1, 1), (2, 1), (1, 2), (3, 1), (3, 3), (6, 3)]
    assert PngHeader(6, 6, 8, 0, True).unpacked == sum(height * (1 + width) for width, height in sizes)
    assert PngHeader(1, 1, 8, 2, True).unpacked == 1 + 3  # the other passes have no row at all


def test_a_jpeg_that_its_decoder_fills_with_gray_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    if not quiet.can_hear():
        pytest.skip("libjpeg is not heard")
    encoded = cv2.imencode(".jpg", RGB)[1].tobytes()
    path = tmp_path / "image.jpg"
    path.write_bytes(encoded[: 2 * len(encoded) // 3] + b"\xff\xd9")
    with pytest.raises(FormatError, match=r"the JPEG file is damaged \(.*premature end"):
        read_image(path)
    assert capfd.readouterr().err == ""


def test_bytes_too_many_in_a_jpeg_are_a_warning(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not quiet.can_hear():
        pytest.skip("libjpeg is not heard")
    monkeypatch.setattr(containers, "_warned", False)
    encoded = cv2.imencode(".jpg", RGB)[1].tobytes()
    for name, more in (("good.jpg", b""), ("a.jpg", bytes(40)), ("b.jpg", bytes(40))):
        (tmp_path / name).write_bytes(encoded[:-2] + more + encoded[-2:])
    expected = read_image(tmp_path / "good.jpg")
    with caplog.at_level(logging.WARNING):
        assert np.array_equal(read_image(tmp_path / "a.jpg"), expected)
        assert np.array_equal(read_image(tmp_path / "b.jpg"), expected)
    (message,) = caplog.messages
    assert message.startswith(f"{tmp_path / 'a.jpg'}: look at the picture: its decoder says 'Corrupt JPEG data: ")
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("compression", "message"),
    [(5, "or damaged "), (8, "the pixels of the TIFF file are damaged (invalid distance too far back); ")],
    ids=["LZW", "Deflate"],
)
def test_a_compressed_tiff_of_8_bits_is_not_read_as_what_could_be_decoded_of_it(
    compression: int, message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    encoded = bytearray(cv2.imencode(".tiff", RGB, [cv2.IMWRITE_TIFF_COMPRESSION, compression])[1].tobytes())
    path = tmp_path / "image.tiff"
    path.write_bytes(encoded)
    assert np.array_equal(read_image(path), RGB[:, :, ::-1])
    encoded[1000:1100] = b"\xff" * 100
    path.write_bytes(encoded)
    with pytest.raises(FormatError, match=re.escape(message)):
        read_image(path)
    assert capfd.readouterr().err == ""


def test_in_threads_each_file_has_the_error_of_its_own(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    good = encode_png(RGB)
    (tmp_path / "good.png").write_bytes(good)
    (tmp_path / "bad.png").write_bytes(damaged(good, "checksum", Random(0)))

    def read(name: str) -> bool:
        try:
            return np.array_equal(read_image(tmp_path / name), RGB)
        except FormatError:
            return False

    names = ["good.png", "bad.png"] * 40
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(read, names)) == [name == "good.png" for name in names]
    assert capfd.readouterr().err == ""


def test_only_what_is_printed_within_the_block_is_heard(capfd: pytest.CaptureFixture[str]) -> None:
    if not quiet.can_hear():
        pytest.skip("no glibc")
    library = ctypes.CDLL(None)
    for number in range(3):
        library.perror(b"outside")
        with quiet.heard() as said:
            library.perror(b"inside" * (3 - number))  # shorter each time
            os.write(2, b"Python and other processes\n")
        (line,) = said
        assert line.startswith("inside" * (3 - number) + ": ")
        with quiet.heard() as said:
            pass
        assert said == []
    lines = capfd.readouterr().err.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["outside", "Python and other processes"] * 3


def test_decoders_run_together_and_each_hears_its_own_words(capfd: pytest.CaptureFixture[str]) -> None:
    both = Barrier(2)

    def decode(words: bytes, turns: list[int]) -> str:
        turns.append(len(turns))
        if len(turns) == 1:
            both.wait(10)  # broken if the other one may not begin
            if words:
                ctypes.CDLL(None).perror(words)
            both.wait(10)  # both hear that something was said
        elif words:
            ctypes.CDLL(None).perror(words)
        return f"decoded {words.decode()}"

    def run(words: bytes) -> tuple[str, list[str], int]:
        turns: list[int] = []
        result, said = quiet.hear(lambda: decode(words, turns))
        return result, [line.partition(":")[0] for line in said], len(turns)

    if not quiet.can_hear():
        pytest.skip("no glibc")
    with ThreadPoolExecutor(2) as pool:
        silent, loud = pool.map(run, [b"", b"damaged"])
    assert silent == ("decoded ", [], 2)
    assert loud == ("decoded damaged", ["damaged"], 2)
    assert quiet.hear(lambda: "done") == ("done", [])
    assert capfd.readouterr().err == ""


@pytest.mark.skipif(not hasattr(os, "register_at_fork"), reason="no fork")
def test_a_worker_that_begins_while_a_thread_decodes_neither_waits_nor_is_silent() -> None:
    if not quiet.can_hear():
        pytest.skip("no glibc")
    with ThreadPoolExecutor(1) as pool:
        held = [pool.submit(hold) for hold in (_hold_for_a_while, _decode_for_a_while) * 2]
        codes = []
        while not all(block.done() for block in held):
            if (child := getattr(os, "fork")()) == 0:  # noqa: B009
                with quiet.heard() as said:
                    ctypes.CDLL(None).perror(b"child")
                os._exit(len(said))
            codes.append(os.waitpid(child, 0)[1])
    assert set(codes) == {256}  # exit code 1: one line


def _hold_for_a_while() -> None:
    with quiet.heard():
        ctypes.CDLL(None).usleep(20_000)


def _decode_for_a_while() -> None:
    quiet.hear(lambda: ctypes.CDLL(None).usleep(20_000))
