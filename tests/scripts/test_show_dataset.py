"""The contact sheet: what is on it, and wrong requests."""

from pathlib import Path

import numpy as np
import pytest
from helpers import load_script

from stereo.contact_sheet import LABEL_HEIGHT
from stereo.data.formats import read_image, write_image
from stereo.errors import ConfigError, OutputError

script = load_script("show_dataset")
SMALL = ["synthetic.height=64", "synthetic.width=96", "synthetic.max_disparity=16", "synthetic.texture_bank=0"]


def test_the_sheet_of_the_world(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "sheet.png"
    assert script.main(["--output", str(path), "--count", "3", "--width", "60", *SMALL]) == 0
    assert read_image(path).shape == (3 * (40 + LABEL_HEIGHT), 5 * 60, 3)
    printed = capsys.readouterr().out
    assert [line.split()[0] for line in printed.splitlines()] == [
        *(f"synthetic/1000000/{index:06d}" for index in range(3)),
        "wrote",
    ]
    assert "96×64" in printed
    options = ["--count", "2", "--spread", "--split", "train", "--limit", "5"]
    assert script.main(["--output", str(path), *options, *SMALL]) == 0
    printed = capsys.readouterr().out
    assert "synthetic/0/000000" in printed
    assert "synthetic/0/000004" in printed


def test_augmented_pairs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "sheet.png"
    settings = ["crop_height=32", "crop_width=64", "one_view.global_probability=1"]
    arguments = ["--output", str(path), "--count", "1", *SMALL, "--augmentation"]
    assert script.main([*arguments, *settings]) == 0
    assert "64×32" in capsys.readouterr().out
    with pytest.raises(ConfigError, match=r"one_view\.patch_probability is 3\.0, expected a probability"):
        script.main([*arguments, "one_view.patch_probability=3"])


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
    assert read_image(path).shape == (25 + 50 + 2 * LABEL_HEIGHT, 250, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--count", "0"], "--count is 0"),
        (["synthetic.hight=3"], "'synthetic.hight=3': synthetic.hight: .*did you mean 'height'"),
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
