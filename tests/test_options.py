"""The options that scripts share, and data sets by name."""

import argparse
from pathlib import Path

import pytest

from stereo.config import SyntheticConfig, TrainingConfig
from stereo.errors import ConfigError
from stereo.options import add_data_options, chosen_data, dataset_config, script_parser
from stereo.output import make_output_folder


def parse(*words: str, many: bool = True) -> argparse.Namespace:
    parser = script_parser("A script.")
    add_data_options(parser, many=many)
    return parser.parse_intermixed_args(words)


def test_settings_may_follow_data_sets() -> None:
    args = parse("--data", "synthetic", "eth3d:/data/eth3d", "limit=3", "--rendering", "finalpass", "check_views=false")
    chosen = chosen_data(args)
    assert list(chosen) == ["synthetic", "eth3d:/data/eth3d"]
    for config in chosen.values():
        assert (config.limit, config.rendering, config.check_views) == (3, "finalpass", False)


def test_the_home_folder_is_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    assert dataset_config("eth3d:~/eth3d").path == "/home/somebody/eth3d"
    training = TrainingConfig(output="~/runs", initial_checkpoint="~/psmnet.pt")
    assert (training.output, training.initial_checkpoint) == ("/home/somebody/runs", "/home/somebody/psmnet.pt")
    assert SyntheticConfig(textures="~/photographs").textures == "/home/somebody/photographs"


def test_an_output_folder_may_lie_in_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert make_output_folder("~/results") == tmp_path / "results"
    assert (tmp_path / "results").is_dir()


def test_synthetic_has_training_and_held_out_scenes() -> None:
    seeds = {split: dataset_config("synthetic", split).synthetic.seed for split in ("train", "test")}
    assert seeds["train"] != seeds["test"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--data", "kitti:/x"], "unknown data set family 'kitti'.*did you mean 'kitti201"),
        (["--data", "eth3d"], "needs a path, as in eth3d:"),
        (["--data", "synthetic:/x"], "synthetic takes no path"),
        (["--data", "limit=3"], "names no data set"),
        (["--data", "synthetic", "split=train"], "'split=train': give it by --split"),
        (["--data", "synthetic", "path=/x"], "'path=/x': give it by --data FAMILY:PATH"),
        (["--data", "synthetic", "limt=3"], "limt: there is no such setting; did you mean 'limit'"),
    ],
)
def test_wrong_requests(words: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        chosen_data(parse(*words))


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--lr", "1"], "for --lr use optimizer.learning_rate"),
        (["--num-workers=3"], "for --num-workers use data.workers"),
    ],
)
def test_options_of_other_projects_are_translated(
    words: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for has_settings in (True, False):  # of an experiment
        parser = script_parser(None)
        if has_settings:
            parser.add_argument("--config")
        with pytest.raises(SystemExit) as caught:
            parser.parse_args(words)
        assert caught.value.code == 2
        assert (hint in capsys.readouterr().err) == has_settings
