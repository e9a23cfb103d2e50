"""Sensor: what turns the radiance of a view into the pixels of an image."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.random import Generator

from stereo.data.sample import Image
from stereo.data.synthetic.arrays import Float32
from stereo.data.synthetic.streams import noise_stream
from stereo.data.synthetic.window import Window


@dataclass(frozen=True)
class Sensor:
    """The response of one view's sensor.

    gains: Exposure times white balance, one factor for each of R, G, B.
    gamma: Exponent of the tone curve.
    blur: Gaussian, px; below 0.2 there is none.
    read_noise, shot_noise: Standard deviation in gray levels of 255: in the dark, and added at full white.
    vignetting: Share of the light that is missing in the frame's corners.
    jpeg_quality: Of the compression, 1 … 100; None: there is none.
    """

    gains: tuple[float, float, float]
    gamma: float
    blur: float
    read_noise: float
    shot_noise: float
    vignetting: float = 0.0
    jpeg_quality: int | None = None

    @property
    def margin(self) -> int:
        """Return the distance, px, from which a pixel still receives light."""
        return int(np.ceil(4 * self.blur)) if self.blur >= 0.2 else 0

    def capture(self, rng: Generator, radiance: Float32, window: Window, frame: tuple[int, int]) -> Image:
        """Return the image of a window of a frame: RGB uint8 [H, W, 3].

        Args:
            rng: Gives the noise.
            radiance: RGB float32 [3, H, W] of the window, 0 or more; 255 is white.
            frame: Height and width of the frame, px.
        """
        falloff = _falloff(window, frame, self.vignetting) if self.vignetting > 0 else None
        values = []
        for plane, gain, noise in zip(radiance, self.gains, _noise(rng, radiance.shape), strict=True):
            if falloff is not None:
                plane = plane * falloff
            if self.blur >= 0.2:
                plane = np.asarray(cv2.GaussianBlur(plane, (0, 0), self.blur), np.float32)
            exposed = cv2.convertScaleAbs(plane)
            levels = np.clip(np.linspace(0, gain, 256), 0, 1) ** self.gamma * 255
            deviations = np.sqrt(self.read_noise**2 + levels * (self.shot_noise**2 / 255))
            value = cv2.LUT(exposed, deviations.astype(np.float32)) * noise
            value += cv2.LUT(exposed, levels.astype(np.float32))
            values.append(value.clip(0, np.inf, out=value))
        image = to_uint8(values)
        return image if self.jpeg_quality is None else _compressed(image, self.jpeg_quality)


def to_uint8(radiance: Float32 | list[Float32]) -> Image:
    """Round three planes [H, W] of 0 or more to an image, uint8 [H, W, 3]; values over 255 become 255."""
    return np.asarray(cv2.merge([cv2.convertScaleAbs(plane) for plane in radiance]), np.uint8)


def _noise(rng: Generator, shape: tuple[int, ...]) -> Float32:
    """Return normal noise: a piece of one long strip, since fresh numbers would take longer than all of the sensor.

    No two pixels of a piece share a number, unless the piece is longer than the strip.
    """
    strip, size = _noise_strip(), int(np.prod(shape))
    if size > strip.size:
        return rng.standard_normal(shape, dtype=np.float32)
    start = int(rng.integers(strip.size - size + 1))
    return strip[start : start + size].reshape(shape)


@lru_cache(maxsize=1)
def _noise_strip() -> Float32:
    return noise_stream().standard_normal(2**22, dtype=np.float32)


def _falloff(window: Window, frame: tuple[int, int], vignetting: float) -> Float32:
    """Return the brightness over a window: 1 in the frame's middle, 1 − vignetting in its corners; it is quadratic."""
    y, x = (
        (np.arange(start, start + length, dtype=np.float32) - np.float32((full - 1) / 2)) / np.float32(full / 2)
        for start, length, full in ((window.top, window.height, frame[0]), (window.left, window.width, frame[1]))
    )
    return np.asarray(1 - np.float32(vignetting / 2) * (y[:, None] ** 2 + x[None] ** 2), np.float32)


def _compressed(image: Image, quality: int) -> Image:
    """Return the image after JPEG. Encoder and decoder take the channels in one order, so that R and B stay."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_UNCHANGED), np.uint8)
