"""Write pairs of the procedural world to disk, in the layout of Scene Flow.

    scripts/generate_dataset.py --output data/synthetic --count 1000
    scripts/generate_dataset.py --output data/synthetic --count 100 --split test
    scripts/generate_dataset.py --output data/driving --count 1000 synthetic.preset=driving synthetic.max_objects=20

Pair i lies in DIR/FlyingThings3D/frames_cleanpass/TRAIN/A/0000/{left,right}/0006.png, its disparities in
DIR/FlyingThings3D/disparity/TRAIN/A/0000/{left,right}/0006.pfm: ten frames to a scene, scenes under A, B and C in
turn; DIR/manifest.json holds seed, settings and the world's version. Pairs that are complete are left alone, so an
interrupted run goes on with the same command, and a larger --count adds to what is there.
"""

from stereo.cli import run

import argparse

from tqdm import tqdm

from stereo.config import DatasetConfig, SyntheticConfig, with_overrides
from stereo.data.generation import SEEDS, claim, write_pairs
from stereo.errors import ConfigError
from stereo.options import add_workers_option, require_at_least, script_parser
from stereo.output import make_output_folder


def main(argv: list[str] | None = None) -> int:
    args = _parse(argv)
    require_at_least(1, args, "count", "workers")
    config = _settings(args)
    folder = make_output_folder(args.output)
    missing = claim(folder, args.split, config)
    written = write_pairs(folder, args.split, config, missing, args.workers)
    for _ in tqdm(written, total=len(missing), unit="pair", disable=None):
        pass
    kept = args.count - len(missing)
    print(
        f"wrote {len(missing)} pairs of {config.width}×{config.height} px to {folder}"
        + (f"; {kept} were there already" if kept else "")
    )
    print(f"use them as --data scene_flow:{folder} or, in a configuration, as family: scene_flow, path: {folder}")
    return 0


def _settings(args: argparse.Namespace) -> SyntheticConfig:
    """Return the world's settings. Raises: ConfigError for one that is wrong, or that has no meaning here."""
    seed = SEEDS[args.split]
    if args.seed is not None:
        require_at_least(0, args, "seed")
        seed = args.seed
    base = SyntheticConfig(
        seed=seed, length=args.count, height=args.height, width=args.width, max_disparity=args.max_disparity
    )
    config = with_overrides(DatasetConfig(synthetic=base), args.overrides).synthetic
    for override in args.overrides:
        if override.partition("=")[0].partition(".")[0] != "synthetic":
            raise ConfigError(f"'{override}': expected a setting of the world, as in synthetic.preset=driving")
    for name in ("seed", "height", "width", "max_disparity"):
        given, used = getattr(args, name), getattr(config, name)
        unset = None if name == "seed" else getattr(SyntheticConfig, name)
        if given not in (unset, used):
            raise ConfigError(f"synthetic.{name} is {used} but --{name.replace('_', '-')} is {given}; give one of them")
    if config.length != args.count:
        raise ConfigError(f"synthetic.length is {config.length} but --count is {args.count}; give --count alone")
    return config


def _parse(argv: list[str] | None) -> argparse.Namespace:
    defaults = SyntheticConfig()
    parser = script_parser(__doc__)
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="settings: synthetic.preset=driving")
    parser.add_argument("--output", required=True, metavar="DIR")
    parser.add_argument("--count", required=True, type=int, metavar="N", help="number of pairs")
    parser.add_argument("--split", choices=tuple(SEEDS), default="train", help="default: train")
    parser.add_argument("--seed", type=int, metavar="N", help=f"of the world (default: {SEEDS})")
    for name in ("width", "height", "max_disparity"):
        value = getattr(defaults, name)
        parser.add_argument(
            f"--{name.replace('_', '-')}", type=int, default=value, metavar="PX", help=f"px (default: {value})"
        )
    add_workers_option(parser)
    return parser.parse_intermixed_args(argv)


if __name__ == "__main__":
    run(main)
