"""The procedural world measured: how true its ground truth is, and how long a crop takes."""

import multiprocessing
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from typing import get_args

import cv2
import numpy as np

from stereo.config import ScenePreset, SyntheticConfig
from stereo.data.synthetic import SyntheticWorld, Window
from stereo.data.synthetic.assets.canvases import CANVAS_SIDES, make_canvas
from stereo.data.synthetic.choose.style import STYLES
from stereo.data.synthetic.choose.textures import BANK_OF_ONE_PATTERN
from stereo.data.synthetic.truth import Judgment, judge_pair
from stereo.options import count_cores

PRESETS: tuple[ScenePreset, ...] = get_args(ScenePreset)
# The patterns that styles choose by name.
_LOOKS = sorted({look for style in STYLES.values() for look in (*style.wall_looks, *style.object_looks)} - {"any"})
CROP = (256, 512)
FRAME = (540, 960)


def truth_lines(config: SyntheticConfig, scenes: int, presets: Sequence[ScenePreset] = PRESETS) -> Iterator[str]:
    """Measure how true so many scenes of each preset are; a line for each, below a heading."""
    yield f"{'preset':<9}  {'warp mean':>9}  {'worst':>6}  {'IoU':>6}  {'decided':>7}   ({scenes} scenes each)"
    # What looks different to the two views says nothing about the ground truth.
    plain = replace(config, photometric=False, materials=0.0, unequal_light=0.0)
    for preset in presets:
        found = _judge_all(replace(plain, preset=preset), scenes)
        warp = [judgment.warp for judgment in found]
        iou = sum(judgment.both for judgment in found) / sum(judgment.either for judgment in found)
        decided = np.mean([judgment.decided for judgment in found])
        yield f"{preset:<9}  {np.mean(warp):>9.3f}  {max(warp):>6.2f}  {iou:>6.4f}  {decided:>7.1%}"


def speed_lines(config: SyntheticConfig, timed: int, presets: Sequence[ScenePreset] = PRESETS) -> Iterator[str]:
    """Measure how long so many crops of each preset take; a line for each, below a heading."""
    yield f"{'preset':<9}  {'crop, ms':>8}  {'mean':>6}  {'90 %':>6}  {'of whole frame':>14}  {'of fresh textures':>17}"
    settings_of = {preset: replace(config, preset=preset, min_objects=20, max_objects=20) for preset in presets}
    # These first, in a process like a loader's: after whole frames the same crops take longer.
    crops = {preset: _time(settings, None, timed) for preset, settings in settings_of.items()}
    fewer = max(3, timed // 4)
    for preset, settings in settings_of.items():
        crop, mean, slow = crops[preset]
        own, _, _ = _time(replace(settings, texture_bank=0), None, fewer)
        frame = replace(settings, height=FRAME[0], width=FRAME[1])
        window = Window((FRAME[0] - CROP[0]) // 2, (FRAME[1] - CROP[1]) // 2, *CROP)
        cut, _, _ = _time(frame, window, fewer)
        whole, _, _ = _time(frame, None, fewer)
        yield f"{preset:<9}  {crop:>8.1f}  {mean:>6.1f}  {slow:>6.1f}  {cut / whole:>14.2f}  {crop / own:>17.2f}"


def _judge_all(config: SyntheticConfig, count: int) -> list[Judgment]:
    context = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
    with ProcessPoolExecutor(min(count_cores(), count), context, cv2.setNumThreads, (1,)) as pool:
        return list(pool.map(judge_pair, [config] * count, range(count), chunksize=8))


def _time(config: SyntheticConfig, window: Window | None, count: int) -> tuple[float, float, float]:
    """Return median, mean and 90 % quantile of CPU milliseconds, one thread."""
    cv2.setNumThreads(1)
    world = SyntheticWorld(config)
    for side in CANVAS_SIDES:
        for number in range(config.texture_bank):
            make_canvas(config.seed, side, number, None)
        for number in range(min(config.texture_bank, BANK_OF_ONE_PATTERN)):
            for look in _LOOKS:
                make_canvas(config.seed, side, number, look)
    for index in range(count, count + 3):  # what is made once
        world.annotated(index, window)
    times = []
    for index in range(count):
        start = time.process_time()
        world.annotated(index, window)
        times.append(1e3 * (time.process_time() - start))
    return statistics.median(times), statistics.mean(times), float(np.quantile(times, 0.9))
