"""Camera: what lies between the light of a scene and the pixels of one view."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

Rng = np.random.Generator


@dataclass(frozen=True)
class Camera:
    """One camera's response.

    gains: Exposure times white balance, one factor for each of R, G, B.
    gamma: Exponent of the tone curve.
    blur: Gaussian, px; below 0.2 there is none.
    read_noise, shot_noise: Standard deviation in grey levels of 255: in the dark, and added at full white.
    """

    gains: tuple[float, float, float]
    gamma: float
    blur: float
    read_noise: float
    shot_noise: float

    def capture(self, rng: Rng, light: NDArray[np.float32]) -> NDArray[np.uint8]:
        """The image of `light`, RGB float32 [H, W, 3] in 0 … 255: RGB uint8. `rng` draws the noise."""
        levels = np.linspace(0, 1, 1024)
        table = np.stack([np.clip(levels * gain, 0, 1) ** self.gamma * 255 for gain in self.gains], -1)
        if self.blur >= 0.2:
            light = np.asarray(cv2.GaussianBlur(light, (0, 0), self.blur), np.float32)
        steps = (light * np.float32(1023 / 255) + np.float32(0.5)).astype(np.uint16)
        planes = []
        for channel, plane in enumerate(np.moveaxis(steps, -1, 0)):
            levels_of = table[:, channel].astype(np.float32)
            deviation_of = np.sqrt(self.read_noise**2 + levels_of * (self.shot_noise**2 / 255)).astype(np.float32)
            noise = rng.standard_normal(plane.shape, dtype=np.float32)
            planes.append(levels_of.take(plane) + noise * deviation_of.take(plane))
        return to_uint8(np.asarray(cv2.merge(planes), np.float32))


def to_uint8(light: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Round float32 0 … 255 to uint8."""
    return np.asarray(cv2.convertScaleAbs(np.maximum(light, 0)), np.uint8)


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
