"""A contact sheet of a data set: both views, disparity, what is occluded, and how well the ground truth warps.

    python scripts/show_dataset.py --output sheet.png                                # the procedural world
    python scripts/show_dataset.py --data scene_flow:/data/scene_flow --count 12 --output sheet.png
    python scripts/show_dataset.py --output sheet.png synthetic.max_objects=30 synthetic.photometric=false

One row a pair. The residual is |L(x) − R(x − d)| from black, 0, to white, 32 grey levels or more, where the ground
truth is known and not occluded; its mean stands beside the name.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from stereo.cli import dataset_config, run
from stereo.config import DatasetConfig, with_overrides
from stereo.data.datasets import build_dataset
from stereo.data.formats import write_image
from stereo.data.sample import Image, StereoSample
from stereo.data.warping import comparable, warp_residual
from stereo.errors import ConfigError
from stereo.visualize import color_disparity, color_limit, put_text

COLUMNS = ("left", "right", "disparity", "occluded", "residual")
WHITE_AT = 32  # grey levels of residual that are shown white
LABEL_HEIGHT = 18


def main(argv: list[str] | None = None) -> int:
    args = _parse(argv)
    for name in ("count", "width"):
        if getattr(args, name) < 1:
            raise ConfigError(f"--{name} is {getattr(args, name)}, expected 1 or more")
    dataset = build_dataset(_settings(args))
    count = min(args.count, len(dataset))
    rows = []
    for index in np.linspace(0, len(dataset) - 1, count).round().astype(int) if args.spread else range(count):
        sample = dataset[int(index)]
        rows.append(_row(sample, args.width))
        print(sample.name, _describe(sample))
    widest = max(row.shape[1] for row in rows)
    rows = [np.pad(row, ((0, 0), (0, widest - row.shape[1]), (0, 0))) for row in rows]
    path = Path(args.output)
    write_image(path, np.concatenate(rows))
    print(f"wrote {path}: {count} rows of {', '.join(COLUMNS)}")
    return 0


def _settings(args: argparse.Namespace) -> DatasetConfig:
    config = dataset_config(args.data)
    return with_overrides(replace(config, split=args.split, rendering=args.rendering), args.overrides)


def _describe(sample: StereoSample) -> str:
    truth = sample.truth
    if truth is None or not truth.valid.any():
        return "no ground truth"
    known_disparity = truth.disparity[truth.valid]
    occluded = "" if truth.occluded is None else f", {truth.occluded.mean():.0%} occluded"
    residual = warp_residual(sample)[comparable(sample)].mean()
    return (
        f"{sample.width}×{sample.height}, disparity {known_disparity.min():.1f} … {known_disparity.max():.1f} px"
        f"{occluded}, residual {residual:.2f}"
    )


def _row(sample: StereoSample, width: int) -> Image:
    images = [sample.left, sample.right]
    empty = np.zeros_like(sample.left)
    truth = sample.truth
    if truth is None:
        images += [empty] * 3
    else:
        images.append(color_disparity(truth.disparity, color_limit(truth.disparity, truth.valid), 0, truth.valid))
        occluded = np.zeros(truth.valid.shape, np.bool_) if truth.occluded is None else truth.occluded
        images.append(np.where(occluded[..., None], np.uint8(255), sample.left // 3))
        white = np.minimum(warp_residual(sample) * (255 / WHITE_AT), 255)
        shown = np.where(comparable(sample), white, 0).astype(np.uint8)
        images.append(np.repeat(shown[..., None], 3, axis=2))
    height = max(1, round(sample.height * width / sample.width))
    tiles = [np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8) for image in images]
    strip = np.concatenate(tiles, axis=1)
    label = np.zeros((LABEL_HEIGHT, strip.shape[1], 3), np.uint8)
    put_text(label, f"{sample.name}: {_describe(sample)}".replace("×", "x").replace("…", "to"), 4, 13, 0.42)
    return np.concatenate([label, strip])


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="settings of the data set")
    parser.add_argument("--data", default="synthetic", metavar="FAMILY[:PATH]", help="default: synthetic")
    parser.add_argument("--output", required=True, metavar="FILE", help="the picture, PNG or JPEG")
    parser.add_argument("--count", type=int, default=8, metavar="N", help="pairs (default: 8)")
    parser.add_argument("--spread", action="store_true", help="pairs from all over the set, not its first ones")
    parser.add_argument("--width", type=int, default=320, metavar="PX", help="of each picture (default: 320)")
    parser.add_argument("--split", choices=("train", "test"), default="test", help="scene_flow only (default: test)")
    parser.add_argument("--rendering", choices=("cleanpass", "finalpass"), default="cleanpass", help="scene_flow only")
    return parser.parse_intermixed_args(argv)


if __name__ == "__main__":
    run(main)
