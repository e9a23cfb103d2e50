"""Fetch photographs and textures for the surfaces of the procedural world, from Debian packages under free licenses.

    python scripts/fetch_textures.py                                             # 1.5 GB of packages → data/photographs
    python scripts/fetch_textures.py --packages mate-backgrounds palapeli-data   # these alone
    python scripts/train.py --config FILE data.train.synthetic.textures=data/photographs

It takes apt and dpkg-deb, thus Debian or a relative of it, and no root. fetch_textures.txt, beside this file, lists the
packages and what is taken of each; of a package that is not listed there, everything is. What is left out: pictures whose
license is not on the list below or not stated, those under 256 px, with transparency or nearly flat, and the smaller
ones of the same picture. The rest is scaled to 1,024 px at most and written as JPEG. SOURCES.md says where each is from.
A second run fetches again and writes the same files; what it cannot fetch any more stays.
"""

import argparse
import re
import shutil
import subprocess
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stereo.cli import require_at_least, run, script_parser
from stereo.errors import DataError
from stereo.output import atomic_output, make_output_folder

CHOICE = Path(__file__).with_suffix(".txt")
SUFFIXES = {".avif", ".bmp", ".jpeg", ".jpg", ".jxl", ".png", ".tga", ".tif", ".tiff", ".webp"}
ARCHIVES = {".pk3", ".zip"}  # in which games keep their textures
SMALLEST, LONGEST_SIDE = 256, 1024  # px
FLAT = 8  # gray levels: a picture whose standard deviation is less has next to nothing to match
SAME = 0.97  # two pictures whose thumbnails correlate by more are one picture

# Short names as Debian writes them, in lower case and without their versions: CC-BY-SA-4.0 is "cc-by-sa".
FREE = {
    *("agpl", "apache", "artistic", "boost", "bsd-2-clause", "bsd-3-clause", "cc-by", "cc-by-sa", "cc0", "expat"),
    *("free-art-license", "gpl", "isc", "lgpl", "mit", "ofl", "public-domain", "wtfpl", "zlib"),
}
# How copyright files that are plain text name them. Text that forbids something is searched first.
FORBIDS = re.compile(r"non-?commercial|no ?deriv|not for sale|may not be (sold|modified)", re.IGNORECASE)
PLAIN = {
    "GPL": r"GNU General Public Licen[sc]e|\bGNU GPL\b",
    "CC-BY-SA": r"Attribution[- ]Share ?Alike|\bCC[- ]BY[- ]SA\b",
    "CC-BY": r"Creative Commons Attribution \d|\bCC[- ]BY[- ]\d",
    "CC0": r"\bCC0\b",
    "public-domain": r"\bpublic domain\b",
}


@dataclass
class Fetched:
    """What came of one package: rows of SOURCES.md, and how many pictures were left out for which reason."""

    rows: list[tuple[str, ...]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def main(argv: list[str] | None = None) -> int:
    args = _parse(argv)
    choice = read_choice(CHOICE)
    output = make_output_folder(args.output)
    kept = read_sources(output)
    missing = []
    for package in args.packages or choice:
        with TemporaryDirectory() as scratch:
            deb, why = find_or_download(package, Path(args.debs or scratch))
            if deb is None:
                print(f"{package}: not available, {why}", flush=True)
                missing.append(package)
                continue
            before = {row[0] for row in kept.pop(package, [])}
            others = [output / row[0] for rows in kept.values() for row in rows]
            fetched = fetch(deb, package, choice.get(package, ["*"]), output, others, args.quality)
        for name in before - {row[0] for row in fetched.rows}:
            (output / name).unlink(missing_ok=True)
        kept[package] = fetched.rows
        write_sources(output, kept)
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(fetched.left_out.items()))
        print(f"{package}: {len(fetched.rows)} pictures" + (f"; left out: {reasons}" if reasons else ""), flush=True)
    if len(missing) == len(args.packages or choice):
        raise DataError(f"no package could be fetched, of {len(missing)}; try `apt-get update`, or look at the lines above")
    print(f"wrote {output}: {sum(map(len, kept.values()))} pictures and SOURCES.md")
    return 1 if missing else 0


def read_choice(path: Path) -> dict[str, list[str]]:
    """Return what is taken of each package: patterns of paths, of which the last that matches counts; "!" leaves out."""
    choice: dict[str, list[str]] = {}
    for line in path.read_text().splitlines():
        if line.startswith("["):
            patterns = choice[line.strip("[] ")] = []
        elif line.strip() and not line.startswith("#"):
            patterns += line.split()
    return choice


def is_taken(path: str, patterns: list[str]) -> bool:
    matching = [pattern for pattern in patterns if fnmatchcase("/" + path, "*/" + pattern.lstrip("!"))]
    return bool(matching) and not matching[-1].startswith("!")


def find_or_download(package: str, folder: Path) -> tuple[Path | None, str]:
    """Return the package's file in a folder, fetched by apt if it is not there; or None, and why."""
    if not (found := sorted(folder.glob(f"{package}_*.deb"))):
        if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
            raise DataError("apt-get and dpkg-deb are needed, and not here; run this on Debian or a relative of it")
        folder.mkdir(parents=True, exist_ok=True)
        apt = subprocess.run(["apt-get", "download", "-q", package], cwd=folder, capture_output=True, text=True)
        found = sorted(folder.glob(f"{package}_*.deb"))
        if apt.returncode != 0 or not found:
            return None, (apt.stderr.strip().splitlines() or ["apt says nothing"])[-1]
    return found[-1], ""


def fetch(deb: Path, package: str, patterns: list[str], output: Path, others: list[Path], quality: int) -> Fetched:
    """Write the pictures of a package into a folder. Those that show the same as one of the others are left out."""
    fetched = Fetched()
    thumbnails = [thumbnail(Image.open(path)) for path in others if path.is_file()]
    with TemporaryDirectory() as scratch:
        root = Path(scratch)
        version = unpack(deb, root)
        notice = root / f"usr/share/doc/{package}/copyright"
        stanzas = read_copyright(notice.read_text(errors="replace") if notice.is_file() else "")
        names: set[str] = set()
        for path in pictures_below(root, patterns):
            inside = path.relative_to(root).as_posix()
            if not is_free(license_name := license_of(inside, stanzas)):
                fetched.left_out[f"under {license_name or 'no stated license'}"] += 1
                continue
            picture = read_picture(path)
            if isinstance(picture, str):
                fetched.left_out[picture] += 1
                continue
            small = thumbnail(picture)
            if any(float((small * other).mean()) > SAME for other in thumbnails):
                fetched.left_out["duplicates"] += 1
                continue
            thumbnails.append(small)
            name = file_name(package, inside, names)
            with atomic_output(output / name) as temporary:
                picture.save(temporary, "JPEG", quality=quality)
            fetched.rows.append((name, package, version, license_name, inside))
    fetched.rows.sort()
    return fetched


def unpack(deb: Path, root: Path) -> str:
    """Unpack a package, and the archives in it, each into a folder of the archive's name; return the version."""
    try:
        version = subprocess.run(["dpkg-deb", "-f", deb, "Version"], capture_output=True, text=True, check=True).stdout
        subprocess.run(["dpkg-deb", "-x", deb, root], capture_output=True, text=True, check=True)
    except subprocess.CalledProcessError as error:
        raise DataError(f"{deb}: dpkg-deb cannot unpack it: {error.stderr.strip()}; delete it and try again") from None
    for path in sorted(root.rglob("*")):
        if path.suffix.lower() in ARCHIVES and path.is_file() and zipfile.is_zipfile(path):
            archive = path.rename(path.with_name(path.name + ".archive"))
            with zipfile.ZipFile(archive) as opened:
                opened.extractall(path)
            archive.unlink()
    return version.strip()


def pictures_below(root: Path, patterns: list[str]) -> list[Path]:
    """Return the pictures that are taken, the largest first, and of one in several sizes (by its name) only that."""
    sizes = {}
    for path in root.rglob("*"):
        inside = path.relative_to(root).as_posix()
        if path.suffix.lower() in SUFFIXES and path.is_file() and not path.is_symlink() and is_taken(inside, patterns):
            sizes[path] = -path.stat().st_size
    largest: dict[str, Path] = {}
    for path in sorted(sizes, key=lambda path: (sizes[path], path)):
        largest.setdefault(re.sub(r"\d{3,}x\d{3,}", "", str(path.with_suffix(""))), path)
    return list(largest.values())


def read_picture(path: Path) -> Image.Image | str:
    """Return a picture, RGB, scaled to 1,024 px at most; or the reason to leave it out."""
    try:
        picture = Image.open(path)
        if min(picture.size) < SMALLEST:
            return f"under {SMALLEST} px"
        if picture.has_transparency_data and picture.convert("RGBA").getchannel("A").getextrema() != (255, 255):
            return "with transparency"
        picture = picture.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return "unreadable"
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    return "flat" if np.asarray(picture.convert("L"), np.float32).std() < FLAT else picture


def thumbnail(picture: Image.Image) -> NDArray[np.float32]:
    """Return a picture as 32×32 gray levels with mean 0 and standard deviation 1: their products are correlations."""
    gray = np.asarray(picture.convert("L").resize((32, 32), Image.Resampling.BOX), np.float32)
    return (gray - gray.mean()) / max(float(gray.std()), 1e-6)


def file_name(package: str, inside: str, taken: set[str]) -> str:
    """Return a name for a picture: the package, and of the path inside it as much as makes the name a new one."""
    parts = [re.sub(r"[^\w.-]+", "_", part) for part in Path(inside).with_suffix("").parts]
    for count in range(1, len(parts) + 1):
        name = "-".join([package, *parts[-count:]]) + ".jpg"
        if name not in taken:
            break
    taken.add(name)
    return name


# ------------------------------------------------------------------------------------------------------- licenses

# Patterns of files, and the license they are under.
Stanzas = list[tuple[list[str], str]]


def read_copyright(text: str) -> Stanzas:
    """Return who may use what, by a package's copyright file: machine-readable, or plain text, which speaks of all files.

    Source: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
    """
    if not re.match(r"\s*Format(-Specification)?:", text):
        plain = " ".join(text.split())
        found = [] if FORBIDS.search(plain) else [name for name, words in PLAIN.items() if re.search(words, plain)]
        return [(["*"], " and ".join(found))]
    stanzas = []
    for paragraph in re.split(r"\n[ \t]*\n", text):
        fields = dict(re.findall(r"^([\w-]+):[ \t]*(.*(?:\n[ \t].*)*)", paragraph, re.MULTILINE))
        if "Files" in fields:
            stanzas.append((fields["Files"].split(), (fields.get("License", "").strip().splitlines() or [""])[0].strip()))
    return stanzas


def license_of(path: str, stanzas: Stanzas) -> str:
    """Return the license of a file: of the stanza that names it most closely, and of such stanzas the last; or ""."""
    closest, name = 0, ""
    for patterns, license_name in stanzas:
        nearness = max(_nearness(pattern, path) for pattern in patterns) if patterns else 0
        if nearness >= max(closest, 1):
            closest, name = nearness, license_name
    return name


def _nearness(pattern: str, path: str) -> int:
    """Return how many of a pattern's last parts a path ends in: the source has its files in other folders."""
    parts = pattern.removeprefix("./").split("/")
    for count in range(len(parts), 0, -1):
        tail = "/".join(parts[-count:])
        if (tail != "*" or len(parts) == 1) and fnmatchcase("/" + path, "*/" + tail):
            return count
    return 0


def is_free(license_name: str) -> bool:
    """Return whether a license is on the list; of "A or B" one of them suffices, of "A and B" both must be."""
    plain = re.sub(r"-with-.*| with .* exception", "", license_name.lower())
    version = r"-?v?\d[\d.]*\+?(~.*)?$"
    return bool(plain) and any(
        all(re.sub(version, "", one.strip()) in FREE or one.strip() in FREE for one in re.split(r" and |,", either))
        for either in re.split(r" or |\|", plain)
    )


# -------------------------------------------------------------------------------------------------------- sources

HEAD = "| file | package | version | license | path in the package |\n|---|---|---|---|---|\n"


def read_sources(folder: Path) -> dict[str, list[tuple[str, ...]]]:
    """Return the rows of a folder's SOURCES.md by package; none where there is no such file."""
    sources: dict[str, list[tuple[str, ...]]] = {}
    path = folder / "SOURCES.md"
    for line in path.read_text().partition(HEAD)[2].splitlines() if path.is_file() else []:
        row = tuple(cell.strip() for cell in line.strip("|").split("|"))
        sources.setdefault(row[1], []).append(row)
    return sources


def write_sources(folder: Path, sources: dict[str, list[tuple[str, ...]]]) -> None:
    rows = [f"| {' | '.join(row)} |\n" for package in sorted(sources) for row in sources[package]]
    with atomic_output(folder / "SOURCES.md") as temporary:
        temporary.write_text("Pictures of Debian packages, by scripts/fetch_textures.py.\n\n" + HEAD + "".join(rows))


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = script_parser(__doc__)
    parser.add_argument("--output", default="data/photographs", metavar="DIR", help="(default: data/photographs)")
    parser.add_argument("--packages", nargs="+", metavar="NAME", help="Debian packages (default: those that are listed)")
    parser.add_argument("--debs", metavar="DIR", help="keep the packages here, and take those that are here already")
    parser.add_argument("--quality", type=int, default=95, metavar="Q", help="of the JPEG files (default: 95)")
    args = parser.parse_args(argv)
    require_at_least(1, args, "quality")
    return args


if __name__ == "__main__":
    run(main)
