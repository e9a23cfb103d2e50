"""All that a network makes on the way lies where the network lies: a GPU would refuse to mix it with what does not.

PyTorch's meta device stands for the GPU here. It refuses sums and concatenations with tensors of the CPU, though not
matrix products and indices.
"""

from contextlib import nullcontext

import pytest
import torch
from helpers import slim_psmnet

from stereo.config import Preset, model_preset
from stereo.model.layers import fold_batch_norm
from stereo.model.network import StereoNetwork

META = torch.device("meta")
PRESETS: list[Preset] = ["compact", "guided", "slim", "ea_psmnet"]


@pytest.fixture(autouse=True)
def _no_autocast(monkeypatch: pytest.MonkeyPatch) -> None:
    """The meta device has none."""
    monkeypatch.setattr("torch.autocast", lambda *arguments, **options: nullcontext())
    monkeypatch.setattr("torch.is_autocast_enabled", lambda *arguments: False)


def network_on_meta(preset: Preset) -> tuple[StereoNetwork, torch.Tensor]:
    config = slim_psmnet(preset) if "psmnet" in preset else model_preset(preset)
    config.max_disparity = 64
    network = StereoNetwork(config).with_fast_layout(META)
    size = max(128, network.min_size)
    return network, torch.rand(3, 3, size, size, device=META)


@pytest.mark.parametrize("preset", PRESETS)
def test_several_pairs_at_once_need_nothing_of_the_cpu(preset: Preset) -> None:
    network, views = network_on_meta(preset)
    fold_batch_norm(network.eval())
    with torch.inference_mode():
        output = network(views, views, with_confidence=True, with_right=True)
    for name in ("disparity", "confidence", "disparity_right"):
        found = getattr(output, name)
        assert (found.device, found.shape) == (META, (3, *views.shape[2:])), name


def test_what_lies_on_the_cpu_is_noticed() -> None:
    network, views = network_on_meta("slim")
    network.image_mean = torch.zeros(1, 3, 1, 1)
    with pytest.raises(RuntimeError, match="device"), torch.inference_mode():
        network.eval()(views, views)
