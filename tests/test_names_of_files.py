"""File names in any encoding, and terminals in any encoding: nothing crashes, and nothing is lost when work is done."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import REPOSITORY, load_script, textured_sample

from stereo.data.families.pair_list import PairList
from stereo.data.formats import write_image, write_pfm
from stereo.data.sample import StereoSample
from stereo.data.sample_lists import read_names, select, write_names
from stereo.errors import DataError
from stereo.standard_streams import make_usable
from stereo.visualize import put_text

# Names as the systems of others write them, in bytes: none but the first is UTF-8.
NAMES = {"utf-8": "Möwe画", "latin-1": "Möwe", "cp1252": "Möwe–€", "cp932": "画像", "gbk": "左眼"}


def name_in(encoding: str) -> str:
    return os.fsdecode(NAMES[encoding].encode(encoding))


def write_pair(folder: Path, name: str, sample: StereoSample) -> None:
    folder.mkdir(exist_ok=True)
    assert sample.truth is not None
    write_image(folder / f"{name}_L.png", sample.left)
    write_image(folder / f"{name}_R.png", sample.right)
    write_pfm(folder / f"{name}.pfm", sample.truth.disparity)


@pytest.mark.parametrize("encoding", NAMES)
def test_lists_in_the_encoding_of_the_files(tmp_path: Path, encoding: str) -> None:
    name = name_in(encoding)
    write_pair(tmp_path, name, textured_sample(48, 96, 6))
    line = f"{name}_L.png,{name}_R.png,{name}.pfm\r\n"
    (tmp_path / "pairs.csv").write_bytes(os.fsencode(line))
    dataset = PairList(tmp_path / "pairs.csv")
    assert dataset[0].left.shape == (48, 96, 3)
    write_names(tmp_path / "names.txt", dataset.names, "all")
    assert select(dataset.names, read_names(tmp_path / "names.txt"), "names.txt") == [0]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "cp932", "gbk"])
def test_a_list_in_another_encoding_than_the_files_is_named(tmp_path: Path, encoding: str) -> None:
    write_pair(tmp_path, NAMES[encoding], textured_sample(48, 96, 6))
    (tmp_path / "pairs.csv").write_bytes(f"{NAMES[encoding]}_L.png,{NAMES[encoding]}_R.png\n".encode(encoding))
    with pytest.raises(DataError, match=r"pairs\.csv: is not a text file in UTF-8.*save the list as UTF-8") as caught:
        PairList(tmp_path / "pairs.csv")
    str(caught.value).encode("ascii", "strict")


@pytest.mark.parametrize("encoding", NAMES)
def test_evaluation_with_pictures_of_such_names(tmp_path: Path, encoding: str) -> None:
    name = name_in(encoding)
    folder = tmp_path / name
    write_pair(folder, name, textured_sample(48, 96, 6))
    (folder / "pairs.csv").write_bytes(os.fsencode(f"{name}_L.png {name}_R.png {name}.pfm\n"))
    evaluate = load_script("evaluate")
    output = tmp_path / f"out {name}"
    arguments = ["--data", f"pairs:{folder / 'pairs.csv'}", "--method", "sgbm", "--max-disparity", "16", "--quiet"]
    assert evaluate.main([*arguments, "--output", str(output), "--html"]) == 0
    assert json.loads((output / "report.json").read_text())["results"][0]["images"] == 1


def test_shards_of_data_with_such_names_are_merged(tmp_path: Path) -> None:
    name = name_in("latin-1")
    for number in range(2):
        write_pair(tmp_path / name, f"{name}{number}", textured_sample(48, 96, 6))
    rows = "".join(f"{name}{number}_L.png {name}{number}_R.png {name}{number}.pfm\n" for number in range(2))
    (tmp_path / name / "pairs.csv").write_bytes(os.fsencode(rows))
    arguments = [
        "--data",
        f"pairs:{tmp_path / name / 'pairs.csv'}",
        "--method",
        "sgbm",
        "--max-disparity",
        "16",
        "--quiet",
    ]
    shards = [tmp_path / f"{name}{number}" for number in (1, 2)]
    for number, shard in enumerate(shards, 1):
        assert load_script("evaluate").main([*arguments, "--shard", f"{number}/2", "--output", str(shard)]) == 0
    assert load_script("compare").main(["--merge", *map(str, shards), "--output", str(tmp_path / "whole")]) == 0
    assert json.loads((tmp_path / "whole" / "report.json").read_text())["results"][0]["images"] == 2


@pytest.mark.parametrize("text", ["Möwe", "图片", "\udce9\udc80", "…", "\ud800"])
def test_any_text_is_drawn(text: str) -> None:
    image = np.zeros((20, 80, 3), np.uint8)
    put_text(image, text, 2, 15, 0.5)
    assert image.any()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp932", "utf-8"])
def test_a_terminal_of_any_encoding(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding))
    make_usable()
    print("1 … 4 px, Möwe, 图片, \udce9", flush=True)
    assert written.getvalue().startswith(b"1 ")
    assert rb"\udce9" in written.getvalue()


def test_a_script_on_an_ascii_terminal(tmp_path: Path) -> None:
    name = name_in("latin-1")
    write_pair(tmp_path, name, textured_sample(48, 96, 6))
    (tmp_path / f"{name}.csv").write_bytes(os.fsencode(f"{name}_L.png,{name}_R.png,{name}.pfm\n"))
    script = REPOSITORY / "scripts" / "check_dataset.py"
    done = subprocess.run(
        [sys.executable, script, tmp_path / f"{name}.csv", "--workers", "1"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": str(REPOSITORY)},
    )
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
    assert b"nothing wrong was found" in done.stdout
