"""Half a download: lists choose first, and only then is it asked whether the pairs that are left are complete."""

from pathlib import Path

import pytest
from helpers import load_script
from helpers.families import FAMILIES, SAMPLES, make_list
from helpers.trees import make_kitti

from stereo.config import DatasetConfig
from stereo.data.datasets import build_dataset
from stereo.errors import DataError

check = load_script("check_dataset")
evaluate = load_script("evaluate")


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("name", FAMILIES)
def test_lists_choose_before_it_is_asked_what_is_there(
    tmp_path: Path, name: str, which: int, capsys: pytest.CaptureFixture[str]
) -> None:
    family, make, below, files = FAMILIES[name]
    make(tmp_path)
    path = tmp_path / below
    whole = list(build_dataset(DatasetConfig(family, str(path))).names)
    assert len(whole) == 3
    (tmp_path / files[which]).unlink()

    skip, names = tmp_path / "skip.txt", tmp_path / "names.txt"
    words = [str(path), "--workers", "1", "--write-skip-list", str(skip), "--write-names", str(names)]
    assert check.main(words) == 1
    assert files[which].rpartition(".")[0] in capsys.readouterr().out
    assert skip.read_text().splitlines()[1:] == [whole[1]]
    assert names.read_text().splitlines()[1:] == [whole[0], whole[2]]

    with pytest.raises(DataError, match=r"by skip_list=FILE$") as caught:
        build_dataset(DatasetConfig(family, str(path)))
    assert str(path) in str(caught.value)
    for settings in ({"skip_list": str(skip)}, {"names": str(names)}, {"limit": 1}):
        chosen = build_dataset(DatasetConfig(family, str(path), **settings))
        assert list(chosen.names) == ([whole[0]] if "limit" in settings else [whole[0], whole[2]])
        assert all(chosen[index].truth is not None for index in range(len(chosen)))
    names.write_text(whole[1])
    with pytest.raises(DataError, match="skip_list"):
        build_dataset(DatasetConfig(family, str(path), names=str(names)))
    # What is left out is no problem any more.
    assert check.main([str(path), "--workers", "1", f"skip_list={skip}"]) == 0


def test_many_incomplete_pairs_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_kitti(tmp_path, SAMPLES)
    for path in (tmp_path / "training" / "image_3").iterdir():
        path.unlink()
    with pytest.raises(DataError, match=r"000000_10\.png: has no partner.* \(and 2 more such pairs\)"):
        build_dataset(DatasetConfig("kitti2015", str(tmp_path)))
    assert check.main([str(tmp_path), "--show", "1"]) == 1
    printed = capsys.readouterr().out
    assert "kitti2015: 0 pairs, and 3 incomplete" in printed
    assert "… and 2 more" in printed


def test_of_a_test_half_no_pair_can_be_left_out(tmp_path: Path) -> None:
    make_kitti(tmp_path, SAMPLES, half="testing")
    (tmp_path / "testing" / "image_3" / "000001_10.png").unlink()
    with pytest.raises(DataError, match=r"or remove the incomplete pair$"):
        build_dataset(DatasetConfig("kitti2015", str(tmp_path), half="testing"))


def test_a_file_of_another_pair_is_not_called_misnamed(tmp_path: Path) -> None:
    make_kitti(tmp_path, SAMPLES)
    right = tmp_path / "training" / "image_3"
    (right / "000001_10.png").unlink()
    with pytest.raises(DataError, match=r"which does not exist; copy"):
        build_dataset(DatasetConfig("kitti2015", str(tmp_path)))
    (right / "000000_10.png").rename(right / "00000_10.png")
    with pytest.raises(DataError, match=r"which does not exist \(00000_10\.png does: misnamed\?\)"):
        build_dataset(DatasetConfig("kitti2015", str(tmp_path)))


@pytest.mark.parametrize("file", ["1/l.png", "1/r.png", "1/d.pfm"])
def test_of_a_list_the_rest_is_evaluated(tmp_path: Path, file: str, capsys: pytest.CaptureFixture[str]) -> None:
    make_list(tmp_path)
    (tmp_path / file).unlink()
    words = ["--data", f"pairs:{tmp_path / 'list.csv'}", "--method", "sgbm", "--max-disparity", "16", "--quiet"]
    assert evaluate.main(words) == 1
    printed = capsys.readouterr()
    assert f"list.csv:2: the {['left', 'right', 'disparity']['lrd'.index(file[2])]} file" in printed.err
    assert " 2 " in printed.out.splitlines()[-1]
    with pytest.raises(DataError, match=r"list\.csv:2: .*does not exist"):
        evaluate.main([*words, "--strict"])
    assert evaluate.main([*words, "--strict", "--limit", "1"]) == 0
