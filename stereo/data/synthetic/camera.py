"""Camera: what lies between the light of a scene and the pixels of one view."""

from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from stereo.config import SyntheticConfig
from stereo.data.sample import Image
from stereo.data.synthetic.window import Window

Rng = np.random.Generator


@dataclass(frozen=True)
class Camera:
    """One camera's response.

    gains: Exposure times white balance, one factor for each of R, G, B.
    gamma: Exponent of the tone curve.
    blur: Gaussian, px; below 0.2 there is none.
    read_noise, shot_noise: Standard deviation in grey levels of 255: in the dark, and added at full white.
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
        """How far from a pixel the light still matters, px."""
        return int(np.ceil(4 * self.blur)) if self.blur >= 0.2 else 0

    def capture(self, rng: Rng, light: NDArray[np.float32], window: Window, frame: tuple[int, int]) -> Image:
        """The image of `light`, RGB float32 [3, H, W], not below 0, of a window of a frame [height, width]: RGB uint8
        [H, W, 3].

        `rng` draws the noise.
        """
        falloff = _falloff(window, frame, self.vignetting) if self.vignetting > 0 else None
        values = []
        for plane, gain, noise in zip(light, self.gains, _noise(rng, light.shape), strict=True):
            if falloff is not None:
                plane = plane * falloff
            if self.blur >= 0.2:
                plane = np.asarray(cv2.GaussianBlur(plane, (0, 0), self.blur), np.float32)
            exposed = cv2.convertScaleAbs(plane)
            levels = np.clip(np.linspace(0, gain, 256), 0, 1) ** self.gamma * 255
            deviations = np.sqrt(self.read_noise**2 + levels * (self.shot_noise**2 / 255))
            value = cv2.LUT(exposed, deviations.astype(np.float32)) * noise
            value += cv2.LUT(exposed, levels.astype(np.float32))
            values.append(np.maximum(value, 0, out=value))
        image = to_uint8(values)
        return image if self.jpeg_quality is None else _compressed(image, self.jpeg_quality)


def _noise(rng: Rng, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Of a normal distribution: a piece of one long strip, since drawing as many takes longer than all of the camera.

    No two pixels of a piece share a number, unless the piece is longer than the strip.
    """
    strip, size = _noise_strip(), int(np.prod(shape))
    if size > strip.size:
        return rng.standard_normal(shape, dtype=np.float32)
    start = int(rng.integers(strip.size - size + 1))
    return strip[start : start + size].reshape(shape)


@lru_cache(maxsize=1)
def _noise_strip() -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal(2**22, dtype=np.float32)


def _falloff(window: Window, frame: tuple[int, int], vignetting: float) -> NDArray[np.float32]:
    """Brightness over a window: 1 at the frame's centre, 1 − vignetting in its corners, quadratic between."""
    y, x = (
        (np.arange(start, start + length, dtype=np.float32) - np.float32((full - 1) / 2)) / np.float32(full / 2)
        for start, length, full in ((window.top, window.height, frame[0]), (window.left, window.width, frame[1]))
    )
    return np.asarray(1 - np.float32(vignetting / 2) * (y[:, None] ** 2 + x[None] ** 2), np.float32)


def _compressed(image: Image, quality: int) -> Image:
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_UNCHANGED), np.uint8)  # channels go in and come out alike


@dataclass(frozen=True)
class Defocus:
    """A lens of some aperture: what lies at another depth than `focus`, px of disparity, is blurred.

    reach: px of disparity from focus to the full blur. sigma: of the full blur, Gaussian, px.
    """

    focus: float
    reach: float
    sigma: float

    @property
    def margin(self) -> int:
        """How far from a pixel the light still matters, px."""
        return int(np.ceil(4 * self.sigma))

    def blurred(self, light: NDArray[np.float32], disparity: NDArray[np.float32]) -> NDArray[np.float32]:
        """Light [3, H, W] of a view, by its disparity [H, W]."""
        full = np.stack([cv2.GaussianBlur(plane, (0, 0), self.sigma) for plane in light])
        share = np.minimum(np.abs(disparity - np.float32(self.focus)) / np.float32(self.reach), 1)
        return np.asarray(light + (full - light) * share, np.float32)


def draw_defocus(rng: Rng, disparities: list[float], probability: float) -> Defocus | None:
    """A lens that focuses on one of the surfaces, at these disparities, px; none by 1 − probability."""
    if rng.random() >= probability:
        return None
    spread = max(max(disparities) - min(disparities), 1.0)
    focus = float(rng.choice(disparities))
    return Defocus(focus, float(spread * rng.uniform(0.4, 1.5)), float(rng.uniform(0.7, 2.5)))


@dataclass(frozen=True)
class Misalignment:
    """How far the right camera is from being rectified. shift: px down. angle: degrees about the frame's centre."""

    shift: float
    angle: float

    def margin(self, height: int, width: int) -> int:
        """How far from a pixel what it shows may come from, px."""
        return int(np.ceil(abs(self.shift) + np.radians(abs(self.angle)) * np.hypot(height, width) / 2)) + 2


def draw_misalignment(rng: Rng, config: SyntheticConfig) -> Misalignment | None:
    """A rectification error by the settings; none by 1 − misalignment_probability."""
    if rng.random() >= config.misalignment_probability:
        return None
    shift, angle = rng.uniform(-1, 1, 2)
    return Misalignment(float(shift * config.max_vertical_shift), float(angle * config.max_rotation))


def to_uint8(light: NDArray[np.float32] | list[NDArray[np.float32]]) -> Image:
    """Round three planes [H, W] of 0 or more to uint8 [H, W, 3]; what is over 255 becomes 255."""
    return np.asarray(cv2.merge([cv2.convertScaleAbs(plane) for plane in light]), np.uint8)


def draw_cameras(rng: Rng) -> tuple[Camera, Camera]:
    """The left and the right camera: alike in 40 % of scenes, slightly different in the others."""
    exposure = rng.uniform(0.7, 1.25)
    gains = exposure * (1 + rng.normal(0, 0.05, 3))
    left = Camera(
        gains=(float(gains[0]), float(gains[1]), float(gains[2])),
        gamma=float(rng.uniform(0.75, 1.25)),
        blur=float(max(0.0, rng.normal(0.2, 0.4))),
        read_noise=float(abs(rng.normal(0, 1.5))),
        shot_noise=float(abs(rng.normal(0, 3.0))),
    )
    gains = gains * (1 + rng.normal(0, 0.08)) * (1 + rng.normal(0, 0.03, 3))
    right = replace(
        left,
        gains=(float(gains[0]), float(gains[1]), float(gains[2])),
        gamma=float(left.gamma * np.exp(rng.normal(0, 0.06))),
        blur=float(left.blur + abs(rng.normal(0, 0.2))),
    )
    if rng.random() < 0.4:
        return left, left
    # The blurrier camera is either of the two.
    return (left, right) if rng.random() < 0.5 else (right, left)


def with_defects(cameras: tuple[Camera, Camera], rng: Rng, config: SyntheticConfig) -> tuple[Camera, Camera]:
    """The cameras with the vignetting and the compression of the settings: of one scene's two views, alike or not."""
    if config.vignetting == 0 and config.jpeg_probability == 0:
        return cameras
    falloff = config.vignetting * rng.random()
    compressed = rng.random() < config.jpeg_probability
    left, right = (
        replace(
            camera,
            vignetting=float(falloff * rng.uniform(0.8, 1.0)),
            jpeg_quality=int(rng.integers(40, 96)) if compressed else None,
        )
        for camera in cameras
    )
    return left, right
