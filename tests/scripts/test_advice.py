"""Advice that can be followed: what a message tells to set or to give is there to be set or given."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from helpers import REPOSITORY, load_script
from helpers.families import FAMILIES

from stereo.config import DatasetConfig, config_from_dict, load_network, with_overrides
from stereo.data.formats import read_image, read_pfm, write_image, write_pfm
from stereo.errors import ConfigError, DataError

# key=value, but not the word behind `--`, in a path, or of an f-string's format.
SETTING = re.compile(r"(?<![\w.{=/-])([a-z]\w*(?:\.\w+)*)=(FILE\b|[a-z\d]\w*(?:-\d+)?)")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
# Of other programs, which messages tell to run.
FOREIGN = {
    "--nproc-per-node",
    "--index-url",
    "--extra-index-url",
    "--no-deps",
    "--shm-size",
    "--ipc",
    "--force-reinstall",
}
FOREIGN |= {"--logdir", "--rdzv-id", "--rdzv-backend", "--rdzv-endpoint"}
# Of what the sections of the configuration say of themselves: settings without the section's name.
SECTIONS = ("stereo/config/attention.py", "stereo/config/model.py")


@cache
def messages() -> tuple[tuple[str, str], ...]:
    return tuple(_messages())


def _messages() -> Iterator[tuple[str, str]]:
    """Every text of the package and its scripts that is no docstring, with the file it stands in."""
    for path in sorted([*(REPOSITORY / "stereo").rglob("*.py"), *(REPOSITORY / "scripts").glob("*.py")]):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        docstrings = {
            id(node.body[0].value)
            for node in nodes
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                yield path.relative_to(REPOSITORY).as_posix(), node.value


def refusal(setting: str) -> str:
    """What is said of a setting of the configuration; nothing where it is taken."""
    try:
        load_network("compact", [setting])
    except ConfigError as error:
        return str(error)
    return ""


def test_every_setting_that_a_message_names_exists() -> None:
    advised = sorted({(path, *match) for path, text in messages() for match in SETTING.findall(text)})
    assert ("stereo/data/pairs.py", "negative_disparity", "flip") in advised
    everything = str(config_from_dict({}))
    for path, key, value in advised:
        if (key, value) == ("key", "value") or path.startswith("stereo/data/formats/"):  # lines of calibration files
            continue
        if "." in key and not key.startswith("synthetic."):
            # It may not go with the other settings of that network, but it must be one.
            assert not re.search("no such setting|Invalid|expected one of", refusal(f"{key}={value}")), (path, key)
        elif path in SECTIONS:
            assert f"{key}=" in everything, (path, key)
        else:
            with_overrides(DatasetConfig("kitti2015", "x"), [f"{key}={value}"])


@pytest.mark.parametrize("setting", ["skip_list=x", "names=x", "check_views=false", "negative_disparity=flip"])
def test_training_says_where_it_takes_a_setting_of_data(setting: str) -> None:
    key = setting.partition("=")[0]
    assert f"use data.train.{key} or data.validation.{key}" in refusal(setting)
    assert "no such setting" not in refusal(f"data.train.{setting}")


def test_every_option_that_a_message_names_exists() -> None:
    sources = [*(REPOSITORY / "stereo").rglob("*.py"), *(REPOSITORY / "scripts").glob("*.py")]
    declared = {"--help", *FOREIGN}
    for path in sources:
        text = path.read_text(encoding="utf-8")
        declared |= set(re.findall(r'add_argument\(\s*"(--[a-z-]+)"', text))
    # Single words are parts of command lines, and variables of style sheets.
    sentences = [(path, text) for path, text in messages() if " " in text.strip() and not path.endswith("svg.py")]
    named = {(path, option) for path, text in sentences for option in OPTION.findall(text)}
    assert ("stereo/data/datasets.py", "--write-skip-list") in named
    assert sorted((path, option) for path, option in named if option not in declared) == []


def turn_sign(root: Path) -> None:
    for path in root.rglob("*.pfm"):
        write_pfm(path, -read_pfm(path))


def exchange_views(root: Path) -> None:
    for left in [*root.rglob("left/*.png"), *root.rglob("l.png"), *root.rglob("im0.png"), *root.rglob("image_2/*.png")]:
        right = {"l.png": "r.png", "im0.png": "im1.png"}.get(left.name)
        other = {"left": "right", "image_2": "image_3"}.get(left.parent.name, "")
        path = left.with_name(right) if right else left.parent.with_name(other) / left.name
        images = read_image(left), read_image(path)
        write_image(left, images[1])
        write_image(path, images[0])


def outcome(script: str, words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """The exit code of a script and all that it said."""
    try:
        code = load_script(script).main(words)
    except (DataError, ConfigError) as error:
        return 2, str(error)
    printed = capsys.readouterr()
    return code, printed.out + printed.err


@pytest.mark.parametrize("script", ["evaluate", "check_dataset", "show_dataset", "pack_dataset"])
@pytest.mark.parametrize(
    ("name", "harm"),
    [
        *((name, turn_sign) for name in ("scene_flow", "monkaa", "middlebury2014", "eth3d", "pairs")),
        *((name, exchange_views) for name in ("scene_flow", "kitti2015", "middlebury2014", "pairs")),
    ],
)
def test_the_command_that_gives_advice_takes_it(
    tmp_path: Path, name: str, harm: object, script: str, capsys: pytest.CaptureFixture[str]
) -> None:
    family, make, below, _ = FAMILIES[name]
    root = tmp_path / "data"
    root.mkdir()
    make(root)
    assert callable(harm)
    harm(root)
    data = ["--data", f"{family}:{root / below}", "--split", "train"]
    words = {
        "evaluate": [*data, "--method", "sgbm", "--max-disparity", "16", "--quiet"],
        "check_dataset": [str(root / below), "--workers", "1"],
        "show_dataset": [*data, "--output", str(tmp_path / "sheet.png")],
        "pack_dataset": [*data, "--output", str(tmp_path / "packed"), "--workers", "0"],
    }[script]
    code, said = outcome(script, words, capsys)
    assert code != 0
    advice = [f"{key}={value}" for key, value in SETTING.findall(said) if value != "FILE"]
    if script == "check_dataset" and harm is exchange_views:
        assert "the views seem to be swapped" in said  # it looks for that, and is told to be silent by no setting
        return
    assert advice
    for setting in dict.fromkeys(advice):
        if setting == "negative_disparity=keep":
            continue  # which leaves the sign wrong, and swapped views to be refused
        code, said = outcome(script, [*words, setting], capsys)
        assert code == 0, said
