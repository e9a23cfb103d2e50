"""Mixed precision, compilation and memory layout; and that a step does not wait for a GPU."""

import math
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import pytest
import torch
from helpers import tiny_config, tiny_model
from helpers.runs import scalars, weights
from torch import nn

from stereo.checkpoint import read_checkpoint
from stereo.config import Config, LossConfig, OptimizerConfig
from stereo.data.batch import StereoBatch
from stereo.model.network import StereoNetwork
from stereo.training.average import average_of
from stereo.training.losses import LOSSES
from stereo.training.optimizer import build_optimizer
from stereo.training.step import TakenStep, TrainingStep
from stereo.training.trainer import Trainer, train

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def config_in(folder: Path, precision: str, steps: int = 4) -> Config:
    config = tiny_config(folder, steps)
    config.model.max_disparity = 64  # bf16 on a CPU refuses 32
    config.training.precision = precision  # type: ignore[assignment]
    return config


@pytest.mark.parametrize("upsampling", ["convex", "trilinear"])
def test_costs_and_estimate_are_in_float32_in_mixed_precision(upsampling: str) -> None:
    model = tiny_model()
    model.regression.upsampling = upsampling  # type: ignore[assignment]
    network = StereoNetwork(model).train()
    left, right = torch.rand(2, 1, 3, 64, 96)
    with torch.autocast("cpu", torch.bfloat16):
        output = network(left, right)
    costs = [prediction.cost for prediction in output.predictions if prediction.cost is not None]
    assert {tensor.dtype for tensor in (*costs, output.disparity)} == {torch.float32}


def test_fp16_scales_its_loss_and_goes_on_with_the_scale(tmp_path: Path) -> None:
    config = config_in(tmp_path / "whole", "fp16", steps=6)
    train(config)
    whole = read_checkpoint(tmp_path / "whole" / "last.pt")["run_state"]
    assert whole["scaler"]["scale"] == 2.0**16 / 2 ** whole["skipped"]
    assert whole["learned"] == 6 - whole["skipped"]
    config = config_in(tmp_path / "parts", "fp16", steps=4)
    config.optimizer.schedule = "constant"
    train(config)
    scale = read_checkpoint(tmp_path / "parts" / "last.pt")["run_state"]["scaler"]
    trainer = Trainer(config_in_again(config, 6))
    trainer.prepare("auto")
    assert trainer.state.scaler is not None
    assert trainer.state.scaler.state_dict() == scale


def config_in_again(config: Config, steps: int) -> Config:
    config.training.steps = steps
    return config


def test_an_overflow_of_fp16_lowers_the_scale_and_skips_the_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = config_in(tmp_path / "run", "fp16", steps=1)
    trainer = Trainer(config)
    trainer.prepare(None)
    before = {name: value.clone() for name, value in trainer.network.state_dict().items()}
    next(trainer.network.parameters()).register_hook(lambda gradient: gradient * math.inf)
    trainer.state.learned = 1  # else a run of one step ends as one that learned nothing
    trainer.run()
    assert "the gradient is too large for fp16, so the loss is scaled less from here on" in capsys.readouterr().out
    after = weights(tmp_path / "run" / "last.pt")
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert trainer.state.scaler is not None
    assert trainer.state.scaler.get_scale() == 2.0**15


def test_frozen_batch_normalization_keeps_its_statistics(tmp_path: Path) -> None:
    config = tiny_config(tmp_path / "run", steps=2)
    config.training.freeze_batch_norm = True
    trainer = Trainer(config)
    before = {name: value.clone() for name, value in trainer.network.named_buffers()}
    scale = {n: p.detach().clone() for n, p in trainer.network.named_parameters()}
    trainer.prepare(None)
    trainer.run()
    assert before
    assert all(torch.equal(value, before[name]) for name, value in trainer.network.named_buffers())
    moved = [n for n, p in trainer.network.named_parameters() if not torch.equal(p, scale[n])]
    assert any(isinstance(trainer.network.get_submodule(n.rpartition(".")[0]), nn.BatchNorm2d) for n in moved)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_compiled_network_trains_to_the_same_loss_with_the_same_names(tmp_path: Path) -> None:
    for compiled in (False, True):
        config = tiny_config(tmp_path / str(compiled), steps=2)
        config.training.compile, config.training.log_interval = compiled, 1
        train(config)
    found = [scalars(tmp_path / str(compiled), "training/loss") for compiled in (False, True)]
    assert found[0] == pytest.approx(found[1], rel=1e-3)
    assert weights(tmp_path / "False" / "last.pt").keys() == weights(tmp_path / "True" / "last.pt").keys()
    assert max(scalars(tmp_path / "True", "training/compiled_graphs").values()) >= 1


@pytest.mark.slow
def test_a_network_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever comes between two steps: validation is of another size, and without gradients."""
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    config = config_in(tmp_path / "run", "bf16")
    config.training.compile, config.training.log_interval = True, 1
    train(config)
    graphs = scalars(tmp_path / "run", "training/compiled_graphs")
    assert list(graphs) == [1, 2, 3, 4]
    assert len(set(graphs.values())) == 1


# ---------------------------------------------------------------------------------------------------------------- CUDA


@pytest.mark.parametrize("kind", sorted(LOSSES))
@pytest.mark.parametrize("attention", ["none", "efficient"])
def test_a_step_asks_for_no_value(monkeypatch: pytest.MonkeyPatch, kind: str, attention: str) -> None:
    """Tensors of the meta device have none: whatever would wait for a GPU raises."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # which does not know the meta device
    monkeypatch.setattr(torch, "is_autocast_enabled", lambda _: False)
    model = tiny_model()
    model.attention.kind = attention  # type: ignore[assignment]
    network = StereoNetwork(model).to("meta")
    average = average_of(network, 0.5)
    assert average is not None
    optimizer = build_optimizer(network, OptimizerConfig())
    optimizer.defaults["fused"] = True  # as on CUDA, but there is no such kernel here
    monkeypatch.setattr(optimizer, "step", lambda: None)
    left, right = torch.zeros(2, 2, 3, 48, 64, dtype=torch.uint8)
    batch = StereoBatch(left, right, torch.zeros(2, 48, 64), torch.ones(2, 48, 64, dtype=torch.bool), ("a", "b"))
    loss = LossConfig(kind=kind)  # type: ignore[arg-type]
    taken = TrainingStep(network, network, optimizer, loss, 1.0)(batch.to(torch.device("meta")))
    average.update_parameters(network, taken.learned)
    assert taken.values.is_meta
    assert optimizer.found_inf.is_meta  # type: ignore[attr-defined]
    with pytest.raises((RuntimeError, NotImplementedError)):
        taken.values.tolist()


def on_cuda(folder: Path, precision: str = "bf16") -> Config:
    config = config_in(folder, precision)
    config.training.device = "cuda"
    config.optimizer.average_decay = 0.5
    config.training.log_interval = config.training.validation_interval = config.training.checkpoint_interval = 4
    return config


@needs_cuda
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
@pytest.mark.parametrize("kind", ["mixture", "multi_modal"])
def test_a_step_does_not_wait_for_the_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str, kind: str
) -> None:
    take = Trainer._take

    def watched(self: Trainer, step: TrainingStep, batch: StereoBatch) -> float:
        torch.cuda.set_sync_debug_mode("error")
        try:
            return take(self, step, batch)
        finally:
            torch.cuda.set_sync_debug_mode("default")

    monkeypatch.setattr(Trainer, "_take", watched)
    config = on_cuda(tmp_path / "run", precision)
    config.loss.kind = kind  # type: ignore[assignment]
    train(config)


@needs_cuda
def test_a_step_that_is_not_finite_is_skipped_on_the_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    take = TrainingStep.__call__
    states: list[bool] = []

    def watch(step: TrainingStep, batch: StereoBatch) -> TakenStep:
        before = {name: value.clone() for name, value in step.network.state_dict().items()}
        result = take(step, batch._replace(left=batch.left * math.nan) if len(states) == 1 else batch)
        states.append(all(torch.equal(value, step.network.state_dict()[name]) for name, value in before.items()))
        return result

    monkeypatch.setattr(TrainingStep, "__call__", watch)
    train(on_cuda(tmp_path / "run", "fp32"))
    assert states == [False, True, False, False]
    assert "warning: step 2 is skipped, 1 so far: the loss is nan" in capsys.readouterr().out
    state = read_checkpoint(tmp_path / "run" / "last.pt")["run_state"]
    assert (state["skipped"], state["learned"]) == (1, 3)
    assert all(value.isfinite().all() for value in state["average"].values())


@needs_cuda
@pytest.mark.parametrize("setting", ["compile", "channels_last"])
def test_settings_for_speed_on_cuda(tmp_path: Path, setting: str) -> None:
    for value in (False, True):
        config = on_cuda(tmp_path / str(value), "fp32")
        setattr(config.training, setting, value)
        train(config)
    found = [scalars(tmp_path / str(value), "training/loss") for value in (False, True)]
    assert found[0] == pytest.approx(found[1], rel=0.02)
