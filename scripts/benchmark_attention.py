"""Time and memory of efficient, dot-product and fused dot-product attention on cost volumes up to a full frame.

    python scripts/benchmark_attention.py --output results/attention [--memory-limit 16GB] [--time-limit 60]

Every cell runs in a process of its own under the limits, so that running out of memory is a row of the table. The tests
that hold the forms against each other run first; while they fail, no speed is reported. Nothing else should be running.
"""

import argparse
import csv
import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

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
from stereo.config import load_config
from stereo.device import select_device
from stereo.errors import ConfigError
from stereo.model.attention import FUSED_BACKENDS, Attention, DotProductAttention, EfficientAttention
from stereo.model.attention import FusedDotProductAttention as Fused
from stereo.model.network import StereoNetwork
from stereo.model.streaming import CHUNK_BYTES
from stereo.output import atomic_output, make_output_folder
from stereo.training.losses import stereo_loss

Mode = Literal["forward", "forward+backward"]
MODES: tuple[Mode, ...] = ("forward", "forward+backward")
# Height × width × max_disparity of the images, px; the last is a whole Scene Flow frame.
SIZES = "64x128x48 96x192x96 128x256x96 128x256x192 256x256x192 256x512x192 384x640x192 540x960x192"
QUICK_SIZES = "32x32x16 32x64x16 64x64x32"
_TESTS = Path(__file__).resolve().parents[1] / "tests" / "model"
TESTS = [_TESTS / "test_attention.py", _TESTS / "test_streaming.py"]


class Straightforward(EfficientAttention):
    """Efficient attention as it is usually written: head by head, everything held at once. The outside reference."""

    def forward(self, x: Tensor) -> Tensor:
        positions = x.flatten(2)
        queries, keys, values = self.queries(positions), self.keys(positions), self.values(positions)
        attended = []
        for query, key, value in zip(*(part.chunk(self.num_heads, 1) for part in (queries, keys, values)), strict=True):
            context = F.softmax(key, dim=2) @ value.transpose(1, 2)
            attended.append(context.transpose(1, 2) @ F.softmax(query, dim=1))
        return self.reprojection(torch.cat(attended, dim=1)).view_as(x) + x


@dataclass
class Widths:
    """Channels of the input, of keys and queries, of values; heads."""

    channels: int
    keys: int
    values: int
    heads: int


@dataclass
class Form:
    """One way to compute attention, and what it should take: per call, for N positions of one sample in float32."""

    module: type[Attention]
    options: dict[str, Any]
    # Elements that must be held beyond the input at the peak.
    elements: Callable[[int, Widths, Mode], int]
    multiplications: Callable[[int, Widths, Mode], int]


def _linear_elements(n: int, w: Widths, mode: Mode) -> int:
    """Forward: queries and keys, one of them before and after its softmax, and values; or what stands around the
    output.

    With the backward pass the peak is at one of three steps, with the output held throughout:
    the reprojection: both softmaxes, values, attended values and their gradient, and oneDNN's blocked copies of the
    two widths; the softmaxes: both, values, both gradients, a contiguous copy of one and the result; the projections:
    the gradient of the input summed out of place beside three tensors of the keys' width.
    """
    if mode == "forward":
        return n * max(3 * w.keys + w.values, 2 * w.keys + 2 * w.values, w.values + 2 * w.channels)
    reprojection = 2 * w.keys + 4 * w.values + 2 * w.channels
    softmaxes = 6 * w.keys + w.values + w.channels
    return n * max(reprojection, softmaxes, 3 * w.keys + 4 * w.channels)


def _straightforward_elements(n: int, w: Widths, mode: Mode) -> int:
    """Forward: queries, keys and values to the end, the heads' results, those put together, and twice the output's
    width. The backward pass is that of the naive form."""
    forward = n * (2 * w.keys + 3 * w.values + 2 * w.channels)
    return forward if mode == "forward" else max(forward, _linear_elements(n, w, mode))


def _linear_multiplications(n: int, w: Widths, mode: Mode) -> int:
    """Projections and reprojection, then keys times values and context times queries within each head."""
    forward = n * (w.channels * (2 * w.keys + 2 * w.values) + 2 * w.keys * w.values // w.heads)
    return forward if mode == "forward" else 3 * forward


def _streaming_elements(n: int, w: Widths, mode: Mode) -> int:
    """The output and a chunk's softmax and its input; with the backward pass the gradient of the input too, and one
    more of the chunk. Chunks do not grow with N: so many bytes of 2 C + 2 K channels on a CPU."""
    chunk = min(n, max(1024, CHUNK_BYTES["cpu"] // (8 * (w.channels + w.keys))))
    return (n * w.channels + 2 * chunk * w.keys) if mode == "forward" else (2 * n * w.channels + 3 * chunk * w.keys)


def _streaming_multiplications(n: int, w: Widths, mode: Mode) -> int:
    """Four products of keys' by input channels at each position; ten more in the backward pass."""
    return n * w.keys * w.channels * (4 if mode == "forward" else 14)


def _quadratic_elements(n: int, w: Widths, mode: Mode) -> int:
    """The N×N map before and after its softmax; with the backward pass the softmax, its gradient and the gradient of
    the logits. For each head."""
    return w.heads * n * n * (2 if mode == "forward" else 3) + n * (2 * w.keys + w.values)


def _fused_elements(n: int, w: Widths, mode: Mode) -> int:
    """Padded queries, keys and values beside what they were made of, the last with one copy more.

    With the backward pass, of the padded width: queries, keys, values, result, the result's gradient and its
    contiguous copy, and the gradients of the three; the output; and each row's log-sum-exp.
    """
    padded = max(w.keys, w.values)
    if mode == "forward":
        return n * (2 * w.keys + w.values + 4 * padded)
    return n * (9 * padded + w.channels + w.heads)


def _quadratic_multiplications(n: int, w: Widths, mode: Mode) -> int:
    """Queries times keys, and the map times values; twice that again in the backward pass."""
    forward = n * n * (w.keys + w.values) + n * w.channels * (2 * w.keys + 2 * w.values)
    return forward if mode == "forward" else 3 * forward


FORMS = {
    "efficient (streaming)": Form(EfficientAttention, {}, _streaming_elements, _streaming_multiplications),
    "efficient (naive)": Form(
        EfficientAttention, {"implementation": "naive"}, _linear_elements, _linear_multiplications
    ),
    "efficient (straightforward)": Form(Straightforward, {}, _straightforward_elements, _linear_multiplications),
    "dot_product": Form(DotProductAttention, {}, _quadratic_elements, _quadratic_multiplications),
    "sdpa": Form(Fused, {}, _fused_elements, _quadratic_multiplications),
}


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
        if self.status == "over time":
            return f"{self.message}; extrapolated {format_seconds(self.seconds)}" if self.seconds else self.message
        return format_seconds(self.seconds) if self.status == "ok" else self.status

    def cell(self) -> str:
        """Time and memory together."""
        if self.status == "ok":
            return f"{self.time()}, {self.memory()}"
        return self.time() if self.status == "over time" else f"out of memory, {self.memory().partition(', ')[2]}"

    def memory(self) -> str:
        if self.status == "out of memory":
            needed = "" if self.needed_bytes is None else f", needed {format_bytes(self.needed_bytes)}"
            return f"out of memory at N = {self.positions:,}{needed}"
        return format_bytes(self.extra_bytes)


def main(argv: list[str] | None = None) -> int:
    args = _parse(argv)
    device = select_device(args.device)
    widths = Widths(args.channels, args.key_channels, args.value_channels, args.num_heads)
    if args.cell is not None:
        _child(json.loads(args.cell), widths, device, args.memory_limit)
        return 0
    sizes = [_parse_size(text) for text in (QUICK_SIZES.split() if args.quick else args.sizes)]
    configs = {path: load_config(path) for path in args.network}
    folder = make_output_folder(args.output)
    if not _tests_pass():
        print("the forms do not agree with each other: no speed is reported", file=sys.stderr)
        return 1
    print(_machine(device, args))
    base = [sys.executable, __file__, "--device", str(device), "--memory-limit", str(args.memory_limit)]
    for name in ("channels", "key_channels", "value_channels", "num_heads"):
        base += [f"--{name.replace('_', '-')}", str(getattr(args, name))]

    rows: list[Row] = []
    print(f"{'attention':28}{'mode':18}{'image':14}{'N':>10}  {'time':>12}  {'extra memory':>12}  "
          f"{'predicted':>12}  {'10⁹ mult.':>10}")  # fmt: skip
    for name in args.forms:
        for mode in MODES:
            last: Row | None = None
            for size in sizes:
                last = _run_form(base, name, mode, size, widths, last, args.time_limit)
                rows.append(last)
                _print(last)
    for path, config in configs.items():
        for kind in ("efficient", "dot_product"):
            cell = {"network": path, "kind": kind, "sites": args.sites}
            outcome = run_cell([*base, "--cell", json.dumps(cell)], args.time_limit * 10)
            depth = config.model.max_disparity
            label = f"{Path(path).stem} with {kind} at {', '.join(args.sites)}"
            positions = 64 * 128 * depth // 4
            rows.append(Row(label, "training step", f"256x512x{depth}", positions, outcome.status, outcome.seconds,
                            outcome.extra_bytes, outcome.needed_bytes, None, None, outcome.message))  # fmt: skip
            _print(rows[-1])
    for line in _crossovers(rows):
        print(line)
    _write(folder, rows, device, args)
    print(f"wrote attention.csv, attention.json, attention.md, attention.png to {folder}")
    return 0


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", default="results/attention", metavar="DIR")
    parser.add_argument("--memory-limit", type=parse_bytes, default="16GB", metavar="SIZE", help="of each cell")
    parser.add_argument("--time-limit", type=float, default=60.0, metavar="S", help="of each cell")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1 (default: cpu)")
    parser.add_argument("--forms", nargs="+", default=list(FORMS), metavar="NAME", help=f"of {', '.join(FORMS)}")
    parser.add_argument("--sizes", nargs="+", default=SIZES.split(), metavar="HxWxD", help="images, max_disparity")
    parser.add_argument("--quick", action="store_true", help="three tiny sizes, to see that it runs")
    parser.add_argument("--channels", type=int, default=32, metavar="C")
    parser.add_argument("--key-channels", type=int, default=16, metavar="K")
    parser.add_argument("--value-channels", type=int, default=32, metavar="V")
    parser.add_argument("--num-heads", type=int, default=1, metavar="H")
    parser.add_argument("--network", nargs="+", default=[], metavar="CONFIG", help="end-to-end training steps too")
    parser.add_argument("--sites", nargs="+", default=["quarter"], help="of the attention in --network")
    parser.add_argument("--cell", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    unknown = [name for name in args.forms if name not in FORMS]
    if unknown:
        raise ConfigError(f"unknown form '{unknown[0]}', expected one of {', '.join(FORMS)}")
    if args.time_limit <= 0:
        raise ConfigError(f"--time-limit is {args.time_limit:g}, expected seconds, more than 0")
    return args


def _parse_size(text: str) -> tuple[int, int, int]:
    parts = text.split("x")
    if len(parts) != 3 or not all(part.isdigit() and int(part) >= 4 for part in parts):
        raise ConfigError(f"'{text}' is no size, expected HEIGHTxWIDTHxMAX_DISPARITY in px, for example 256x512x192")
    height, width, depth = (int(part) for part in parts)
    return height, width, depth


def _tests_pass() -> bool:
    """The tests of the forms against each other, in float64 at odd shapes, with every gradient."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *map(str, TESTS)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        print(done.stdout, file=sys.stderr)
    return done.returncode == 0


def _run_form(
    base: Sequence[str],
    name: str,
    mode: Mode,
    size: tuple[int, int, int],
    widths: Widths,
    last: Row | None,
    limit: float,
) -> Row:
    height, width, depth = (value // 4 for value in size)
    positions, form = height * width * depth, FORMS[name]
    multiplications = form.multiplications(positions, widths, mode)
    if last is not None and last.status == "over time":  # larger still: not run
        outcome = Outcome("over time", message=last.message)
    else:
        cell = {"form": name, "mode": mode, "shape": [depth, height, width]}
        outcome = run_cell([*base, "--cell", json.dumps(cell)], limit)
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


# ---------------------------------------------------------------------------------------------------- in the child


def _child(cell: dict[str, Any], widths: Widths, device: torch.device, memory_limit: int) -> None:
    prepare = _prepare_network if "network" in cell else _prepare_form
    if "form" in cell:
        prepare(cell | {"shape": [8, 16, 16]}, widths, device)()  # libraries, threads, their buffers
    report(lambda: prepare(cell, widths, device), device, memory_limit)


def _prepare_form(cell: dict[str, Any], widths: Widths, device: torch.device) -> Callable[[], Any]:
    torch.manual_seed(0)
    form = FORMS[cell["form"]]
    module = form.module(widths.channels, widths.keys, widths.values, widths.heads, **form.options).to(device)
    torch.nn.init.normal_(module.reprojection.weight, std=0.1)
    x = torch.randn(1, widths.channels, *cell["shape"], device=device)
    if cell["mode"] == "forward":
        return torch.inference_mode()(lambda: module(x))
    upstream = torch.randn_like(x)
    x.requires_grad_()
    parameters = [x, *module.parameters()]

    def forward_and_backward() -> Any:
        output = module(x)
        return output, torch.autograd.grad(output, parameters, upstream)

    return forward_and_backward


def _prepare_network(cell: dict[str, Any], widths: Widths, device: torch.device) -> Callable[[], Any]:
    torch.manual_seed(0)
    config = load_config(
        cell["network"],
        [f"model.attention.kind={cell['kind']}", f"model.attention.sites=[{','.join(cell['sites'])}]"],
    )
    network = StereoNetwork(config.model).with_fast_layout(device).train()
    left, right = torch.rand(2, 1, 3, 256, 512, device=device)
    disparity = torch.rand(1, 256, 512, device=device) * (config.model.max_disparity - 1) + 0.5

    def training_step() -> Any:
        predictions = network(left, right).predictions
        loss = stereo_loss(
            predictions, disparity, torch.ones_like(disparity, dtype=torch.bool), network.max_disparity, config.loss
        )
        return torch.autograd.grad(loss, list(network.parameters()))

    return training_step


# ------------------------------------------------------------------------------------------------------ the results


def _machine(device: torch.device, args: argparse.Namespace) -> str:
    backends = ", ".join(backend.name.lower() for backend in FUSED_BACKENDS)
    return (
        f"{describe_machine(device)}; limits of each cell: {format_bytes(args.memory_limit)} beyond the start, "
        f"{args.time_limit:g} s; sdpa pinned to {backends} (the math form, which holds the map, is excluded: falling "
        "back would be an error)"
    )


def _print(row: Row) -> None:
    work = "" if row.predicted_multiplications is None else f"{row.predicted_multiplications / 1e9:,.1f}"
    print(
        f"{row.form:28}{row.mode:18}{row.image:14}{row.positions:>10,}  {row.time():>12}  {row.memory():>12}  "
        f"{format_bytes(row.predicted_bytes):>12}  {work:>10}",
        flush=True,
    )


def _crossovers(rows: Sequence[Row]) -> list[str]:
    """From which N on efficient attention is the faster, and the ratios at the largest size that both ran."""
    lines = []
    for mode in MODES:
        ours = {row.positions: row for row in rows if row.form == "efficient (streaming)" and row.mode == mode}
        for other in FORMS:
            pairs = [
                (ours[row.positions], row)
                for row in rows
                if row.form == other != "efficient (streaming)" and row.mode == mode and row.status == "ok"
                if row.positions in ours and ours[row.positions].status == "ok"
            ]
            if not pairs:
                continue
            slower = [one.positions for one, two in pairs if (one.seconds or 0) >= (two.seconds or 0)]
            faster = [one.positions for one, two in pairs if one.positions > max(slower, default=0)]
            one, two = pairs[-1]
            lines.append(
                f"{mode}: efficient (streaming) is faster than {other} "
                f"{f'from N = {min(faster):,} on' if faster else 'nowhere'}; at N = {one.positions:,} it takes "
                f"{_ratio(one.seconds, two.seconds)} of the time and {_ratio(one.extra_bytes, two.extra_bytes)} of the "
                "extra memory"
            )
    return lines


def _ratio(one: float | None, two: float | None) -> str:
    return "?" if not one or not two else f"{one / two:.3g}×"


def _write(folder: Path, rows: Sequence[Row], device: torch.device, args: argparse.Namespace) -> None:
    record = {
        "command": shlex.join(["python", *sys.argv]),
        "machine": _machine(device, args),
        "memory_limit": args.memory_limit,
        "time_limit": args.time_limit,
        "crossovers": _crossovers(rows),
        "rows": [asdict(row) for row in rows],
    }
    with atomic_output(folder / "attention.json") as path:
        path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    with atomic_output(folder / "attention.csv") as path, path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(asdict(rows[0])))
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
    with atomic_output(folder / "attention.md") as path:
        path.write_text(_markdown(rows), encoding="utf-8")
    with atomic_output(folder / "attention.png") as path:
        _draw(path, rows, args.memory_limit)


def _markdown(rows: Sequence[Row]) -> str:
    """A table for each mode, a row for each size, with time and extra memory of each form; then the training steps."""
    lines = []
    for mode in MODES:
        forms = list(dict.fromkeys(row.form for row in rows if row.mode == mode))
        lines += ["", f"| {mode}: N | {' | '.join(forms)} |", "|---" * (len(forms) + 1) + "|"]
        for positions in dict.fromkeys(row.positions for row in rows if row.mode == mode):
            cells = [row.cell() for row in rows if row.mode == mode and row.positions == positions]
            lines.append(f"| {positions:,} | {' | '.join(cells)} |")
    steps = [row for row in rows if row.mode not in MODES]
    if steps:
        lines += ["", "| training step, 256×512 px | time | extra memory |", "|---|---|---|"]
        lines += [f"| {row.form} | {row.time()} | {row.memory()} |" for row in steps]
    return "\n".join(lines).strip() + "\n"


def _draw(path: Path, rows: Sequence[Row], memory_limit: int) -> None:
    """Memory and time over N, log-log; a cross: out of memory; hollow: extrapolated."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 9), dpi=100, layout="constrained")
    axes = figure.subplots(2, 2, sharex=True)
    for index, mode in enumerate(MODES):
        for column, (title, unit) in enumerate((("extra memory", "GB"), ("time", "s"))):
            axis = axes[index][column]
            axis.set_title(f"{mode}: {title}")
            axis.set_xscale("log")
            axis.set_yscale("log")
            axis.set_ylabel(unit)
            axis.grid(visible=True, which="major", alpha=0.3)
            for number, name in enumerate(FORMS):
                mine = [row for row in rows if row.form == name and row.mode == mode]
                value = _gigabytes if column == 0 else _time
                points = [(row.positions, value(row), row.status) for row in mine if value(row) is not None]
                if not points:
                    continue
                color = f"C{number}"
                axis.plot([p[0] for p in points], [p[1] for p in points], color=color, label=name, linewidth=1.5)
                for position, height, status in points:
                    axis.plot(
                        position,
                        height,
                        marker="X" if status == "out of memory" else "o",
                        color=color,
                        markersize=9 if status == "out of memory" else 5,
                        markerfacecolor="white" if status == "over time" else color,
                    )
            if column == 0:
                axis.axhline(memory_limit / 1e9, color="grey", linestyle="--", linewidth=1)
                axis.annotate("memory limit", (0.01, memory_limit / 1e9), xycoords=("axes fraction", "data"),
                              va="bottom", color="grey")  # fmt: skip
            if index == 1:
                axis.set_xlabel("positions N of the cost volume")
    axes[0][0].legend(loc="upper left")
    figure.suptitle(
        "✕ out of memory: what the form needs by its count of tensors        ○ over the time limit: extrapolated"
    )
    figure.savefig(path, format="png")


def _gigabytes(row: Row) -> float | None:
    value = row.needed_bytes if row.status == "out of memory" else row.extra_bytes
    return None if not value else value / 1e9


def _time(row: Row) -> float | None:
    return row.seconds if row.status in ("ok", "over time") else None


if __name__ == "__main__":
    run(main)
