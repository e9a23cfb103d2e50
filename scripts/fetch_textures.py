"""Fetch photographs and textures for the surfaces of the procedural world, from Debian packages under free licenses.

    python scripts/fetch_textures.py                                             # 1.5 GB of packages → data/photographs
    python scripts/fetch_textures.py --packages mate-backgrounds palapeli-data   # these alone
    python scripts/train.py --config FILE data.train.synthetic.textures=data/photographs

It needs apt and dpkg-deb, thus Debian or a relative of it, and no root. stereo/data/texture_choice.py says which
packages and what of each; of a package that it does not name, everything is taken. Left out are pictures whose license
is not stated or not on the list of stereo/data/debian.py, pictures under 256 px, with transparency or nearly flat, and
all but the largest of those that show the same. The rest is scaled to 1,024 px at most and written as JPEG; SOURCES.md
says where each comes from. A second run writes the same again; of a package that cannot be fetched any more, all stays.
"""

from stereo.cli import printable, run

import argparse
import os
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from stereo.data.debian import find_or_download, fits, is_free, license_of, read_copyright, unpack
from stereo.data.sample import Map
from stereo.data.texture_choice import TEXTURES
from stereo.errors import DataError
from stereo.options import require_at_least, script_parser
from stereo.output import atomic_output, make_output_folder

SUFFIXES = {".avif", ".bmp", ".jpeg", ".jpg", ".jxl", ".png", ".tga", ".tif", ".tiff", ".webp"}
LONGEST_SIDE = 1024  # px, as stereo.data.synthetic.assets.photographs has it
FLAT = 8  # gray levels: with a smaller standard deviation there is next to nothing to match
SAME = 0.97  # two pictures whose thumbnails correlate by more show the same
_BROKEN = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)  # what Pillow says of a broken picture
HEAD = "| file | package | version | license | path in the package |\n|---|---|---|---|---|\n"

Rows = dict[str, list[tuple[str, ...]]]  # of SOURCES.md, by package


@dataclass
class Fetched:
    """What came of one package: rows of SOURCES.md, and how many pictures were left out for which reason."""

    rows: list[tuple[str, ...]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def main(argv: list[str] | None = None) -> int:
    args = _parse(argv)
    packages = list(dict.fromkeys(args.packages or TEXTURES))
    output = make_output_folder(args.output)
    sources = read_sources(output)
    missing = 0
    for package in packages:
        others = [output / row[0] for name, rows in sources.items() if name != package for row in rows]
        try:
            with TemporaryDirectory() as scratch:
                deb = find_or_download(package, Path(args.debs or scratch))
                fetched = fetch(deb, package, output, others, args)
        except DataError as error:
            print(f"{package}: skipped: {printable(str(error))}", flush=True)
            missing += 1
            continue
        for name in {row[0] for row in sources.get(package, [])} - {row[0] for row in fetched.rows}:
            (output / name).unlink(missing_ok=True)
        sources[package] = fetched.rows
        write_sources(output, sources)
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(fetched.left_out.items()))
        print(f"{package}: {len(fetched.rows)} pictures" + (f"; left out: {reasons}" if reasons else ""), flush=True)
    if missing == len(packages):
        raise DataError("no package could be fetched; the lines above say why")
    print(f"wrote {output}: {sum(map(len, sources.values()))} pictures and SOURCES.md")
    return 1 if missing else 0


def fetch(deb: Path, package: str, output: Path, others: list[Path], args: argparse.Namespace) -> Fetched:
    """Write a package's pictures into a folder, but for those that show the same as one of the others."""
    fetched = Fetched()
    thumbnails = [thumbnail(Image.open(path)) for path in others if os.path.isfile(path)]
    with TemporaryDirectory() as scratch:
        root = Path(scratch)
        version = unpack(deb, root)
        stanzas = read_copyright(root, package)
        for path in pictures_below(root, TEXTURES.get(package, "*").split()):
            inside = path.relative_to(root).as_posix()
            license_name = license_of(inside, stanzas)
            if not is_free(license_name):
                fetched.left_out[f"under {license_name or 'no stated license'}"] += 1
                continue
            picture = read_picture(path, args.smallest)
            if isinstance(picture, str):
                fetched.left_out[picture] += 1
                continue
            small = thumbnail(picture)
            if any(float((small * other).mean()) > SAME for other in thumbnails):
                fetched.left_out["duplicates"] += 1
                continue
            thumbnails.append(small)
            name = file_name(package, inside, {row[0] for row in fetched.rows})
            with atomic_output(output / name) as temporary:
                picture.save(temporary, "JPEG", quality=args.quality)
            fetched.rows.append((name, package, version, license_name, inside))
    fetched.rows.sort()
    return fetched


def pictures_below(root: Path, patterns: list[str]) -> list[Path]:
    """Return the pictures that are taken, the largest first; of names that differ by a size alone that one only."""
    pictures = []
    for path in root.rglob("*"):
        if path.suffix.lower() in SUFFIXES and os.path.isfile(path) and not path.is_symlink():
            deciding = [word for word in patterns if fits(word.removeprefix("!"), path.relative_to(root).as_posix())]
            if deciding and not deciding[-1].startswith("!"):
                pictures.append(path)
    largest: dict[str, Path] = {}
    for path in sorted(pictures, key=lambda path: (-_pixels(path), path)):
        largest.setdefault(re.sub(r"\d{3,}x\d{3,}", "", str(path.with_suffix(""))), path)
    return list(largest.values())


def _pixels(path: Path) -> int:
    """Return how many pixels a picture has; 0 if it is broken, which read_picture says."""
    try:
        with Image.open(path) as picture:
            return picture.width * picture.height
    except _BROKEN:
        return 0


def read_picture(path: Path, smallest: int) -> Image.Image | str:
    """Return a picture, RGB, scaled to 1,024 px at most; or the reason to leave it out."""
    try:
        picture: Image.Image = Image.open(path)
        if min(picture.size) < smallest:
            return f"under {smallest} px"
        if picture.has_transparency_data and picture.convert("RGBA").getchannel("A").getextrema() != (255, 255):
            return "with transparency"
        picture = picture.convert("RGB")
    except _BROKEN:
        return "unreadable"
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    return "nearly flat" if np.asarray(picture.convert("L"), np.float32).std() < FLAT else picture


def thumbnail(picture: Image.Image) -> Map:
    """Return a picture as 32×32 gray levels of mean 0 and standard deviation 1, the product of two correlates them."""
    gray = np.asarray(picture.convert("L").resize((32, 32), Image.Resampling.BOX), np.float32)
    return (gray - gray.mean()) / max(float(gray.std()), 1e-6)


def file_name(package: str, inside: str, taken: set[str]) -> str:
    """Return a name for a picture: the package, and of its path as many last parts as no other picture has."""
    parts = [re.sub(r"[^\w.-]+", "_", part) for part in Path(inside).with_suffix("").parts]
    names = ["-".join([package, *parts[-count:]]) + ".jpg" for count in range(1, len(parts) + 1)]
    return next((name for name in names if name not in taken), names[-1])


def read_sources(folder: Path) -> Rows:
    """Return the rows of a folder's SOURCES.md; none where there is no such file."""
    sources: Rows = {}
    path = folder / "SOURCES.md"
    for line in path.read_text().partition(HEAD)[2].splitlines() if os.path.isfile(path) else []:
        row = tuple(cell.strip() for cell in line.strip("|").split("|"))
        sources.setdefault(row[1], []).append(row)
    return sources


def write_sources(folder: Path, sources: Rows) -> None:
    about = (
        "Pictures of Debian packages, scaled by scripts/fetch_textures.py. Their authors are named in each package's "
        "usr/share/doc/PACKAGE/copyright.\n\n"
    )
    rows = [f"| {' | '.join(row)} |\n" for package in sorted(sources) for row in sources[package]]
    with atomic_output(folder / "SOURCES.md") as temporary:
        temporary.write_text(about + HEAD + "".join(rows))


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = script_parser(__doc__)
    parser.add_argument("--output", default="data/photographs", metavar="DIR", help="(default: data/photographs)")
    parser.add_argument("--packages", nargs="+", metavar="NAME", help="of Debian (default: all that are listed)")
    parser.add_argument("--debs", metavar="DIR", help="keep the packages here, and take those that are here already")
    parser.add_argument("--smallest", type=int, default=256, metavar="PX", help="shorter side (default: 256)")
    parser.add_argument("--quality", type=int, default=95, metavar="Q", help="of the JPEG files (default: 95)")
    args = parser.parse_args(argv)
    require_at_least(1, args, "smallest", "quality")
    return args


if __name__ == "__main__":
    run(main)
