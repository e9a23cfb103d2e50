"""Pictures out of Debian packages, which the tests build themselves; apt is a script of theirs."""

import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
from helpers import load_script
from PIL import Image

from stereo.errors import DataError

fetch_textures = load_script("fetch_textures").main
pytestmark = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is not here")


def picture(seed: int, width: int = 300, height: int = 260) -> Image.Image:
    """Return 10×10 patches of random colors, which look the same at any scale."""
    patches = np.random.default_rng(seed).integers(0, 256, (10, 10, 3), dtype=np.uint8)
    return Image.fromarray(patches).resize((width, height), Image.Resampling.NEAREST)


def build(folder: Path, name: str, pictures: dict[str, Image.Image | bytes]) -> None:
    """Write NAME_1.2-3_all.deb with pictures below usr/share, into a folder."""
    root = folder / f"{name}_root"
    (root / "DEBIAN").mkdir(parents=True)
    fields = (
        f"Package: {name}\nVersion: 1.2-3\nArchitecture: all\nMaintainer: T <t@example.org>\nDescription: pictures\n"
    )
    (root / "DEBIAN/control").write_text(fields)
    notice = root / f"usr/share/doc/{name}/copyright"
    notice.parent.mkdir(parents=True)
    notice.write_text(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n"
        "Files: *\nLicense: CC0-1.0\n\nFiles: sold.png\nLicense: CC-BY-NC-4.0\n"
    )
    for inside, content in pictures.items():
        path = root / "usr/share" / inside
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            content.save(path)
    deb = folder / f"{name}_1.2-3_all.deb"
    subprocess.run(["dpkg-deb", "-Znone", "--root-owner-group", "-b", root, deb], check=True, capture_output=True)
    shutil.rmtree(root)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages from which `apt-get download -q NAME` copies into the folder it runs in."""
    folder = tmp_path / "server"
    (folder / "bin").mkdir(parents=True)
    apt = folder / "bin/apt-get"
    apt.write_text(
        f'#!/bin/sh\ncp "{folder}/$3"_*.deb . 2>/dev/null || {{ echo "E: Unable to locate $3" >&2; exit 100; }}\n'
    )
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_is_taken_and_what_is_left_out(server: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    transparent = picture(1).convert("RGBA")
    transparent.putpixel((5, 5), (0, 0, 0, 0))
    pictures: dict[str, Image.Image | bytes] = {
        "sea/large.png": picture(2, 1280, 640),
        "sea/copy.jpg": picture(2, 512, 256),
        "sea/sky_600x400.png": picture(3, 600, 400),
        "sea/sky_300x600.png": picture(4, 300, 600),
        "opaque.png": picture(5).convert("RGBA"),
        "transparent.png": transparent,
        "flat.png": Image.new("RGB", (300, 300), (9, 99, 199)),
        "small.png": picture(6, 255, 400),
        "sold.png": picture(7),
        "broken.jpg": b"\xff\xd8\xff no picture",
        "logo.svg": b"<svg/>",
    }
    picture(8).save(tmp_path / "wood.png")
    with zipfile.ZipFile(tmp_path / "data.pk3", "w") as archive:
        archive.write(tmp_path / "wood.png", "textures/wood.png")
    pictures["game/data.pk3"] = (tmp_path / "data.pk3").read_bytes()
    build(server, "seaside", pictures)
    output = tmp_path / "photographs"
    assert fetch_textures(["--packages", "seaside", "--output", str(output)]) == 0
    stems = ("large", "opaque", "sky_600x400", "wood")
    assert names(output) == ["SOURCES.md", *(f"seaside-{stem}.jpg" for stem in stems)]
    with Image.open(output / "seaside-large.jpg") as large:
        assert (large.format, large.mode, large.size) == ("JPEG", "RGB", (1024, 512))
        assert np.abs(np.asarray(large, float) - np.asarray(picture(2, 1024, 512), float)).mean() < 4
    said = capsys.readouterr().out
    assert "seaside: 4 pictures; left out: 1 duplicates, 1 nearly flat, 1 under 256 px, 1 under CC-BY-NC-4.0, " in said
    assert "1 unreadable, 1 with transparency" in said
    row = "| seaside-wood.jpg | seaside | 1.2-3 | CC0-1.0 | usr/share/game/data.pk3/textures/wood.png |"
    assert row in (output / "SOURCES.md").read_text().splitlines()


def test_a_second_run_goes_on_where_packages_changed(server: Path, tmp_path: Path) -> None:
    output = tmp_path / "photographs"
    command = ["--output", str(output), "--packages", "one", "two", "absent"]
    build(server, "one", {"a/x.png": picture(1), "b/x.png": picture(2)})
    build(server, "two", {"same.png": picture(1, 400, 400), "other.png": picture(3)})
    assert fetch_textures(command) == 1  # the third package was named as missing
    first = {name: (output / name).read_bytes() for name in names(output)}
    # The second of two files of one name has its folder's name too; what one package has, the next need not bring.
    assert set(first) == {"SOURCES.md", "one-x.jpg", "one-b-x.jpg", "two-other.jpg"}
    assert fetch_textures(command) == 1
    assert {name: (output / name).read_bytes() for name in names(output)} == first
    (server / "one_1.2-3_all.deb").unlink()
    build(server, "two", {"new.png": picture(4)})
    assert fetch_textures(command) == 1
    assert set(names(output)) == set(first) - {"two-other.jpg"} | {"two-new.jpg"}
    listed = (output / "SOURCES.md").read_text()
    assert "one-x.jpg" in listed
    assert "two-other.jpg" not in listed


def test_no_package_at_all_is_an_error(server: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (server / "broken_1_all.deb").write_bytes(b"no package")
    with pytest.raises(DataError, match="no package could be fetched"):
        fetch_textures(["--packages", "absent", "broken", "--output", str(tmp_path / "photographs")])
    said = capsys.readouterr().out
    assert "absent: skipped: apt-get cannot download it: E: Unable to locate absent; try `apt-get update`" in said
    assert "broken: skipped: " in said
    assert "cannot be unpacked: dpkg-deb: error" in said


def test_packages_that_are_here_are_not_fetched_again(
    server: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(server, "kept", {"x.png": picture(1)})
    debs, command = tmp_path / "debs", ["--packages", "kept", "--output", str(tmp_path / "photographs"), "--debs"]
    assert fetch_textures([*command, str(debs)]) == 0
    assert names(debs) == ["kept_1.2-3_all.deb"]
    (server / "kept_1.2-3_all.deb").unlink()
    assert fetch_textures([*command, str(debs)]) == 0


def test_patterns_decide_what_is_taken(tmp_path: Path) -> None:
    for name in ("nature/a.png", "nature/logo.png", "abstract/b.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        picture(1).save(tmp_path / name)
    taken = load_script("fetch_textures").pictures_below(tmp_path, ["nature/*", "!logo.*"])
    assert [path.relative_to(tmp_path).as_posix() for path in taken] == ["nature/a.png"]
