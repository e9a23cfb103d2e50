"""A contact sheet of a data set: both views, disparity, what is occluded, and how well the ground truth warps.

    python scripts/show_dataset.py --output sheet.png                                # the procedural world
    python scripts/show_dataset.py --data scene_flow:/data/scene_flow --count 12 --output sheet.png
    python scripts/show_dataset.py --output sheet.png synthetic.max_objects=30 synthetic.photometric=false
    python scripts/show_dataset.py --output sheet.png --augmentation one_view.patch_probability=1 color_jitter=0

One row a pair. The residual is |L(x) − R(x − d)| from black, 0, to white, 32 gray levels or more, where the ground
truth is known and not occluded; its mean stands beside the name. With
--augmentation the samples are shown as training takes them.
"""

from stereo.cli import run

import argparse
import os
from pathlib import Path

import numpy as np

from stereo.config import AugmentationConfig, with_overrides
from stereo.contact_sheet import COLUMNS, describe_sample, draw_row
from stereo.data.datasets import build_dataset
from stereo.data.formats import write_image
from stereo.data.sample_lists import spread
from stereo.data.transforms import Augmentation
from stereo.options import add_data_options, chosen_data, require_at_least, script_parser
from stereo.seeds import generator


def main(argv: list[str] | None = None) -> int:
    args = _parse(argv)
    require_at_least(1, args, "count", "width")
    (config,) = chosen_data(args).values()
    augmentation = None
    if args.augmentation is not None:
        augmentation = Augmentation(with_overrides(AugmentationConfig(), args.augmentation))
    dataset = build_dataset(config, load_right_disparity=augmentation is not None)
    rows = []
    for index in spread(len(dataset), args.count) if args.spread else range(min(args.count, len(dataset))):
        if augmentation is None:
            sample = dataset[index]
        else:
            sample = augmentation(dataset.source(index), generator("augmentation", 0, index))
        rows.append(draw_row(sample, args.width))
        print(sample.name, describe_sample(sample))
    path = Path(args.output)
    write_image(path, np.concatenate(rows))
    print(f"wrote {path}: {len(rows)} rows of {', '.join(COLUMNS)}")
    return 0


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = script_parser(__doc__)
    add_data_options(parser, default="synthetic")
    parser.add_argument(
        "--output", required=True, type=os.path.expanduser, metavar="FILE", help="the picture, PNG or JPEG"
    )
    parser.add_argument("--count", type=int, default=8, metavar="N", help="pairs (default: 8)")
    parser.add_argument("--spread", action="store_true", help="pairs from all over the set, not its first ones")
    parser.add_argument("--width", type=int, default=320, metavar="PX", help="of each picture (default: 320)")
    parser.add_argument(
        "--augmentation", nargs="*", metavar="key=value", help="augment the pairs, with settings of data.augmentation"
    )
    return parser.parse_intermixed_args(argv)


if __name__ == "__main__":
    run(main)
