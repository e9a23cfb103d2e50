"""Disparity of one rectified pair, or of many.

    scripts/infer.py left.png right.png --output out             one pair     → out/disparity.pfm, …
    scripts/infer.py left_folder right_folder --output out       many pairs   → out/NAME/disparity.pfm, …
    scripts/infer.py --list pairs.csv --output out               likewise

Of two folders, the images of one name (without the ending) belong together. For every pair it writes disparity.pfm
(px), disparity.png (16-bit, px × 256) and preview.png. Exit code 1: some of many pairs failed and were named.
"""

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from tqdm import tqdm

from stereo.cli import run
from stereo.config import check_max_disparity
from stereo.data.families.pair_list import PairList
from stereo.data.formats import IMAGE_SUFFIXES, read_image, write_disparity_png16, write_image, write_pfm
from stereo.data.sample import Image, Map
from stereo.errors import DataError
from stereo.methods.predictor import Predictor
from stereo.output import make_output_folder
from stereo.visualize import preview_panel

# 16 bits hold px × 256.
PNG_LIMIT = 65535 / 256

# Loads the left and the right image.
Load = Callable[[], tuple[Image, Image]]


def main(argv: list[str] | None = None) -> int:
    args = _parse(argv)
    if args.max_disparity is not None:
        check_max_disparity(args.max_disparity, "--max-disparity")
    pairs, unmatched, many = _find_pairs(args)
    folder = make_output_folder(args.output)
    predictor = Predictor.from_checkpoint(args.checkpoint, args.device, args.max_disparity, args.band_rows)
    if not many:
        left, right = pairs[""]()
        start = time.perf_counter()
        try:
            disparity = predictor.predict(left, right)
        except DataError as error:
            raise DataError(f"{args.left}, {args.right}: {error}") from None
        seconds = time.perf_counter() - start
        written = _write(folder, left, disparity)
        print(
            f"wrote {', '.join(written)} to {folder}: {disparity.shape[1]}×{disparity.shape[0]} px, disparity "
            f"{disparity.min():.2f} … {disparity.max():.2f} px, {seconds:.2f} s on {predictor.device}"
        )
        return 0

    failed = list(unmatched)
    low, high = np.inf, -np.inf
    start = time.perf_counter()
    for name, load in tqdm(pairs.items(), unit="pair", disable=None):
        try:
            left, right = load()
            disparity = predictor.predict(left, right)
        except DataError as error:
            failed.append(f"{name}: {error}")
            continue
        _write(make_output_folder(folder / name), left, disparity)
        low, high = min(low, float(disparity.min())), max(high, float(disparity.max()))
    seconds = time.perf_counter() - start
    for message in failed:
        print(f"failed: {message}", file=sys.stderr)
    done = len(pairs) + len(unmatched) - len(failed)
    if done == 0:
        raise DataError(f"none of {len(pairs)} pairs could be processed; nothing was written to {folder}")
    print(
        f"wrote {done} of {done + len(failed)} pairs to {folder}/NAME/: disparity {low:.2f} … {high:.2f} px, "
        f"{seconds / len(pairs):.2f} s a pair on {predictor.device}"
    )
    return 1 if failed else 0


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("left", nargs="?", metavar="LEFT", help="left image, or a folder of them")
    parser.add_argument("right", nargs="?", metavar="RIGHT", help="right image, or a folder of them")
    parser.add_argument("--list", metavar="FILE", help="a list of pairs instead of LEFT and RIGHT")
    parser.add_argument("--output", required=True, metavar="DIR")
    parser.add_argument("--checkpoint", metavar="FILE", help="weights (default: those that ship)")
    parser.add_argument(
        "--max-disparity",
        type=int,
        metavar="N",
        help="px, a multiple of 16 (default: as the network was trained)",
    )
    parser.add_argument(
        "--band-rows", type=int, metavar="N", help="for images beyond memory: bands of N rows, 128 or more, blended"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: auto)")
    args = parser.parse_args(argv)
    if args.list is None and args.right is None:
        parser.error("expected LEFT and RIGHT, or --list FILE")
    if args.list is not None and args.left is not None:
        parser.error("expected LEFT and RIGHT, or --list FILE, not both")
    return args


def _find_pairs(args: argparse.Namespace) -> tuple[dict[str, Load], list[str], bool]:
    """The pairs by name, messages about images without a partner, and whether many were asked for."""
    if args.list is not None:
        return _pairs_of_list(Path(args.list)), [], True
    left, right = Path(args.left), Path(args.right)
    if left.is_dir() != right.is_dir() and left.exists() and right.exists():
        raise DataError(f"{left} and {right}: expected two images or two folders, got one of each")
    if left.is_dir():
        pairs, unmatched = _pairs_of_folders(left, right)
        return pairs, unmatched, True
    return {"": lambda: (read_image(left), read_image(right))}, [], False


def _pairs_of_folders(left: Path, right: Path) -> tuple[dict[str, Load], list[str]]:
    lefts, rights = _images(left), _images(right)
    if not lefts.keys() & rights.keys():
        raise DataError(f"{left} and {right}: no image of one has the name of an image of the other")

    def load(name: str) -> Load:
        return lambda: (read_image(lefts[name]), read_image(rights[name]))

    unmatched = [
        f"{own[name]}: no image of that name in {other_folder}"
        for own, other, other_folder in ((lefts, rights, right), (rights, lefts, left))
        for name in own
        if name not in other
    ]
    return {name: load(name) for name in lefts if name in rights}, unmatched


def _images(folder: Path) -> dict[str, Path]:
    """The images of a folder by name without ending, sorted."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
    doubles = [stem for stem, count in Counter(path.stem for path in paths).items() if count > 1]
    if doubles:
        raise DataError(f"{folder}: two images are called '{doubles[0]}'; names without the ending have to differ")
    return {path.stem: path for path in paths}


def _pairs_of_list(path: Path) -> dict[str, Load]:
    def load(left: Path, right: Path) -> Load:
        return lambda: (read_image(left), read_image(right))

    def folder_name(number: int, name: str) -> str:
        return f"{number:05d}_" + re.sub(r"[^\w.-]+", "_", name)  # the number keeps similar names apart

    # Only the images: ground truth that the list may name is of no use here.
    return {
        folder_name(number, pair.name): load(pair.left, pair.right)
        for number, pair in enumerate(PairList(path).pairs, 1)
    }


def _write(folder: Path, left: Image, disparity: Map) -> list[str]:
    """Write the three files of one pair and give their names."""
    write_pfm(folder / "disparity.pfm", disparity)
    written = ["disparity.pfm"]
    if disparity.max() <= PNG_LIMIT:
        write_disparity_png16(folder / "disparity.png", disparity)
        written.append("disparity.png")
    else:
        (folder / "disparity.png").unlink(missing_ok=True)  # one of an earlier run would belong to another result
        print(
            f"warning: {folder}: disparity reaches {disparity.max():.1f} px, more than a 16-bit PNG holds "
            f"({PNG_LIMIT:.2f} px); disparity.png is left out, use disparity.pfm",
            file=sys.stderr,
        )
    write_image(folder / "preview.png", preview_panel(left, disparity))
    return [*written, "preview.png"]


if __name__ == "__main__":
    run(main)
