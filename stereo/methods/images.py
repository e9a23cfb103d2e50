"""Images as people have them, for methods that take a pair: arrays, tensors, PIL images and paths."""

import sys
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stereo.data.formats import read_image
from stereo.data.sample import Image
from stereo.errors import DataError

_EXPECTED = (
    "expected an image: RGB uint8 [H, W, 3], gray uint8 [H, W], a tensor [3, H, W] or [H, W, 3] of uint8 or of 0 … 1, "
    "a PIL image or a path"
)
# The modes of PIL that hold more than 8 bits, which its `convert` clips instead of scaling.
_DEEP_MODES = ("I", "I;16", "I;16L", "I;16B", "I;16N", "F")


def to_rgb(image: Any, name: str) -> Image:
    """Return an image as RGB uint8 [H, W, 3].

    Args:
        image: RGB uint8 [H, W, 3], returned as it is, or gray uint8 [H, W]; a tensor [3, H, W] or [H, W, 3], uint8 or
            floating point in 0 … 1 (rounded to 8 bits); a PIL image, of which alpha is dropped; or a path.
        name: what it is called in messages, as in "left image".

    Raises: DataError for anything else; FormatError for a file that cannot be read.
    """
    if isinstance(image, str | Path):
        return read_image(image)
    if isinstance(image, Tensor):
        array = _from_tensor(image, name)
    elif isinstance(image, np.ndarray):
        array = image
    elif _is_pil(image):
        array = _from_pil(image, name)
    else:
        raise DataError(f"the {name} is of type {type(image).__name__}; {_EXPECTED}")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim == 2 and array.dtype == np.uint8:
        array = np.repeat(array[:, :, None], 3, axis=2)
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8:
        _refuse(array, name)
    return array


def pairs_of_batch(left: Any, right: Any) -> list[tuple[Any, Any]] | None:
    """Return the pairs of a batch, which is a list, a tuple, or an array or tensor of four axes; None for one pair.

    Raises: DataError where one side alone is a batch, or the sides differ in number.
    """
    counts = [len(side) if _is_batch(side) else None for side in (left, right)]
    if counts == [None, None]:
        return None
    if counts[0] != counts[1]:
        what = [
            f"the {side} is " + ("one image" if count is None else f"a batch of {count}")
            for side, count in zip(("left", "right"), counts, strict=True)
        ]
        raise DataError(f"{' but '.join(what)}; expected one pair, or as many left as right images")
    return list(zip(left, right, strict=True))


def _is_batch(images: Any) -> bool:
    return isinstance(images, list | tuple) or (isinstance(images, np.ndarray | Tensor) and images.ndim == 4)


def _from_tensor(image: Tensor, name: str) -> NDArray[Any]:
    if image.is_meta or image.layout != torch.strided or image.is_quantized:
        raise DataError(f"the {name} is a meta, sparse or quantized tensor; {_EXPECTED}")
    pixels = image.detach().cpu()
    if pixels.ndim == 3 and pixels.shape[0] in (1, 3):
        pixels = pixels.permute(1, 2, 0)
    if pixels.is_floating_point():
        pixels = pixels.float()  # NumPy has no bfloat16, and float8 no minimum
    if pixels.is_floating_point() and pixels.ndim in (2, 3) and pixels.numel() > 0:
        low, high = pixels.min().item(), pixels.max().item()
        if not (low >= 0 and high <= 1):  # so that NaN is refused too
            raise DataError(
                f"the {name} is a tensor of values {low:g} … {high:g}, expected 0 … 1, or uint8 0 … 255; scale it"
            )
        pixels = (pixels * 255).round().to(torch.uint8)
    return pixels.numpy()


def _is_pil(image: Any) -> bool:
    # Whoever holds a PIL image has imported PIL: it need not be imported for everybody else.
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(image, module.Image)


def _from_pil(image: Any, name: str) -> NDArray[Any]:
    if image.mode in _DEEP_MODES:
        raise DataError(
            f"the {name} is a PIL image of mode {image.mode}, expected one of 8 bits (such as RGB or L); give the path "
            "of a 16-bit file instead"
        )
    return np.asarray(image.convert("RGB"))


def _refuse(array: NDArray[Any], name: str) -> NoReturn:
    what = f"the {name} is {array.dtype} {list(array.shape)}"
    if array.ndim == 4:
        raise DataError(
            f"{what}, a batch of {array.shape[0]}; {_EXPECTED}: call once for each pair, or the predictor itself "
            "with all"
        )
    if array.ndim == 3 and array.shape[2] == 4:
        raise DataError(f"{what}; {_EXPECTED}: drop alpha, as in image[:, :, :3]")
    if array.dtype.kind == "f":
        raise DataError(f"{what}; {_EXPECTED}: convert an array of 0 … 1 by (255 * image).round().astype('uint8')")
    raise DataError(f"{what}; {_EXPECTED}")
