"""How true and how fast the procedural world is, preset by preset.

    python scripts/benchmark_world.py                       # 500 scenes of each preset, about twelve minutes
    python scripts/benchmark_world.py --presets broad mixed --scenes 50
    python scripts/benchmark_world.py --scenes 50 synthetic.max_objects=40

Truth: |L(x) − R(x − d)| on visible pixels in gray levels, without cameras, materials and light that differs between the
views; and the intersection over union of the occlusion mask with the one that the two disparity maps give. Time: CPU
milliseconds of one core for a pair of views of 512×256 px with 20 objects (dense has its own number) and the effects of
the settings, once the bank of textures is drawn; beside it, measured in the same run, a window of that size as a share
of the 960×540 frame around it, and what the bank saves.
"""

from stereo.cli import run

import argparse

from stereo.benchmark.world import CROP, PRESETS, speed_lines, truth_lines
from stereo.config import DatasetConfig, SyntheticConfig, with_overrides
from stereo.device import keep_freed_memory
from stereo.options import require_at_least, script_parser


def main(argv: list[str] | None = None) -> int:
    args = _parse(argv)
    require_at_least(1, args, "scenes", "timed")
    keep_freed_memory()  # as in the processes of the loader
    base = SyntheticConfig(seed=77, length=10**9, height=CROP[0], width=CROP[1])
    config = with_overrides(DatasetConfig(synthetic=base), args.overrides).synthetic
    for line in truth_lines(config, args.scenes, args.presets):
        print(line, flush=True)
    print()
    for line in speed_lines(config, args.timed, args.presets):
        print(line, flush=True)
    return 0


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = script_parser(__doc__)
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="settings: synthetic.max_objects=40")
    parser.add_argument("--scenes", type=int, default=500, metavar="N", help="of each preset (default: 500)")
    parser.add_argument("--timed", type=int, default=40, metavar="N", help="crops of each preset (default: 40)")
    parser.add_argument(
        "--presets", nargs="+", choices=PRESETS, default=PRESETS, metavar="NAME", help=f"{', '.join(PRESETS)}"
    )
    return parser.parse_intermixed_args(argv)


if __name__ == "__main__":
    run(main)
