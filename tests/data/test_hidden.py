"""Files that an operating system leaves among the images are no views, in any family."""

from pathlib import Path

import pytest
from helpers import load_script
from helpers.families import FAMILIES

from stereo.config import DatasetConfig
from stereo.data.datasets import build_dataset
from stereo.data.hidden import is_hidden
from stereo.data.image_pairs import pairs_of_paths
from stereo.data.synthetic.assets.photographs import list_photographs

check = load_script("check_dataset")
# How a file begins in which macOS keeps what it knows of another one.
APPLE_DOUBLE = b"\0\5\x16\7\0\2\0\0Mac OS X        "


@pytest.mark.parametrize(
    ("name", "hidden"),
    [
        ("._0006.png", True),
        (".DS_Store", True),
        ("Thumbs.db", True),
        ("THUMBS.DB", True),
        ("desktop.ini", True),
        ("__MACOSX", True),
        ("@eaDir", True),
        ("0006.png", False),
        ("_0006.png", False),
        ("thumbs.png", False),
    ],
)
def test_what_is_hidden(name: str, hidden: bool) -> None:
    assert is_hidden(name) is hidden


def litter(root: Path) -> None:
    """Leave beside every file and folder what operating systems do, and a copy of the tree as ZIP archives have it."""
    for path in sorted(root.rglob("*")):
        if path.is_dir():
            (path / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
            (path / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
            (path / "desktop.ini").touch()
        else:
            path.with_name(f"._{path.name}").write_bytes(APPLE_DOUBLE)
            copy = root / "__MACOSX" / path.relative_to(root).with_name(f"._{path.name}")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(APPLE_DOUBLE)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_littered_data_set_is_the_same(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    family, make, below, _ = FAMILIES[name]
    make(tmp_path)
    config = DatasetConfig(family, str(tmp_path / below))
    names = list(build_dataset(config).names)
    litter(tmp_path)
    assert list(build_dataset(config).names) == names
    assert check.main([config.path, "--workers", "1"]) == 0
    assert "did not look at" not in capsys.readouterr().out


def test_littered_folders_of_images(tmp_path: Path) -> None:
    for side in ("left", "right"):
        (tmp_path / side).mkdir()
        for name in ("a.png", "b.png"):
            (tmp_path / side / name).touch()
    litter(tmp_path)
    (tmp_path / "left" / "._only here.png").touch()
    found = pairs_of_paths(tmp_path / "left", tmp_path / "right")
    assert [pair.name for pair in found.pairs] == ["a", "b"]
    assert found.unmatched == []


def test_littered_photographs(tmp_path: Path) -> None:
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "beach.jpg").touch()
    litter(tmp_path)
    assert list_photographs(str(tmp_path)) == (tmp_path / "holiday" / "beach.jpg",)
