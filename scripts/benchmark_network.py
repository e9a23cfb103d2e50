"""Time, peak memory and multiplications of a network, and the share that each of its stages takes.

    python scripts/benchmark_network.py psmnet --size 544x960
    python scripts/benchmark_network.py psmnet --size 544x960 --against straightforward      # ratios, in paired runs
    python scripts/benchmark_network.py configs/ea_psmnet.yaml --mode training --size 256x512 --against psmnet

A network is a preset or a YAML file, with random weights. Inference is what Predictor does, padding included; training
is forward, loss and backward on one pair. `straightforward` is the same network as the paper's code would run it: the
volume held as a whole, upsampled to full resolution at once, batch normalisation not folded, default memory layout.
Memory is measured in a process of its own under the limit, the ratio of times by alternating runs in one process.
"""

import argparse
import json
import shlex
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from stereo.benchmark.cells import (
    Outcome,
    describe_machine,
    format_bytes,
    format_seconds,
    parse_bytes,
    report,
    run_cell,
)
from stereo.cli import run
from stereo.config import PRESETS, Config, config_from_dict, load_config
from stereo.device import select_device
from stereo.errors import ConfigError
from stereo.methods.predictor import Predictor
from stereo.model.network import StereoNetwork, StereoOutput
from stereo.model.regression import Prediction, TrilinearUpsampling, estimate_bin
from stereo.output import atomic_output, make_output_folder
from stereo.training.losses import stereo_loss

STRAIGHTFORWARD = "straightforward"
STAGES = ("features", "cost_volume", "aggregation", "regression")
ROUNDS = 5


class Straightforward(nn.Module):
    """A network's own parts, run as is usual: everything whole, and held by the variables of one long function.

    For PSMNet that is what the authors' code does: volume, the output of each hourglass and what is at ⅛ in it on the
    way down and up all live to the end, beside the volume upsampled to full resolution and its softmax.
    """

    HELD = ("entry_residual", "up_quarter", "down_eighth", "up_eighth")

    def __init__(self, network: StereoNetwork) -> None:
        super().__init__()
        self.network = network
        self.stride, self.min_size = network.stride, network.min_size
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
        volume = network.cost_volume(left_features.matching, right_features.matching, 0, num_bins)
        costs = network.aggregation(lambda start, stop: volume[:, :, start:stop], num_bins)
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
                Prediction(estimate_bin(full[:, 0], estimate, radius), cost)
                for full, cost in zip(fulls, costs, strict=True)
            ]
        self.held.clear()
        return StereoOutput(predictions[-1].disparity, predictions)


def main(argv: list[str] | None = None) -> int:
    args = _parse(argv)
    device = select_device(args.device)
    if args.cell is not None:
        _child(json.loads(args.cell), args, device)
        return 0
    networks = [args.network] if args.against is None else [args.network, args.against]
    for name in networks:
        _config(name if name != STRAIGHTFORWARD else args.network, args.overrides)
    sizes = [_parse_size(text) for text in args.size]
    print(describe_machine(device), f"limit of memory {format_bytes(args.memory_limit)}", sep="; ")
    base = [sys.executable, __file__, args.network, *args.overrides, "--device", str(device), "--mode", args.mode]
    base += ["--memory-limit", str(args.memory_limit)]
    results: list[dict[str, Any]] = []
    print(f"{'network':32}{'mode':11}{'size':12}{'time':>10}{'extra memory':>14}{'10⁹ mult.':>11}   shares of the time")
    for size in sizes:
        cells = []
        for name in networks:
            outcome = run_cell([*base, "--cell", json.dumps({"networks": [name], "size": size})], args.time_limit)
            cells.append(outcome)
            label = name if name != STRAIGHTFORWARD else f"{args.network} ({name})"
            _print(label, args.mode, size, outcome)
            results.append({"network": label, "mode": args.mode, "size": size, **vars(outcome)})
        if len(cells) == 2:
            cell = json.dumps({"networks": networks, "size": size})
            paired = run_cell([*base, "--cell", cell], args.time_limit * 2)
            ratios = _ratios(cells, paired)
            print(f"  {networks[0]} : {networks[1]} at {size[0]}x{size[1]}: {ratios}")
            results.append({"ratio": ratios, "size": size, **vars(paired)})
    if args.output is not None:
        folder = make_output_folder(args.output)
        record = {"command": shlex.join(["python", *sys.argv]), "machine": describe_machine(device), "results": results}
        with atomic_output(folder / "network.json") as path:
            path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 0


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", metavar="NETWORK", help=f"a YAML file, or one of {', '.join(PRESETS)}")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="settings of the network, as in train.py")
    parser.add_argument("--size", nargs="+", default=["544x960"], metavar="HxW", help="images, px")
    parser.add_argument("--mode", choices=("inference", "training"), default="inference")
    parser.add_argument("--against", metavar="NETWORK", help=f"a second network, or {STRAIGHTFORWARD}")
    parser.add_argument("--output", metavar="DIR", help="write network.json there")
    parser.add_argument("--memory-limit", type=parse_bytes, default="22GB", metavar="SIZE")
    parser.add_argument("--time-limit", type=float, default=600.0, metavar="S", help="of each cell")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1 (default: cpu)")
    parser.add_argument("--cell", help=argparse.SUPPRESS)
    return parser.parse_intermixed_args(argv)


def _parse_size(text: str) -> tuple[int, int]:
    parts = text.split("x")
    if len(parts) != 2 or not all(part.isdigit() and int(part) >= 32 for part in parts):
        raise ConfigError(f"'{text}' is no size, expected HEIGHTxWIDTH in px, 32 or more each, for example 544x960")
    return int(parts[0]), int(parts[1])


def _config(name: str, overrides: list[str]) -> Config:
    if Path(name).suffix in (".yaml", ".yml"):
        return load_config(name, overrides)
    if name not in PRESETS:
        raise ConfigError(f"'{name}' is no network, expected a YAML file or one of {', '.join(PRESETS)}")
    config = config_from_dict({"preset": name})
    return config_from_dict(_nested(overrides) | {"preset": name}) if overrides else config


def _nested(overrides: list[str]) -> dict[str, Any]:
    from omegaconf import OmegaConf

    values = OmegaConf.to_container(OmegaConf.from_dotlist(overrides))
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}


# ---------------------------------------------------------------------------------------------------- in the child


def _child(cell: dict[str, Any], args: argparse.Namespace, device: torch.device) -> None:
    height, width = cell["size"]
    if len(cell["networks"]) == 2:
        calls = [_prepare(name, args, device, height, width)[0] for name in cell["networks"]]
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
        difference = float(np.abs(np.subtract(*(call() for call in calls))).max()) if args.mode == "inference" else None
        print(json.dumps(vars(Outcome("ok", details={"time_ratio": ratio, "seconds": seconds, "px": difference}))))
        return

    (name,) = cell["networks"]
    _prepare(name, args, device, 256, 256)[0]()  # loads the libraries, starts their threads
    stages: dict[str, float] = {}

    def prepare() -> Callable[[], Any]:
        call, network = _prepare(name, args, device, height, width)
        stages["network"] = network  # type: ignore[assignment]
        return call

    def details(call: Callable[[], Any]) -> dict[str, Any]:
        with _timed_stages(stages["network"], device) as shares:  # type: ignore[arg-type]
            start = time.perf_counter()
            call()
            _synchronize(device)
            total = time.perf_counter() - start
        with FlopCounterMode(display=False) as counter:
            call()
        rest = "backward" if args.mode == "training" else "other"
        parts = {stage: seconds / total for stage, seconds in shares.items()}
        return {"shares": parts | {rest: 1 - sum(parts.values())}, "multiplications": counter.get_total_flops() // 2}

    report(prepare, device, args.memory_limit, details)


def _prepare(
    name: str, args: argparse.Namespace, device: torch.device, height: int, width: int
) -> tuple[Callable[[], Any], StereoNetwork]:
    """What is measured, and the network within it. Two networks of one configuration have the same weights."""
    config = _config(args.network if name == STRAIGHTFORWARD else name, args.overrides)
    torch.manual_seed(0)
    network = StereoNetwork(config.model)
    if name != STRAIGHTFORWARD:
        network.with_fast_layout(device)
    module: nn.Module = Straightforward(network) if name == STRAIGHTFORWARD else network
    module.to(device)
    rng = np.random.default_rng(0)
    if args.mode == "inference":
        left, right = rng.integers(0, 256, (2, height, width, 3), dtype=np.uint8)
        # in_training: as it is, nothing folded.
        predictor = Predictor(module, device, in_training=name == STRAIGHTFORWARD)
        return lambda: predictor.predict(left, right), network
    module.train()
    images = torch.rand(2, 1, 3, height, width, device=device)
    disparity = torch.rand(1, height, width, device=device) * (config.model.max_disparity - 1) + 0.5
    valid = torch.ones_like(disparity, dtype=torch.bool)

    def training_step() -> Any:
        predictions = module(images[0], images[1]).predictions
        loss = stereo_loss(predictions, disparity, valid, config.model.max_disparity, config.loss)
        return torch.autograd.grad(loss, list(module.parameters()))

    return training_step, network


@contextmanager
def _timed_stages(network: StereoNetwork, device: torch.device) -> Iterator[dict[str, float]]:
    """Seconds in each stage's forward pass. The aggregation asks for the volume piece by piece: that is taken out."""
    seconds = dict.fromkeys(STAGES, 0.0)
    started: dict[str, float] = {}
    handles = []
    for stage in STAGES:

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


# ------------------------------------------------------------------------------------------------------ the results


def _print(label: str, mode: str, size: tuple[int, int], outcome: Outcome) -> None:
    head = f"{label:32}{mode:11}{f'{size[0]}x{size[1]}':12}"
    if outcome.status != "ok" or outcome.details is None:
        needed = f", needed {format_bytes(outcome.needed_bytes)}" if outcome.needed_bytes else ""
        print(f"{head}{outcome.status}{needed} {outcome.message}", flush=True)
        return
    shares = ", ".join(f"{name} {share:.0%}" for name, share in outcome.details["shares"].items())
    print(
        f"{head}{format_seconds(outcome.seconds):>10}{format_bytes(outcome.extra_bytes):>14}"
        f"{outcome.details['multiplications'] / 1e9:>11,.1f}   {shares}",
        flush=True,
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


if __name__ == "__main__":
    run(main)
