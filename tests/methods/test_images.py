"""One pixel in every form that people hold it in; everything else is named."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as PilImage

from stereo.data.formats import write_image
from stereo.errors import DataError, FormatError
from stereo.methods.images import to_rgb

RGB = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
GRAY = RGB[..., 0]
TENSOR = torch.from_numpy(RGB.copy())


def test_an_rgb_array_is_taken_as_it_is() -> None:
    assert to_rgb(RGB, "image") is RGB


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (GRAY, GRAY),
        (GRAY[..., None], GRAY),
        (TENSOR, RGB),
        (TENSOR.permute(2, 0, 1), RGB),
        (TENSOR.permute(2, 0, 1) / 255, RGB),
        ((TENSOR / 255).double().requires_grad_(), RGB),
        (TENSOR.permute(2, 0, 1)[:1], GRAY),
        (torch.from_numpy(GRAY.copy()) / 255, GRAY),
        (PilImage.fromarray(RGB), RGB),
        (PilImage.fromarray(GRAY), GRAY),
        (PilImage.fromarray(np.dstack([RGB, GRAY])), RGB),  # alpha is dropped
        (PilImage.fromarray(RGB).quantize(256, dither=PilImage.Dither.NONE), None),  # a palette
    ],
)
def test_every_form_gives_the_same_pixels(image: Any, expected: Any) -> None:
    found = to_rgb(image, "image")
    assert found.dtype == np.uint8
    assert found.shape == RGB.shape
    if expected is not None:
        np.testing.assert_array_equal(found, np.broadcast_to(expected.reshape(5, 7, -1), RGB.shape))
    else:
        np.testing.assert_allclose(found, RGB, atol=40)


def test_half_precision_is_rounded() -> None:
    np.testing.assert_allclose(to_rgb((TENSOR / 255).bfloat16(), "image"), RGB, atol=1)
    np.testing.assert_allclose(to_rgb((TENSOR / 255).to(torch.float8_e4m3fn), "image"), RGB, atol=10)


@pytest.mark.parametrize("kind", [str, Path])
def test_a_path_is_read(tmp_path: Path, kind: type) -> None:
    write_image(tmp_path / "image.png", RGB)
    np.testing.assert_array_equal(to_rgb(kind(tmp_path / "image.png"), "image"), RGB)
    with pytest.raises(FormatError, match=r"gone\.png: no such file"):
        to_rgb(kind(tmp_path / "gone.png"), "image")


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (
            TENSOR[None],
            r"the left image is uint8 \[1, 5, 7, 3\], a batch of 1; expected an image.* the predictor itself with all",
        ),
        (torch.zeros(2, 3, 5, 7), r"float32 \[2, 3, 5, 7\], a batch of 2"),
        (np.dstack([RGB, GRAY]), r"uint8 \[5, 7, 4\]; .* drop alpha"),
        (RGB / 255, r"float64 \[5, 7, 3\]; .* \(255 \* image\)\.round\(\)"),
        (RGB.astype(np.uint16), r"uint16 \[5, 7, 3\]; expected an image"),
        (TENSOR.float(), r"a tensor of values 0 … 248, expected 0 … 1, or uint8"),
        (TENSOR / 255 * float("nan"), "a tensor of values nan"),
        (torch.zeros(3, 0, 7), r"float32 \[0, 7, 3\]"),
        (TENSOR.int(), "int32"),
        (torch.zeros(3, 5, 7, device="meta"), "a meta, sparse or quantized tensor; expected an image"),
        (torch.zeros(3, 5, 7).to_sparse(), "a meta, sparse or quantized tensor"),
        (
            PilImage.fromarray(GRAY.astype(np.uint16)),
            "mode I;16, expected one of 8 bits .* give the path",
        ),
        (None, "of type NoneType; expected an image"),
        ([[1, 2], [3, 4]], "of type list"),
    ],
)
def test_what_is_no_image_is_named_in_one_line(image: Any, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        to_rgb(image, "left image")
    assert "\n" not in str(caught.value)


def test_pil_is_not_imported_for_those_who_do_not_use_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "PIL.Image")
    with pytest.raises(DataError, match="of type Image"):
        to_rgb(PilImage.fromarray(RGB), "image")
    assert "PIL.Image" not in sys.modules
