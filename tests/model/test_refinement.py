"""The refinement at ½."""

from typing import Any

import pytest
import torch
from helpers import tiny_model
from torch import nn

from stereo.config import Config, LossConfig, ModelConfig, RefinementConfig
from stereo.errors import CheckpointError, ConfigError
from stereo.methods.predictor import Predictor
from stereo.model.features.base import FeatureExtractor, Features
from stereo.model.network import StereoNetwork
from stereo.model.refinement.bodies import BODIES, RecurrentBody
from stereo.model.refinement.evidence import MATCHINGS, LocalVolume, WarpedResidual, warp
from stereo.model.refinement.refine import Refinement
from stereo.model.regression import SupervisedOutput
from stereo.model.weights import load_weights
from stereo.training.losses import smooth_l1, stereo_loss

KINDS = ["local_volume", "residual"]


def refined(kind: str, steps: int = 1, body: str = "plain") -> ModelConfig:
    """The tiny network with this refinement."""
    config = tiny_model()
    config.refinement = RefinementConfig(kind, steps, body=body, channels=6, matching_channels=4, groups=2, radius=2)  # type: ignore[arg-type]
    return config


class Widths(FeatureExtractor):
    """How wide the features of :func:`features` are."""

    matching_channels, quarter_channels, half_channels, eighth_channels, sixteenth_channels = 4, 3, 5, 6, 7


def features(height: int, width: int) -> Features:
    """Random features of an image of this size."""
    sizes = [(4, 4), (3, 4), (5, 2), (6, 8), (7, 16)]
    return Features(*(torch.randn(1, channels, height // scale, width // scale) for channels, scale in sizes))


def pair(**options: Any) -> tuple[torch.Tensor, torch.Tensor]:
    left, right = torch.rand(2, 1, 3, 48, 80, **options)
    return left, right


def refinement_of(network: StereoNetwork) -> Refinement:
    assert network.refinement is not None
    return network.refinement


def naive_warp(features: torch.Tensor, disparity: torch.Tensor) -> torch.Tensor:
    rows = []
    batch, _, height, width = features.shape
    for b in range(batch):
        for y in range(height):
            for x in range(width):
                place = x - disparity[b, y, x]
                column = int(place.detach().floor())
                second = place - column
                value = features.new_zeros(features.shape[1])
                for at, weight in ((column, 1 - second), (column + 1, second)):
                    if 0 <= at < width:
                        value = value + weight * features[b, :, y, at]
                rows.append(value)
    return torch.stack(rows).view(batch, height, width, -1).permute(0, 3, 1, 2)


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 1, 1, 7)])
def test_warping_is_the_naive_loop(shape: tuple[int, ...]) -> None:
    """Values and both gradients, inside the right image and to either side of it."""
    features = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    disparity = torch.empty(shape[0], *shape[2:], dtype=torch.float64).uniform_(-2, 6).requires_grad_()
    expected, found = naive_warp(features, disparity), warp(features, disparity)
    torch.testing.assert_close(found, expected)
    upstream = torch.randn_like(expected)
    torch.testing.assert_close(
        torch.autograd.grad(found, (features, disparity), upstream),
        torch.autograd.grad(expected, (features, disparity), upstream),
    )


def warped_volume(
    left: torch.Tensor, right: torch.Tensor, disparity: torch.Tensor, groups: int, radius: int
) -> torch.Tensor:
    """The local volume as it is defined: the right view is warped once for each offset."""
    left, right = (nn.functional.normalize(view.unflatten(1, (groups, -1)), dim=2) for view in (left, right))
    offsets = [disparity + offset / 2 for offset in range(-radius, radius + 1)]
    return torch.cat([(left * warp(right.flatten(1, 2), at).view_as(left)).sum(2) for at in offsets], dim=1)


@pytest.mark.parametrize("radius", [1, 2, 5, 6])
@pytest.mark.parametrize("shape", [(2, 6, 3, 7), (1, 6, 1, 1)])
def test_the_local_volume_is_that_of_warped_views(radius: int, shape: tuple[int, ...]) -> None:
    """Values and all gradients, with places partly and wholly outside the right image on either side."""
    left, right = torch.randn(2, *shape, dtype=torch.float64).requires_grad_().unbind()
    disparity = torch.empty(shape[0], *shape[2:], dtype=torch.float64).uniform_(-12, 12).requires_grad_()
    inputs = (left, right, disparity)
    volume = LocalVolume(RefinementConfig("local_volume", matching_channels=6, groups=2, radius=radius)).double()
    expected, found = warped_volume(*inputs, groups=2, radius=radius), volume(*inputs)
    torch.testing.assert_close(found, expected)
    upstream = torch.randn_like(expected)
    torch.testing.assert_close(
        torch.autograd.grad(found, inputs, upstream), torch.autograd.grad(expected, inputs, upstream)
    )


def test_the_local_volume_sums_in_full_precision() -> None:
    """Under autocast too: bf16 would round similarities near one to 1/256."""
    volume = LocalVolume(RefinementConfig("local_volume"))
    left, right = torch.randn(2, 1, 16, 4, 12)
    disparity = torch.rand(1, 4, 12) * 6
    with torch.autocast("cpu", torch.bfloat16):
        found = volume(left, right, disparity)
    assert torch.equal(found, volume(left, right, disparity))


def test_pixels_without_features_have_no_similarity_and_a_finite_gradient() -> None:
    volume = LocalVolume(RefinementConfig("local_volume"))
    left, right = torch.zeros(1, 16, 2, 8, requires_grad=True), torch.randn(1, 16, 2, 8)
    similarity = volume(left, right, torch.zeros(1, 2, 8))
    assert not similarity.any()
    (gradient,) = torch.autograd.grad(similarity.sum(), left)
    assert gradient.isfinite().all()


@pytest.mark.parametrize("shift", [4, 5, 6])
def test_the_local_volume_is_highest_at_the_true_offset(shift: int) -> None:
    """A texture shifted by `shift` half-resolution pixels, and an estimate of 5: it is at offset 2 · (shift − 5)."""
    texture = torch.randn(1, 6, 4, 40)
    left, right = texture[..., :32], texture[..., shift : shift + 32]
    volume = LocalVolume(RefinementConfig("local_volume", matching_channels=6, groups=2, radius=3))
    similarity = volume(left, right, torch.full((1, 4, 32), 5.0)).unflatten(1, (7, 2))[..., 8:]
    assert (similarity.mean(2).argmax(1) == 3 + 2 * (shift - 5)).all()
    torch.testing.assert_close(similarity[:, 3 + 2 * (shift - 5)], torch.ones(1, 2, 4, 24))


def test_the_residual_of_a_right_estimate_is_nothing() -> None:
    texture = torch.randn(1, 6, 4, 40)
    difference = WarpedResidual(RefinementConfig("residual"))(
        texture[..., :32], texture[..., 5:37], torch.full((1, 4, 32), 5.0)
    )
    torch.testing.assert_close(difference[..., 5:], torch.zeros(1, 6, 4, 27), atol=1e-5, rtol=0)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_fresh_refinement_keeps_a_constant_and_the_bounds(kind: str, body: str) -> None:
    module = Refinement(RefinementConfig(kind, 2, body=body), Widths()).eval()  # type: ignore[arg-type]
    left, right, confidence = features(16, 24), features(16, 24), torch.rand(1, 4, 6)
    (constant,) = module(torch.full((1, 16, 24), 7.5), confidence, left, module.matching(right))
    torch.testing.assert_close(constant, torch.full((1, 16, 24), 7.5))
    disparity = torch.rand(1, 16, 24) * 30
    (result,) = module(disparity, confidence, left, module.matching(right))
    assert disparity.min() <= result.min()
    assert result.max() <= disparity.max()


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("steps", [1, 3])
def test_each_step_has_an_output_and_every_weight_a_gradient(kind: str, body: str, steps: int) -> None:
    network = StereoNetwork(refined(kind, steps, body))
    predictions = network(*pair()).predictions
    assert [prediction.cost is None for prediction in predictions] == [False] * 2 + [True] * steps
    assert all(prediction.disparity.shape == (1, 48, 80) for prediction in predictions)
    predictions[-1].disparity.square().mean().backward()
    for name, weight in refinement_of(network).named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().max() > 0, name
    network.eval()
    with torch.inference_mode():
        output = network(*pair(), with_confidence=True)
    assert len(output.predictions) == 1
    assert (output.disparity >= 0).all()
    assert output.confidence.shape == output.disparity.shape == (1, 48, 80)


def test_merged_matching_sees_the_features_at_a_quarter() -> None:
    view, other = features(16, 24), features(16, 24)._replace(quarter=torch.zeros(1, 3, 4, 6))
    for name, sees in (("half", False), ("merged", True)):
        matching = MATCHINGS[name](RefinementConfig(matching_channels=8), Widths()).eval()
        assert matching(view).shape == (1, 8, 8, 12)
        assert torch.equal(matching(view), matching(other._replace(half=view.half))) != sees


def test_merged_matching_trains_and_is_the_same_for_inference() -> None:
    config = refined("local_volume")
    config.refinement.matching = "merged"
    network = StereoNetwork(config)
    images = pair()
    network(*images).disparity.square().mean().backward()
    for name, weight in refinement_of(network).matching.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().max() > 0, name
    network.eval()
    with torch.inference_mode():
        alone = network(*images).disparity
    torch.testing.assert_close(alone, network(*images).disparity)  # with gradients both views are one batch


def test_steps_follow_the_estimate_of_the_step_before() -> None:
    """With a residual of 1 px at ½ whatever the images show, each step adds 2 px at full resolution."""
    network = StereoNetwork(refined("local_volume", 3))
    refinement = refinement_of(network)
    nn.init.ones_(refinement.residual.bias)  # type: ignore[arg-type]
    places: list[torch.Tensor] = []
    refinement.evidence.register_forward_hook(lambda module, inputs, output: places.append(inputs[2]))
    network(*pair())
    torch.testing.assert_close(places[1], places[0] + 1)
    torch.testing.assert_close(places[2], places[0] + 2)


def test_weights_without_refinement_load_and_their_confidence_stays() -> None:
    plain, having = StereoNetwork(tiny_model()).eval(), StereoNetwork(refined("local_volume")).eval()
    with pytest.raises(CheckpointError, match=r"refinement\.matching\.weight is missing"):
        load_weights(having, plain.state_dict(), "plain")
    load_weights(having, plain.state_dict(), "plain", fresh_additions=True)
    images = pair()
    with torch.inference_mode():
        one, other = plain(*images, with_confidence=True), having(*images, with_confidence=True)
    assert torch.equal(one.confidence, other.confidence)


def test_recomputation_gives_the_same_gradients() -> None:
    config = refined("local_volume", 2)
    config.aggregation.guidance = "gate"
    network = StereoNetwork(config).double()
    images, gradients = pair(dtype=torch.float64), []
    for recompute in (False, True):
        network.aggregation.recompute = recompute
        total = sum(prediction.disparity.mean() for prediction in network(*images).predictions)
        gradients.append(torch.autograd.grad(total, list(network.parameters()), allow_unused=True))
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("kind", KINDS)
def test_positions_keep_their_precision_in_bf16(kind: str, body: str) -> None:
    """At 100 px bf16 knows halves of a pixel alone."""
    network = StereoNetwork(refined(kind, 2, body))
    places: list[torch.Tensor] = []
    refinement_of(network).evidence.register_forward_hook(lambda module, inputs, output: places.extend(inputs))
    with torch.autocast("cpu", torch.bfloat16):
        predictions = network(*pair()).predictions
    assert len(places) == 6  # of each step both views' features and the disparity
    assert all(place.dtype == torch.float32 for place in places)
    assert all(prediction.disparity.dtype == torch.float32 for prediction in predictions)
    assert (predictions[-1].disparity.bfloat16() != predictions[-1].disparity).any()


def test_the_predictor_takes_any_size() -> None:
    network = StereoNetwork(refined("local_volume", 2)).with_fast_layout(torch.device("cpu"))
    left, right = torch.randint(0, 256, (2, 45, 71, 3), dtype=torch.uint8).numpy()
    assert Predictor(network).predict(left, right).shape == (45, 71)


@pytest.mark.parametrize("kind", ["smooth_l1", "mixture"])
def test_the_loss_of_a_refined_output_is_smooth_l1(kind: str) -> None:
    disparity, valid = torch.rand(1, 8, 12) * 20 + 1, torch.rand(1, 8, 12) > 0.3
    volume = SupervisedOutput(torch.rand(1, 8, 12), torch.randn(1, 8, 2, 3))
    steps = [SupervisedOutput(torch.rand(1, 8, 12) * 20, None) for _ in range(2)]
    config = LossConfig(kind)  # type: ignore[arg-type]
    alone = stereo_loss([volume], disparity, valid, 32, config)
    expected = (
        alone + 0.8 * smooth_l1(steps[0].disparity, disparity, valid) + smooth_l1(steps[1].disparity, disparity, valid)
    )
    torch.testing.assert_close(stereo_loss([volume, *steps], disparity, valid, 32, config), expected)


def test_pyramids_look_at_the_confidence_and_farther_than_the_plain_body() -> None:
    reach, heeds = {}, {}
    left = features(32, 256)
    for body in BODIES:
        module = BODIES[body](4, RefinementConfig("local_volume", body=body, channels=4), Widths()).eval()  # type: ignore[arg-type]
        x = torch.randn(1, 4, 16, 128, requires_grad=True)
        confidence = torch.rand(1, 8, 64, requires_grad=True)
        hidden = module(x, left, confidence, None)[0, :, 8, 64].square().sum()
        of_x, of_confidence = torch.autograd.grad(hidden, (x, confidence), allow_unused=True)
        reach[body] = int((of_x.abs().sum((0, 1, 2)).nonzero() - 64).abs().max())
        heeds[body] = of_confidence is not None
    assert reach["plain"] == 4
    # Two convolutions of dilations 2 and 4 reach 12 pixels at ½ by themselves where they are at ¼, 24 at ⅛.
    assert 16 <= reach["pyramid"] < 24 < reach["deep_pyramid"]
    assert heeds == {"plain": False, "pyramid": True, "deep_pyramid": True, "recurrent": True}


def test_the_recurrent_body_remembers() -> None:
    """With the update gate shut the hidden map stays; with it open it is the candidate alone."""
    module = RecurrentBody(4, RefinementConfig(channels=4), Widths()).eval()
    left, confidence, hidden = features(16, 24), torch.rand(1, 4, 6), torch.rand(1, 4, 8, 12)
    x, other = torch.randn(2, 1, 4, 8, 12)
    assert module.gates.bias is not None
    with torch.no_grad():
        module.gates.bias[:4] = -100.0
        torch.testing.assert_close(module(x, left, confidence, hidden), hidden)
        module.gates.bias[:4] = 100.0
        assert not torch.equal(module(x, left, confidence, hidden), module(other, left, confidence, hidden))


def test_settings_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match="steps is 5, expected 1 to 4"):
        RefinementConfig(steps=5)
    with pytest.raises(ConfigError, match=r"\(16\) is not divisible by model.refinement.groups \(3\)"):
        RefinementConfig(groups=3)
    with pytest.raises(ConfigError, match="2 entries, but the network has 4 supervised outputs"):
        Config(model=refined("residual", 2), loss=LossConfig(output_weights=[1.0, 1.0]))


def test_residual_and_mask_by_one_convolution_are_those_of_their_own() -> None:
    """Values and all gradients."""
    refinement = refinement_of(StereoNetwork(refined("local_volume"))).double()
    nn.init.normal_(refinement.residual.weight)
    hidden = torch.randn(2, 6, 5, 3, dtype=torch.float64, requires_grad=True)
    wanted = [hidden, *refinement.residual.parameters(), *refinement.mask.parameters()]
    expected, found = (refinement.residual(hidden), refinement.mask(hidden)), refinement._read(hidden)
    torch.testing.assert_close(found, expected)
    upstream = [torch.randn_like(each) for each in expected]
    torch.testing.assert_close(
        torch.autograd.grad(found, wanted, upstream), torch.autograd.grad(expected, wanted, upstream)
    )
