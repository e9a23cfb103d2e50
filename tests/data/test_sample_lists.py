"""Lists of sample names: what a line stands for."""

from pathlib import Path

import pytest

from stereo.config import DatasetConfig, SyntheticConfig
from stereo.data.datasets import build_dataset, describe
from stereo.data.sample_lists import leave_out, read_names, select
from stereo.errors import DataError

NAMES = [
    "scene_flow/FlyingThings3D/TRAIN/A/0000/0006",
    "scene_flow/FlyingThings3D/TRAIN/A/0000/0007",
    "scene_flow/FlyingThings3D/TEST/A/0000/0006",
    "scene_flow/Driving/15mm_focallength/scene_forwards/fast/0006",
    "scene_flow/Driving/35mm_focallength/scene_forwards/fast/0006",
]


@pytest.mark.parametrize(
    ("line", "indices"),
    [
        (NAMES[1], [1]),
        ("TRAIN/A/0000/left/0006.png", [0]),
        ("TRAIN/A/0000/right/0006.pfm", [0]),
        ("A/0000/0006", [0, 2]),
        ("0000/0007.webp", [1]),
        ("35mm_focallength/scene_forwards/fast/0006", [4]),
        ("5mm_focallength/scene_forwards/fast/0006", []),  # whole parts only
        ("more/parts/than/there/are/scene_flow/FlyingThings3D/TRAIN/A/0000/0006", []),
    ],
)
def test_what_a_line_stands_for(line: str, indices: list[int]) -> None:
    assert leave_out(NAMES, [line]) == [index for index in range(len(NAMES)) if index not in indices]
    if indices:
        assert select(NAMES, [line], "list.txt") == indices
    else:
        with pytest.raises(DataError, match=r"list\.txt: there is no sample .*the data set has 5, such as scene_flow"):
            select(NAMES, [line], "list.txt")


def test_the_order_of_the_lines_counts_and_nothing_comes_twice() -> None:
    assert select(NAMES, [NAMES[4], NAMES[0], "A/0000/0006"], "list.txt") == [4, 0, 2]


def test_lists_choose_samples_of_any_data_set(tmp_path: Path) -> None:
    world = SyntheticConfig(height=32, width=48, length=6, max_disparity=8)
    names, skipped = tmp_path / "names.txt", tmp_path / "skip.txt"
    names.write_text("\n# the first of all\n\nsynthetic/0/000004\n000001\nsynthetic/0/000003\n")
    skipped.write_text("000001\nof another data set\n")
    config = DatasetConfig(synthetic=world, names=str(names), skip_list=str(skipped))
    dataset = build_dataset(config)
    assert dataset.names == ["synthetic/0/000004", "synthetic/0/000003"]
    assert dataset[1].name == "synthetic/0/000003"
    assert describe(dataset) == ["synthetic: 6 pairs", "of these 2 are used"]
    config.limit = 1
    assert build_dataset(config).names == ["synthetic/0/000004"]
    skipped.write_text("000004\n000003\n000001\n")
    with pytest.raises(DataError, match=r"skip\.txt: leaves no sample"):
        build_dataset(config)


def test_broken_lists(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    for content, message in ((b"", "is empty"), (b"# nothing\n\n", "names no sample"), (b"\xff\xfe\x00", "UTF-8")):
        path.write_bytes(content)
        with pytest.raises(DataError, match=message):
            read_names(path)
    with pytest.raises(DataError, match="no such file"):
        read_names(tmp_path / "none.txt")
