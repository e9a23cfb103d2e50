"""Whole networks measured: time, memory, multiplications, the share of each stage, and two of them in turn.

python -m stereo.benchmark.network CELL        # in the child; CELL is JSON
"""

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from stereo.benchmark.cells import Outcome, report, run_cell
from stereo.benchmark.machine import format_bytes, format_seconds
from stereo.config import load_network
from stereo.errors import ConfigError
from stereo.methods.predictor import Predictor
from stereo.model.convolution import single_columns
from stereo.model.network import StereoNetwork, StereoOutput
from stereo.model.regression import SupervisedOutput, TrilinearUpsampling, estimate_bin
from stereo.training.losses import stereo_loss

STRAIGHTFORWARD = "straightforward"
STAGES = ("features", "cost_volume", "aggregation", "regression", "refinement")
ROUNDS = 5
# What PyTorch's counter leaves out, from the shapes of queries, keys and values; of the backward pass the gradient's
# first.
_FUSED_ON_THE_CPU = {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: lambda *shapes, **_: sdpa_flop_count(*shapes[:3]),
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: (
        lambda *shapes, **_: sdpa_backward_flop_count(*shapes[:4])
    ),
}


@dataclass(frozen=True)
class Setup:
    """What is measured, and where.

    network: a preset or a YAML file; with `overrides`. mode: inference or training. memory_limit: bytes.
    """

    network: str
    overrides: tuple[str, ...]
    mode: str
    device: str
    memory_limit: int

    def command(self, names: Sequence[str], size: tuple[int, ...]) -> list[str]:
        """Return the command that measures one network, or two in turn, at height and width, px."""
        cell = {"setup": asdict(self), "networks": list(names), "size": list(size)}
        return [sys.executable, "-m", "stereo.benchmark.network", json.dumps(cell)]


class Straightforward(nn.Module):
    """A network's own parts, run as is usual: everything whole, and held by the variables of one long function.

    For PSMNet that is what the authors' code does: volume, the output of each hourglass and what is at ⅛ in it on the
    way down and up all live to the end, beside the volume upsampled to full resolution and its softmax.
    """

    HELD = ("entry_residual", "up_quarter", "down_eighth", "up_eighth")

    def __init__(self, network: StereoNetwork) -> None:
        super().__init__()
        if network.refinement is not None:
            raise ConfigError("the straightforward form has no refinement; set model.refinement.kind=none")
        if network.view_attention is not None:
            raise ConfigError("the straightforward form has no view attention; set model.view_attention.kind=none")
        self.network = network
        self.stride, self.min_size, self.max_disparity = network.stride, network.min_size, network.max_disparity
        aggregation = network.aggregation
        aggregation.enter = lambda volume, num_bins: aggregation.entry(volume(0, num_bins))  # type: ignore[method-assign]
        aggregation.read = lambda head, x, reach: head(x).squeeze(1)  # type: ignore[method-assign]
        self.held: list[Tensor] = []
        for name, module in aggregation.named_modules():
            if name.endswith(self.HELD):
                module.register_forward_hook(lambda module, inputs, output: self.held.append(output))

    def forward(self, left: Tensor, right: Tensor) -> StereoOutput:
        network = self.network
        left_features, right_features = (
            network.features((image - network.image_mean) / network.image_std) for image in (left, right)
        )
        num_bins = network.max_disparity // 4
        volume = network.cost_volume(
            network.cost_volume.prepare(left_features.matching),
            network.cost_volume.prepare(right_features.matching),
            0,
            num_bins,
        )
        costs = network.aggregation(lambda start, stop: volume[:, :, start:stop], num_bins, left_features)
        regression = network.regression
        if not isinstance(regression, TrilinearUpsampling):
            predictions = regression(costs, left_features)
        else:
            estimate, radius = regression.config.estimate, 4 * regression.config.mode_radius
            fulls = [
                F.interpolate(cost[:, None], scale_factor=4, mode="trilinear", align_corners=regression.align_corners)
                for cost in costs
            ]
            predictions = [
                SupervisedOutput(estimate_bin(full[:, 0], estimate, radius), cost)
                for full, cost in zip(fulls, costs, strict=True)
            ]
        self.held.clear()
        return StereoOutput(predictions[-1].disparity, predictions)


def compare(
    names: Sequence[str], size: tuple[int, ...], setup: Setup, time_limit: float
) -> Iterator[tuple[dict[str, Any], str]]:
    """Measure each network alone, then two of them in turn.

    Yields: what was measured, for the record, and a line for the screen.
    """
    cells = []
    for name in names:
        outcome = run_cell(setup.command([name], size), time_limit)
        cells.append(outcome)
        label = name if name != STRAIGHTFORWARD else f"{setup.network} ({name})"
        yield {"network": label, "mode": setup.mode, "size": size, **vars(outcome)}, _line(label, setup, size, outcome)
    if len(cells) == 2:
        paired = run_cell(setup.command(names, size), time_limit * 2)
        ratios = _ratios(cells, paired)
        line = f"  {names[0]} : {names[1]} at {size[0]}x{size[1]}: {ratios}"
        yield {"ratio": ratios, "size": size, **vars(paired)}, line


HEADER = f"{'network':32}{'mode':11}{'size':12}{'time':>10}{'extra memory':>14}{'10⁹ mult.':>11}   shares of the time"


def _line(label: str, setup: Setup, size: tuple[int, ...], outcome: Outcome) -> str:
    head = f"{label:32}{setup.mode:11}{f'{size[0]}x{size[1]}':12}"
    if outcome.status != "ok" or outcome.details is None:
        needed = f", needed {format_bytes(outcome.needed_bytes)}" if outcome.needed_bytes else ""
        return f"{head}{outcome.status}{needed} {outcome.message}"
    shares = ", ".join(f"{name} {share:.0%}" for name, share in outcome.details["shares"].items())
    return (
        f"{head}{format_seconds(outcome.seconds):>10}{format_bytes(outcome.extra_bytes):>14}"
        f"{outcome.details['multiplications'] / 1e9:>11,.1f}   {shares}"
    )


def _ratios(cells: list[Outcome], paired: Outcome) -> str:
    parts = []
    if paired.status == "ok" and paired.details is not None:
        parts.append(f"time {paired.details['time_ratio']:.3f}× (median of {ROUNDS} alternating pairs)")
        if paired.details["px"] is not None:
            parts.append(f"greatest difference {paired.details['px']:.2g} px")
    else:
        parts.append(f"time: {paired.status} {paired.message}")
    if all(cell.extra_bytes for cell in cells):
        parts.append(f"extra memory {(cells[0].extra_bytes or 0) / (cells[1].extra_bytes or 1):.3f}×")
    return ", ".join(parts)


# ---------------------------------------------------------------------------------------------------- in the child


def _measure(cell: dict[str, Any]) -> None:
    height, width = cell["size"]
    setup = Setup(**cell["setup"])
    device = torch.device(setup.device)
    if len(cell["networks"]) == 2:
        calls = [_prepare(name, setup, device, height, width)[0] for name in cell["networks"]]
        for call in calls:
            call()
        seconds: list[list[float]] = [[], []]
        for _ in range(ROUNDS):
            for call, mine in zip(calls, seconds, strict=True):
                start = time.perf_counter()
                call()
                _synchronize(device)
                mine.append(time.perf_counter() - start)
        ratio = statistics.median(one / two for one, two in zip(*seconds, strict=True))
        difference = None
        if setup.mode == "inference":
            difference = float(np.abs(np.subtract(*(call() for call in calls))).max())
        print(json.dumps(vars(Outcome("ok", details={"time_ratio": ratio, "seconds": seconds, "px": difference}))))
        return

    (name,) = cell["networks"]
    _prepare(name, setup, device, 256, 256)[0]()  # loads the libraries, starts their threads
    stages: dict[str, float] = {}

    def prepare() -> Callable[[], Any]:
        call, network = _prepare(name, setup, device, height, width)
        stages["network"] = network  # type: ignore[assignment]
        return call

    def details(call: Callable[[], Any]) -> dict[str, Any]:
        with _timed_stages(stages["network"], device) as shares:  # type: ignore[arg-type]
            start = time.perf_counter()
            call()
            _synchronize(device)
            total = time.perf_counter() - start
        with FlopCounterMode(display=False, custom_mapping=_FUSED_ON_THE_CPU) as counter, single_columns():
            call()
        rest = "backward" if setup.mode == "training" else "other"
        parts = {stage: seconds / total for stage, seconds in shares.items()}
        return {"shares": parts | {rest: 1 - sum(parts.values())}, "multiplications": counter.get_total_flops() // 2}

    report(prepare, device, setup.memory_limit, details)


def _prepare(
    name: str, setup: Setup, device: torch.device, height: int, width: int
) -> tuple[Callable[[], Any], StereoNetwork]:
    """Return what is measured, and the network within it. Two networks of one configuration have the same weights."""
    config = load_network(setup.network if name == STRAIGHTFORWARD else name, setup.overrides)
    torch.manual_seed(0)
    network = StereoNetwork(config.model)
    if name != STRAIGHTFORWARD:
        network.with_fast_layout(device)
    module: nn.Module = Straightforward(network) if name == STRAIGHTFORWARD else network
    module.to(device)
    rng = np.random.default_rng(0)
    if setup.mode == "inference":
        left, right = rng.integers(0, 256, (2, height, width, 3), dtype=np.uint8)
        # in_training: as it is, nothing folded.
        predictor = Predictor(module, device, in_training=name == STRAIGHTFORWARD)
        return lambda: predictor.predict(left, right), network
    module.train()
    images = torch.rand(2, 1, 3, height, width, device=device)
    disparity = torch.rand(1, height, width, device=device) * (config.model.max_disparity - 1) + 0.5
    valid = torch.ones_like(disparity, dtype=torch.bool)

    def training_step() -> Any:
        with torch.autocast(device.type, torch.bfloat16, enabled=config.training.precision == "bf16"):
            output = module(images[0], images[1])
        predictions = [prediction.float() for prediction in output.predictions]
        loss = stereo_loss(predictions, disparity, valid, config.model.max_disparity, config.loss, network.regression)
        return torch.autograd.grad(loss, list(module.parameters()))

    return training_step, network


@contextmanager
def _timed_stages(network: StereoNetwork, device: torch.device) -> Iterator[dict[str, float]]:
    """Seconds in each stage's forward pass. The aggregation asks for the volume piece by piece: that is taken out."""
    stages = [stage for stage in STAGES if getattr(network, stage) is not None]
    seconds = dict.fromkeys(stages, 0.0)
    started: dict[str, float] = {}
    handles = []
    for stage in stages:

        def before(module: nn.Module, inputs: Any, stage: str = stage) -> None:
            _synchronize(device)
            started[stage] = time.perf_counter()

        def after(module: nn.Module, inputs: Any, output: Any, stage: str = stage) -> None:
            _synchronize(device)
            took = time.perf_counter() - started.pop(stage)
            seconds[stage] += took
            if stage == "cost_volume" and "aggregation" in started:
                seconds["aggregation"] -= took

        part = getattr(network, stage)
        handles += [part.register_forward_pre_hook(before), part.register_forward_hook(after)]
    try:
        yield seconds
    finally:
        for handle in handles:
            handle.remove()


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    _measure(json.loads(sys.argv[1]))
