"""The contact sheet: what is on it, and wrong requests."""

from pathlib import Path

import numpy as np
import pytest
from helpers import load_script, textured_sample

from stereo.data.formats import read_image, write_image
from stereo.data.warping import comparable, warp_residual
from stereo.errors import ConfigError, OutputError

script = load_script("show_dataset")
SMALL = ["synthetic.height=64", "synthetic.width=96", "synthetic.max_disparity=16"]


def test_the_sheet_of_the_world(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "sheet.png"
    assert (
        script.main(["--output", str(path), "--count", "3", "--width", "60", *SMALL, "synthetic.photometric=false"])
        == 0
    )
    sheet = read_image(path)
    assert sheet.shape == (3 * (40 + script.LABEL_HEIGHT), 5 * 60, 3)
    printed = capsys.readouterr().out
    assert printed.count("synthetic/1000000/00000") == 3
    assert "96×64" in printed
    first = sheet[script.LABEL_HEIGHT : script.LABEL_HEIGHT + 40]
    left, right, disparity, occluded, residual = np.split(first, 5, axis=1)
    assert np.abs(left.astype(int) - right).mean() > 1
    assert np.ptp(disparity.reshape(-1, 3), axis=0).max() > 100
    assert (occluded == 255).any()
    assert residual.mean() < 40


def test_the_residual_is_zero_where_the_ground_truth_is_exact_and_unknown_is_left_out() -> None:
    sample = textured_sample(32, 64, 6)
    difference, known = warp_residual(sample), comparable(sample)
    assert (difference[known] == 0).all()
    assert known.sum() == 32 * (64 - 6)
    assert difference[~known].mean() > 10


def test_a_list_without_ground_truth_and_of_different_sizes(tmp_path: Path) -> None:
    for number, (height, width) in enumerate(((32, 64), (48, 48))):
        for side in ("left", "right"):
            write_image(tmp_path / f"{side}{number}.png", np.full((height, width, 3), 90, np.uint8))
    (tmp_path / "list.csv").write_text("left0.png,right0.png\nleft1.png,right1.png\n")
    path = tmp_path / "sheet.jpg"
    assert (
        script.main(["--data", f"pairs:{tmp_path / 'list.csv'}", "--output", str(path), "--width", "50", "--spread"])
        == 0
    )
    assert read_image(path).shape == (25 + 50 + 2 * script.LABEL_HEIGHT, 250, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--count", "0"], "--count is 0"),
        (["synthetic.hight=3"], "'synthetic.hight=3': .*hight.*Did you mean: 'height'"),
        (["synthetic.height=3"], "synthetic size is 512×3"),
        (["height"], "expected key=value"),
    ],
)
def test_wrong_requests(tmp_path: Path, arguments: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        script.main(["--output", str(tmp_path / "sheet.png"), *arguments])
    assert not (tmp_path / "sheet.png").exists()


def test_an_unknown_suffix(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"the suffix is '\.gif'"):
        script.main(["--output", str(tmp_path / "sheet.gif"), "--count", "1", *SMALL])
