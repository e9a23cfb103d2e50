"""The network as a whole."""

import pytest
import torch
from helpers import tiny_model

from stereo.config import AttentionConfig, ModelConfig
from stereo.errors import ConfigError
from stereo.model.attention import Attention
from stereo.model.network import StereoNetwork
from stereo.model.weights import load_weights


def pair(height: int = 64, width: int = 96) -> tuple[torch.Tensor, torch.Tensor]:
    left, right = torch.rand(2, 2, 3, height, width)
    return left, right


def test_compact_is_of_the_promised_size() -> None:
    parameters = sum(parameter.numel() for parameter in StereoNetwork(ModelConfig()).parameters())
    assert 0.5e6 < parameters < 1e6


@pytest.mark.parametrize("upsampling", ["convex", "trilinear"])
@pytest.mark.parametrize("volume", ["group_correlation", "concatenation"])
@pytest.mark.parametrize("estimate", ["soft_argmin", "dominant_mode"])
def test_every_combination_runs_forward_and_backward(upsampling: str, volume: str, estimate: str) -> None:
    config = tiny_model()
    config.regression.upsampling = upsampling  # type: ignore[assignment]
    config.regression.estimate = estimate  # type: ignore[assignment]
    config.cost_volume.kind = volume  # type: ignore[assignment]
    network = StereoNetwork(config)
    output = network(*pair())
    assert output.disparity.shape == (2, 64, 96)
    assert len(output.predictions) == 2
    assert all(prediction.cost.shape == (2, 8, 16, 24) for prediction in output.predictions)
    sum(prediction.disparity.sum() for prediction in output.predictions).backward()
    idle = [name for name, parameter in network.named_parameters() if parameter.grad is None]
    assert not idle
    network.eval()
    with torch.inference_mode():
        output = network(*pair())
    assert len(output.predictions) == 1
    assert (output.disparity >= 0).all()
    assert (output.disparity < 32).all()


@pytest.mark.parametrize("upsampling", ["convex", "trilinear"])
def test_a_confidence_is_given_where_it_is_asked_for_and_changes_nothing(
    upsampling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny_model()
    config.regression.upsampling = upsampling  # type: ignore[assignment]
    network = StereoNetwork(config).eval()
    images = pair()
    with torch.inference_mode():
        having = network(*images, with_confidence=True)
        monkeypatch.delattr(type(network.regression), "confidence")  # nothing of it is computed unless it is asked for
        without = network(*images)
    assert having.confidence.shape == (2, 64, 96)
    assert ((having.confidence > 0) & (having.confidence <= 1)).all()
    assert without.confidence is None
    assert torch.equal(having.disparity, without.disparity)


@pytest.mark.parametrize("site", ["features", "quarter", "eighth", "sixteenth"])
def test_fresh_attention_leaves_the_network_as_it_is(site: str) -> None:
    plain = tiny_model()
    plain.attention.kind = "none"
    attentive = tiny_model()
    attentive.attention.sites = [site]  # type: ignore[list-item]
    without, having = StereoNetwork(plain).eval(), StereoNetwork(attentive).eval()
    missing, unexpected = having.load_state_dict(without.state_dict(), strict=False)
    assert not unexpected
    assert missing
    assert all("attention" in name for name in missing)
    images = pair()
    assert torch.equal(without(*images).disparity, having(*images).disparity)


# kind, over and position of attention; each value of each stands here.
ARRANGEMENTS = [
    ("efficient", "plane", "sine"),
    ("dot_product", "plane", "rope"),
    ("sdpa", "plane", "none"),
    ("dot_product", "disparity", "sine"),
    ("sdpa", "disparity", "rope"),
    ("efficient", "volume", "sine"),
    ("sdpa", "volume", "rope"),
]


def arranged(kind: str, over: str, position: str, sites: list[str]) -> ModelConfig:
    config = tiny_model()
    config.attention = AttentionConfig(
        kind=kind,  # type: ignore[arg-type]
        over=over,  # type: ignore[arg-type]
        position=position,  # type: ignore[arg-type]
        sites=sites,  # type: ignore[arg-type]
    )
    return config


@pytest.mark.parametrize("sites", [["quarter"], ["eighth"], ["quarter", "sixteenth"]])
@pytest.mark.parametrize(("kind", "over", "position"), ARRANGEMENTS)
def test_weights_without_attention_load_and_give_what_they_gave(
    kind: str, over: str, position: str, sites: list[str]
) -> None:
    plain = tiny_model()
    plain.attention.kind = "none"
    without, having = StereoNetwork(plain).eval(), StereoNetwork(arranged(kind, over, position, sites)).eval()
    load_weights(having, without.state_dict(), "plain", fresh_additions=True)
    images = pair(32, 48)
    assert torch.equal(without(*images).disparity, having(*images).disparity)


@pytest.mark.parametrize("aggregation", ["hourglass", "stackhourglass", "basic"])
@pytest.mark.parametrize(("kind", "over", "position"), ARRANGEMENTS)
def test_every_weight_of_attention_is_trained(kind: str, over: str, position: str, aggregation: str) -> None:
    config = arranged(kind, over, position, ["quarter"] if aggregation == "basic" else ["eighth", "sixteenth"])
    config.aggregation.kind = aggregation  # type: ignore[assignment]
    network = StereoNetwork(config)
    for module in network.modules():
        if isinstance(module, Attention):
            torch.nn.init.normal_(module.reprojection.weight)
    sum(prediction.disparity.mean() for prediction in network(*pair(32, 48)).predictions).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize("aggregation", ["hourglass", "stackhourglass", "basic"])
def test_guided_attention_computed_again_in_the_backward_pass(aggregation: str) -> None:
    config = arranged("efficient", "plane", "sine", ["quarter"])
    config.aggregation.kind = aggregation  # type: ignore[assignment]
    network = StereoNetwork(config)
    for module in network.modules():
        if isinstance(module, Attention):
            torch.nn.init.normal_(module.reprojection.weight)
    images, grads = pair(32, 48), []
    for network.aggregation.recompute in (False, True):
        loss = network(*images).disparity.mean()
        grads.append(torch.autograd.grad(loss, list(network.parameters()), allow_unused=True))
    for kept, again in zip(*grads, strict=True):
        if kept is not None:
            torch.testing.assert_close(kept, again)


@pytest.mark.parametrize("bins", [1, 3, 100])
def test_slabs_of_the_volume_are_the_volume(bins: int, monkeypatch: pytest.MonkeyPatch) -> None:
    network = StereoNetwork(tiny_model()).eval()
    images = pair()
    whole = network(*images).disparity  # with gradients: the volume as a whole
    monkeypatch.setattr("stereo.model.aggregation.base.SLAB_BINS", bins)
    with torch.inference_mode():
        torch.testing.assert_close(network(*images).disparity, whole)


def test_range_can_be_changed_and_is_checked() -> None:
    network = StereoNetwork(tiny_model()).eval()
    network.max_disparity = 64
    assert network(*pair()).predictions[0].cost.shape[1] == 16
    with pytest.raises(ConfigError, match="multiple of 16; the next one is 112"):
        network.max_disparity = 100


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="multiples of 16"):
        StereoNetwork(tiny_model())(*pair(60, 96))


def test_learns_a_shift() -> None:
    """Some steps on one textured plane: the network finds its disparity."""
    torch.manual_seed(1)
    network = StereoNetwork(tiny_model())
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    canvas = torch.rand(2, 3, 64, 112)
    left, right = canvas[..., :96], canvas[..., 12 : 12 + 96]  # disparity 12
    first = last = 0.0
    for step in range(40):
        error = (network(left, right).disparity[:, :, 16:] - 12).abs().mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        first, last = (error.item(), 0.0) if step == 0 else (first, error.item())
    assert last < 0.5 * first


def test_each_view_is_prepared_for_the_volume_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stereo.model.aggregation.base.SLAB_BINS", 2)
    network = StereoNetwork(tiny_model()).eval()
    calls: list[int] = []
    prepare = network.cost_volume.prepare
    monkeypatch.setattr(network.cost_volume, "prepare", lambda features: (calls.append(1), prepare(features))[1])  # type: ignore[func-returns-value]
    with torch.inference_mode():
        network(*torch.rand(2, 1, 3, 32, 64))
    assert len(calls) == 2
