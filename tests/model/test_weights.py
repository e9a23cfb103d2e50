"""Reading official weights, and saying what does not fit."""

from typing import Any

import pytest
import torch
from helpers import tiny_model

from stereo.errors import CheckpointError
from stereo.model.network import StereoNetwork
from stereo.model.weights import convert_psmnet, load_weights, psmnet_preset


@pytest.mark.parametrize("content", [None, 3, [], {}, {"state_dict": {}}])
def test_what_holds_no_state_dictionary_is_refused(content: Any) -> None:
    with pytest.raises(CheckpointError, match=r"^file: (holds no state dictionary|is not of the official PSMNet)"):
        convert_psmnet(content, "file")


def test_a_foreign_state_dictionary_is_refused_with_names() -> None:
    with pytest.raises(CheckpointError, match=r"expected names such as classif1.* found conv\.bias, conv\.weight"):
        convert_psmnet({"conv.weight": torch.ones(1), "conv.bias": torch.ones(1)}, "file")


def test_unknown_names_in_official_weights_are_listed_ten_at_most() -> None:
    names = {f"extra{number}.weight": torch.ones(1) for number in range(12)}
    with pytest.raises(
        CheckpointError, match=r"names that psmnet does not have: extra0\.weight; .*extra9\.weight; and 2 more"
    ):
        convert_psmnet({"classif1.0.0.weight": torch.ones(1), **names}, "file")


def test_missing_unexpected_and_misshaped_entries_are_listed() -> None:
    network = StereoNetwork(tiny_model())
    weights = network.state_dict()
    name = next(iter(weights))
    with pytest.raises(CheckpointError, match=f"^file: .*{name} is missing$"):
        load_weights(network, {key: value for key, value in weights.items() if key != name}, "file")
    with pytest.raises(CheckpointError, match="other is not of this network"):
        load_weights(network, weights | {"other": torch.ones(1)}, "file")
    with pytest.raises(CheckpointError, match=rf"{name} is \[2, 3\], expected \[16, 3, 3, 3\]"):
        load_weights(network, weights | {name: torch.ones(2, 3)}, "file")
    for value in (3, weights[name].to("meta"), weights[name].to_sparse()):
        with pytest.raises(CheckpointError, match=f"{name} is no dense tensor"):
            load_weights(network, weights | {name: value}, "file")
    with pytest.raises(CheckpointError, match="holds no state dictionary, but list"):
        load_weights(network, [1], "file")
    with pytest.raises(CheckpointError, match=r"; and \d+ more$"):
        load_weights(network, {}, "file")


def test_a_failed_load_changes_nothing() -> None:
    network = StereoNetwork(tiny_model())
    before = {name: value.clone() for name, value in network.state_dict().items()}
    broken = {name: torch.zeros_like(value) for name, value in before.items()} | {"other": torch.ones(1)}
    with pytest.raises(CheckpointError):
        load_weights(network, broken, "file")
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_counters_of_batches_may_be_missing() -> None:
    """PyTorch before 0.4.1, with which the weights of 2018 were made, had none."""
    network = StereoNetwork(tiny_model())
    weights = {key: value for key, value in network.state_dict().items() if not key.endswith("num_batches_tracked")}
    load_weights(network, weights, "file")


def test_official_weights_are_told_from_others() -> None:
    weight = torch.ones(1)
    assert psmnet_preset({"state_dict": {"module.classif1.0.0.0.weight": weight}, "epoch": 9}) == "psmnet"
    assert psmnet_preset({"classify.0.0.weight": weight}) == "psmnet_basic"
    for content in (None, [weight], {}, {"state_dict": {"conv.weight": weight}}, {7: weight}):
        assert psmnet_preset(content) is None
