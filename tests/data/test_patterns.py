"""What the open places of a pattern stand for."""

from pathlib import Path

import pytest

from stereo.data.patterns import ANY_PLACE, FRAME_PLACE, images_of_pattern


@pytest.mark.parametrize(
    ("pattern", "places", "found"),
    [
        ("%d.png", ANY_PLACE, {"0010": "0010.png", "7": "7.png"}),
        ("%04d.png", ANY_PLACE, {"0010": "0010.png", "7": "7.png"}),
        ("*.png", FRAME_PLACE, {"0010": "0010.png", "7": "7.png", "x": "x.png", "z[1]": "z[1].png"}),
        ("?.*", ANY_PLACE, {"7_png": "7.png", "x_png": "x.png", "y_jpg": "y.jpg"}),
        ("[xy]*", ANY_PLACE, {"x_": "x.png", "y_": "y.jpg"}),
        ("[!x]?jpg", ANY_PLACE, {"y_.": "y.jpg"}),
        ("[xy]*", FRAME_PLACE, {}),
        ("z[[]1].png", ANY_PLACE, {"[": "z[1].png"}),
        ("z[%d].png", FRAME_PLACE, {"1": "z[1].png"}),
        (".//%d.png", FRAME_PLACE, {"0010": "0010.png", "7": "7.png"}),
        ("*/%d.png", ANY_PLACE, {"a[b]_3": "a[b]/3.png"}),
        ("a[b]/*.png", FRAME_PLACE, {"3": "a[b]/3.png"}),
    ],
)
def test_places_stand_for_what_names_have_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, places: str, found: dict[str, str]
) -> None:
    (tmp_path / "a[b]").mkdir()
    (tmp_path / "folder.png").mkdir()
    for name in ("0010.png", "7.png", "x.png", "y.jpg", "z[1].png", "a[b]/3.png", "._7.png", "8.txt"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    assert {text: str(path) for text, path in images_of_pattern(pattern, places)} == found
