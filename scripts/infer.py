"""Disparity of one rectified pair, or of many.

    scripts/infer.py left.png right.png --output out             one pair     → out/disparity.pfm, …
    scripts/infer.py left_folder right_folder --output out       many pairs   → out/NAME/disparity.pfm, …
    scripts/infer.py --list pairs.csv --output out               likewise

Of two folders, the images of one name (without the ending) belong together. For every pair it writes disparity.pfm
(px), disparity.png (16-bit, px × 256) and preview.png. Exit code 1: some of many pairs failed and were named.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from tqdm import tqdm

from stereo.cli import add_network_options, run, script_parser
from stereo.config import check_max_disparity
from stereo.data.image_pairs import pairs_of_list, pairs_of_paths
from stereo.data.pairs import PairFiles
from stereo.errors import DataError
from stereo.methods.inference import Inferred, infer_pair
from stereo.methods.predictor import Predictor
from stereo.methods.stored import PNG_LIMIT
from stereo.output import make_output_folder


def main(argv: list[str] | None = None) -> int:
    args = _parse(argv)
    if args.max_disparity is not None:
        check_max_disparity(args.max_disparity, "--max-disparity")
    failed: list[str] = []  # images without a partner, to begin with
    if args.list is not None:
        pairs = pairs_of_list(args.list, args.strict)
    else:
        pairs, failed = pairs_of_paths(Path(args.left), Path(args.right))
    folder = make_output_folder(args.output)
    predictor = Predictor.from_checkpoint(args.checkpoint, args.device, args.max_disparity, args.band_rows)
    if args.list is not None or Path(args.left).is_dir():
        return _infer_many(predictor, pairs, failed, folder)
    done = infer_pair(predictor, pairs[0], folder)
    print(
        f"wrote {', '.join(done.written)} to {folder}: {done.width}×{done.height} px, disparity {done.lowest:.2f} … "
        f"{done.highest:.2f} px, {done.seconds:.2f} s on {predictor.device}"
    )
    _warn({str(folder): done}, predictor.max_disparity)
    return 0


def _infer_many(predictor: Predictor, pairs: list[PairFiles], failed: list[str], folder: Path) -> int:
    done: dict[str, Inferred] = {}
    count = len(pairs) + len(failed)
    start = time.perf_counter()
    for pair in tqdm(pairs, unit="pair", disable=None):
        try:
            done[pair.name] = infer_pair(predictor, pair, folder / pair.name)
        except DataError as error:
            failed.append(f"{pair.name}: {error}")
    seconds = time.perf_counter() - start
    for message in failed:
        print(f"failed: {message}", file=sys.stderr)
    if not done:
        raise DataError(f"none of {len(pairs)} pairs could be processed; nothing was written to {folder}")
    print(
        f"wrote {len(done)} of {count} pairs to {folder}/NAME/: disparity {min(x.lowest for x in done.values()):.2f} … "
        f"{max(x.highest for x in done.values()):.2f} px, {seconds / len(pairs):.2f} s a pair on {predictor.device}"
    )
    _warn(done, predictor.max_disparity)
    return 1 if failed else 0


def _warn(done: dict[str, Inferred], max_disparity: int) -> None:
    """Print one line for each thing that is amiss, with the first pair that it concerns."""
    beyond_png = {name: x.highest for name, x in done.items() if x.highest > PNG_LIMIT}
    if beyond_png:
        print(
            f"warning: {_first(beyond_png)}: disparity reaches {max(beyond_png.values()):.1f} px, more than a 16-bit "
            f"PNG holds ({PNG_LIMIT:.2f} px); disparity.png is left out, use disparity.pfm",
            file=sys.stderr,
        )
    cut_off = {name: x.wider_range for name, x in done.items() if x.wider_range is not None}
    if cut_off:
        print(
            f"warning: {_first(cut_off)}: disparities lie at the end of the network's range of {max_disparity} px; "
            f"where the scene is nearer than that they are wrong: try --max-disparity {max(cut_off.values())}",
            file=sys.stderr,
        )


def _first(names: dict[str, Any]) -> str:
    name = next(iter(names))
    return name if len(names) == 1 else f"{name} and {len(names) - 1} more"


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = script_parser(__doc__)
    parser.add_argument("left", nargs="?", metavar="LEFT", help="left image, or a folder of them")
    parser.add_argument("right", nargs="?", metavar="RIGHT", help="right image, or a folder of them")
    parser.add_argument("--list", metavar="FILE", help="a list of pairs instead of LEFT and RIGHT")
    parser.add_argument(
        "--strict", action="store_true", help="refuse a list with a missing image (default: name it, and do the rest)"
    )
    parser.add_argument("--output", required=True, metavar="DIR")
    add_network_options(parser)
    parser.add_argument(
        "--band-rows", type=int, metavar="N", help="for images beyond memory: bands of N rows, 128 or more, blended"
    )
    args = parser.parse_args(argv)
    if args.list is None and args.right is None:
        parser.error("expected LEFT and RIGHT, or --list FILE")
    if args.list is not None and args.left is not None:
        parser.error("expected LEFT and RIGHT, or --list FILE, not both")
    return args


if __name__ == "__main__":
    run(main)
