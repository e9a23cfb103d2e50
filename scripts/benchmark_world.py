"""How true and how fast the procedural world is, preset by preset.

    python scripts/benchmark_world.py                       # 500 scenes of each preset, about six minutes
    python scripts/benchmark_world.py --scenes 50 synthetic.max_objects=40

Truth: |L(x) − R(x − d)| on visible pixels in grey levels, without cameras and materials; and the intersection over
union of the occlusion mask with the one that the two disparity maps give. Time: CPU milliseconds of one core for a pair
of views of 512×256 px with 20 objects and the effects of the settings, once the bank of textures is drawn; beside
it, measured in the same run, a window of that size as a share of the 960×540 frame around it, and what the bank saves.
"""

import argparse
import multiprocessing
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from typing import get_args

import cv2
import numpy as np

from stereo.cli import count_cores, run
from stereo.config import DatasetConfig, SyntheticConfig, with_overrides
from stereo.data.synthetic import SyntheticWorld, Window
from stereo.data.synthetic.assets.canvases import CANVAS_SIDES, make_canvas
from stereo.data.synthetic.truth import Judgement, judge_pair
from stereo.device import set_freed_memory_kept
from stereo.errors import ConfigError

PRESETS = get_args(SyntheticConfig.__annotations__["preset"])
CROP = (256, 512)
FRAME = (540, 960)


def main(argv: list[str] | None = None) -> int:
    args = _parse(argv)
    set_freed_memory_kept(64 << 20, 256 << 20)  # as in the processes of the loader
    if args.scenes < 1:
        raise ConfigError(f"--scenes is {args.scenes}, expected 1 or more")
    base = SyntheticConfig(seed=77, length=10**9, height=CROP[0], width=CROP[1])
    config = with_overrides(DatasetConfig(synthetic=base), args.overrides).synthetic
    print(f"{'preset':<9}  {'warp mean':>9}  {'worst':>6}  {'IoU':>6}  {'decided':>7}   ({args.scenes} scenes each)")
    for preset in PRESETS:
        found = _judge_all(replace(config, preset=preset, photometric=False, materials=0.0), args.scenes)
        warp = [truth.warp for truth in found]
        iou = sum(truth.both for truth in found) / sum(truth.either for truth in found)
        decided = np.mean([truth.decided for truth in found])
        print(f"{preset:<9}  {np.mean(warp):>9.3f}  {max(warp):>6.2f}  {iou:>6.4f}  {decided:>7.1%}")
    print(f"\n{'preset':<9}  {'crop, ms':>8}  {'90 %':>6}  {'of whole frame':>14}  {'of fresh textures':>17}")
    settings_of = {preset: replace(config, preset=preset, min_objects=20, max_objects=20) for preset in PRESETS}
    # These first, in a process like a loader's: after whole frames the same crops took a tenth longer.
    crops = {preset: _time(settings, None, args.timed) for preset, settings in settings_of.items()}
    for preset, settings in settings_of.items():
        crop, slow = crops[preset]
        own, _ = _time(replace(settings, texture_bank=0), None, max(3, args.timed // 4))
        frame = replace(settings, height=FRAME[0], width=FRAME[1])
        window = Window((FRAME[0] - CROP[0]) // 2, (FRAME[1] - CROP[1]) // 2, *CROP)
        cut, _ = _time(frame, window, max(3, args.timed // 4))
        whole, _ = _time(frame, None, max(3, args.timed // 4))
        print(f"{preset:<9}  {crop:>8.1f}  {slow:>6.1f}  {cut / whole:>14.2f}  {crop / own:>17.2f}")
    return 0


def _judge_all(config: SyntheticConfig, count: int) -> list[Judgement]:
    context = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
    with ProcessPoolExecutor(min(count_cores(), count), context, cv2.setNumThreads, (1,)) as pool:
        return list(pool.map(judge_pair, [config] * count, range(count), chunksize=8))


def _time(config: SyntheticConfig, window: Window | None, count: int) -> tuple[float, float]:
    """Median and 90 % quantile of CPU milliseconds, one thread."""
    cv2.setNumThreads(1)
    world = SyntheticWorld(config)
    for side in CANVAS_SIDES:
        for number in range(config.texture_bank):
            make_canvas(config.seed, side, number, None)
    for index in range(count, count + 3):  # what is made once
        world.annotated(index, window)
    times = []
    for index in range(count):
        start = time.process_time()
        world.annotated(index, window)
        times.append(1e3 * (time.process_time() - start))
    return statistics.median(times), float(np.quantile(times, 0.9))


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="settings: synthetic.max_objects=40")
    parser.add_argument("--scenes", type=int, default=500, metavar="N", help="of each preset (default: 500)")
    parser.add_argument("--timed", type=int, default=40, metavar="N", help="crops of each preset (default: 40)")
    return parser.parse_intermixed_args(argv)


if __name__ == "__main__":
    run(main)
