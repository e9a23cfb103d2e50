"""The page that shows several methods on the same pairs."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import load_script, textured_sample

from stereo.data.formats import write_image, write_pfm
from stereo.data.sample import StereoSample
from stereo.errors import DataError
from stereo.evaluation.page.side_by_side import Column, write_side_by_side
from stereo.methods.method import Prediction
from stereo.methods.stored import save_prediction


def sample() -> StereoSample:
    return replace(textured_sample(40, 60, 6), name="pairs/left")


@pytest.fixture
def columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Column]:
    """Two methods on the pair that `sample` returns: one is off by 1 px, the other by 5."""
    monkeypatch.chdir(tmp_path)
    pair = sample()
    write_image("left.png", pair.left)
    write_image("right.png", pair.right)
    write_pfm("disparity.pfm", np.full((40, 60), 6, np.float32))
    Path("list.csv").write_text("left.png,right.png,disparity.pfm\n")
    found = []
    for name, disparity in (("good", 7), ("bad", 11)):
        save_prediction(Path(name), pair.name, Prediction(np.full((40, 60), disparity, np.float32)))
        words = ["--data", "pairs:list.csv", "--method", f"predictions:{name}", "--output", f"report_{name}", "--quiet"]
        assert load_script("evaluate").main(words) == 0
        found.append(Column(name.title(), f"<b>{name}</b> & more", Path(f"report_{name}"), Path(name)))
    return found


def test_it_shows_scores_pictures_and_commands(columns: list[Column]) -> None:
    write_side_by_side("index.html", [sample()], columns, ["python scripts/demo.py --output 'a b'"])
    page = Path("index.html").read_text(encoding="utf-8")
    figures = re.findall(r"EPE ([\d.]+) px, bad-2 ([\d.]+) %", page)
    assert figures == [("1.00", "0.0"), ("5.00", "100.0")]
    assert re.findall(r"<th scope=\"row\">(\w+)</th>.*?<td>([\d.]+)</td><td>([\d.]+)</td>", page) == [
        ("Good", "1.00", "0.0"),
        ("Bad", "5.00", "100.0"),
    ]
    # Truth and left view, and of each method disparity and error; nothing is loaded from elsewhere.
    assert len(re.findall(r'<img src="data:image/webp;base64,', page)) == len(re.findall("<img", page)) == 6
    assert not re.search(r"(?:src|href)=\"(?!data:)", page)
    assert "<script" not in page
    assert "&lt;b&gt;good&lt;/b&gt; &amp; more" in page
    assert "python scripts/demo.py --output &#39;a b&#39;" in page


def test_a_missing_prediction_is_named(columns: list[Column]) -> None:
    with pytest.raises(DataError, match="pairs/other"):
        write_side_by_side("index.html", [replace(sample(), name="pairs/other")], columns, [])
    assert not Path("index.html").exists()
