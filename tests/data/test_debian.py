"""Licenses of the files in Debian packages."""

from pathlib import Path

import pytest

from stereo.data.debian import is_free, license_of, read_copyright

HEAD = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
MACHINE_READABLE = f"""
{HEAD}Upstream-Name: wallpapers

Files: *
Copyright: 2020, Somebody
License: GPL-2+

Files: nature/*.jpg
       art/sea.png
Copyright: 2021, Another
License: CC-BY-SA-4.0
Comment: as the
 author says

Files: nature/snow.jpg
License:
 CC-BY-NC-4.0

Files: debian/*
License: Expat

License: Expat
 Permission is hereby granted.
"""


def license_in(folder: Path, text: str | None, path: str) -> str:
    notice = folder / "usr/share/doc/pictures/copyright"
    notice.parent.mkdir(parents=True)
    if text is not None:
        notice.write_text(text)
    return license_of(path, read_copyright(folder, "pictures"))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("usr/share/backgrounds/plain.png", "GPL-2+"),
        ("usr/share/backgrounds/nature/lake.jpg", "CC-BY-SA-4.0"),
        ("usr/share/backgrounds/nature/deep/down/lake.jpg", "CC-BY-SA-4.0"),
        ("usr/share/backgrounds/nature/lake.png", "GPL-2+"),
        ("usr/share/backgrounds/art/sea.png", "CC-BY-SA-4.0"),
        ("usr/share/backgrounds/nature/snow.jpg", "CC-BY-NC-4.0"),
        # The package may have a file in another folder than the source: rather too strict than too lax.
        ("usr/share/backgrounds/snow.jpg", "CC-BY-NC-4.0"),
    ],
)
def test_the_closest_stanza_of_a_copyright_file_counts(path: str, expected: str, tmp_path: Path) -> None:
    assert license_in(tmp_path, MACHINE_READABLE, path) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("You may use it under the GNU General\n   Public License, version 2.", "GPL"),
        ("sea.jpg: Creative Commons Attribution-ShareAlike 3.0 License; the rest: CC0", "CC-BY-SA and CC0"),
        ("Creative Commons Attribution-NonCommercial-ShareAlike 3.0", "not free"),
        ("All rights reserved.", ""),
        (None, ""),
        (f"{HEAD}\nFiles: sky/*\nLicense: Expat\n", ""),
    ],
)
def test_plain_text_and_no_word_of_a_license(text: str | None, expected: str, tmp_path: Path) -> None:
    found = license_in(tmp_path, text, "usr/share/sea.jpg")
    assert found == expected
    assert is_free(found) == (expected not in ("", "not free"))


@pytest.mark.parametrize(
    "name",
    [
        *("GPL-2+", "GPL", "GPL-3.0-or-later", "GPL-2+-with-Font-exception", "GPL-2+ with OpenSSL exception", "CC0"),
        *("CC0-1.0", "CC-BY-SA-3.0", "CC-BY-SA-3.0~us", "BSD-3-Clause", "Apache-2.0", "public-domain"),
        *("GPL-2 and CC-BY-4.0", "CC-BY-NC-4.0 or GPL-3"),
    ],
)
def test_free_licenses(name: str) -> None:
    assert is_free(name)


@pytest.mark.parametrize(
    "name", ["", "CC-BY-NC-SA-1.0", "CC-BY-ND-4.0", "GPL-2 and CC-BY-NC-4.0", "MIT-like", "NONE", "cc"]
)
def test_licenses_that_are_not_on_the_list(name: str) -> None:
    assert not is_free(name)
