"""From the words of a command line to methods; whatever fits none of them is refused by the option's name."""

from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import textured_sample

from stereo.errors import CheckpointError, ConfigError, DataError
from stereo.methods.bm import Bm
from stereo.methods.choice import methods_from
from stereo.methods.predictor import Predictor
from stereo.methods.sgbm import Sgbm
from stereo.methods.stored import StoredPredictions
from stereo.options import add_method_options, script_parser


def test_methods_come_in_the_order_of_their_words_each_once(tmp_path: Path) -> None:
    words = ["bm", f"predictions:{tmp_path}", "network", "sgbm", "bm"]
    methods = methods_from(words, device="cpu")
    assert [type(method) for method in methods] == [Bm, StoredPredictions, Predictor, Sgbm]
    assert [method.max_disparity for method in methods] == [192, None, 192, 192]


def test_options_reach_the_methods(tmp_path: Path) -> None:
    words = ["network", "sgbm", "bm", f"predictions:{tmp_path}"]
    network, sgbm, bm, stored = methods_from(
        words, device="cpu", max_disparity=64, confidence=True, precision="bf16", resize_predictions=True
    )
    assert (network.max_disparity, sgbm.max_disparity, bm.max_disparity) == (64, 64, 64)
    assert isinstance(network, Predictor)
    assert network.confidence
    assert network.precision == "bf16"
    assert network.device == torch.device("cpu")
    assert stored.settings["resize"]
    assert methods_from(["sgbm"], max_disparity=40)[0].max_disparity == 48  # of a matcher any number
    with pytest.raises(CheckpointError, match=r"gone\.pt"):
        methods_from(["network"], checkpoint=str(tmp_path / "gone.pt"))
    with pytest.raises(DataError, match="no such folder of predictions"):
        methods_from([f"predictions:{tmp_path / 'gone'}"])


def test_variants_wrap_what_runs(tmp_path: Path) -> None:
    words = ["sgbm", "bm", f"predictions:{tmp_path}"]
    names = [method.name for method in methods_from(words, oracle_range=True, flip_test=True, scale=2)]
    assert names == [
        "sgbm (true range) (scale 2) (flip test)",
        "bm (true range) (scale 2) (flip test)",
        f"predictions:{tmp_path.name}",
    ]
    (method,) = methods_from(["bm"], oracle_range=True)
    assert method.predict_sample(textured_sample(48, 120, 16)).disparity.max() < 32


@pytest.mark.parametrize(
    ("words", "options", "message"),
    [
        (
            ["sgmb"],
            {},
            "unknown method 'sgmb', expected one of network, sgbm, bm, predictions:DIR; did .*'sgbm'",
        ),
        (["prediction:out"], {}, "unknown method 'prediction:out', .* did you mean 'predictions:DIR'"),
        (["network:x.pt"], {}, "unknown method 'network:x.pt', .* did you mean 'network'"),
        (["predictions:"], {}, "predictions:: needs a folder, as in predictions:results/raft"),
        (["sgbm"], {"checkpoint": "x.pt"}, "--checkpoint goes with --method network only"),
        (["predictions:."], {"max_disparity": 64}, "--max-disparity goes with --method network or sgbm or bm only"),
        (["network"], {"oracle_range": True}, "--oracle-range goes with --method sgbm or bm only"),
        (["predictions:x"], {"confidence": True}, "--confidence goes with --method network or sgbm or bm only"),
        (["sgbm"], {"precision": "bf16"}, "--precision goes with --method network only"),
        (["predictions:."], {"flip_test": True}, "--flip-test goes with"),
        (["predictions:."], {"scale": 0.5}, "--scale goes with"),
        (["network"], {"resize_predictions": True}, "--resize-predictions goes with --method predictions:DIR only"),
        (["sgbm"], {"oracle_range": True, "max_disparity": 64}, "--max-disparity: --oracle-range takes .* one of them"),
        (["network", "sgbm"], {"max_disparity": 40}, "--max-disparity is 40, expected a positive multiple of 16"),
        (["bm"], {"max_disparity": 0}, "--max-disparity is 0, expected 1 or more"),
        (["bm"], {"scale": 50}, "the scale is 50"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(words: list[str], options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        methods_from(words, **options)


def test_two_folders_of_one_name_are_refused(tmp_path: Path) -> None:
    words = []
    for name in "ab":
        (tmp_path / name / "disp_0").mkdir(parents=True)
        words.append(f"predictions:{tmp_path / name / 'disp_0'}")
    with pytest.raises(ConfigError, match=r"a/disp_0 .*b/disp_0: both would be called 'predictions:disp_0'"):
        methods_from(words)


def test_the_command_line_s_options_are_those_of_methods_from() -> None:
    parser = script_parser("")
    add_method_options(parser)
    args = vars(parser.parse_args([]))
    assert args.pop("method") == ["network"]
    (method,) = methods_from(["network"], device="cpu", **args)
    assert method.name == "network"
    args = vars(parser.parse_args(["--method", "bm", "sgbm", "--oracle-range", "--flip-test", "--scale", "0.5"]))
    methods = methods_from(args.pop("method"), **args)
    assert [method.name for method in methods] == [
        "bm (true range) (scale 0.5) (flip test)",
        "sgbm (true range) (scale 0.5) (flip test)",
    ]
