"""Debian packages as a source of pictures: fetched by apt, unpacked by dpkg-deb, and the licenses of their files."""

import os
import re
import shutil
import subprocess
import zipfile
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path

from stereo.errors import DataError

ARCHIVES = {".pk3", ".zip"}  # in which games keep their textures

# Short names as Debian writes them, in lower case and without their versions: CC-BY-SA-4.0 is "cc-by-sa".
FREE = {
    *("agpl", "apache", "artistic", "boost", "bsd-2-clause", "bsd-3-clause", "cc-by", "cc-by-sa", "cc0", "expat"),
    *("free-art-license", "gpl", "isc", "lgpl", "mit", "ofl", "public-domain", "wtfpl", "zlib"),
}
# How copyright files that are plain text name their licenses, and what one says that is not free.
PLAIN = {
    "GPL": r"GNU General Public Licen[sc]e|\bGNU GPL\b",
    "CC-BY-SA": r"Attribution[- ]Share ?Alike|\bCC[- ]BY[- ]SA\b",
    "CC-BY": r"Creative Commons Attribution \d|\bCC[- ]BY[- ]\d",
    "CC0": r"\bCC0\b",
    "public-domain": r"\bpublic domain\b",
}
FORBIDS = r"non-?commercial|no[- ]?deriv|not for sale"

# Patterns of files, and the license of those that they fit.
Stanzas = list[tuple[list[str], str]]


def find_or_download(package: str, folder: Path) -> Path:
    """Return the package's file in a folder, fetched by apt if it is not there. Raises: DataError if apt has none."""
    if found := sorted(folder.glob(f"{package}_*.deb")):
        return found[-1]
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise DataError("apt-get and dpkg-deb are needed, and not here; run this on Debian or a relative of it")
    folder.mkdir(parents=True, exist_ok=True)
    apt = subprocess.run(["apt-get", "download", "-q", package], cwd=folder, capture_output=True, text=True)
    found = sorted(folder.glob(f"{package}_*.deb"))
    if apt.returncode != 0 or not found:
        why = (apt.stderr.strip().splitlines() or ["apt does not say why"])[-1]
        raise DataError(f"apt-get cannot download it: {why}; try `apt-get update`, or another release has it")
    return found[-1]


def unpack(deb: Path, root: Path) -> str:
    """Unpack a package, and the archives in it, each into a folder of the archive's name; return the version."""
    try:
        version = subprocess.run(["dpkg-deb", "-f", deb, "Version"], capture_output=True, text=True, check=True).stdout
        subprocess.run(["dpkg-deb", "-x", deb, root], capture_output=True, text=True, check=True)
    except FileNotFoundError:
        raise DataError("dpkg-deb is needed, and not here; run this on Debian or a relative of it") from None
    except subprocess.CalledProcessError as error:
        raise DataError(f"{deb}: cannot be unpacked: {error.stderr.strip()}; delete it and fetch it again") from None
    for path in sorted(root.rglob("*")):
        if path.suffix.lower() in ARCHIVES and os.path.isfile(path) and zipfile.is_zipfile(path):
            archive = path.rename(path.with_name(path.name + ".archive"))
            with zipfile.ZipFile(archive) as opened, suppress(zipfile.BadZipFile, RuntimeError):  # broken, encrypted
                opened.extractall(path)
            archive.unlink()
    return version.strip()


def read_copyright(root: Path, package: str) -> Stanzas:
    """Return the licenses of an unpacked package's files, by its copyright file.

    One that is plain text is searched for the names of licenses, and speaks of all files.

    Source: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
    """
    path = root / "usr/share/doc" / package / "copyright"
    text = path.read_text(errors="replace") if os.path.isfile(path) else ""
    if not re.match(r"\s*Format(-Specification)?:", text):
        plain = " ".join(text.split())
        named = [name for name, words in PLAIN.items() if re.search(words, plain)]
        return [(["*"], "not free" if re.search(FORBIDS, plain, re.IGNORECASE) else " and ".join(named))]
    stanzas = []
    for paragraph in re.split(r"\n[ \t]*\n", text):
        fields = dict(re.findall(r"^([\w-]+):[ \t]*(.*(?:\n[ \t].*)*)", paragraph, re.MULTILINE))
        if "Files" in fields:
            short_name = fields.get("License", "").strip().partition("\n")[0].strip()
            stanzas.append((fields["Files"].split(), short_name))
    return stanzas


def license_of(path: str, stanzas: Stanzas) -> str:
    """Return the license of a file: of the stanza that names it most closely, of several the last; "" if of none."""
    closest, found = 1, ""
    for patterns, short_name in stanzas:
        nearness = max((_nearness(pattern, path) for pattern in patterns), default=0)
        if nearness >= closest:
            closest, found = nearness, short_name
    return found


def _nearness(pattern: str, path: str) -> int:
    """Return how many of a pattern's last parts a path ends in: the source has its files in other folders."""
    parts = pattern.removeprefix("./").split("/")
    for count in range(len(parts), 0, -1):
        tail = "/".join(parts[-count:])
        # "*" fits every file. As the rest of "debian/*" it says nothing.
        if (tail != "*" or len(parts) == 1) and fits(tail, path):
            return count
    return 0


def fits(pattern: str, path: str) -> bool:
    """Return whether a path ends in what a pattern says; * stands for anything, folders too."""
    return fnmatchcase("/" + path, "*/" + pattern)


def is_free(short_name: str) -> bool:
    """Return whether a license is on the list; of "A or B" one must be, of "A and B" both."""
    plain = re.sub(r"-with-\S*|,? with \S+ exception", "", short_name.lower())
    version = r"-?v?\d[\d.]*(\+|-only|-or-later|~.*)?$"
    return any(
        all({name.strip(), re.sub(version, "", name.strip())} & FREE for name in re.split(r" and |,", either))
        for either in re.split(r" or |\|", plain)
    )
