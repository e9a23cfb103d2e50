"""Attention measured on cost volumes of growing size, and whole networks with it, each cell in a process of its own.

python -m stereo.benchmark.attention CELL        # in the child; CELL is JSON
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from stereo.benchmark.attention_forms import FORMS, MODES, Mode, Widths
from stereo.benchmark.cells import Outcome, report, run_cell
from stereo.benchmark.machine import format_bytes, format_seconds
from stereo.config import Config, config_from_dict, config_to_dict
from stereo.model.network import StereoNetwork
from stereo.training.losses import stereo_loss

# Images of a training step, px.
CROP = (256, 512)


@dataclass(frozen=True)
class Setup:
    """Where cells run, and their limits: bytes beyond the start, and seconds."""

    device: str
    memory_limit: int
    time_limit: float
    widths: Widths

    def command(self, cell: Mapping[str, Any]) -> list[str]:
        """Return the command that measures a cell."""
        content = {**cell, "device": self.device, "memory_limit": self.memory_limit, "widths": asdict(self.widths)}
        return [sys.executable, "-m", "stereo.benchmark.attention", json.dumps(content)]


@dataclass
class Row:
    """One cell of the benchmark."""

    form: str
    mode: str
    image: str  # height x width x max_disparity, px
    positions: int
    status: str
    seconds: float | None
    extra_bytes: int | None
    needed_bytes: int | None
    predicted_bytes: int | None
    predicted_multiplications: int | None
    message: str = ""

    def time(self) -> str:
        """Return the time in words."""
        if self.status == "over time":
            return f"{self.message}; extrapolated {format_seconds(self.seconds)}" if self.seconds else self.message
        return format_seconds(self.seconds) if self.status == "ok" else self.status

    def cell(self) -> str:
        """Return time and memory together."""
        if self.status == "ok":
            return f"{self.time()}, {self.memory()}"
        return self.time() if self.status == "over time" else f"out of memory, {self.memory().partition(', ')[2]}"

    def memory(self) -> str:
        """Return the extra memory in words."""
        if self.status == "out of memory":
            needed = "" if self.needed_bytes is None else f", needed {format_bytes(self.needed_bytes)}"
            return f"out of memory at N = {self.positions:,}{needed}"
        return format_bytes(self.extra_bytes)


def forms_agree(tests: Sequence[Path]) -> bool:
    """Return whether these tests pass: of the forms against each other, in float64 at odd shapes, with every gradient.

    What they print where they fail goes to stderr, as does a line where they are not there, as in an installed package.
    """
    missing = [path for path in tests if not os.path.isfile(path)]
    if missing:
        print(f"{missing[0]}: the tests of the forms are not here; run this from a checkout", file=sys.stderr)
        return False
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *map(str, tests)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        print(done.stdout, file=sys.stderr)
    return done.returncode == 0


def run_forms(forms: Sequence[str], sizes: Sequence[tuple[int, ...]], setup: Setup) -> Iterator[Row]:
    """Measure each form, forward and with its backward pass, at each size: height, width and max_disparity, px."""
    for name in forms:
        for mode in MODES:
            last: Row | None = None
            for size in sizes:
                last = _run_form(name, mode, size, last, setup)
                yield last


def _run_form(name: str, mode: Mode, size: tuple[int, ...], last: Row | None, setup: Setup) -> Row:
    height, width, depth = (value // 4 for value in size)
    positions, form = height * width * depth, FORMS[name]
    widths = replace(setup.widths, slices=depth)
    multiplications = form.multiplications(positions, widths, mode)
    if last is not None and last.status == "over time":  # larger still: not run
        outcome = Outcome("over time", message=last.message)
    else:
        cell = {"form": name, "mode": mode, "shape": [depth, height, width]}
        outcome = run_cell(setup.command(cell), setup.time_limit)
    predicted = 4 * form.elements(positions, widths, mode)
    if outcome.status == "out of memory":
        outcome.needed_bytes = max(outcome.needed_bytes or 0, predicted)
    if outcome.status == "over time" and last is not None and last.seconds and last.predicted_multiplications:
        outcome.seconds = last.seconds * multiplications / last.predicted_multiplications
    return Row(
        name,
        mode,
        "x".join(map(str, size)),
        positions,
        outcome.status,
        outcome.seconds,
        outcome.extra_bytes,
        outcome.needed_bytes,
        predicted,
        multiplications,
        outcome.message,
    )


def run_training_steps(configs: Mapping[str, Config], sites: Sequence[str], setup: Setup) -> Iterator[Row]:
    """Measure a training step of each network, by its label, with efficient and with dot-product attention."""
    height, width = CROP
    for name, config in configs.items():
        for kind in ("efficient", "dot_product"):
            changed = config_to_dict(config)
            changed["model"]["attention"] |= {"kind": kind, "sites": list(sites)}
            outcome = run_cell(setup.command({"network": changed}), setup.time_limit * 10)
            depth = config.model.max_disparity
            yield Row(
                form=f"{name} with {kind} at {', '.join(sites)}",
                mode="training step",
                image=f"{height}x{width}x{depth}",
                positions=height // 4 * (width // 4) * depth // 4,
                status=outcome.status,
                seconds=outcome.seconds,
                extra_bytes=outcome.extra_bytes,
                needed_bytes=outcome.needed_bytes,
                predicted_bytes=None,
                predicted_multiplications=None,
                message=outcome.message,
            )


# ---------------------------------------------------------------------------------------------------- in the child


def _measure(cell: dict[str, Any]) -> None:
    device, widths = torch.device(cell["device"]), Widths(**cell["widths"])
    if "network" in cell:
        report(lambda: _prepare_network(cell, device), device, cell["memory_limit"])
        return
    _prepare_form(cell | {"shape": [8, 16, 16]}, widths, device)()  # libraries, threads, their buffers
    report(lambda: _prepare_form(cell, widths, device), device, cell["memory_limit"])


def _prepare_form(cell: dict[str, Any], widths: Widths, device: torch.device) -> Callable[[], Any]:
    torch.manual_seed(0)
    form = FORMS[cell["form"]]
    module = form.build(widths).to(device)
    torch.nn.init.normal_(module.reprojection.weight, std=0.1)
    x = torch.randn(1, widths.channels, *cell["shape"], device=device)
    inputs = [x, torch.randn(1, widths.channels, *cell["shape"][1:], device=device)] if form.guided else [x]
    if cell["mode"] == "forward":
        return torch.inference_mode()(lambda: module(*inputs))
    upstream = torch.randn_like(x)
    parameters = [*(part.requires_grad_() for part in inputs), *module.parameters()]

    def forward_and_backward() -> Any:
        output = module(*inputs)
        return output, torch.autograd.grad(output, parameters, upstream)

    return forward_and_backward


def _prepare_network(cell: dict[str, Any], device: torch.device) -> Callable[[], Any]:
    torch.manual_seed(0)
    config = config_from_dict(cell["network"])
    network = StereoNetwork(config.model).with_fast_layout(device).train()
    left, right = torch.rand(2, 1, 3, *CROP, device=device)
    disparity = torch.rand(1, *CROP, device=device) * (config.model.max_disparity - 1) + 0.5
    valid = torch.ones_like(disparity, dtype=torch.bool)

    def training_step() -> Any:
        predictions = network(left, right).predictions
        loss = stereo_loss(predictions, disparity, valid, network.max_disparity, config.loss, network.regression)
        return torch.autograd.grad(loss, list(network.parameters()))

    return training_step


if __name__ == "__main__":
    _measure(json.loads(sys.argv[1]))
