"""Choosing what stands between a scene and its images: sensors and their defects, a lens, a rectification error."""

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from stereo.config import SyntheticConfig
from stereo.data.synthetic.choose.effects import effects_of
from stereo.data.synthetic.render.optics import Defocus, Misalignment
from stereo.data.synthetic.render.sensor import Sensor

_MOST_STOPS = 2.0


def choose_sensors(rng: Generator) -> tuple[Sensor, Sensor]:
    """Return the left and the right sensor: alike in 40 % of scenes, slightly different in the others."""
    exposure = rng.uniform(0.7, 1.25)
    gains = exposure * (1 + rng.normal(0, 0.05, 3))
    left = Sensor(
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
    # Either of the two is the blurrier one.
    return (left, right) if rng.random() < 0.5 else (right, left)


def with_unequal_exposure(
    sensors: tuple[Sensor, Sensor], rng: Generator, config: SyntheticConfig
) -> tuple[Sensor, Sensor]:
    """Return the sensors with exposures that differ by up to two stops, in a share of pairs.

    The brighter one may burn out a little, so that the darker one still tells its surfaces apart.
    """
    if rng.random() >= effects_of(config).unequal_exposure:
        return sensors
    brighter = np.exp(rng.uniform(np.log(0.7), np.log(1.8)))
    darker = brighter * 2 ** -rng.uniform(0, _MOST_STOPS)
    order = (brighter, darker) if rng.random() < 0.5 else (darker, brighter)
    left, right = (
        replace(sensor, gains=(sensor.gains[0] * by, sensor.gains[1] * by, sensor.gains[2] * by))
        for sensor, by in zip(sensors, map(float, order), strict=True)
    )
    return left, right


def with_defects(sensors: tuple[Sensor, Sensor], rng: Generator, config: SyntheticConfig) -> tuple[Sensor, Sensor]:
    """Return the sensors with vignetting and compression by the settings, which differ a little between the two."""
    if config.vignetting == 0 and config.jpeg_probability == 0:
        return sensors
    falloff = config.vignetting * rng.random()
    compressed = rng.random() < config.jpeg_probability
    left, right = (
        replace(
            sensor,
            vignetting=float(falloff * rng.uniform(0.8, 1.0)),
            jpeg_quality=int(rng.integers(40, 96)) if compressed else None,
        )
        for sensor in sensors
    )
    return left, right


def choose_defocus(rng: Generator, disparities: list[float], probability: float) -> Defocus | None:
    """Return a lens that focuses on one of the surfaces, at these disparities, px; None with 1 − probability."""
    if rng.random() >= probability:
        return None
    spread = max(max(disparities) - min(disparities), 1.0)
    focus = float(rng.choice(disparities))
    return Defocus(focus, float(spread * rng.uniform(0.4, 1.5)), float(rng.uniform(0.7, 2.5)))


def choose_misalignment(rng: Generator, config: SyntheticConfig) -> Misalignment | None:
    """Return a rectification error by the settings; None with 1 − misalignment_probability."""
    if rng.random() >= config.misalignment_probability:
        return None
    shift, angle = rng.uniform(-1, 1, 2)
    return Misalignment(float(shift * config.max_vertical_shift), float(angle * config.max_rotation))
